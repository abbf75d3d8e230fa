"""How long a terminal is waited for that goes from one firmware to the other.

Only time counts in which it could have answered: of this agent's own clock, which nobody sets, while the agent looks.
So neither a night with the PC off, nor a PC that slept, nor a wall clock that is set makes a terminal late.
"""

from collections.abc import Callable

# Restart, self-test, and a trial that waits 180 s for its first HELLO before it goes back.
BACK_S = 300.0
# More than the time between two looks (updates.LOOK_S). An agent that looks later was not running, or its PC slept.
STEP_S = 10.0


class Patience:
    """Count from `begin` on; belongs to the event loop."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        """Start with none spent; `now_s` is a clock that nobody sets."""
        self._now_s = now_s
        self._spent_s = 0.0
        self._looked_s: float | None = None

    def begin(self) -> None:
        """Forget what is spent."""
        self._spent_s, self._looked_s = 0.0, None

    def is_over(self, could_answer: bool) -> bool:
        """Count the time since the last look if the terminal could have answered; return whether it is too long."""
        now_s = self._now_s()
        if could_answer and self._looked_s is not None:
            self._spent_s += min(now_s - self._looked_s, STEP_S)
        self._looked_s = now_s
        return self._spent_s > BACK_S
