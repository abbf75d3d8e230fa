"""The terminal's end of the link: answers HELLO, sends events until they are acknowledged, hands requests out once.

States: no session ─ HELLO → session ─ silence or a HELLO whose versions do not meet → no session.

Events of `receive` and `tick`: ("established", hello) · ("behind", hello): the agent holds a higher seq of this epoch ·
("request", type, id, fields): to be answered with `reply` · ("acknowledged", seq) · ("lost", text).
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
# What is passed in is known by what it can do; a type for it would have to be imported on the terminal.

from protocol import messages, reasons
from protocol.errors import MessageError
from protocol.link_base import Link, versions
from protocol.link_window import WINDOW, SendWindow

KEPT_REPLIES = 16  # a request repeated with the same id gets the reply it had
BULK_IDLE_MS = 15000  # after the last frame of content, what takes it leaves the memory

_ROOM = 1000  # bytes of event rows a frame, so that MAX_BODY holds
_ROW_OVERHEAD = 24  # bytes a row beyond the evidence, at most


class TerminalLink(Link):
    """One terminal's link; `outbox` has first(), last(), read(seq) → (age_ms, bytes) or None, acknowledge(seq)."""

    def __init__(
        self,
        identity: dict,
        outbox: object,
        now_ms: int,
        proto: tuple = (messages.PROTO_MIN, messages.PROTO_MAX),
    ) -> None:
        super().__init__(now_ms, proto)
        self._identity = identity  # terminal, board, firmware, epoch, journal_id, caps, tagver, assets
        self._outbox = outbox
        self._window = SendWindow()
        self._status = dict
        self._nonce = b""
        self._hello_due = None  # HELLO to answer
        self._no_session_due = 0  # session number to answer NO_SESSION with
        self._replies = {}  # id → body of its reply, None while it is awaited
        self._reply_order = []
        self._replies_due = []
        self._state = {}
        self._state_due = False
        self._again = []  # seqs that RESEND asked for
        self._make_bulk = None
        self._bulk = None  # takes content, while some comes
        self._bulk_ms = 0

    def reply(self, id_: int, reason: int, detail: dict | None = None) -> None:
        """Answer a request; a request that this session does not have is ignored."""
        if id_ in self._replies and self._replies[id_] is None:
            self._replies[id_] = messages.encode(messages.REPLY, {"reason": reason, "detail": detail})
            self._replies_due.append(id_)

    def state(self, state: str, invite: bytes | None, detail: dict | None = None) -> None:
        """Tell the agent what the citizen sees; a hint without acknowledgement, the latest only, never a level."""
        self._state = {"state": state, "invite": invite, "detail": detail or {}}
        self._state_due = True

    def event_added(self, now_ms: int) -> None:
        """Note that the outbox holds a new event; it leaves with the next `take_output`."""
        self._now_ms = max(now_ms, self._now_ms)

    def set_status(self, status: object) -> None:
        """Give the callable whose dict heartbeat replies carry; HELLO's takes utc_ms, tq, up_ms and reason from it."""
        self._status = status

    def take_content(self, make: object) -> object:
        """Give the callable that makes a BulkReceiver, or None for now, when content comes; return the one before.

        None lets go of a receiver that is there, and of its memory.
        """
        if make is None:
            self._end_bulk()
        before, self._make_bulk = self._make_bulk, make
        return before

    def status(self) -> dict:
        """Return counters, round trip, timeout and window, text → integer or None."""
        found = super().status()
        window = self._window
        found["rto_ms"] = window.rto.rto_ms
        found["resent"] = window.resent
        found["holes"] = window.holes
        found["timeouts"] = window.timeouts
        if window.rto.sampled:
            found["rtt_ms"] = window.rto.rtt_ms
        return found

    # What arrives

    def _on_frame(self, type_: int, session: int, id_: int, body: bytes, events: list) -> None:
        if type_ == messages.HELLO:
            self._on_hello(session, messages.decode(type_, body), events)
        elif not self.session:
            self._no_session_due = session
        elif session != self.session:
            self.counters["bad_session"] += 1
        else:
            self._heard_ms = self._now_ms
            self._on_message(type_, id_, body, events)

    def _on_hello(self, session: int, hello: dict, events: list) -> None:
        if session != hello["session"]:
            raise MessageError("HELLO: two session numbers")
        self._hello_due = hello
        low, high = max(self.proto_min, hello["proto_min"]), min(self.proto_max, hello["proto_max"])
        if low > high:
            self._lose(self._refusal(hello), events)
        elif self.session != session or self._nonce != hello["nonce"]:
            self._begin(hello, events)

    def _begin(self, hello: dict, events: list) -> None:
        self._open_session(hello["session"])
        self._nonce = hello["nonce"]
        self._window.open(self._outbox.first())
        self._replies.clear()
        self._reply_order.clear()
        self._replies_due.clear()
        self._again = []
        self._end_bulk()
        self._state_due = bool(self._state)
        if self._is_behind(hello):
            events.append(("behind", hello))
        events.append(("established", hello))

    def _is_behind(self, hello: dict) -> bool:
        return hello["epoch"] == self._identity["epoch"] and hello["seq"] > self._outbox.last()

    def _refusal(self, hello: dict) -> str:
        theirs = (hello["proto_min"], hello["proto_max"])
        older = "the terminal's firmware" if theirs[0] > self.proto_max else "the agent"
        text = "the agent speaks protocol {}, this terminal {}: update {}"
        return text.format(versions(theirs), versions((self.proto_min, self.proto_max)), older)

    def _on_message(self, type_: int, id_: int, body: bytes, events: list) -> None:
        if type_ == messages.ACK:
            self._on_ack(id_, messages.decode(type_, body), events)
        elif messages.is_request(type_):
            self._on_request(type_, id_, body, events)
        elif type_ in (messages.HEARTBEAT, messages.HEARTBEAT_REPLY):
            if self._on_beat(type_, body) is not None and not self._window.rto.sampled and self._rtt_ms is not None:
                self._window.rto.sample(self._rtt_ms)
        elif self._make_bulk and messages.BULK_OPEN <= type_ <= messages.BULK_CLOSE:
            self._on_bulk(type_, id_, body)
        else:
            self.counters["unknown_message"] += 1

    def _on_bulk(self, type_: int, id_: int, body: bytes) -> None:
        if self._bulk is None:
            self._bulk = self._make_bulk()
        if self._bulk is not None:
            self._bulk_ms = self._now_ms
            self._bulk.receive(type_, id_, body)

    def _end_bulk(self) -> None:
        if self._bulk is not None:
            self._bulk.end()
            self._bulk = None

    def _on_ack(self, id_: int, ack: dict, events: list) -> None:
        newly = self._window.acknowledge(ack["next"], ack["bitmap"], id_, self._now_ms)
        if newly is None:
            self.counters["bad_message"] += 1
            return
        if not newly and not self._window.due(self._outbox.last(), 1):
            self._window.send_again()  # the agent heard something damaged or double, and the line is free
        for seq in newly:
            self._outbox.acknowledge(seq)
            events.append(("acknowledged", seq))

    def _on_request(self, type_: int, id_: int, body: bytes, events: list) -> None:
        if id_ in self._replies:
            if self._replies[id_] is not None and id_ not in self._replies_due:
                self._replies_due.append(id_)
            return
        self._expect_reply(id_)
        try:
            fields = messages.decode(type_, body)
        except MessageError:
            known = type_ in messages.TABLE
            self.counters["bad_message" if known else "unknown_message"] += 1
            self.reply(id_, reasons.BAD_MESSAGE if known else reasons.UNKNOWN_MESSAGE)
            return
        if type_ == messages.RESEND:
            self.reply(id_, self._start_resend(fields["from"], fields["to"]))
        else:
            events.append(("request", type_, id_, fields))

    def _expect_reply(self, id_: int) -> None:
        self._replies[id_] = None
        self._reply_order.append(id_)
        if len(self._reply_order) > KEPT_REPLIES:
            oldest = self._reply_order.pop(0)
            del self._replies[oldest]
            if oldest in self._replies_due:
                self._replies_due.remove(oldest)

    def _start_resend(self, first: int, last: int) -> int:
        if not first <= last < first + WINDOW or last > self._outbox.last():
            return reasons.OUT_OF_RANGE
        self._again = list(range(first, last + 1))
        return reasons.OK

    # What leaves

    def _on_tick(self, events: list) -> None:
        deadline = self._window.deadline_ms()
        if self.session and deadline is not None and self._now_ms >= deadline:
            self._window.expire(self._now_ms)
        if self._now_ms - self._bulk_ms >= BULK_IDLE_MS:
            self._end_bulk()

    def _own_deadline_ms(self) -> int | None:
        return self._window.deadline_ms() if self.session else None

    def _next_due(self) -> tuple | None:
        if self._hello_due:
            hello, self._hello_due = self._hello_due, None
            return messages.HELLO_REPLY, hello["session"], 0, messages.encode(messages.HELLO_REPLY, self._answer(hello))
        if self._no_session_due:
            session, self._no_session_due = self._no_session_due, 0
            return messages.NO_SESSION, session, 0, messages.encode(messages.NO_SESSION, {})
        if not self.session:
            return None
        if self._replies_due:
            id_ = self._replies_due.pop(0)
            return messages.REPLY, self.session, id_, self._replies[id_]
        if self._state_due:
            self._state_due = False
            return messages.STATE, self.session, 0, messages.encode(messages.STATE, self._state)
        if self._bulk is not None and self._bulk.due:
            id_, fields = self._bulk.answer()
            return messages.BULK_ACK, self.session, id_, messages.encode(messages.BULK_ACK, fields)
        return self._next_beat() or self._next_events()

    def _next_events(self) -> tuple | None:
        seqs = self._window.due(self._outbox.last(), self._window.rows)
        again = not seqs
        if again:
            seqs, self._again = self._again[: self._window.rows], self._again[self._window.rows :]
        if not seqs:
            return None
        rows = self._rows(seqs)
        if again:
            self._again = seqs[len(rows) :] + self._again
            id_ = 0
        else:
            id_ = self._window.sent(seqs[: len(rows)], self._now_ms)
            self._out_done = self._window.left
        return messages.EVENTS, self.session, id_, messages.encode(messages.EVENTS, {"events": rows})

    def _rows(self, seqs: list) -> list:
        """Return as many rows as fit; a seq under which nothing is readable gets empty evidence."""
        rows, size = [], 0
        for seq in seqs:
            age_ms, evidence = self._outbox.read(seq) or (None, b"")
            size += len(evidence) + _ROW_OVERHEAD
            if rows and size > _ROOM:
                break
            rows.append((seq, age_ms, evidence))
        return rows

    def _on_lost(self) -> None:
        self._window.open(self._outbox.first())
        self._again = []
        self._end_bulk()

    def _status_for_peer(self) -> dict:
        found = dict(self._status())
        found.update(self.status())
        return found

    def _answer(self, hello: dict) -> dict:
        now = self._status()
        answer = dict(self._identity)
        answer["nonce"] = hello["nonce"]
        answer["proto"] = min(self.proto_max, hello["proto_max"]) if self.session else 0
        answer["first"], answer["last"] = self._window.base, self._outbox.last()
        answer["utc_ms"], answer["tq"] = now.get("utc_ms"), now.get("tq", 0)
        answer["up_ms"] = now.get("up_ms", self._now_ms)
        answer["proto_min"], answer["proto_max"] = self.proto_min, self.proto_max
        answer["reason"] = now.get("reason", reasons.OK)
        if not self.session:
            answer["reason"] = reasons.VERSION
        elif self._is_behind(hello):
            answer["reason"] = reasons.FAULT
        return answer
