"""A terminal whose journal has a chip of few sectors, and a past that makes it full or goes round it."""

import json
import random
from pathlib import Path

from host_agent.receiver.aes import Aes
from protocol import evidence, rating
from simulator.chips.nor_array import SECTOR_BYTES
from store.journal import Journal
from tests.device.changed import changed_firmware
from tests.device.counter import Counter
from tests.power_cut.nor import ArrayNor

SECTORS = 16


def small(folder: Path, **options: object) -> Counter:
    """Return a counter whose terminal's NOR chip has SECTORS sectors."""
    size = f'"size_bytes": {SECTORS * SECTOR_BYTES:_}'
    firmware = changed_firmware(folder, "boards/k5.py", '"size_bytes": 4_194_304', size)
    return Counter(folder, firmware_dir=firmware, **options)


class Past:
    """Live through boots and ratings on the chip of a terminal without power, sealed with its own key."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._array = counter.terminal.wiring.nor.array
        settings = json.loads(counter.terminal.state.settings.read_text())
        self.journal = Journal(ArrayNor(self._array), bytes.fromhex(settings["journal_id"]))
        self.journal.mount()
        self._sealer = evidence.Sealer(Aes, counter.key, settings["terminal"], settings["epoch"])
        self._rng = random.Random(f"past {self.journal.boot}")
        self._clock_ms = 0

    def rate(self, level: int) -> int:
        """Take an invite and its rating; return the rating's seq. The journal's errors come through."""
        journal = self.journal
        invite = self._rng.randbytes(16)
        journal.append_invite(invite, 1)
        seq = journal.last_seq + 1
        fields = {2: 1, 4: seq, 5: journal.prev_hash, 6: level}
        journal.append_event(seq, self._sealer.seal(rating.RATED, invite, journal.boot, seq, fields))
        self.rest()
        return seq

    def acknowledge(self) -> None:
        """Acknowledge everything."""
        for seq in range(self.journal.first_unacked, self.journal.last_seq + 1):
            self.journal.acknowledge(seq)
        self.rest()

    def rest(self) -> None:
        """Let the journal do its work ahead."""
        for _ in range(40):
            self._clock_ms += 10
            if not self.journal.idle(self._clock_ms):
                return


def sector_of(place: int) -> slice:
    """Return where a sector lies on the chip."""
    return slice(place * SECTOR_BYTES, (place + 1) * SECTOR_BYTES)
