"""Hold what a hall may decide about its terminals; every value is bounded, whoever sends it.

Defaults are those of the state table in docs/terminal.md. The agent sends changes with CONFIG after each HELLO;
nothing is kept over a restart. A key this firmware does not know is skipped and counted, so that a newer agent
can speak to an older terminal.
"""

import sys

import app
from protocol import reasons

# Not doubled by the elder profile: it protects against a press aimed at the page before.
_FIXED = ("guard_ms",)
_DAY_MIN = 1_440
INVITE_LEAST_MS = 1_000
INVITE_MOST_MS = 360_000


class Policy:
    """Keep the values in force; `qr` is the window's code from provisioning."""

    def __init__(self, qr: str | None = None) -> None:
        self._own_qr = qr
        self._values = _table().defaults()
        self._values["qr"] = qr
        self.skipped = 0

    def ms(self, key: str) -> int:
        """Return a time in ms, doubled by the elder profile where that applies."""
        value = self._values[key]
        return value * 2 if self._values["elder"] and key not in _FIXED else value

    def loudness(self, utc_ms: int | None) -> int:
        """Return how loud the voice may be at a time, %; without a time as in the quiet one, where there is one."""
        first, end = self._values["quiet_from_min"], self._values["quiet_to_min"]
        if first == end:
            return self._values["volume"]
        quiet = True
        if utc_ms is not None:
            now = (utc_ms // 60_000 + self._values["utc_offset_min"]) % _DAY_MIN
            quiet = first <= now < end if first < end else now >= first or now < end
        return min(self._values["volume"], self._values["quiet_volume"]) if quiet else self._values["volume"]

    def __getitem__(self, key: str) -> object:
        return self._values[key]

    def change(self, wanted: dict) -> int:
        """Take all of `wanted` or nothing of it; return a reason code."""
        allowed = _table().allowed
        for key, value in wanted.items():
            if not allowed(key, value):
                return reasons.OUT_OF_RANGE
        for key, value in wanted.items():
            if key in self._values:
                self._values[key] = self._own_qr if key == "qr" and value is None else value
            else:
                self.skipped += 1
        return reasons.OK


def _table() -> object:
    """Return the table of values; its module leaves the memory with the last reference."""
    from app import policy_table as found

    sys.modules.pop(found.__name__, None)
    if hasattr(app, "policy_table"):
        del app.policy_table
    return found
