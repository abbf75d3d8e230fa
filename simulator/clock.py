"""Simulated time: real (monotonic) or virtual, with one queue of timed calls. All times are µs since the start."""

import heapq
import time
from collections.abc import Callable

FOREVER = 1 << 61


class Timed:
    """One call waiting for its time; `cancel()` drops it."""

    __slots__ = ("call", "order", "t_us")

    def __init__(self, t_us: int, order: int, call: Callable[[], None] | None) -> None:
        self.t_us = t_us
        self.order = order
        self.call = call

    def __lt__(self, other: "Timed") -> bool:
        return (self.t_us, self.order) < (other.t_us, other.order)

    def cancel(self) -> None:
        """Make the call never happen."""
        self.call = None


class Clock:
    """A virtual clock: time stands still until `advance` moves it."""

    virtual = True

    def __init__(self) -> None:
        self._now_us = 0
        self._order = 0
        self._queue: list[Timed] = []

    @property
    def now_us(self) -> int:
        """Return the present time in µs."""
        return self._now_us

    def advance(self, t_us: int) -> None:
        """Move to `t_us`; never backwards."""
        self._now_us = max(self._now_us, t_us)

    def at(self, t_us: int, call: Callable[[], None]) -> Timed:
        """Call `call` at `t_us`, or at once when that is past; calls of one instant keep their order."""
        self._order += 1
        timed = Timed(t_us, self._order, call)
        heapq.heappush(self._queue, timed)
        return timed

    def after(self, delay_us: int, call: Callable[[], None]) -> Timed:
        """Call `call` in `delay_us`."""
        return self.at(self.now_us + delay_us, call)

    def next_us(self) -> int:
        """Return the time of the next call, or FOREVER."""
        queue = self._queue
        while queue and queue[0].call is None:
            heapq.heappop(queue)
        return queue[0].t_us if queue else FOREVER

    def run_next(self, limit_us: int) -> bool:
        """Run the next call if it is due by `limit_us`; True when one ran."""
        if self.next_us() > limit_us:
            return False
        timed = heapq.heappop(self._queue)
        self.advance(timed.t_us)
        call, timed.call = timed.call, None
        if call is not None:
            call()
        return True


class RealClock(Clock):
    """Monotonic time of the host, 0 at the start."""

    virtual = False

    def __init__(self) -> None:
        super().__init__()
        self.epoch_us = time.monotonic_ns() // 1000

    @property
    def now_us(self) -> int:
        """Return the present time in µs."""
        return time.monotonic_ns() // 1000 - self.epoch_us

    def advance(self, t_us: int) -> None:
        """Do nothing: real time moves by itself."""
