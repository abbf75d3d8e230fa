"""A station with bare boards for the tests of flashing: real MicroPython on simulated boards."""

import threading
from pathlib import Path
from types import SimpleNamespace

from host_agent.board.ports import PortFinder
from host_agent.bundle import make
from host_agent.flash import batch
from host_agent.flash.fleet_table import FleetRow
from host_agent.flash.job import Bench
from host_agent.flash.ledger import Ledger
from host_agent.flash.rows import Rows
from host_agent.flash.uf2 import Uf2
from host_agent.flash.worker import Line
from simulator.bare_board import BareBoard
from simulator.board_faults import Faults, plan
from tests.bundle_key import bundle_key
from tests.provision.stations import make_station


class Hall:
    """A folder with a station, a ledger, and boards whose ports stand in one folder."""

    def __init__(self, folder: Path, windows: int) -> None:
        self.folder = folder
        self.station = make_station(folder)
        self.book = Ledger(folder / "flash.db")
        bundle = make.build("k5", bundle_key())
        self.images = {"k5": bundle}
        self.rows = [FleetRow(n + 1, "C01", f"W{n:02}", "k5") for n in range(1, windows + 1)]
        self.boards: list[BareBoard] = []
        self.lines: list[Line] = []
        self.heard = threading.Condition()

    def board(self, *faults: str, micropython: bool = True, chip: str = "rp2350") -> BareBoard:
        """Plug in a board with MicroPython on it, or a blank one, which comes as a drive."""
        number = len(self.boards) + 1
        own = plan(list(faults)) if faults else Faults()
        made = BareBoard(
            self.folder / f"board{number}", seed=number, ports=self.folder / "ports", drives=self.folder / "drives",
            chip=chip, micropython=micropython, faults=own,
        )  # fmt: skip
        self.boards.append(made)
        return made.start()

    def batch(
        self, wait_s: float | None = 60.0, show=None, pattern: str | None = None, person=False,
        image: Uf2 | None = None, dry: bool = False,
    ) -> batch.Batch:  # fmt: skip
        """Return a run over all rows, at USB's ports or at those that a pattern in the folder of ports names."""
        patterns = () if pattern is None else (str(self.folder / "ports" / pattern),)
        finder = PortFinder(patterns, self.usb if pattern is None else list)
        bench = Bench(
            self.book, self.book.begin_run("test"), self.station, self.images, self.folder / "archive",
            self.folder / "labels", Rows(self.rows, self.book, finder.serials), finder.of_terminal, person,
        )  # fmt: skip
        self.bench, self.finder = bench, finder
        options = batch.Options(wait_s, dry, image, str(self.folder / "drives" / "*"))
        return batch.Batch(bench, self.rows, finder, options, show or self.show)

    def usb(self) -> list[SimpleNamespace]:
        """Return the ports as pyserial's enumeration does: the image's console has the chip's id as serial number."""
        found = []
        for board in list(self.boards):
            console, data = board.port, board.data_port
            serial = board.usb_serial
            for place, link in (("1.0", console), ("1.2", data)):
                if link is not None:
                    ids = (0x1209, 0x0001) if data is not None else (0x2E8A, 0x0005)
                    found.append(SimpleNamespace(device=str(link), serial_number=serial, location=place,
                                                 vid=ids[0], pid=ids[1]))  # fmt: skip
        return found

    def show(self, line: Line) -> None:
        """Keep what is shown."""
        with self.heard:
            self.lines.append(Line(line.port, line.uid, line.window, line.terminal, line.stage, result=line.result,
                                   text=line.text, code=line.code, cure=line.cure, gone=line.gone))  # fmt: skip
            self.heard.notify_all()

    def unplug_at(self, stage: str, board: BareBoard, done: bool = False):
        """Return what shows lines and pulls a board's cable once, as a stage begins, or once it has done something."""
        pulled = threading.Event()

        def show(line: Line) -> None:
            self.show(line)
            if line.stage == stage and bool(line.done) == done and not line.result and not pulled.is_set():
                pulled.set()
                board.unplug()

        return show

    def close(self) -> None:
        """End all boards."""
        for board in self.boards:
            board.close()
        self.book.close()
        self.station.close()
