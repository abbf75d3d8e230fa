"""Turn edges of the keys into presses. Pure: edges with their times in, presses and a deadline out.

A press counts at its edge, however long the key is held. It is decided CHORD_MS later, because two keys within that
time are no press. The function control acts when it is let go, and not if it was held for HOLD_MS: a hand that searches
the keys by touch declines nothing.
A key down for STUCK_MS is stuck; it counts again after it was let go. The clerk's key is outside all this.
"""

CHORD_MS = 50  # two keys closer than this are a palm or a bag, not a choice
HOLD_MS = 1_500
STUCK_MS = 10_000

LEVEL_KEYS = 5  # keys 1 … 5, key 1 leftmost
FUNCTION = 6
CLERK = 7


class KeyRules:
    """Know which keys are down and which press waits for its decision.

    Results are tuples: ("pressed", key, at_ms), ("function", at_ms), ("clerk", at_ms), ("stuck", key),
    ("freed", key) when it comes up again, ("searching", at_ms) for the function control held for HOLD_MS, and
    ("touched", at_ms) for other contact that is no press. Times are those of the
    edge going down.
    """

    def __init__(self) -> None:
        self._down_at = [None] * (CLERK + 1)
        self._stuck = [False] * (CLERK + 1)
        self._waiting = 0
        self._waiting_at = 0
        self._crowd_until = -1
        self._function_at = None

    def held(self, key: int, now_ms: int) -> None:
        """Note a key found down at start: it counts after it was let go, or is found stuck."""
        self._down_at[key] = now_ms

    def down(self, key: int, at_ms: int) -> list:
        """Take the edge of a key going down; return what it decides at once."""
        if self._down_at[key] is not None:
            return []
        self._down_at[key] = at_ms
        if key == CLERK:
            return [("clerk", at_ms)]
        if self._waiting == key:
            return []
        if self._waiting and at_ms - self._waiting_at < CHORD_MS:
            self._waiting = 0
            self._crowd_until = at_ms + CHORD_MS
            return [("touched", at_ms)]
        if at_ms < self._crowd_until:
            self._crowd_until = at_ms + CHORD_MS
            return []
        self._waiting = key
        self._waiting_at = at_ms
        return []

    def up(self, key: int, at_ms: int) -> list:
        """Take the edge of a key coming up; return what it decides at once."""
        self._down_at[key] = None
        if self._stuck[key]:
            self._stuck[key] = False
            return [("freed", key)]
        if key == FUNCTION and self._function_at is not None:
            found = [("function", self._function_at)]
            self._function_at = None
            return found
        return []

    def waiting_since(self) -> int | None:
        """Return the edge time of the press that is not decided yet, ms, or None."""
        return self._waiting_at if self._waiting else None

    def deadline_ms(self) -> int | None:
        """Return when `due` has something to say, or None."""
        first = self._waiting_at + CHORD_MS if self._waiting else None
        if self._function_at is not None:
            first = _earlier(first, self._function_at + HOLD_MS)
        for key in range(1, CLERK + 1):
            if self._down_at[key] is not None and not self._stuck[key]:
                first = _earlier(first, self._down_at[key] + STUCK_MS)
        return first

    def due(self, now_ms: int) -> list:
        """Return what became certain by `now_ms`."""
        found = []
        if self._waiting and now_ms >= self._waiting_at + CHORD_MS:
            self._decide(found)
        if self._function_at is not None and now_ms >= self._function_at + HOLD_MS:
            found.append(("searching", self._function_at))
            self._function_at = None
        for key in range(1, CLERK + 1):
            at_ms = self._down_at[key]
            if at_ms is not None and not self._stuck[key] and now_ms >= at_ms + STUCK_MS:
                self._stuck[key] = True
                found.append(("stuck", key))
        return found

    def _decide(self, found: list) -> None:
        """Turn the waiting edge, alone for CHORD_MS, into its press."""
        key, self._waiting = self._waiting, 0
        if key != FUNCTION:
            found.append(("pressed", key, self._waiting_at))
        elif self._down_at[FUNCTION] is None:
            found.append(("function", self._waiting_at))
        else:
            self._function_at = self._waiting_at


def _earlier(a: int | None, b: int) -> int:
    return b if a is None or b < a else a
