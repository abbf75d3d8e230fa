"""Is the terminal that an old rater becomes: the link's other end, the session, the sealing, on the bus's thread.

Promise: effects are carried out in the order in which the session gives them, and what stands behind something that
could not be made durable does not happen: no acknowledgement, no answer.
"""

import logging
from collections.abc import Callable
from typing import Any

from host_agent.errors import StoreFaultError, StoreFullError
from host_agent.legacy import fields as f
from host_agent.legacy import session as states
from host_agent.legacy.bus import Bus
from host_agent.legacy.pc_clock import PcClock
from host_agent.legacy.recorder import Recorder
from host_agent.legacy.session import RaterSession
from host_agent.provision.registry import LEGACY_BOARD
from protocol import codes, messages, reasons
from protocol.link_terminal import TerminalLink

MARK_MS = 3_600_000
RETRY_MS = 2_000
_StoreErrors = (StoreFullError, StoreFaultError)
_EVENT_OF = {
    messages.CANCEL: ("cancelled", "invite"),
    messages.CLERK: ("clerk_set", "clerk"),
    messages.SERVE: ("served", "ticket"),
    messages.PAUSE: ("paused", "paused"),
    messages.CONFIG: ("configured", "policy"),
}

_log = logging.getLogger(__name__)


class RaterTerminal:
    """Join the parts of one rater; every method belongs to the bus's thread."""

    def __init__(
        self,
        name: str,
        address: int,
        session: RaterSession,
        recorder: Recorder,
        clock: PcClock,
        identity: dict[str, Any],
    ) -> None:
        """Keep the parts; `identity` is what HELLO_REPLY tells beside the board."""
        self.name = name
        self.address = address
        self._session = session
        self._recorder = recorder
        self._clock = clock
        self._bus: Bus | None = None
        self._link = TerminalLink(
            {"board": LEGACY_BOARD, "terminal": name, "caps": [], "tagver": None, "assets": {}} | identity,
            recorder,
            clock.now_ms(),
        )
        self._link.set_status(self._status)
        self._firmware = identity["firmware"]
        self._send: Callable[[bytes], None] | None = None
        self._mark_ms = MARK_MS
        self._retry_ms: int | None = None

    # --- life

    def start(self, open_invite: tuple[bytes, int] | None) -> None:
        """Seal that it started, and that an invite was interrupted."""
        effects: list[tuple[Any, ...]] = [
            ("seal", codes.BOOT, None, {f.WHY: reasons.WHY_POWER_ON, f.FW: self._firmware})
        ]
        if open_invite is not None:
            why = {f.WHY: reasons.WHY_POWER_CUT, f.ORIGIN: open_invite[1]}
            effects.append(("seal", codes.INTERRUPTED, open_invite[0], why))
        self._carry_out(effects)
        self._handle(("started",))

    def line(self, bus: Bus | None) -> None:
        """Hear that the bus can be used, or cannot (None)."""
        self._bus = bus
        self._handle(("line", bus is not None))

    def bus_event(self, event: tuple[Any, ...]) -> None:
        """Take what happened on the bus at this rater's address: the event without the address."""
        self._handle(event)

    def attach(self, send: Callable[[bytes], None]) -> None:
        """Give what the link sends to `send` from now on."""
        self._send = send

    def detach(self, send: Callable[[bytes], None]) -> None:
        """Give it to nobody, if it still goes there."""
        if self._send == send:
            self._send = None

    def receive(self, data: bytes) -> None:
        """Take bytes from the agent."""
        self._linked(self._link.receive(data, self._clock.now_ms()))

    def tick(self) -> None:
        """Do what is due."""
        now_ms = self._clock.now_ms()
        self._linked(self._link.tick(now_ms))
        deadline_ms = self._session.deadline_ms()
        if deadline_ms is not None and now_ms >= deadline_ms:
            self._handle(("ticked",))
        if now_ms >= self._mark_ms:
            self._mark_ms = now_ms + MARK_MS
            if self._bus is not None:  # without its line the rater is as good as absent
                self._note(codes.MARK, {})
        if self._retry_ms is not None and now_ms >= self._retry_ms:
            self._retry()
        self._flush()

    def deadline_ms(self) -> int:
        """Return when `tick` has something to do, ms since start."""
        candidates = (self._mark_ms, self._link.deadline_ms(), self._session.deadline_ms(), self._retry_ms)
        return min(due for due in candidates if due is not None)

    def fail(self) -> None:
        """Stop for good: a part of it failed."""
        self._recorder.halt()
        self._session.handle(("stopped", states.FAULT), self._clock.now_ms())
        self._link.state(states.FAULT, None, {})
        self._flush()

    # --- the link

    def _linked(self, events: list[tuple[Any, ...]]) -> None:
        for event in events:
            if event[0] == "request":
                self._request(event[1], event[2], event[3])
            elif event[0] == "established" and event[1]["utc_ms"] is not None:
                self._set_time(event[1]["utc_ms"])
            elif event[0] == "behind":
                self._recorder.halt()
                self._handle(("stopped", states.FAULT))
        self._recorder.settle()
        self._heed_room()
        self._flush()

    def _request(self, type_: int, request: int, values: dict[str, Any]) -> None:
        if type_ == messages.TIME:
            self._set_time(values["utc_ms"])
            self._link.reply(request, reasons.OK)
        elif type_ == messages.INVITE:
            self._handle(("invited", request, values))
        elif type_ == messages.QUERY:
            self._handle(("queried", request))
        elif type_ in _EVENT_OF:
            name, key = _EVENT_OF[type_]
            self._handle((name, request, values[key]))
        else:
            self._link.reply(request, reasons.UNSUPPORTED)

    def _set_time(self, utc_ms: int) -> None:
        before_ms = self._clock.set(utc_ms)
        if before_ms is not None:
            self._note(codes.CLOCK_SET, {f.T0: before_ms})

    def _flush(self) -> None:
        if self._send is None:
            return
        data = self._link.take_output(None, self._clock.now_ms())
        if data:
            self._send(data)

    def _status(self) -> dict[str, Any]:
        recorder, clock, session = self._recorder, self._clock, self._session
        return {
            "state": session.state,
            "queue": recorder.last() - recorder.first() + 1,
            "free": recorder.room,
            "last_seq": recorder.last(),
            "utc_ms": clock.utc_ms(),
            "tq": clock.quality(),
            "up_ms": clock.now_ms(),
            "uninvited": session.uninvited.total,
            **session.counts,
            **(self._bus.counters if self._bus is not None else {}),
            "reason": reasons.FAULT if recorder.halted else reasons.OK,
        }

    # --- effects

    def _handle(self, event: tuple[Any, ...]) -> None:
        self._carry_out(self._session.handle(event, self._clock.now_ms()))
        self._flush()

    def _note(self, kind: int, fields: dict[int, Any]) -> None:
        self._carry_out([("seal", kind, None, fields)])

    def _carry_out(self, effects: list[tuple[Any, ...]]) -> None:
        """Carry out effects in order; stop at the first that cannot be stored, but never forget what is shown."""
        for number, effect in enumerate(effects):
            try:
                self._do(effect)
            except _StoreErrors as error:
                self._not_stored(effects[number:], error)
                return

    def _not_stored(self, effects: list[tuple[Any, ...]], error: Exception) -> None:
        _log.error("terminal %s cannot store: %s", self.name, error)
        full = isinstance(error, StoreFullError)
        for effect in effects:
            if effect[0] == "reply":
                self._link.reply(effect[1], reasons.FULL if full else reasons.NOT_STORED)
            elif effect[0] in ("end", "state"):
                self._do(effect)
        self._retry_ms = self._clock.now_ms() + RETRY_MS
        if effects[0][0] == "record_invite":
            self._carry_out(self._session.handle(("unrecorded",), self._clock.now_ms()))
        stopped = ("stopped", states.FULL if full else states.FAULT)
        self._carry_out(self._session.handle(stopped, self._clock.now_ms()))

    def _retry(self) -> None:
        """Try to make durable what waits; then ratings are taken again."""
        self._retry_ms = None
        try:
            self._recorder.retry()
        except _StoreErrors:
            self._retry_ms = self._clock.now_ms() + RETRY_MS
            return
        self._link.event_added(self._clock.now_ms())
        self._heed_room()

    def _heed_room(self) -> None:
        """Refuse invites while there is no room for a whole rating, or nothing can be stored."""
        if self._recorder.halted or self._retry_ms is not None:
            return
        stopped = states.FULL if self._recorder.room <= 0 else None
        self._carry_out(self._session.handle(("stopped", stopped), self._clock.now_ms()))

    def _do(self, effect: tuple[Any, ...]) -> None:
        name = effect[0]
        if name == "seal":
            self._recorder.seal(effect[1], effect[2], effect[3])
            self._link.event_added(self._clock.now_ms())
        elif name == "record_invite":
            self._recorder.record_invite(effect[1], effect[2])
        elif name == "reply":
            self._link.reply(effect[1], effect[2], effect[3])
        elif name == "state":
            self._link.state(effect[1], effect[2], {"condition": effect[3]})
        elif self._bus is not None:
            self._do_on_bus(self._bus, name, effect)

    def _do_on_bus(self, bus: Bus, name: str, effect: tuple[Any, ...]) -> None:
        if name == "begin":
            bus.begin(self.address)
        elif name == "end":
            bus.end(self.address)
        elif name == "stars":
            bus.stars(self.address, effect[1])
        else:
            bus.acknowledge(self.address, effect[1])
