"""Sealed events for the agent's bench: made once, before anything is measured, and handed on as a file."""

import pickle
import random
from pathlib import Path
from typing import NamedTuple

from host_agent.receiver.aes import Aes
from protocol import evidence, rating

EPOCH = 1
CENTRE = "C01"
# Two ratings of an invite to one event without: 166 and 144 bytes with these ids.
_MARK_EACH = 3
_T, _TQ, _UP, _PREV, _LEVEL, _INPUT, _ORIGIN = 1, 2, 4, 5, 6, 13, 19
_START_UTC_MS = 1_795_600_000_000


class Terminal(NamedTuple):
    """One terminal and all that it has sealed, in order of seq from 1."""

    id: str
    window: str
    secret: bytes
    events: list[bytes]

    def provision(self) -> dict:
        """Return what the registry takes."""
        return {
            "terminal": self.id,
            "epoch": EPOCH,
            "secret": self.secret.hex(),
            "centre": CENTRE,
            "window": self.window,
            "board": "k5",
        }


def make(terminals: int, events: int, seed: int) -> list[Terminal]:
    """Seal `events` events at each of `terminals` terminals, chained as evidence.md says."""
    rng = random.Random(seed)
    return [_terminal(number, events, rng) for number in range(1, terminals + 1)]


def _terminal(number: int, events: int, rng: random.Random) -> Terminal:
    id_, secret = f"YP-{number:04d}", rng.randbytes(32)
    sealer = evidence.Sealer(Aes, evidence.event_key(secret, EPOCH), id_, EPOCH)
    sealed: list[bytes] = []
    prev = bytes(8)
    for seq in range(1, events + 1):
        fields = {_T: _START_UTC_MS + seq * 5_000, _TQ: 3, _UP: seq * 5_000, _PREV: prev}
        if seq % _MARK_EACH:
            fields |= {_LEVEL: rng.randint(1, 5), _INPUT: 1, _ORIGIN: 3}
            event = sealer.seal(rating.RATED, rng.randbytes(16), 1, seq, fields)
        else:
            event = sealer.seal(rating.MARK, None, 1, seq, fields)
        prev = evidence.prev_hash(event)
        sealed.append(event)
    return Terminal(id_, f"W{number:02d}", secret, sealed)


def save(terminals: list[Terminal], path: Path) -> None:
    """Write them for the other processes."""
    path.write_bytes(pickle.dumps([tuple(terminal) for terminal in terminals]))


def load(path: Path) -> list[Terminal]:
    """Read what `save` wrote."""
    return [Terminal._make(row) for row in pickle.loads(path.read_bytes())]
