"""What both ends of a link share: frames in and out, heartbeats, liveness, counters. Sans-IO.

`now_ms` is a monotonic integer that never wraps. Frames are built when they are taken, never earlier: each tells what
is true at that moment, and a slow line is never filled with what has become useless.
"""

from protocol import frame, messages
from protocol.errors import MessageError

HEARTBEAT_MS = 10000
LOST_MS = 30000  # silence after which the link is given up

_MAX_ECHO_MS = 60000  # an older heartbeat echo is no measurement


class Link:
    """Base of TerminalLink and AgentLink; a subclass says what is due and handles its messages."""

    def __init__(self, now_ms: int, proto: tuple) -> None:
        self.proto_min, self.proto_max = proto
        self.session = 0  # 0: none
        self.counters = {
            "bad_session": 0,
            "bad_message": 0,
            "unknown_message": 0,
            "frames_sent": 0,
            "sessions": 0,
        }
        self._reader = frame.Reader()
        self._now_ms = now_ms
        self._out = b""  # the frame that is being taken
        self._out_done = None  # called when its last byte is taken
        self._heard_ms = now_ms
        self._beat_ms = now_ms  # when the next heartbeat is due
        self._beat_due = False
        self._echo = None  # ms of the heartbeat to answer
        self._rtt_ms = None  # of the last heartbeat

    def receive(self, data: bytes | bytearray | memoryview, now_ms: int) -> list:
        """Take bytes from the line; return what happened as a list of event tuples."""
        self._now_ms = max(now_ms, self._now_ms)
        events = []
        damaged = self._reader.damaged
        for type_, session, id_, body in self._reader.feed(data):
            self._note_frame(False, type_, session, id_, len(body))
            try:
                self._on_frame(type_, session, id_, body, events)
            except MessageError:
                self.counters["bad_message"] += 1
        if self._reader.damaged != damaged:
            self._on_damage()
        return events

    def tick(self, now_ms: int) -> list:
        """Let time pass; return what happened as a list of event tuples."""
        self._now_ms = max(now_ms, self._now_ms)
        events = []
        if self.session:
            if self._now_ms >= self._beat_ms:
                self._beat_ms = self._now_ms + HEARTBEAT_MS
                self._beat_due = True
            if self._now_ms - self._heard_ms >= LOST_MS:
                self._lose(f"nothing was heard for {LOST_MS // 1000} s", events)
        self._on_tick(events)
        return events

    def deadline_ms(self) -> int | None:
        """Return when `tick` has something to do at the latest; None if never."""
        deadline = min(self._beat_ms, self._heard_ms + LOST_MS) if self.session else None
        own = self._own_deadline_ms()
        if own is None or deadline is None:
            return deadline if own is None else own
        return min(deadline, own)

    def has_output(self) -> bool:
        """Tell whether `take_output` would give bytes now; builds the next frame if one is due."""
        return bool(self._out) or self._fill()

    def take_output(self, max_bytes: int | None = None, now_ms: int | None = None) -> bytes:
        """Return at most `max_bytes` for the line, as many as there is room for right now, not more."""
        if now_ms is not None:
            self._now_ms = max(now_ms, self._now_ms)
        taken = bytearray()
        while self._out or self._fill():
            room = len(self._out) if max_bytes is None else max_bytes - len(taken)
            if room <= 0:
                break
            taken += self._out[:room]
            self._out = self._out[room:]
            if not self._out and self._out_done:
                self._out_done(self._now_ms)
                self._out_done = None
        return bytes(taken)

    def status(self) -> dict:
        """Return counters, `rtt_ms` and `rto_ms`, text → integer or None."""
        found = {"rtt_ms": self._rtt_ms}
        found.update(self._reader.counters)
        found.update(self.counters)
        return found

    def _fill(self) -> bool:
        """Build the next frame that is due; False if there is none."""
        due = self._next_due()
        if due is None:
            return False
        type_, session, id_, body = due
        self._out = frame.encode(type_, session, id_, body)
        self._note_frame(True, type_, session, id_, len(body))
        self.counters["frames_sent"] += 1
        return True

    def _next_beat(self) -> tuple | None:
        """Return the heartbeat or its reply if one is due."""
        if self._echo is not None:
            fields = {"ms": self._echo, "status": self._status_for_peer()}
            self._echo = None
            return messages.HEARTBEAT_REPLY, self.session, 0, messages.encode(messages.HEARTBEAT_REPLY, fields)
        if self._beat_due:
            self._beat_due = False
            return messages.HEARTBEAT, self.session, 0, messages.encode(messages.HEARTBEAT, {"ms": self._now_ms})
        return None

    def _on_beat(self, type_: int, body: bytes) -> dict | None:
        """Handle a heartbeat; return the status that a reply carries, None for anything else."""
        fields = messages.decode(type_, body)
        if type_ == messages.HEARTBEAT:
            self._echo = fields["ms"]
            return None
        rtt_ms = self._now_ms - fields["ms"]
        if 0 <= rtt_ms <= _MAX_ECHO_MS:
            self._rtt_ms = rtt_ms
        return fields["status"]

    # What a subclass says and does

    def _on_frame(self, type_: int, session: int, id_: int, body: bytes, events: list) -> None:
        raise NotImplementedError

    def _on_damage(self) -> None:
        """Note that something arrived that was no frame."""

    def _note_frame(self, outgoing: bool, type_: int, session: int, id_: int, length: int) -> None:
        """Remember a frame that came or goes."""

    def _on_tick(self, events: list) -> None:
        raise NotImplementedError

    def _on_lost(self) -> None:
        raise NotImplementedError

    def _own_deadline_ms(self) -> int | None:
        raise NotImplementedError

    def _next_due(self) -> tuple | None:
        raise NotImplementedError

    def _status_for_peer(self) -> dict:
        raise NotImplementedError

    def _open_session(self, session: int) -> None:
        self.session = session
        self.counters["sessions"] += 1
        self._heard_ms = self._now_ms
        self._beat_ms = self._now_ms  # the first heartbeat leaves at once and measures the round trip
        self._beat_due = False
        self._echo = None

    def _lose(self, text: str, events: list) -> None:
        self.session = 0
        self._out = b""
        self._out_done = None
        events.append(("lost", text))
        self._on_lost()


def versions(proto: tuple) -> str:
    """Return a protocol range as text: "1" or "1 to 2"."""
    return str(proto[0]) if proto[0] == proto[1] else f"{proto[0]} to {proto[1]}"
