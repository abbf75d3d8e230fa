"""asyncio's task queue for a virtual clock, in place of the C `_asyncio`, which reads the host's clock.

Same rules as the C one: ordered by wake-up time with wrapping ticks, first in first out among equals.
"""

from time import ticks_diff, ticks_ms

_core = None


def bind(core) -> None:
    """Tell the queue which asyncio core it serves."""
    global _core
    _core = core


class TaskQueue:
    """Tasks sorted by `ph_key`, the tick at which they run."""

    def __init__(self) -> None:
        self._tasks = []

    def peek(self):
        """Return the next task, or None."""
        return self._tasks[0] if self._tasks else None

    def push(self, task, key=None) -> None:
        """Add a task to run at `key`, or now."""
        task.data = None
        task.ph_key = key = ticks_ms() if key is None else key
        tasks = self._tasks
        at = len(tasks)
        while at and ticks_diff(key, tasks[at - 1].ph_key) < 0:
            at -= 1
        tasks.insert(at, task)

    def pop(self):
        """Take the next task."""
        return self._tasks.pop(0)

    def remove(self, task) -> None:
        """Take one task out."""
        self._tasks.remove(task)


class Task:
    """A coroutine that can be waited on and cancelled."""

    def __init__(self, coro, globals=None) -> None:
        self.coro = coro
        self.data = None
        self.state = True
        self.ph_key = 0

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif type(self.state) is not TaskQueue:
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            raise self.data
        self.state.push(_core.cur_task)
        _core.cur_task.data = self

    def done(self) -> bool:
        """Tell whether the coroutine has ended."""
        return not self.state

    def cancel(self) -> bool:
        """Throw CancelledError into the coroutine at its next turn."""
        if not self.state:
            return False
        if self is _core.cur_task:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            _core._task_queue.push(task)
        elif ticks_diff(task.ph_key, ticks_ms()) > 0:
            _core._task_queue.remove(task)
            _core._task_queue.push(task)
        task.data = _core.CancelledError
        return True
