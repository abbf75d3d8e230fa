"""What people did at the terminals: one visit is one invite that was open, with its presses and the tones heard.

A terminal answers each press that it has stored with a tone. Two tones closer than their length are heard as one, so
`heard` is the least number of presses that were shown; a press that was waited for has its own `shown` too.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from simulator.demo.ledger import KEYS, Press

FUNCTION_KEY = KEYS + 1
"""The rater's own control: before the first press it declines. `Press.level` of it is 0."""
PRESS_TONE_HZ = 1_000
"""A press is answered above it, a refusal to the clerk below."""


@dataclass
class Visit:
    """One invite: `invite` is its id in hex, empty for one that the terminal made itself."""

    terminal: str
    invite: str
    presses: list[Press] = field(default_factory=list)
    heard: int = 0
    opened: bool = True

    def press(self, key: int, edge_s: float) -> Press:
        """Note a press before its outcome is known."""
        entry = Press(self.invite, key, edge_s)
        self.presses.append(entry)
        return entry

    @property
    def shown(self) -> int:
        """Return how many presses were shown, at least."""
        return max(self.heard, sum(press.shown for press in self.presses))


def tones_begun(tones: list) -> int:
    """Return how many press tones a list of the buzzer's changes holds."""
    return sum(tone.freq_hz >= PRESS_TONE_HZ for tone in tones)


def write_lines(path: Path, rows: Iterable[dict]) -> None:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def as_rows(visits: Iterable[Visit]) -> list[dict]:
    """Return visits as plain objects."""
    return [asdict(visit) | {"shown": visit.shown} for visit in visits]
