"""One connection to one terminal: protocol.link over an open port. When it is lost it is thrown away.

Promise: the link hears the clock whenever it asked to; every request gets exactly one end: a reply, or ConnectionError.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from host_agent.transport import Transport
from protocol import reasons
from protocol.link import AgentLink

LinkEvents = list[tuple[int, int | None, bytes]]
Reply = tuple[int, dict[str, Any] | None]


class Listener(Protocol):
    """Hear what comes from the terminal."""

    def established(self, hello: dict[str, Any]) -> None:
        """Take HELLO_REPLY's fields."""

    def events(self, events: LinkEvents) -> None:
        """Take events that are not yet stored."""

    def void(self, seqs: list[int]) -> None:
        """Take sequence numbers under which the terminal has nothing readable."""

    def recovered(self, missing: list[int]) -> None:
        """Hear that a recovery ended, and what the terminal no longer had."""

    def state(self, state: dict[str, Any]) -> None:
        """Take the hint of what the terminal shows."""

    def terminal_status(self, status: dict[str, Any]) -> None:
        """Take the terminal's counters."""

    def lost(self, reason: str) -> None:
        """Hear, once, that the connection is of no more use."""


class TerminalConnection:
    """Own a transport and a link; belongs to the event loop."""

    def __init__(self, transport: Transport, link: AgentLink, listener: Listener, now_ms: Callable[[], int]) -> None:
        """Keep the parts; `start` begins the session."""
        self._transport = transport
        self._link = link
        self._listener = listener
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due_ms = 0
        self._requests: dict[int, asyncio.Future[Reply]] = {}
        self._transfer: asyncio.Future[int] | None = None
        self._closed = False
        self._ack_due = False

    def start(self) -> None:
        """Send HELLO."""
        self._transport.start(self._received, self.close)
        self._after(self._link.tick(self._now_ms()))

    def close(self, reason: str) -> None:
        """Give the connection up; waiting requests fail."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()
        waiting, self._requests = self._requests, {}
        transfer, self._transfer = self._transfer, None
        for future in (*waiting.values(), *([transfer] if transfer else ())):
            if not future.done():
                future.set_exception(ConnectionError(reason))
        self._listener.lost(reason)

    def request(self, type_: int, fields: dict[str, Any]) -> "asyncio.Future[Reply]":
        """Send a request; the future gives (reason, detail), or raises ConnectionError."""
        future: asyncio.Future[Reply] = self._future()
        if self._closed:
            return future
        self._requests[self._link.request(type_, fields, self._now_ms())] = future
        self._flush()
        return future

    def bulk(self, kind: int, name: str, data: bytes) -> "asyncio.Future[int]":
        """Send a content file behind everything else (no data removes it); the future gives the reason code.

        UNSUPPORTED: this terminal takes no content; BUSY: another transfer is running. ConnectionError: no answer.
        Cancelling the future stops the transfer; a later one of the same file goes on where this one ended.
        """
        future: asyncio.Future[int] = self._future()
        if self._closed:
            return future
        if not self._link.takes_bulk or self._transfer is not None:
            future.set_result(reasons.BUSY if self._link.takes_bulk else reasons.UNSUPPORTED)
            return future
        self._link.bulk(kind, name, data, self._now_ms())
        self._transfer = future
        future.add_done_callback(self._transfer_ended)
        self._flush()
        return future

    def _transfer_ended(self, future: "asyncio.Future[int]") -> None:
        if future.cancelled() and self._transfer is future:
            self._transfer = None
            self._link.stop_bulk()

    def _future(self) -> "asyncio.Future[Any]":
        """Return a future nobody has to wait for: an unheard failure is no error of the program."""
        future: asyncio.Future[Any] = self._loop.create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._closed:
            future.set_exception(ConnectionError("the terminal is not connected"))
        return future

    def recover(self, first: int, last: int) -> None:
        """Fetch events again that were acknowledged before; they come as events."""
        self._link.recover(first, last, self._now_ms())
        self._flush()

    def stored(self, seqs: list[int]) -> None:
        """Acknowledge what has become durable; one ACK for all that a commit brings."""
        if self._closed:
            return
        self._link.stored(seqs)
        if not self._ack_due:
            self._ack_due = True
            self._loop.call_soon(self._acknowledge)

    def _acknowledge(self) -> None:
        self._ack_due = False
        if not self._closed:
            self._link.acknowledge(self._now_ms())
            self._flush()

    def status(self) -> dict[str, Any]:
        """Return the link's counters and round-trip time."""
        return self._link.status()

    def _received(self, data: bytes) -> None:
        self._after(self._link.receive(data, self._now_ms()))

    def _after(self, happened: list[tuple]) -> None:
        for event in happened:
            if self._closed:
                return
            self._heard(event)
        self._flush()

    def _heard(self, event: tuple) -> None:
        name = event[0]
        if name == "events":
            self._listener.events(event[1])
        elif name == "replied":
            self._answer(event[1], (event[2], event[3]), None)
        elif name == "failed":
            self._answer(event[1], None, ConnectionError(str(event[2])))
        elif name == "established":
            self._listener.established(event[1])
        elif name == "state":
            self._listener.state(event[1])
        elif name == "status":
            self._listener.terminal_status(event[1])
        elif name == "void":
            self._listener.void(event[1])
        elif name == "recovered":
            self._listener.recovered(event[1])
        elif name == "bulk_done":
            self._transferred(event[2])
        elif name == "lost":
            self.close(str(event[1]))

    def _transferred(self, reason: int | None) -> None:
        future, self._transfer = self._transfer, None
        if future is None or future.done():
            return
        if reason is None:
            future.set_exception(ConnectionError("the terminal does not answer"))
        else:
            future.set_result(reason)

    def _answer(self, id_: int, reply: Reply | None, error: Exception | None) -> None:
        future = self._requests.pop(id_, None)
        if future is None or future.done():
            return
        if reply is None:
            future.set_exception(error or ConnectionError("no reply"))
        else:
            future.set_result(reply)

    def _flush(self) -> None:
        if self._closed:
            return
        data = self._link.take_output(None, self._now_ms())
        if data:
            self._transport.write(data)
        self._arm()

    def _arm(self) -> None:
        """See that tick is called at the link's deadline; a timer that fires too early just sets the next one."""
        due_ms = self._link.deadline_ms()
        if due_ms is None or (self._timer is not None and self._due_ms <= due_ms):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_ms = due_ms
        self._timer = self._loop.call_later(max(0, due_ms - self._now_ms()) / 1000, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._after(self._link.tick(self._now_ms()))
