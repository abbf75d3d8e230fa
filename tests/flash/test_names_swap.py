"""Boards that restart together swap the names of their ports: each is followed by its USB serial number."""

from types import SimpleNamespace

import pytest

from host_agent.board import faults
from host_agent.board.ports import BoardPorts, PortFinder
from host_agent.flash import ledger, worker
from tests.flash.hall import Hall
from tests.unit.simulated import wait_for


def test_boards_that_swap_the_names_of_their_ports_are_both_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(worker.Canary, "enter", lambda _self, _job: False)  # both restart at once
    hall = Hall(tmp_path, 2)
    try:
        names = []
        for n in range(2):
            hall.board(f"swap@{1 - n}")
            wait_for(lambda: hall.boards[-1].port is not None, "the console's port")
            names.append(hall.boards[-1].port)
        assert hall.batch(wait_s=20.0, pattern="ttyACM*").run(), [(line.stage, line.text) for line in hall.lines[-6:]]
        assert [board.data_port for board in hall.boards] == names[::-1]
        for bare in hall.boards:
            known = hall.book.board(bare.engine.uid.hex())
            assert (known.state, known.terminal) == (ledger.DONE, bare.usb_serial)
            stages = [stage.stage for stage in hall.book.stages(known.uid)]
            assert stages == list(worker.NAMES)  # each once: nobody else worked on it
    finally:
        hall.close()


def ports(*names_and_serials):
    return [
        SimpleNamespace(device=device, serial_number=serial, location=None, vid=0x2E8A, pid=5)
        for device, serial in names_and_serials
    ]


def test_named_port_is_known_by_what_the_system_or_udev_tells_of_it(tmp_path):
    (tmp_path / "serial/by-id").mkdir(parents=True)
    for name in ("ttyACM0", "ttyACM1", "ttyACM2"):
        (tmp_path / name).touch()
    (tmp_path / "serial/by-id/usb-MicroPython_Board_e661000000000002-if00").symlink_to(tmp_path / "ttyACM1")
    usb = ports((str(tmp_path / "ttyACM0"), "e661000000000001"))
    found = PortFinder((str(tmp_path / "ttyACM*"),), lambda: usb).look()
    assert {board.serial: board.devices for board in found} == {
        "e661000000000001": (str(tmp_path / "ttyACM0"),),
        "e661000000000002": (str(tmp_path / "ttyACM1"),),
        None: (str(tmp_path / "ttyACM2"),),
    }


def test_ports_that_are_no_files_are_found_by_their_names():
    usb = ports(("COM3", "e661000000000001"), ("COM4", "e661000000000002"), ("LPT1", "e661000000000003"))
    assert [board.devices for board in PortFinder(("COM*",), lambda: usb).look()] == [("COM3",), ("COM4",)]


@pytest.mark.parametrize("serial", ["e661000000000099", "YP-000009-X"])
def test_port_that_has_passed_to_another_board_is_refused_before_anything_is_written(tmp_path, serial):
    hall = Hall(tmp_path, 1)
    try:
        bare = hall.board()
        bare.unplug()
        bare.put_files({"settings.json": b'{"terminal": "YP-000001-S"}'})
        bare.plug()
        wait_for(lambda: bare.port is not None, "the console's port")
        hall.batch()
        ports = BoardPorts(serial, (str(bare.port),), serial)
        worker.Worker(hall.bench, ports, worker.Canary(open_=True), hall.show).run()
        assert (hall.lines[-1].stage, hall.lines[-1].code) == ("identify", faults.ANOTHER_BOARD)
        assert "nothing was written" in hall.lines[-1].text and hall.book.boards() == []
        bare.unplug()
        assert bare.files() == {"settings.json": b'{"terminal": "YP-000001-S"}'}
    finally:
        hall.close()
