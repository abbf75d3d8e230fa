"""One window: its terminal's connection, opened again for ever, and what the terminal must be told.

Promise: exactly one connection at a time; clerk, pause and policy are told again after each restart of either side;
what is wrong is a condition (a code) and a sentence.

    absent ──port opens──▶ waiting ──HELLO_REPLY──▶ connected ──lost──▶ absent
"""

import asyncio
import json
import logging
import os
import random
import secrets
from collections.abc import Callable
from typing import Any

from host_agent import local_day, ports, qr_codes, refusal, window_faults
from host_agent.config_model import Config, WindowSection
from host_agent.config_policy import with_local_time
from host_agent.content.notice import WindowNotice
from host_agent.content.push import WindowContent
from host_agent.day_counts import DayCounts
from host_agent.errors import UserError
from host_agent.inbox import Inbox, Source
from host_agent.invites import Invites
from host_agent.reconnect import Backoff
from host_agent.services import Services
from host_agent.shift import Shift
from host_agent.store import Store
from host_agent.store_changes import end_recovery, put_recovery, put_window
from host_agent.store_rows import Change, InviteRow, WindowRow
from host_agent.terminal import LinkEvents, Reply, TerminalConnection
from host_agent.transport import Opener
from host_agent.update.window_update import WindowUpdate
from host_agent.writer import OK, Writer
from protocol import content, messages, reasons
from protocol.link import AgentLink

# HELLO is sent each second; a terminal boots in less than this. After it the port is opened anew.
ANSWER_S = 15.0
# time_quality 3 means synced within 10 minutes.
TIME_SYNC_S = 300.0
# An invite that reaches the terminal later than this is for a citizen who has left.
INVITE_TTL_MS = 15_000
_LOOK_S = 0.5
_MAX_AGE_MS = 0xFFFFFFFF

_log = logging.getLogger(__name__)


class Window:
    """Own the terminal of one window; belongs to the event loop."""

    def __init__(
        self,
        config: Config,
        section: WindowSection,
        store: Store,
        writer: Writer,
        inbox: Inbox,
        utc_ms: Callable[[], int],
        changed: Callable[["Window"], None],
        services: Services,
        opener: Opener | None = None,
    ) -> None:
        """Read back what the window was told last; `run` opens the port."""
        self.section = section
        self._policy = config.policy.message()
        if section.is_kiosk:
            self._policy["no_clerk"] = "unassigned"
        self.codes = qr_codes.of(config)
        self._store = store
        self._writer = writer
        self._inbox = inbox
        self._utc_ms = utc_ms
        self._changed = changed
        self.services = services.of(section)
        self.invites = Invites(config.agent.centre, section.id, section.terminal, store, writer, utc_ms, self.services)
        self.shift = Shift(section.id, config.agent.shift_idle_h * 3_600_000, store, writer, utc_ms)
        self.day = DayCounts(section.id, store, utc_ms)
        told = store.window(section.id)
        self.clerk: dict[str, Any] | None = json.loads(told.clerk) if told.clerk else None
        self.paused = bool(told.paused)
        self.ticket: str | None = None
        self.content: WindowContent | None = None  # Contents gives both
        self.notice: WindowNotice | None = None
        self.update: WindowUpdate | None = None  # Updates gives it
        self.hello: dict[str, Any] | None = None
        self.shown: str | None = None
        self.noted: str | None = None  # a condition that the terminal names itself
        self.terminal_counters: dict[str, Any] = {}
        self.link_counters: dict[str, Any] = {}
        self.port: str | None = None
        self.fault: UserError | None = None
        self.connections = 0
        self._opener = opener or ports.PortOpener()
        self._made_ms: dict[bytes, int] = {}
        self._connection: TerminalConnection | None = None
        self._source: Source | None = None
        self._lost: asyncio.Future[str] | None = None
        self._answered: asyncio.Future[None] | None = None
        self._time_sync: asyncio.TimerHandle | None = None

    # --- opening

    @property
    def connected(self) -> bool:
        """Say whether the right terminal answers."""
        return self._source is not None

    async def open(self) -> None:
        """Open the port and send HELLO.

        :raises PortError: it does not open.
        """
        name = self._opener.find(self.section)
        transport = await self._opener.open(name)
        loop = asyncio.get_running_loop()
        epoch, seq = self._inbox.highest(self.section.terminal)
        link = AgentLink(_now_ms(), secrets.token_bytes(8), secrets.randbelow(255) + 1, self._utc_ms(), epoch, seq)
        self._lost, self._answered = loop.create_future(), loop.create_future()
        self._connection = TerminalConnection(transport, link, self, _now_ms)
        self.port = name
        self.fault = window_faults.connecting(self.section, name)
        self._connection.start()

    async def answered(self, timeout_s: float) -> None:
        """Wait for HELLO_REPLY, at most that long.

        :raises UserError: the wrong terminal answers, or versions do not meet; TimeoutError: none answers.
        """
        answered = asyncio.shield(self._answered)  # pyright: ignore[reportArgumentType], made by open
        await asyncio.wait_for(answered, timeout_s)

    async def run(self, rng: random.Random) -> None:
        """Keep the terminal connected for ever; returns only by being cancelled."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(rng)
        try:
            while True:
                try:
                    if self._connection is None:
                        await self.open()
                    await self._hold()
                    backoff.opened(loop.time())
                    reason = await self._lost  # pyright: ignore[reportGeneralTypeIssues], made by open
                    self._note_fault(window_faults.lost(self.section, str(self.port), reason))
                except UserError as error:
                    self._note_fault(error)
                self.close("opened anew")
                await self._pause(backoff.pause_s(loop.time()))
        finally:
            self.close()

    async def _hold(self) -> None:
        """Wait for the first answer; whoever does not answer is opened anew."""
        try:
            await self.answered(ANSWER_S)
        except TimeoutError:
            raise window_faults.no_answer(self.section, str(self.port)) from None

    async def _pause(self, pause_s: float) -> None:
        """Wait, or less when a port that was missing appears."""
        missing = not self.port_there()
        end_s = asyncio.get_running_loop().time() + pause_s
        while (left_s := end_s - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left_s, _LOOK_S))
            if missing and self.port_there():
                return

    def port_there(self) -> bool:
        """Say whether the port exists now."""
        try:
            name = self._opener.find(self.section)
        except UserError:
            return False
        return "://" in name or os.name != "posix" or os.path.exists(name)

    def close(self, reason: str = "the agent stops") -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close(reason)
        self._connection = None

    def _note_fault(self, fault: UserError) -> None:
        if self.fault is None or self.fault.message != fault.message:
            _log.warning("window %s: %s", self.section.id, fault.message)
        self.fault = fault
        self._changed(self)

    def ask_again(self) -> None:
        """Begin a new session if events were turned away: in the old one the terminal would send them one by one."""
        if self._source is not None and self._source.turned_away:
            self.close("events are taken again")

    # --- heard from the connection (terminal.Listener)

    def established(self, hello: dict[str, Any]) -> None:
        """Check who answers, and tell it what it may have forgotten."""
        fault = window_faults.misfit(self.section, hello, str(self.port))
        if fault is not None:
            if not self._answered.done():
                self._answered.set_exception(fault)
            self._note_fault(fault)
            self._connection.close(fault.what)
            return
        offset_ms = None if hello["utc_ms"] is None else hello["utc_ms"] - self._utc_ms()
        self.hello = hello
        self.terminal_counters = {}
        self._source = Source(self.section.terminal, hello["epoch"], self.section.id, offset_ms)
        self.connections += 1
        self.fault = window_faults.told(self.section, hello, str(self.port))
        if not self._answered.done():
            self._answered.set_result(None)
        _log.info("terminal %s answers", self.section.terminal, extra={"firmware": hello["firmware"]})
        self._tell_all()
        self._recover(hello)
        self._changed(self)

    def events(self, events: LinkEvents) -> None:
        """Store events; the connection that brought them hears when they are durable."""
        if self._source is not None:
            self._inbox.take(self._source, events, self._connection.stored)

    def void(self, seqs: list[int]) -> None:
        """Take sequence numbers under which the terminal has nothing readable; the city sees the gap."""
        _log.error("terminal %s cannot read events %s", self.section.terminal, seqs)

    def recovered(self, missing: list[int]) -> None:
        """Hear that what an earlier agent had acknowledged is here again."""
        if self._writer.state == OK:  # else what was not stored counts as missing: it is asked for again
            self._writer.note(end_recovery(self.section.terminal))
        _log.warning("terminal %s sent its events again", self.section.terminal, extra={"missing": len(missing)})

    def state(self, state: dict[str, Any]) -> None:
        """Take the hint of what the terminal shows."""
        noted = state["detail"].get("condition")
        if "self_test" in state["detail"]:
            self.terminal_counters = self.terminal_counters | {"self_test": state["detail"]["self_test"]}
            self._changed(self)
        if (self.shown, self.noted) != (state["state"], noted):
            self.shown, self.noted = state["state"], noted
            self._changed(self)

    def terminal_status(self, status: dict[str, Any]) -> None:
        """Take the terminal's counters, and how its clock stands to this PC's, which may have been set."""
        self.terminal_counters = status
        utc_ms = status.get("utc_ms")
        if self._source is not None and isinstance(utc_ms, int):
            self._source.clock_offset_ms = utc_ms - self._utc_ms()

    def lost(self, reason: str) -> None:
        """Hear that the connection is gone."""
        if self._connection is not None:
            self.link_counters = self._connection.status()
        self._connection = None
        self._source = None
        self.shown = self.noted = None
        if self._time_sync is not None:
            self._time_sync.cancel()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(window_faults.lost(self.section, str(self.port), reason))
            self._answered.exception()
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(reason)
        self._changed(self)

    def outcome(self, invite: bytes, state: str) -> None:
        """Hear that a sealed outcome of this window is durable."""
        self.invites.ended(invite, state)

    @property
    def clock_offset_ms(self) -> int | None:
        """Return the terminal's clock minus this PC's, as measured last."""
        return self._source.clock_offset_ms if self._source is not None else None

    def link_status(self) -> dict[str, Any]:
        """Return the counters of the present connection, or of the last one."""
        return self._connection.status() if self._connection is not None else self.link_counters

    # --- told to the terminal

    def request(self, type_: int, fields: dict[str, Any]) -> "asyncio.Future[Reply] | None":
        """Send a request; None without a connected terminal."""
        return self._connection.request(type_, fields) if self._source is not None else None

    def push(self, kind: int, name: str, data: bytes) -> "asyncio.Future[int] | None":
        """Send a content file, see TerminalConnection.bulk; None without a connected terminal."""
        return self._connection.bulk(kind, name, data) if self._source is not None else None

    @property
    def reveals(self) -> bool:
        """Say whether the terminal that answers was provisioned to tell levels (orders.rated_level)."""
        return self._source is not None and content.CAP_REVEAL in (self.hello or {}).get("caps", ())

    def keep(self) -> WindowRow:
        """Return what must be remembered of this window."""
        clerk = json.dumps(self.clerk, ensure_ascii=False) if self.clerk is not None else None
        return WindowRow(self.section.id, clerk, int(self.paused))

    async def remember(self) -> None:
        """Make clerk and pause durable.

        :raises StoreFullError, StoreFaultError: they are not.
        """
        await self._writer.write(put_window(self.keep()))

    async def keep_offer(self, changes: list[Change]) -> None:
        """Make an invite that goes to no terminal durable.

        :raises StoreFullError, StoreFaultError: it is not.
        """
        await self._writer.write(*changes)

    def send_invite(self, row: InviteRow) -> "asyncio.Future[Reply] | None":
        """Send an invite with its present age; None without a connected terminal."""
        fields = {
            "invite": row.invite,
            "age_ms": self._age_ms(row),
            "ttl_ms": INVITE_TTL_MS,
            "timeout_ms": row.timeout_ms,
            "origin": row.origin,
            "qr": self._code_of(row),
        }
        future = self.request(messages.INVITE, fields)
        if future is not None:
            future.add_done_callback(lambda done: self._invite_answered(row.invite, done))
        return future

    def _code_of(self, row: InviteRow) -> str | None:
        """Return the code with which an invite may be rated late, or a text be added to its rating."""
        return None if self.codes is None else qr_codes.packed(self.codes.invite(row.invite, row.created_utc_ms))

    def _age_ms(self, row: InviteRow) -> int:
        """Return how old an invite is, by a clock that nobody sets; the PC's counts only for one of an earlier run.

        One of an earlier run that seems to be from the future is of unknown age: too old, never new.
        """
        now_ms = _now_ms()
        if row.invite not in self._made_ms:
            age_ms = self._utc_ms() - row.created_utc_ms
            self._made_ms = {
                one.invite: made for one in self.invites.pending() if (made := self._made_ms.get(one.invite))
            }
            self._made_ms[row.invite] = now_ms - (age_ms if age_ms >= 0 else _MAX_AGE_MS)
        return min(now_ms - self._made_ms[row.invite], _MAX_AGE_MS)

    def _invite_answered(self, invite: bytes, done: "asyncio.Future[Reply]") -> None:
        if done.cancelled() or done.exception() is not None:
            return
        reason = done.result()[0]
        # An invite sent again after a restart may have ended meanwhile: its sealed outcome is on the way.
        if reason in (reasons.OK, reasons.INVITE_ENDED):
            self.invites.opened(invite)
        else:
            self.invites.refused(invite, refusal.reason_code(reason))
        self._changed(self)

    def _tell_all(self) -> None:
        if self._policy:
            policy = with_local_time(self._policy, local_day.utc_offset_min(self._utc_ms()))
            self._connection.request(messages.CONFIG, {"policy": policy})
        self._connection.request(messages.CLERK, {"clerk": self.clerk})
        self._connection.request(messages.PAUSE, {"paused": self.paused})
        for row in self.invites.pending():
            self.send_invite(row)
        self._time_sync = asyncio.get_running_loop().call_later(TIME_SYNC_S, self._sync_time)

    def _recover(self, hello: dict[str, Any]) -> None:
        """Ask for what the terminal has acknowledged to an agent whose disk is gone; the note outlives a restart."""
        terminal, epoch, first = self.section.terminal, hello["epoch"], hello["first"]
        held_epoch, held_seq = self._inbox.highest(terminal)
        lacking = (held_seq if held_epoch == epoch else 0) + 1
        wanted = self._store.recovery(terminal, epoch)
        if lacking < first and held_epoch <= epoch:
            wanted = (min(lacking, wanted[0]) if wanted else lacking, first - 1)
            self._writer.note(put_recovery(terminal, epoch, *wanted))
        if wanted is not None:
            self._connection.recover(*wanted)

    def _sync_time(self) -> None:
        if self._source is not None:
            self._connection.request(messages.TIME, {"utc_ms": self._utc_ms()})
            self._time_sync = asyncio.get_running_loop().call_later(TIME_SYNC_S, self._sync_time)


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
