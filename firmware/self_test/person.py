"""What a person does and says at the bench: presses keys, touches the glass, opens the case, answers questions.

Each order is also printed as a line `ask <what>`, so that a station shows it, and waits ORDER_MS at most.
"""

import time

from self_test import bench_screens as screens

ORDER_MS = 60_000
CASE = 8  # number of the case switch's contact: closed while the case is shut
YES_KEYS, NO_KEYS = (1, 6), (5, 7)  # the second ones of a board without level keys, whose panel does not answer
_STEP_MS = 5
_LETTING_GO_MS = 5_000


class Person:
    """Contacts and glass as a person uses them; `keys` is a driver of keys, `touch` one of a panel, or None."""

    def __init__(self, keys: object, touch: object | None) -> None:
        self._keys = keys
        self._touch = touch
        if touch is not None:
            touch.start()

    def contact(self, wanted: tuple, ask: str, closed: bool = True) -> int:
        """Return the number of the first contact of `wanted` that closes, or opens; 0 after ORDER_MS."""
        print("ask", ask)
        began = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), began) < ORDER_MS:
            number = self._keys.scan(time.ticks_ms())
            if number in wanted and self._keys.is_down(number) == closed:
                return number
            time.sleep_ms(_STEP_MS)
        return 0

    def let_go(self, number: int) -> None:
        """Wait until a key is up again, a while at most."""
        began = time.ticks_ms()
        while self._keys.is_down(number) and time.ticks_diff(time.ticks_ms(), began) < _LETTING_GO_MS:
            self._keys.scan(time.ticks_ms())
            time.sleep_ms(_STEP_MS)

    def case_is_shut(self) -> bool:
        """Return whether the case's switch is closed."""
        self._keys.scan(time.ticks_ms())
        return self._keys.is_down(CASE)

    def answers(self, ask: str) -> bool:
        """Return the answer to a question: key 1 or the left field is yes; no answer within ORDER_MS is no."""
        if self._touch is None:
            number = self.contact(YES_KEYS + NO_KEYS, ask)
            self.let_go(number)
            return number in YES_KEYS
        print("ask", ask)
        began = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), began) < ORDER_MS:
            if self._finger():
                found = screens.answer_at(self._touch.x, self._touch.y)
                if found is not None:
                    self._lift()
                    return found
            time.sleep_ms(_STEP_MS)
        return False

    def touches(self, count: int, seen: object) -> bool:
        """Return whether all `count` places of the grid are touched within ORDER_MS; `seen(mask)` hears of each."""
        print("ask touch")
        touched, began = 0, time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), began) < ORDER_MS:
            if self._finger():
                bit = 1 << screens.place(self._touch.x, self._touch.y)
                if not touched & bit:
                    touched |= bit
                    seen(touched)
                if touched == (1 << count) - 1:
                    self._lift()
                    return True
            time.sleep_ms(_STEP_MS)
        return False

    def _finger(self) -> bool:
        """Return whether one finger is on the glass."""
        try:
            self._touch.read()
        except OSError:
            return False
        return self._touch.points == 1

    def _lift(self) -> None:
        """Wait until the finger is gone, a while at most."""
        began = time.ticks_ms()
        while self._finger() and time.ticks_diff(time.ticks_ms(), began) < _LETTING_GO_MS:
            time.sleep_ms(_STEP_MS)
