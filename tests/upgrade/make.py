"""Keep what this version writes, for the tests of later ones: `python -m tests.upgrade.make` at each release.

Writes tests/upgrade/images/<version>.zip, which is never made again once that version is out:
    note.json           version and what is in the other files that a later version must find again
    terminal/           a simulated terminal's folder without its firmware: journal chip, settings, slots.json, content
    <store>/<name>.db   the stores of agent, receiver, roll-out, old rater, key registry and flashing ledger
"""

import hashlib
import json
import random
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "firmware"))

from host_agent.flash.fleet_table import FleetRow
from host_agent.flash.ledger import Ledger
from host_agent.provision.registry import Registry
from protocol import content, reasons, record
from simulator.state import State
from tests.city.terminals import Terminal
from tests.device import new_firmware
from tests.device.counter import Counter
from tests.host_power_cut import vfs
from tests.host_power_cut.runs import RUNS

IMAGES = Path(__file__).resolve().parent / "images"
EPOCH = 3
SEED = 1
DELIVERED, WAITING = 8, 4  # ratings
DATE = (1980, 1, 1, 0, 0, 0)  # of every entry, so that the same version gives the same file
RUN_OF = {"agent": "agent-first", "receiver": "city-first", "rater": "rater-first", "rollout": "rollout-first"}
KEPT = ("nor.bin", "provision.json", "rtc.json", "flash/settings.json", "flash/slots.json", "flash/content")
CARD = random.Random(SEED).randbytes(3_000)


def main() -> None:
    """Make the images of this version."""
    with TemporaryDirectory() as folder:
        note = _terminal(Path(folder))
        target = IMAGES / f"{note['version']}.zip"
        if target.exists():
            sys.exit(f"{target} is there: remove it only if {note['version']} was never released")
        for store, run in RUN_OF.items():
            _store(Path(folder) / store, run)
        _ledger(Path(folder) / "ledger")
        _registry(Path(folder) / "registry")
        target.parent.mkdir(exist_ok=True)
        _pack(Path(folder), target, note)
    print(f"{target}: {target.stat().st_size} bytes, {len(note['events'])} events")


def _terminal(folder: Path) -> dict:
    """Let a terminal of the third epoch live: ratings delivered, a card, a restart, ratings that wait."""
    state = State(folder / "state")
    state.make("k5", "YP-0001", "C01", "W01", random.Random(SEED))
    for path in (state.settings, state.provision):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"epoch": EPOCH}))
    with Counter(folder, seed=SEED) as counter:
        for n in range(1, DELIVERED + 1):
            _rate(counter, n)
            if n == 2:
                assert new_firmware.Sender(counter).send(content.STAFF_CARD, "3017", CARD) == reasons.OK
                counter.settle()
                counter.restart()
        counter.settle()
        counter.acknowledges = False
        for n in range(DELIVERED + 1, DELIVERED + WAITING + 1):
            _rate(counter, n)
        counter.cut_power()
        sealed = [entry for entry in counter.records() if entry.type == record.EVENT]
        return {
            "version": counter.hello["firmware"],
            "epoch": EPOCH,
            "delivered": max(entry.seq for entry in sealed if entry.acknowledged),
            "events": {entry.seq: bytes(entry.payload).hex() for entry in sealed},
            "levels": {n: 1 + n % 5 for n in range(1, DELIVERED + WAITING + 1)},
            "card": hashlib.sha256(CARD).hexdigest(),
        }


def _rate(counter: Counter, n: int) -> None:
    counter.login()
    counter.open_invite(n)
    counter.press(5 - n % 5)
    counter.run(20_000)


def _store(folder: Path, run: str) -> None:
    """Let a store of the PC live as the power-cut tests do."""
    folder.mkdir()
    with vfs.recorded(folder, SEED) as recording:
        RUNS[run][0](SEED).record(folder, recording)


def _ledger(folder: Path) -> None:
    ledger = Ledger(folder / "ledger.db", lambda: 1_790_000_000_000)
    run = ledger.begin_run("0.1.0")
    for number, state in enumerate(("done", "failed"), 1):
        uid = f"{number:016x}"
        stage = ledger.begin(run, f"/dev/ttyACM{number}", uid, "identify")
        ledger.end(stage, "ok", "a board")
        ledger.assign(uid, "RP2350", FleetRow(number, "C01", f"W{number:02}", "k5"))
        ledger.note(uid, terminal=f"YP-{number:04}", epoch=number, version="0.1.0", state=state, drained=True)
    ledger.end_run(run)
    ledger.close()


def _registry(folder: Path) -> None:
    folder.mkdir()
    registry = Registry(folder / "registry.db", create=True)
    registry.add([Terminal(f"YP-{number:04}", epoch=number, seed=SEED).entry(number == 2) for number in (1, 2, 3)])
    registry.close()


def _pack(folder: Path, target: Path, note: dict) -> None:
    (folder / "state").rename(folder / "terminal")
    files = [folder / "terminal" / name for name in KEPT]
    files += [path for store in (*RUN_OF, "ledger", "registry") for path in (folder / store).glob("*.db")]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr(zipfile.ZipInfo("note.json", DATE), json.dumps(note, indent=1) + "\n", zipfile.ZIP_DEFLATED)
        for path in files:
            for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
                entry = zipfile.ZipInfo(one.relative_to(folder).as_posix(), DATE)
                file.writestr(entry, one.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
