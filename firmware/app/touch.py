"""Turn reports of a touch panel into taps. Pure: reports with their times in, taps and a deadline out.

A tap counts when the finger is lifted inside the key where it came down: one that has landed wrong can slide off.
No tap: two fingers or a large area (a palm, a sleeve), a contact of a single report (a ghost), a jump that no finger
makes, a contact of STUCK_MS (something lies on the glass: the panel counts again once it is free).
"""

GHOST_MS = 15  # less than two reports of the chip
JUMP_PX = 80  # between two reports, 10 ms: eight metres a second on the glass
PALM_AREA = 8  # of 15, as the chip rates it
STUCK_MS = 10_000


class TouchRules:
    """Follow one contact from its first report to its last.

    Results are events of the session: ("tapped", key, at_ms), ("felt", at_ms) for contact that is no tap, and
    ("lain_on", key) for what does not go away, until ("taken_off", key).
    """

    def __init__(self) -> None:
        self._began_at = None  # of the contact now on the glass
        self._key = 0  # where it came down; 0 is no key
        self._on_key = False
        self._spoiled = False
        self._stuck = False
        self._x = self._y = 0

    def report(self, points: int, x: int, y: int, area: int, key: int, at_ms: int) -> list:
        """Take a report; `key` is the one at (x, y), 0 for none. Return what it decides."""
        if not points:
            return self._lifted(at_ms)
        if self._began_at is None:
            self._began_at, self._key, self._on_key = at_ms, key, True
            self._spoiled = self._stuck = False
        elif abs(x - self._x) > JUMP_PX or abs(y - self._y) > JUMP_PX:
            self._spoiled = True
        if points > 1 or area >= PALM_AREA:
            self._spoiled = True
        self._on_key = key == self._key
        self._x, self._y = x, y
        return []

    def deadline_ms(self) -> int | None:
        """Return when `due` has something to say, or None."""
        return None if self._began_at is None or self._stuck else self._began_at + STUCK_MS

    def due(self, now_ms: int) -> list:
        """Return what became certain by `now_ms`."""
        at = self.deadline_ms()
        if at is None or now_ms < at:
            return []
        self._stuck = self._spoiled = True
        return [("lain_on", self._key)]

    def touching(self) -> bool:
        """Return whether something is on the glass."""
        return self._began_at is not None

    def _lifted(self, at_ms: int) -> list:
        began_at, self._began_at = self._began_at, None
        if began_at is None:
            return []
        if self._stuck:
            return [("taken_off", self._key)]
        if at_ms - began_at < GHOST_MS:
            return []
        if self._spoiled or not self._key or not self._on_key:
            return [("felt", began_at)]
        return [("tapped", self._key, at_ms)]
