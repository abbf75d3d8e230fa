"""The bootstrap on the whole terminal: whatever a firmware on trial does, the confirmed one runs again; no prompt."""

import json
import shutil
from pathlib import Path

import pytest

from host_agent.bundle import layout
from protocol import reasons
from simulator.stage import FIRMWARE
from tests.device import slot_modules
from tests.device.changed import changed_firmware
from tests.device.counter import Counter
from tests.lint.sources import ROOT

CONFIRMED = {"slot": "a", "trial": "", "tries": 0, "floor": 0, "back": 0}
TRIAL = {"slot": "a", "trial": "b", "tries": 0, "floor": 0, "back": 0}
HANGING = b"import time\ndef compose(console):\n    while True:\n        time.sleep(1)\n"
# What a firmware on trial may do at its worst: (file of the slot, its new content; None takes the file away).
BROKEN = {
    "its port is missing": ("port.mpy", None),
    "its port is no code": ("port.mpy", b"\x00no code"),
    "its entry is missing": ("entry.mpy", None),
    "a driver is cut off": ("drivers/link_usb.mpy", b"M\x06\x00"),
    "a screen is missing": ("ui/screens/please_rate.mpy", None),
    "its glyphs are not told": ("assets/packs.json", b"{}"),
    "a library is missing": ("store.lib", None),
    "a library is empty": ("root.lib", b""),
    "a library is cut off in its index": ("app.lib", b"0099\nclock.mpy 0001"),
    "a library has no length": ("drivers.lib", b"\xff" * 4_096),
    "a library is cut off in a module": ("protocol.lib", b"0022\ncbor.mpy 000026 000900\nM\x06\x00\x1f"),
    "a library leads behind its end": ("root.lib", b"0022\nport.mpy 900000 000900\n"),
    "it hangs before it starts": ("port.py", b"while True:\n    pass\n"),
    "it hangs in its start": ("assembly.py", HANGING),
    "it ends by itself": ("entry.py", b"def run(console):\n    pass\n"),
    "it leaves for the prompt": ("entry.py", b"raise SystemExit\n"),
}


QUICK = (
    "its port is no code", "a library is cut off in its index", "it hangs in its start", "it leaves for the prompt",
)  # fmt: skip


def put_trial(counter: Counter, path: str = "", data: bytes | None = None) -> Path:
    """Copy slot a to b on the flash of a terminal without power, change one file there, and put b on trial."""
    flash = counter.terminal.state.flash
    shutil.copytree(flash / "a", flash / "b")
    if path.endswith(".lib"):
        (flash / "b" / path).unlink() if data is None else (flash / "b" / path).write_bytes(data)
    elif path:
        slot_modules.put(flash / "b", path, data)
    (flash / "slots.json").write_text(json.dumps(TRIAL))
    return flash


def state(counter: Counter) -> dict:
    """Return what slots.json says."""
    return json.loads((counter.terminal.state.flash / "slots.json").read_text())


@pytest.fixture
def off(tmp_path: Path):
    """Return a counter whose terminal has been flashed and has no power."""
    counter = Counter(tmp_path, seed=1)
    counter.terminal.start(power=False)
    yield counter
    counter.terminal.close()


@pytest.mark.parametrize("fault", [pytest.param(one, marks=[] if one in QUICK else pytest.mark.slow) for one in BROKEN])
def test_broken_firmware_on_trial_is_rolled_back_at_its_first_reset(off: Counter, fault: str) -> None:
    path, data = BROKEN[fault]
    put_trial(off, path, data)
    off.terminal.power_on()
    terminal = off.terminal
    assert terminal.run_until(lambda: state(off)["back"] > 0, 90_000), (state(off), terminal.console())
    assert state(off) == CONFIRMED | {"back": reasons.WHY_ROLLED_BACK}
    assert len(terminal.resets) == 2 and not terminal.engine.main_ended, terminal.resets
    assert terminal.run_until(lambda: terminal.engine.soc.usb.port is not None, 5_000), terminal.console()
    assert len(terminal.engine.soc.usb.port.groups) == 1


def test_whole_firmware_on_trial_runs_from_its_slot_and_is_counted(off: Counter) -> None:
    flash = put_trial(off)
    shutil.rmtree(flash / "a")
    off.terminal.power_on()
    assert off.terminal.run_until(lambda: off.terminal.engine.soc.usb.port is not None, 5_000), off.terminal.console()
    off.terminal.run_for(1_000)
    assert state(off) == TRIAL | {"tries": 1} and len(off.terminal.resets) == 1


def test_trial_that_power_cuts_end_is_started_three_times_before_it_is_rolled_back(off: Counter) -> None:
    put_trial(off)
    for tries in (1, 2, 3, 0):
        off.terminal.power_on()
        assert off.terminal.run_until(lambda: off.terminal.engine.soc.usb.port is not None, 5_000)
        assert state(off)["tries"] == tries and (state(off)["trial"] == "b") == (tries > 0)
        off.cut_power()
        off.terminal.run_for(200)


def test_broken_confirmed_firmware_is_tried_again_and_again_but_opens_no_console(off: Counter) -> None:
    slot_modules.put(off.terminal.state.flash / "a", "port.mpy", b"\x00no code")
    off.terminal.power_on()
    ports = []
    assert off.terminal.run_until(lambda: len(off.terminal.resets) > 3 or _saw_port(off, ports), 60_000)
    assert ports == [] and state(off) == CONFIRMED


@pytest.mark.parametrize(
    "path", ["entry.mpy", *(pytest.param(name, marks=pytest.mark.slow) for name in ("slots.mpy", "libraries.mpy"))]
)
def test_jumper_gives_a_console_and_a_prompt_to_a_terminal_whose_firmware_is_broken(off: Counter, path: str) -> None:
    flash = off.terminal.state.flash
    if path == "entry.mpy":
        slot_modules.put(flash / "a", path, b"\x00no code")
    else:
        (flash / path).write_bytes(b"\x00no code")
    off.terminal.set_jumper(True)
    off.terminal.power_on()
    assert off.terminal.run_until(lambda: off.terminal.engine.main_ended, 5_000), off.terminal.console()
    off.terminal.run_for(30_000)
    assert len(off.terminal.resets) == 1  # whoever works there has all the time


def test_jumper_keeps_a_terminal_from_resets_whose_firmware_cannot_open_its_port(off: Counter) -> None:
    slot_modules.put(off.terminal.state.flash / "a", "port.mpy", b"\x00no code")
    off.terminal.set_jumper(True)
    off.terminal.power_on()
    off.terminal.run_for(30_000)
    assert len(off.terminal.resets) == 1 and "incompatible .mpy file" in off.terminal.console()


def test_bootstrap_that_does_not_load_opens_no_console_without_the_jumper(off: Counter) -> None:
    (off.terminal.state.flash / "slots.mpy").write_bytes(b"\x00no code")
    off.terminal.power_on()
    ports = []
    assert off.terminal.run_until(lambda: len(off.terminal.resets) > 2 or _saw_port(off, ports), 60_000)
    assert ports == []


def test_jumper_leaves_the_watchdog_out_also_on_a_trial_that_hangs(off: Counter) -> None:
    put_trial(off, "assembly.py", HANGING)
    off.terminal.set_jumper(True)
    off.terminal.power_on()
    off.terminal.run_for(60_000)
    assert len(off.terminal.resets) == 1 and len(off.terminal.engine.soc.usb.port.groups) == 2


def test_jumper_is_on_the_same_pin_of_every_board_and_the_bootstrap_looks_there() -> None:
    boards = list((FIRMWARE / "boards").glob("[a-z]*.py"))
    assert len(boards) > 1 and all('"maintenance_jumper": 28,' in path.read_text() for path in boards)
    assert (FIRMWARE / "boot.py").read_text().count("machine.Pin(28,") == 1


def test_terminal_that_updated_itself_is_left_alone_until_the_sources_change(tmp_path: Path) -> None:
    counter = Counter(tmp_path, seed=1)
    counter.terminal.start(power=False)
    flash = put_trial(counter)
    updated = {"slot": "b", "trial": "", "tries": 0, "floor": 5, "back": 0}
    (flash / "slots.json").write_text(json.dumps(updated))
    (flash / "content").mkdir()
    (flash / "content" / "kept").write_bytes(b"card")
    settings = (flash / "settings.json").read_bytes()
    counter.terminal.close()
    again = Counter(tmp_path, seed=1)
    again.terminal.start(power=False)
    assert state(again) == updated and (flash / "b/root.lib").exists()
    again.terminal.close()
    other = changed_firmware(tmp_path, "app/version.py", 'FIRMWARE = "0.1.0"', 'FIRMWARE = "0.1.1"')
    flashed = Counter(tmp_path, seed=1, firmware_dir=other)
    flashed.terminal.start(power=False)
    assert state(flashed) == CONFIRMED and not (flash / "b").exists()
    assert (flash / "content" / "kept").read_bytes() == b"card" and (flash / "settings.json").read_bytes() == settings
    flashed.terminal.close()


def test_what_is_flashed_is_the_bundle_file_for_file(off: Counter) -> None:
    from host_agent.bundle import make
    from simulator.stage import signing_key

    flash = off.terminal.state.flash
    on_it = {str(path.relative_to(flash)): path.read_bytes() for path in flash.rglob("*") if path.is_file()}
    settings = on_it.pop("settings.json")
    assert b"secret" in settings
    assert on_it == make.build("k5", signing_key()).flash_files()
    assert {name for name in on_it if "/" not in name} == {
        "boot.py", "main.py", "slots.mpy", "libraries.mpy", "mending.mpy", layout.KEY, layout.SLOTS,
    }  # fmt: skip
    assert on_it["boot.py"] == (ROOT / "firmware/boot.py").read_bytes()


def _saw_port(counter: Counter, ports: list) -> bool:
    port = counter.terminal.engine.soc.usb.port
    if port is not None:
        ports.append(port)
    return bool(ports)
