"""Is the master of one FF68 bus: one frame at a time, acknowledgements first, its own echo ignored. Sans-IO.

The bus is half duplex and nobody arbitrates: the master speaks only into a pause, and a frame that was not acknowledged
by an echo, or met noise, is sent again. Whether a rater took a frame nobody can know: it answers nothing but grades.

Events: ("grade", address, grade, since_ms) a whole frame with a right checksum came, and not before `since_ms` ·
("begun", address, at_ms) a begin stood on the line from then on · ("unsent", address) it could not be placed.
The number of a grade is in no text and no counter.
"""

from collections import deque

import attrs

from host_agent.dialects import ff68_frame as ff68
from host_agent.dialects.ff68_frame import Frame

BYTE_MS = 10_000 / 9_600  # 8N1
# 3.5 characters end a frame on such lines; adapters need some ms to turn round, USB hands bytes over in 16 ms blocks.
PAUSE_MS = 24
# A frame that stands half in: its rest follows, or does not, within this.
HALF_MS = 60
# How long after its last byte an echo may still come through USB or a serial server.
ECHO_MS = 300
TRIES = 3
_BACKOFF_MS = 40


@attrs.frozen
class Rater:
    """Say how one rater on the bus is spoken to: `offset` is added in what it sends, `echo_ack` repeats its grade."""

    address: int
    offset: int = ff68.FROM_RATER
    echo_ack: bool = False

    @property
    def source(self) -> int:
        """Return the address under which its frames come."""
        return (self.address + self.offset) & 0xFF


@attrs.define
class _Order:
    frame: Frame
    lead: bool = True
    begins: int | None = None  # the address that hears of it
    tries: int = 0
    not_before_ms: int = 0


class Bus:
    """Own one line and the raters on it; `now_ms` is monotonic."""

    def __init__(self, raters: list[Rater], now_ms: int) -> None:
        """Start with a quiet line."""
        self._raters = {rater.source: rater for rater in raters}
        self._reader = ff68.Reader()
        self._acks: dict[int, _Order] = {}
        self._orders: deque[_Order] = deque()
        self._out: _Order | None = None  # on the line
        self._out_ms = self._out_end_ms = now_ms
        self._late_echo: Frame | None = None  # of the frame before, if this adapter turns out to hear itself
        self._damage = 0  # of the line when the present frame was sent
        self._heard_ms = now_ms - HALF_MS
        self._has_echo = False
        self._looks = (now_ms, now_ms)
        self.counts = dict.fromkeys(("echoes", "collisions", "other_address", "other_master", "unknown_frames"), 0)

    @property
    def counters(self) -> dict[str, int]:
        """Return what the line brought."""
        reader = self._reader
        return {
            "bus_frames": reader.frames,
            "bus_bad_checksum": reader.bad_checksum,
            "bus_skipped_bytes": reader.skipped_bytes,
            **{f"bus_{name}": value for name, value in self.counts.items()},
        }

    # --- orders

    def begin(self, address: int) -> None:
        """Have a rater begin an evaluation; one that still waits is not doubled."""
        if not any(order.begins == address for order in self._orders):
            frame = Frame(address, ff68.FUNCTION_HOST, bytes((ff68.DATA_BEGIN,)))
            self._orders.append(_Order(frame, begins=address))

    def end(self, address: int) -> None:
        """Forget a begin that still waits."""
        self._orders = deque(order for order in self._orders if order.begins != address)

    def stars(self, address: int, stars: int) -> None:
        """Have a rater show a clerk's stars."""
        self._orders.append(_Order(Frame(address, ff68.FUNCTION_STARS, bytes((stars,)))))

    def acknowledge(self, address: int, grade: int) -> None:
        """Tell a rater that its grade was taken; in the form of an echo the grade goes back on the wire."""
        rater = next(rater for rater in self._raters.values() if rater.address == address)
        if rater.echo_ack:
            order = _Order(Frame(address, ff68.FUNCTION_HOST, bytes((grade,))))
        else:
            order = _Order(Frame(rater.source, ff68.FUNCTION_HOST), lead=False)
        self._acks[address] = order

    # --- the line

    def look(self, now_ms: int) -> None:
        """Note that the line was looked at: what is read later cannot have come before the look before this one."""
        self._looks = (self._looks[1], now_ms)

    def receive(self, data: bytes, now_ms: int) -> list[tuple]:
        """Take what was read; return what happened."""
        since_ms = self._looks[0]
        self.look(now_ms)
        self._heard_ms = now_ms
        if now_ms > self._out_end_ms + ECHO_MS:
            self._late_echo = None
        events: list[tuple] = []
        for frame in self._reader.feed(data, now_ms):
            self._take(frame, since_ms, events)
        return events

    def tick(self, now_ms: int) -> list[tuple]:
        """Settle the frame on the line when its time is over."""
        self.look(now_ms)
        if self._out is None or now_ms < self._settle_ms():
            return []
        order, self._out = self._out, None
        if self._has_echo or self._damaged() != self._damage:
            self.counts["collisions"] += 1
            return self._again(order, now_ms)
        self._late_echo = order.frame
        return self._placed(order)

    def take_output(self, now_ms: int) -> bytes:
        """Return the frame that must be written now, nothing while the line is not free."""
        if self._out is not None or now_ms < self._free_ms():
            return b""
        if self._acks:
            order = self._acks.pop(next(iter(self._acks)))
        elif self._orders and self._orders[0].not_before_ms <= now_ms:
            order = self._orders.popleft()
        else:
            return b""
        data = ff68.encode(order.frame, order.lead)
        self._out, self._out_ms = order, now_ms
        self._out_end_ms = now_ms + round(len(data) * BYTE_MS)
        self._damage = self._damaged()
        return data

    def deadline_ms(self) -> int | None:
        """Return when `tick` or `take_output` has something to do; None if never."""
        if self._out is not None:
            return self._settle_ms()
        if self._acks:
            return self._free_ms()
        return max(self._free_ms(), self._orders[0].not_before_ms) if self._orders else None

    def _free_ms(self) -> int:
        return max(self._out_end_ms, self._heard_ms) + (HALF_MS if self._reader.holds else PAUSE_MS)

    def _settle_ms(self) -> int:
        return self._out_end_ms + (ECHO_MS if self._has_echo else PAUSE_MS)

    def _damaged(self) -> int:
        return self._reader.bad_checksum + self._reader.skipped_bytes

    def _again(self, order: _Order, now_ms: int) -> list[tuple]:
        """Send a frame once more after a pause; a lost acknowledgement is asked for by the rater itself."""
        if order.begins is None and order.frame.function != ff68.FUNCTION_STARS:
            return []
        order.tries += 1
        if order.tries == TRIES:
            return [] if order.begins is None else [("unsent", order.begins)]
        order.not_before_ms = now_ms + _BACKOFF_MS * order.tries + order.frame.address % 8
        self._orders.appendleft(order)
        return []

    def _placed(self, order: _Order) -> list[tuple]:
        return [] if order.begins is None else [("begun", order.begins, self._out_ms)]

    def _take(self, frame: Frame, since_ms: int, events: list[tuple]) -> None:
        if self._out is not None and frame == self._out.frame:
            self._note_echo()
            order, self._out = self._out, None
            events += self._placed(order)
        elif frame == self._late_echo:
            self._note_echo()
        elif frame.function in (ff68.FUNCTION_HOST, ff68.FUNCTION_STARS):
            self.counts["other_master"] += 1
        elif frame.grade is None:
            self.counts["unknown_frames"] += 1
        elif frame.address not in self._raters:
            self.counts["other_address"] += 1
        else:
            events.append(("grade", self._raters[frame.address].address, frame.grade, since_ms))

    def _note_echo(self) -> None:
        self.counts["echoes"] += 1
        self._has_echo = True
        self._late_echo = None
