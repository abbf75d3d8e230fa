"""The flashed terminal on its internal flash in real time: without the jumper no way in, with it mpremote works."""

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from host_agent.bundle import make
from protocol import evidence, rating, record, record_scan
from simulator.bare_board import BareBoard
from simulator.stage import signing_key
from tests.unit.simulated import wait_for

SETTINGS = {
    "terminal": "YP-0001", "secret": "5a" * 32, "epoch": 1, "journal_id": "11" * 8, "journal": "new", "board": "k5",
    "window": "W01", "reveal_level": False, "qr": "HTTPS://EXAMPLE.ORG/W01",
}  # fmt: skip


@pytest.fixture(scope="module")
def flashed() -> dict[str, bytes]:
    """Return what is on the flash of a provisioned terminal."""
    files = make.build("k5", signing_key()).flash_files()
    return files | {"settings.json": json.dumps(SETTINGS).encode()}


@contextlib.contextmanager
def terminal(folder: Path, files: dict[str, bytes], jumper: bool) -> Iterator[BareBoard]:
    """Run a flashed board."""
    board = BareBoard(folder, micropython=True, jumper=jumper).start(plugged=False)
    try:
        board.put_files(files)
        board.plug()
        wait_for(lambda: board.data_port is not None, "the data port")
        yield board
    finally:
        board.close()


def sealed(board: BareBoard, kind: int) -> list[evidence.Clear]:
    """Return the sealed events of a kind on the journal's chip."""
    entries = record_scan.scan(board.wiring.nor.array.image)
    clears = [evidence.parse(entry.payload) for entry in entries if entry.type == record.EVENT]
    return [clear for clear in clears if clear.kind == kind]


def attack(port: Path) -> None:
    """Try what mpremote tries, in each of its ways, and get nowhere."""
    for soft_reset in (True, False):
        transport = SerialTransport(str(port), 115_200)
        with pytest.raises(TransportError, match="could not enter raw repl"):
            transport.enter_raw_repl(soft_reset=soft_reset, timeout_overall=1)
        transport.in_raw_repl = True  # `mpremote resume`: it may be there already
        transport.read_until = functools.partial(transport.read_until, timeout=1)
        with pytest.raises(TransportError):
            transport.exec_raw("import machine; machine.reset()", timeout=1)
        transport.close()


def test_attack_mpremote_at_the_data_port_finds_no_prompt(tmp_path: Path, flashed: dict[str, bytes]) -> None:
    with terminal(tmp_path, flashed, jumper=False) as board:
        wait_for(lambda: sealed(board, rating.BOOT), "the boot event")
        assert board.state_name == "terminal" and board.port is None
        attack(board.data_port)
        assert board.state_name == "terminal" and len(board.engine.resets) == 1
        assert sealed(board, rating.MAINTENANCE) == []
        before = board.console()
        board.unplug()
        after = board.files()
        assert {name: after[name] for name in flashed if not name.startswith("settings")} == {
            name: data for name, data in flashed.items() if not name.startswith("settings")
        }
        assert ">>>" not in before and "raw REPL" not in before


def test_jumper_opens_the_console_and_is_an_event_and_is_gone_with_it(
    tmp_path: Path, flashed: dict[str, bytes]
) -> None:
    with terminal(tmp_path, flashed, jumper=True) as board:
        wait_for(lambda: board.port is not None, "the console")
        assert board.state_name == "maintenance"
        wait_for(lambda: sealed(board, rating.MAINTENANCE), "the event of the jumper")
        assert len(sealed(board, rating.MAINTENANCE)) == 1
        assert board.engine.soc.watchdog.deadline_us is None, "tools need more time than the watchdog gives"
        with pytest.raises(TransportError):
            transport = SerialTransport(str(board.data_port), 115_200)
            transport.enter_raw_repl(soft_reset=False, timeout_overall=1)
        transport.close()
        transport = SerialTransport(str(board.port), 115_200)
        transport.enter_raw_repl(soft_reset=False)
        transport.exec("import os")
        assert "slots.json" in transport.eval("os.listdir()")
        transport.fs_writefile("note.txt", b"by hand")
        board.set_jumper(False)
        transport.exec_raw_no_follow("import time, machine; time.sleep_ms(100); machine.reset()")
        wait_for(lambda: board.port is None, "the reset")
        with contextlib.suppress(OSError):
            transport.close()
        wait_for(lambda: board.data_port is not None, "the data port again")
        wait_for(lambda: len(sealed(board, rating.BOOT)) == 2, "the second boot event")
        assert board.state_name == "terminal" and board.port is None
        assert len(sealed(board, rating.MAINTENANCE)) == 1
        assert os.path.basename(board.data_port) == "ttyACM0"
