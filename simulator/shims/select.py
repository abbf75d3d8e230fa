"""The chip's `select` module: objects are asked through their `ioctl`, streams of the host through its poll."""

import _bus
import uselect
from micropython import const

POLLIN = const(1)
POLLOUT = const(4)
POLLERR = const(8)
POLLHUP = const(16)

_IOCTL_POLL = const(3)
_ENOENT = const(2)
_POLL_US = const(10)  # one pass of the chip's poll loop, rounded


_STOP = StopIteration()  # made once: an idle pass allocates nothing


class poll:  # noqa: N801 - the name of the API
    """A set of streams to wait for."""

    def __init__(self) -> None:
        self._entries = {}  # id -> [object, event mask, ready events, stream of the host?]
        self._order = []  # entries as they were registered: ids differ from run to run
        self._ready = []
        self._flags = 0
        self._host = None

    def register(self, obj, eventmask: int = POLLIN | POLLOUT) -> None:
        """Add a stream, or change its mask."""
        entry = self._entries.get(id(obj))
        if entry is not None:
            entry[1] = eventmask
            return
        native = not hasattr(obj, "ioctl")
        if native:
            if self._host is None:
                self._host = uselect.poll()
            self._host.register(obj, eventmask)
            _bus.watch_with(obj, eventmask)
        entry = [obj, eventmask, 0, native]
        self._entries[id(obj)] = entry
        self._order.append(entry)

    def unregister(self, obj) -> None:
        """Remove a stream; an unknown one is ignored."""
        entry = self._entries.pop(id(obj), None)
        if entry is None:
            return
        self._order.remove(entry)
        if entry[3]:
            self._host.unregister(obj)
            _bus.unwatch(obj)

    def modify(self, obj, eventmask: int) -> None:
        """Change the mask of a stream. Raises OSError(ENOENT) when it is not there."""
        entry = self._entries.get(id(obj))
        if entry is None:
            raise OSError(_ENOENT)
        entry[1] = eventmask
        if entry[3]:
            self._host.modify(obj, eventmask)

    def poll(self, timeout: int = -1) -> list:
        """Wait up to `timeout` ms (-1: for ever); return [(object, events), ...]."""
        self._wait(timeout)
        found = [(entry[0], entry[2]) for entry in self._ready]
        self._ready.clear()
        return found

    def ipoll(self, timeout: int = -1, flags: int = 0):
        """Wait like `poll`; return an iterator. flags 1: an entry that was ready has its mask cleared."""
        self._flags = flags
        self._wait(timeout)
        return self

    def __iter__(self):
        return self

    def __next__(self) -> tuple:
        if not self._ready:
            _STOP.__traceback__ = None
            raise _STOP
        entry = self._ready.pop(0)
        if self._flags & 1:
            entry[1] = 0
        return entry[0], entry[2]

    def _wait(self, timeout: int) -> None:
        _bus.spend(_POLL_US)
        until = _bus.FOREVER if timeout is None or timeout < 0 else _bus.now() + timeout * 1000
        self._ready.clear()
        while True:
            _bus.service()
            if self._collect() or timeout == 0:
                return
            happened = _bus.wait(until)
            if not happened and _bus.now() >= until:
                self._collect()
                return

    def _collect(self) -> bool:
        for entry in self._order:
            if entry[3]:
                continue
            # POLLERR and POLLHUP are always asked for, as the chip's own loop does.
            ready = entry[0].ioctl(_IOCTL_POLL, entry[1] | POLLERR | POLLHUP)
            if ready:
                entry[2] = ready
                self._ready.append(entry)
        if self._host is not None:
            for obj, ready in self._host.ipoll(0):
                entry = self._entries[id(obj)]
                entry[2] = ready
                self._ready.append(entry)
        return bool(self._ready)


def select(readers, writers, exceptional, timeout=None) -> tuple:
    """Wait up to `timeout` seconds for lists of streams; return the ready ones as three lists."""
    poller = poll()
    for stream in readers:
        poller.register(stream, POLLIN)
    for stream in writers:
        mask = POLLOUT | (POLLIN if stream in readers else 0)
        poller.register(stream, mask)
    ready = poller.poll(-1 if timeout is None else int(timeout * 1000))
    return (
        [s for s, events in ready if events & POLLIN and s in readers],
        [s for s, events in ready if events & POLLOUT and s in writers],
        [s for s, events in ready if events & (POLLERR | POLLHUP) and s in exceptional],
    )
