"""Send one file to the terminal beside everything else: BULK_OPEN, BULK_DATA …, BULK_CLOSE. For the host only.

States: idle ─ start → opening ─ ACK → sending ─ all there → closing ─ ACK → idle; BUSY at any point is a pause.

Selective repeat. A frame's id is its order number (1…255, round and round); a BULK_ACK's id names the newest frame
that has arrived, `next` the lowest offset not stored, bit i of `held` that frame id − i waits for an earlier one. The
line keeps order: what left before the named frame and is neither is lost, and sent again at once. A timer covers the
rest. Frames get smaller while more than half of them are lost.
"""

from hashlib import sha256

from protocol import content, messages, reasons
from protocol.errors import MessageError
from protocol.link_timer import Rto

WINDOW = 4  # frames on the way at most
FLIGHT_MS = 48  # a full frame at 115,200 baud: no more is on the way than is answered in this time, or one frame
BUSY_FIRST_MS = 50  # a library is copied on the terminal in 0.1 to 0.5 s; each further pause is twice as long
BUSY_RETRY_MS = 1000  # at most: an invite may be open for minutes
RETRY_CAP_MS = 400  # the longest erase of a sector
STEP_MS = 1000  # least wait for the answer to OPEN and CLOSE: the terminal erases flash and checks the hash
SILENCE_MS = 60000  # without any BULK_ACK the transfer is given up
LEAST_BYTES = 32

_IDS = 255
_ONE = 256  # a loss of 1.0
_LOSS_MEMORY_BITS = 3  # the mean goes over about 8 frames
_SMALLER, _LARGER = 140, 77  # 0.55 and 0.3: above a half smaller frames bring more where bit errors are the cause

_IDLE, _OPENING, _SENDING, _CLOSING = 0, 1, 2, 3


class BulkSender:
    """The agent's transfers on one link, one at a time.

    Events: ("bulk", name, stored bytes, size) · ("bulk_done", name, reason or None when the terminal fell silent).
    """

    def __init__(self) -> None:
        self.rto = Rto(RETRY_CAP_MS)
        self.resent = 0  # frames sent again
        self._state = _IDLE
        self._order = 0  # of the newest frame
        self._size = content.BLOCK_BYTES
        self._loss = _ONE // 8

    @property
    def is_running(self) -> bool:
        """Tell whether a transfer is going on."""
        return self._state != _IDLE

    def start(self, kind: int, name: str, data: bytes, now_ms: int) -> None:
        """Begin a transfer; MessageError if one runs already or the name does not fit. No data removes the file."""
        if self.is_running:
            raise MessageError("another transfer is running")
        head = {"kind": kind, "name": name, "size": len(data), "sha256": sha256(data).digest()}
        self._head = messages.encode(messages.BULK_OPEN, head)
        self._name = name
        self._data = bytes(data)
        self._first_order = self._order + 1
        self._next = 0  # everything below is stored
        self._busy_ms = BUSY_FIRST_MS  # the next pause
        self._heard_ms = now_ms
        self._reopen()

    def stop(self) -> None:
        """Forget the transfer: the link is lost."""
        self._state = _IDLE

    def wake(self) -> None:
        """Try again now: the terminal says that something changed there."""
        if self.is_running and self._paused_ms is not None:
            self._go_on()

    def take(self, now_ms: int) -> tuple | None:
        """Return (type, id, body) to send now, or None."""
        if not self.is_running or self._paused_ms is not None:
            return None
        if self._state == _SENDING:
            return self._take_block(now_ms)
        if not self._step_due:
            return None
        self._step_due = False
        id_ = self._sent(0, 0, now_ms)
        if self._state == _OPENING:
            return messages.BULK_OPEN, id_, self._head
        return messages.BULK_CLOSE, id_, messages.encode(messages.BULK_CLOSE, {})

    def left(self, now_ms: int) -> None:
        """Note that the newest frame is wholly on the line: its time runs from here."""
        if self._order in self._flight:
            start, end, _ = self._flight[self._order]
            self._flight[self._order] = (start, end, now_ms)
            self._timer_ms = now_ms

    def acknowledge(self, id_: int, ack: dict, now_ms: int, events: list) -> None:
        """Take a BULK_ACK."""
        order = self._order - (self._order - id_) % _IDS
        if not self.is_running or order < self._first_order:
            return
        self._heard_ms = now_ms
        self._silences = 0
        start, end, left_ms = self._flight.get(order, (0, 0, 0))
        if start < end:
            self.rto.sample(max(0, now_ms - left_ms))
        reason = ack["reason"]
        if reason == reasons.BUSY:
            self._pause(now_ms)
            return
        self._busy_ms = BUSY_FIRST_MS
        if reason == reasons.NO_TRANSFER:
            if self._state != _OPENING:
                self._reopen()
        elif reason != reasons.OK:
            self._finish(reason, events)
        elif self._state == _OPENING:
            self._begin(order, ack["next"], events)
        elif self._state == _SENDING:
            self._advance(order, ack["next"], ack["held"], now_ms, events)
        elif order >= self._close_order:
            self._finish(reasons.OK, events)

    def deadline_ms(self) -> int | None:
        """Return when `expire` has something to do; None while nothing is awaited."""
        if not self.is_running:
            return None
        if self._paused_ms is not None:
            return self._paused_ms
        if self._timer_ms is None:
            return None
        return min(self._timer_ms + self._patience_ms(), self._heard_ms + SILENCE_MS)

    def expire(self, now_ms: int, events: list) -> None:
        """End a pause, or send again after a silence."""
        if self._paused_ms is not None:
            self._go_on()
            return
        if now_ms - self._heard_ms >= SILENCE_MS:
            self._finish(None, events)
            return
        self._silences += 1
        self.rto.expired()
        if self._state != _SENDING:
            self._timer_ms = None
            self._step_due = True
            return
        self._count(_ONE)
        if self._silences > 1:
            self._count(_ONE)  # nothing at all comes through: the next try must be shorter
        self._recall()

    def _patience_ms(self) -> int:
        return self.rto.rto_ms if self._state == _SENDING else max(self.rto.rto_ms, STEP_MS)

    def _reopen(self) -> None:
        self._state = _OPENING
        self._silences = 0
        self._step_due = True
        self._paused_ms = None
        self._timer_ms = None
        self._waiting = []  # (start, end) not on the way and not stored, ascending
        self._flight = {}  # order → (start, end, ms when it left)
        self._open_order = self._order + 1

    def _begin(self, order: int, next_: int, events: list) -> None:
        """Go on where the terminal stands, if this answers the newest BULK_OPEN."""
        if order < self._open_order:
            return
        if next_ > len(self._data):
            self._finish(reasons.OUT_OF_RANGE, events)
            return
        self._state = _SENDING
        self._flight = {}
        self._next = next_
        self._waiting = [(next_, len(self._data))]
        self._settle(events)

    def _advance(self, order: int, next_: int, held: int, now_ms: int, events: list) -> None:
        """Take what is stored and what is held; what left earlier and is neither is lost."""
        if next_ > len(self._data):
            return
        self._next = max(self._next, next_)
        for one in sorted(self._flight):
            start, end, _ = self._flight[one]
            if end <= self._next or (0 <= order - one < 8 and held >> (order - one) & 1):
                del self._flight[one]
                self._count(0)
            elif one <= order:
                del self._flight[one]
                self._waiting.append((max(start, self._next), end))
                self.resent += 1
                self._count(_ONE)
        waiting = [(max(start, self._next), end) for start, end in self._waiting if end > self._next]
        self._waiting = sorted(waiting)
        self._timer_ms = now_ms if self._flight else None
        self._settle(events)

    def _settle(self, events: list) -> None:
        """Tell how far it is; close when all is stored; begin at `next` again if the terminal lost what it held."""
        events.append(("bulk", self._name, self._next, len(self._data)))
        if self._next == len(self._data):
            self._state = _CLOSING
            self._flight = {}
            self._step_due = True
            self._timer_ms = None
            self._close_order = self._order + 1
        elif not self._waiting and not self._flight:
            self._waiting = [(self._next, len(self._data))]

    def _take_block(self, now_ms: int) -> tuple | None:
        if not self._waiting or len(self._flight) >= self._window():
            return None
        start, end = self._waiting[0]
        stop = min(end, start + self._size)
        self._waiting[:1] = [(stop, end)] if stop < end else []
        id_ = self._sent(start, stop, now_ms)
        return messages.BULK_DATA, id_, start.to_bytes(4, "little") + self._data[start:stop]

    def _window(self) -> int:
        """Return how many frames may be on the way: events and requests must not wait behind many."""
        if self._silences or not self.rto.sampled:
            return 1
        return max(1, min(WINDOW, FLIGHT_MS // max(1, self.rto.rtt_ms or 0)))

    def _sent(self, start: int, stop: int, now_ms: int) -> int:
        self._order += 1
        self._flight[self._order] = (start, stop, now_ms)
        self._timer_ms = now_ms
        return (self._order - 1) % _IDS + 1

    def _recall(self) -> None:
        """Send again what is on the way."""
        self.resent += len(self._flight)
        self._waiting = sorted(self._waiting + [(start, end) for start, end, _ in self._flight.values()])
        self._flight = {}
        self._timer_ms = None

    def _pause(self, now_ms: int) -> None:
        if self._state == _SENDING:
            self._recall()
        self._flight = {}
        self._step_due = False
        self._timer_ms = None
        self._paused_ms = now_ms + self._busy_ms
        self._busy_ms = min(2 * self._busy_ms, BUSY_RETRY_MS)

    def _go_on(self) -> None:
        self._paused_ms = None
        self._step_due = True
        self._silences = 1  # one block asks

    def _finish(self, reason: int | None, events: list) -> None:
        self._state = _IDLE
        events.append(("bulk_done", self._name, reason))

    def _count(self, loss: int) -> None:
        """Follow the share of lost frames, and choose the size of the next ones by it."""
        self._loss += (loss - self._loss) >> _LOSS_MEMORY_BITS
        if self._loss > _SMALLER and self._size > LEAST_BYTES:
            self._size //= 2
            self._loss = _ONE // 2
        elif self._loss < _LARGER and self._size < content.BLOCK_BYTES:
            self._size *= 2
            self._loss = _ONE // 2
