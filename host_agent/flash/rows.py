"""Gives the fleet's windows to boards, each to one; used from all workers.

Promise: a working terminal never gets another window by being plugged in. A window whose board failed goes to that
board for as long as it is at a port, and to another one only once it is not.
"""

import threading
from collections.abc import Callable

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.flash.chips import BOARDS
from host_agent.flash.fleet_table import FleetRow
from host_agent.flash.job import Job
from host_agent.flash.ledger import DONE, REPLACED, Board, Ledger
from host_agent.provision.station import MADE, WRITTEN

_MOVE = "unplug it; `yiping terminal swap` gives it another window"
_Place = tuple[str, str]  # centre and window


class Rows:
    """The rows of one run."""

    def __init__(self, rows: list[FleetRow], ledger: Ledger, present: Callable[[], set[str]]) -> None:
        """Keep the rows to be done. `present` returns the USB serial numbers of all boards at ports, casefolded."""
        self._rows = rows
        self._ledger = ledger
        self._present = present
        self._lock = threading.Lock()
        self._taken: dict[_Place, str] = {}  # by boards that are, or were, at a port in this run

    def claim(self, job: Job, terminal: str | None) -> FleetRow:
        """Return the row for a board that says it is `terminal`: its own, else the first free one, else one given up.

        :raises BoardFault: there is none, or the board is the terminal of another window.
        """
        with self._lock:
            present = self._present()
            own = self._ledger.board(job.uid)
            is_replaced = own is not None and own.state == REPLACED
            left = (own.centre, own.window) if own is not None and not is_replaced else None
            place = (None if is_replaced else _stands_at(job, terminal)) or left
            row = self.row_of(place) if place else None
            if row is not None and (left is not None or self._is_open(row, present)):
                return self._take(job, row)
            if place and (own is None or own.state == DONE or place != left):
                raise in_service(job, terminal or (own and own.terminal), place, row)
            return self._take(job, self._first(job, present))

    def hold(self, uid: str, row: FleetRow) -> None:
        """Keep a row for the locked terminal that stands there."""
        with self._lock:
            self._taken[row.place] = uid

    def release(self, uid: str) -> None:
        """Let another board have the row of one that failed and was unplugged."""
        with self._lock:
            self._taken = {place: owner for place, owner in self._taken.items() if owner != uid}

    def row_of(self, place: _Place) -> FleetRow | None:
        """Return the row of a window, None when it is not in this run."""
        return next((row for row in self._rows if row.place == place), None)

    def _first(self, job: Job, present: set[str]) -> FleetRow:
        """Return the first row for a new board. Raises BoardFault."""
        fitting = [row for row in self._rows if job.chip in BOARDS[row.board] and job.kind in (None, row.board)]
        open_ = [row for row in fitting if self._is_open(row, present)]
        if open_:
            return min(open_, key=lambda row: self._ledger.at(row.place) is not None)
        for row in fitting:
            holder = self._ledger.at(row.place)
            if holder is not None and holder.state != DONE and _is_among(holder, present):
                raise _kept(job, row)
        raise _no_row(job)

    def _is_open(self, row: FleetRow, present: set[str]) -> bool:
        """Say whether no board has a window, or one that failed there and is at no port."""
        holder = self._ledger.at(row.place)
        if holder is None:
            return row.place not in self._taken
        return holder.state != DONE and self._taken.get(row.place) != holder.uid and not _is_among(holder, present)

    def _take(self, job: Job, row: FleetRow) -> FleetRow:
        if job.chip is None:
            raise AssertionError("a board without a chip takes a window")
        self._taken[row.place] = job.uid
        self._ledger.assign(job.uid, job.chip.name, row)
        return row


def in_service(job: Job, terminal: str | None, place: _Place, row: FleetRow | None = None) -> BoardFault:
    """Return the fault of the terminal of a window that this run does not do, or has another board for (`row`)."""
    why = "which is not in this run" if row is None else "for which the ledger has another board"
    what = f"this board is terminal {terminal} of {'/'.join(place)}, {why}"
    return BoardFault(faults.NO_ROW, what, job.port, _MOVE)


def _stands_at(job: Job, terminal: str | None) -> _Place | None:
    """Return where the station says that a terminal stands."""
    if terminal is None:
        return None
    with job.bench.station_lock:
        newest = job.bench.station.newest(terminal)
    return (newest.centre, newest.window) if newest is not None and newest.state in (MADE, WRITTEN) else None


def _is_among(holder: Board, present: set[str]) -> bool:
    return not present.isdisjoint(name.casefold() for name in (holder.uid, holder.terminal) if name)


def _kept(job: Job, row: FleetRow) -> BoardFault:
    window = f"{row.centre}/{row.window}"
    what = f"window {window} is kept for the board that failed there, which is plugged in"
    cure = "see to that board; or unplug it, and plug this one in again to give it the window"
    return BoardFault(faults.NO_ROW, what, job.port, cure)


def _no_row(job: Job) -> BoardFault:
    cure = "unplug it; the report says which windows still wait, and for which board"
    chip = job.chip.name if job.chip else "?"
    return BoardFault(faults.NO_ROW, f"no window of this run waits for a board with {chip}", job.port, cure)
