"""Let one task sleep until a time or until another task wakes it, without allocating."""

from asyncio import core

LONGEST_MS = 3_600_000  # asyncio's ticks stand for less than six days


class Alarm:
    """One sleeper; to be used by tasks of one loop, not by interrupts."""

    def __init__(self) -> None:
        self._sleeper = None
        self._woken = False

    def wait(self, ms: int) -> object:
        """Return what to await: it ends after `ms`, or when `wake` was called since the last wait."""
        if self._woken or ms < 0:
            ms = 0
        self._woken = False
        self._sleeper = core.cur_task
        return core.sleep_ms(ms if ms < LONGEST_MS else LONGEST_MS)

    def wake(self) -> None:
        """End the wait, or keep the next one from beginning."""
        task = self._sleeper
        if task is None or task is core.cur_task:
            self._woken = True
            return
        self._sleeper = None
        core._task_queue.remove(task)
        core._task_queue.push(task)
