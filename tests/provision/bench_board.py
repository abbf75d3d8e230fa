"""A board at the bench: the firmware's own journal on a modelled chip, its settings file, and a power that can fail.

`run` answers as firmware/bench.py and the reader of the chip do; tests/device/test_epoch_end.py and
tests/provision/test_at_the_port.py hold that the real ones print just so.
"""

import json
import random

from host_agent.rescue import chip_prompt
from protocol import codes, evidence, record
from protocol.sealing import Sealer
from simulator.chips.nor_array import NorArray
from store import closing
from store.journal import Journal, format_chip
from tests.both.support import aes
from tests.power_cut.nor import ArrayNor

SECTORS = 8


class PowerCut(Exception):
    """The power failed, or the program was ended, at one of the steps."""


class BenchBoard:
    """One board; `cut_at` is the step at which it fails, counted over runs and writes."""

    def __init__(self, board: str = "k5") -> None:
        self.board = board
        self.image = bytearray(b"\xff" * (SECTORS * record.SECTOR_BYTES))
        self.settings: dict | None = None
        self.sealed: dict[tuple[str, int, int], bytes] = {}  # all that was ever sealed and durable
        self.steps = 0
        self.cut_at: tuple[int, str] | None = None

    # -- what a technician's program does at the prompt

    def run(self, code: str) -> str:
        """Carry out a function of bench.py, or what reads the chip."""
        answers = {"import bench; bench.about()": self._about, "import bench; bench.end_epoch()": self._end}
        answer = answers.get(code) or (self._sectors if "_y_used" in code else lambda: self._read(code))
        return self._step(answer)

    def write(self, path: str, data: bytes) -> None:
        """Take the settings."""
        assert path == "settings.json"
        self._step(lambda: setattr(self, "settings", json.loads(data)))

    def _step(self, effect):
        self.steps += 1
        if self.cut_at == (self.steps, "before"):
            raise PowerCut()
        result = effect()
        if self.cut_at == (self.steps, "after"):
            raise PowerCut()
        return result

    def _about(self) -> str:
        own = self.settings or {}
        said = {key: own.get(key) for key in ("terminal", "epoch", "window", "journal")}
        return json.dumps({"board": self.board} | said)

    def _end(self) -> str:
        if self.settings is None or self.settings["journal"] == "new":
            return '{"last_seq": 0}'
        journal = self._mounted()
        before = journal.last_seq
        last = closing.end(journal, self._sealer(), 7, None)
        self._note(journal, before)
        return json.dumps({"last_seq": last})

    def _sectors(self) -> str:
        size = record.SECTOR_BYTES
        used = [n for n in range(SECTORS) if self.image[n * size : (n + 1) * size].strip(b"\xff")]
        return json.dumps({"jedec": chip_prompt.JEDEC, "used": used})

    def _read(self, what: str) -> str:
        numbers = eval(what.removeprefix("_y_read"), {})  # noqa: S307 - what our own code wrote
        size = record.SECTOR_BYTES
        data = b"".join(bytes(self.image[n * size : (n + 1) * size]) for n in numbers)
        return "\n".join(data[at : at + 256].hex() for at in range(0, len(data), 256))

    # -- what the terminal does in its window

    def work(self, ratings: int, seed: int = 1) -> None:
        """Start, rate, and be unplugged; the queue is not fetched."""
        assert self.settings is not None
        rng = random.Random(f"{seed}:{self.settings['epoch']}")
        if self.settings["journal"] == "new":
            format_chip(ArrayNor(NorArray(self.image)), bytes.fromhex(self.settings["journal_id"]))
            self.settings["journal"] = "ready"
        journal = self._mounted()
        if closing.is_ended(journal):
            return  # as the firmware does: FAULT
        before = journal.last_seq
        for n in range(ratings):
            invite = rng.randbytes(16)
            journal.append_invite(invite, 1)
            seq = journal.last_seq + 1
            fields = {2: 0, 4: n, 5: journal.prev_hash, 6: 1 + n % 5}
            journal.append_event(seq, self._sealer().seal(codes.RATED, invite, journal.boot, seq, fields))
        self._note(journal, before)

    def _mounted(self) -> Journal:
        journal = Journal(ArrayNor(NorArray(self.image)), bytes.fromhex(self.settings["journal_id"]))
        journal.mount()
        return journal

    def _sealer(self) -> Sealer:
        own = self.settings
        key = evidence.event_key(bytes.fromhex(own["secret"]), own["epoch"])
        return Sealer(aes, key, own["terminal"], own["epoch"])

    def _note(self, journal: Journal, before: int) -> None:
        for seq in range(before + 1, journal.last_seq + 1):
            event = journal.read(seq)
            assert event is not None
            self.sealed[(self.settings["terminal"], self.settings["epoch"], seq)] = event
