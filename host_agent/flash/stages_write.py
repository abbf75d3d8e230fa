"""The stages that change a board: write, verify, provision.

Order: whatever ends them, a power cut too, the board comes up at the bare prompt, never with half a firmware. boot.py
and main.py go first from the board and come last onto it, beside the settings, by renames that follow each other at
once; before that everything else has been read back.
"""

import contextlib
import hashlib

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.board.files import BLOCK_BYTES, WAITING, BoardFiles, Listing
from host_agent.errors import UserError
from host_agent.flash.job import Job, Stage
from host_agent.provision.record import SETTINGS_PATH, provision
from host_agent.provision.station import MADE

STARTERS = ("main.py", "boot.py")  # in the order in which they come into force


def placed(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return what is written where before the board is to start with it."""
    return {path + WAITING if path in STARTERS else path: data for path, data in files.items()}


class Write(Stage):
    """Bring the bundle's files onto the board: only those that differ."""

    name = "write"

    def run(self, job: Job) -> str:
        """Remove what does not belong there, write what is missing or different."""
        wanted = placed(job.image.flash_files())
        board = BoardFiles(job.open_prompt)
        found = board.listing()
        board.remove([path for path in STARTERS if path in found.files])
        keep = _same(board, found, wanted)
        stale = [path for path in found.files if path not in wanted and path not in STARTERS]
        board.remove(stale, _empty_folders(found, wanted))
        missing = {path: data for path, data in wanted.items() if path not in keep}
        _require_room(job, board, found, missing)
        total = sum(map(len, missing.values()))
        sent = 0

        def done(count: int) -> None:
            nonlocal sent
            sent += count
            job.progress(sent, total)
            job.check_stop()

        for path, data in missing.items():
            board.write(path, data, done)
        return f"{len(missing)} files, {total} bytes; {len(keep)} were there"


class Verify(Stage):
    """Read every file back."""

    name = "verify"

    def run(self, job: Job) -> str:
        """Compare the hash of each file on the board with the bundle's."""
        wanted = placed(job.image.flash_files())
        board = BoardFiles(job.open_prompt)
        found = board.listing()
        strange = sorted(set(found.files) ^ set(wanted))
        if not strange:
            total, read = sum(map(len, wanted.values())), 0

            def done(count: int) -> None:
                nonlocal read
                read += count
                job.progress(read, total)
                job.check_stop()

            hashes = board.hashes({path: len(data) for path, data in wanted.items()}, done)
            strange = [path for path, data in wanted.items() if hashes[path] != hashlib.sha256(data).hexdigest()]
        if strange:
            cure = "run the same command again: what differs is written anew; if it stays, take another board"
            what = f"{strange[0]} on the board is not what was written ({len(strange)} in all)"
            raise BoardFault(faults.BAD_WRITE, what, job.port, cure)
        return f"{len(wanted)} files"


class Provision(Stage):
    """Give the board its identity, and let it start with it."""

    name = "provision"

    def run(self, job: Job) -> str:
        """Make the settings, write them, and put the starters beside them in force."""
        bench, row = job.bench, job.wanted
        known = bench.ledger.board(job.uid)
        with bench.station_lock:
            station = bench.station
            terminal = row.terminal or (known.terminal if known else None) or station.next_terminal()
            bench.ledger.note(job.uid, terminal=terminal, version=job.image.version)
            given_up = bench.ledger.given_up(row.place) - {terminal}
            with station.transaction():
                for place in station.at(*row.place):
                    if place.terminal in given_up:
                        station.lost(place.terminal, place.epoch)
                made = provision(
                    station, terminal, row.board, row.centre, row.window, row.reveal_level, link=row.link,
                    after_epoch=known.epoch or 0 if known else 0,
                )  # fmt: skip
        bench.ledger.note(job.uid, epoch=made.entry.epoch, drained=0)  # before it can start and seal an event
        _put(BoardFiles(job.open_prompt), made.settings)
        job.terminal = terminal
        written(job)
        return f"{terminal} epoch {made.entry.epoch}"


def _put(board: BoardFiles, settings: bytes) -> None:
    """Write the settings, and put them and the starters in force; settings that are not are not left on the board."""
    try:
        board.write(SETTINGS_PATH + WAITING, settings)
        board.rename([(name + WAITING, name) for name in (SETTINGS_PATH, *STARTERS)])
    except UserError:
        with contextlib.suppress(UserError):
            board.remove([SETTINGS_PATH + WAITING])
        raise


def written(job: Job) -> None:
    """Tell the station that the terminal has its settings, unless it knows."""
    known = job.bench.ledger.board(job.uid)
    if known is None or known.terminal is None or known.epoch is None:
        raise AssertionError("a terminal without a place in the ledger")
    with job.bench.station_lock:
        newest = job.bench.station.newest(known.terminal)
        if newest is not None and (newest.epoch, newest.state) == (known.epoch, MADE):
            job.bench.station.written(known.terminal, known.epoch)


def _same(board: BoardFiles, found: Listing, wanted: dict[str, bytes]) -> set[str]:
    """Return the files on the board that are as wanted."""
    sizes = {path: size for path, size in found.files.items() if path in wanted and len(wanted[path]) == size}
    hashes = board.hashes(sizes)
    return {path for path, digest in hashes.items() if digest == hashlib.sha256(wanted[path]).hexdigest()}


def _empty_folders(found: Listing, wanted: dict[str, bytes]) -> list[str]:
    return [folder for folder in found.folders if not any(path.startswith(folder + "/") for path in wanted)]


def _require_room(job: Job, board: BoardFiles, found: Listing, missing: dict[str, bytes]) -> None:
    """Raise BoardFault when the files cannot fit; what they replace is counted as room."""
    needed = sum(-(-len(data) // BLOCK_BYTES) * BLOCK_BYTES for data in missing.values())
    room = board.free_bytes() + sum(-(-found.files.get(path, 0) // BLOCK_BYTES) * BLOCK_BYTES for path in missing)
    if needed > room:
        what = f"the flash has {room // 1024} KB left, needed are {needed // 1024} KB"
        cure = "take a board with more flash, or one with nothing else on it"
        raise BoardFault(faults.FULL, what, job.port, cure)
