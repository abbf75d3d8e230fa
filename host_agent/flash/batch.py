"""Works on every board that is plugged in, each in a thread of its own, until the fleet is done.

Promise: one board's failure stops nobody; Ctrl-C ends all between two pieces of a file at the latest, and the next run
goes on there. A board that failed is worked on again when it was unplugged and plugged in.
"""

import threading
import time
from collections.abc import Callable

import attrs

from host_agent.board.ports import BoardPorts, PortFinder
from host_agent.flash import ledger
from host_agent.flash.base_image import BaseImages
from host_agent.flash.fleet_table import FleetRow
from host_agent.flash.job import Bench
from host_agent.flash.uf2 import Uf2
from host_agent.flash.worker import Canary, Line, Show, Worker

LOOK_S = 0.25
JOIN_S = 20.0


@attrs.define
class Options:
    """How a batch runs."""

    wait_s: float | None = None  # without a board in work for so long, it ends; None: only Ctrl-C or the last row
    dry: bool = False
    image: Uf2 | None = None
    drives: str | None = None


class Batch:
    """One run over the rows of a fleet."""

    def __init__(self, bench: Bench, rows: list[FleetRow], finder: PortFinder, options: Options, show: Show) -> None:
        """Keep the parts; `run` does the work."""
        self._bench = bench
        self._rows = rows
        self._finder = finder
        self._options = options
        self._show = show
        self._canary = Canary(open_=self._has_succeeded())
        self._workers: dict[str, tuple[Worker, threading.Thread]] = {}
        self._base = BaseImages(bench, options.image, options.drives, show)

    def run(self, changed: Callable[[], None] = lambda: None) -> bool:
        """Work until all rows are done; return whether they are. `changed` is called between two looks at the ports."""
        idle_since = time.monotonic()
        try:
            while not self._bench.stop.is_set():
                is_busy = self._look()
                if is_busy:
                    idle_since = time.monotonic()
                changed()
                waited = time.monotonic() - idle_since
                if not is_busy and (self.done() or self._options.dry):
                    break
                if self._options.wait_s is not None and waited > self._options.wait_s:
                    break
                time.sleep(LOOK_S)
        except KeyboardInterrupt:
            self._bench.stop.set()
        finally:
            self._end()
        return self.done()

    def done(self) -> bool:
        """Say whether every row has its working terminal with this bundle."""
        return all(is_done(self._bench, row) for row in self._rows)

    def _look(self) -> bool:
        """Begin with each board that is new; return whether any is at work."""
        found = {board.group: board for board in self._finder.look()}
        serials = {board.serial for board in found.values() if board.serial}
        for group in list(self._workers):
            worker, thread = self._workers[group]
            # A board that has become a terminal is still there, under its terminal's number.
            is_here = group in found or worker.job.terminal in serials
            if not is_here and not thread.is_alive():
                self._bench.rows.release(worker.job.uid)
                del self._workers[group]
                self._show(Line(worker.line.port, group=group, gone=True))
        new = [board for group, board in found.items() if group not in self._workers and not self._is_known(board)]
        for board in new:
            self._start(board)
        is_loading = self._base.look(len(new), self._options.dry)
        return is_loading or any(thread.is_alive() for _, thread in self._workers.values())

    def _is_known(self, board: BoardPorts) -> bool:
        """Say whether a terminal that this run works on, or has finished, only shows itself under its own number."""
        return board.serial is not None and any(
            worker.job.terminal == board.serial for worker, _ in self._workers.values()
        )

    def _start(self, board: BoardPorts) -> None:
        worker = Worker(self._bench, board, self._canary, self._show)
        thread = threading.Thread(target=worker.run, args=(self._options.dry,), name=board.group, daemon=True)
        self._workers[board.group] = (worker, thread)
        thread.start()

    def _end(self) -> None:
        """Wait for the workers, which see that they are to stop. A second Ctrl-C does not wait."""
        self._bench.stop.set()
        deadline = time.monotonic() + JOIN_S
        for _, thread in self._workers.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._base.end(max(0.0, deadline - time.monotonic()))

    def _has_succeeded(self) -> bool:
        """Say whether a board is a working terminal with each of these bundles already."""
        done = {row.board for row in self._rows_of_ledger()}
        return bool(done) and {row.board for row in self._rows} <= done

    def _rows_of_ledger(self) -> list[ledger.Board]:
        book = self._bench.ledger
        versions = {name: image.version for name, image in self._bench.images.items()}
        return [b for b in book.boards() if b.state == ledger.DONE and b.version == versions.get(b.board)]


def is_done(bench: Bench, row: FleetRow) -> bool:
    """Say whether a row has its working terminal with this bundle."""
    board = bench.ledger.at(row.place)
    return board is not None and board.state == ledger.DONE and board.version == bench.images[row.board].version
