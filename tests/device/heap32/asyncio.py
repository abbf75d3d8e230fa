"""A small scheduler with the names of asyncio that the firmware uses; tasks and their queue are the shims' own."""

import io
import select
import sys
from time import ticks_add, ticks_diff, ticks_ms

from _tasks import Task, TaskQueue

CancelledError = OSError  # named by the shims; nothing here cancels
cur_task = None
_task_queue = TaskQueue()
_poller = select.poll()
_waiting = {}


class _Sleep:
    """What `await sleep_ms(…)` waits for; one object, as only one task runs at a time."""

    def __init__(self) -> None:
        self.until = None
        self.end = StopIteration()

    def __iter__(self) -> "_Sleep":
        return self

    def __next__(self) -> None:
        if self.until is None:
            self.end.__traceback__ = None
            raise self.end
        _task_queue.push(cur_task, self.until)
        self.until = None


_sleep = _Sleep()


def sleep_ms(ms: int) -> _Sleep:
    """Let the task wait."""
    _sleep.until = ticks_add(ticks_ms(), max(0, ms))
    return _sleep


class ThreadSafeFlag(io.IOBase):
    """A flag that an interrupt may set; one waiter."""

    def __init__(self) -> None:
        self.state = 0

    def ioctl(self, request: int, flags: int) -> int:
        """Tell the poller whether it is set."""
        return self.state * flags if request == 3 else -1

    def set(self) -> None:
        """Set it."""
        self.state = 1

    async def wait(self) -> None:
        """Wait until it is set, and clear it."""
        if not self.state:
            _waiting[id(self)] = cur_task
            _poller.register(self, select.POLLIN)
            yield
        self.state = 0


class StreamReader:
    """Named by the board's other link, which is not in use here."""


def create_task(coro: object) -> Task:
    """Let a coroutine run."""
    task = Task(coro)
    _task_queue.push(task)
    return task


def run(coro: object) -> None:
    """Run all tasks until this one ends."""
    global cur_task
    main = create_task(coro)
    while True:
        _wait()
        cur_task = _task_queue.pop()
        try:
            cur_task.coro.send(None)
        except StopIteration as end:
            cur_task.state, cur_task.data = False, end
            if cur_task is main:
                return


def _wait() -> None:
    """Wait until a task may run."""
    while True:
        task = _task_queue.peek()
        ms = -1 if task is None else max(0, ticks_diff(task.ph_key, ticks_ms()))
        for stream, _ in _poller.ipoll(ms):
            _poller.unregister(stream)
            _task_queue.push(_waiting.pop(id(stream)))
        if not ms:
            return


core = sys.modules[__name__]
