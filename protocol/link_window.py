"""The sender's window of events: selective repeat over a line that never reorders.

Each EVENTS frame has an order number; its low part travels as the frame's id and comes back as the id of the ACK, which
so names the newest frame whose events are durable. That gives an exact round trip for every ACK, and proof of loss:
what left in an earlier frame and is not acknowledged will not come any more, and is sent again at once. A timer covers
the rest. The number of events a frame follows the share of frames lost.
"""

from array import array

from protocol.link_timer import Rto

WINDOW = 64  # events beyond the lowest that is not acknowledged; the ACK's bitmap covers them

_IDS = 255  # frame ids 1…255; 0 in an ACK names no frame
_ONE = 65536  # a loss of 1.0
# Most events a frame for a loss below this, in 1/65536: where one more event costs by loss what it saves in overhead
# (180 B an event, 12 B a frame).
_ROWS_FOR_LOSS = ((216, 5), (354, 4), (720, 3), (2031, 2))
_LOSS_AT_START = 655  # 1 %
_LOSS_AT_SILENCE = 2621  # 4 %: after a timeout one event a frame, until acknowledgements come
_LOSS_MEMORY_BITS = 8  # the mean goes over about 256 events


class SendWindow:
    """What has been sent and what of it is acknowledged, from `base` on; allocates its arrays once."""

    def __init__(self) -> None:
        self.rto = Rto()
        self.resent = 0  # events sent again, and why:
        self.holes = 0
        self.timeouts = 0
        self._order = array("I", bytes(4 * WINDOW))  # by seq % 64: order of the frame it left in; 0: to be sent
        self._rows = bytearray(WINDOW)  # by seq % 64: events in that frame
        self._sent_ms = array("q", bytes(8 * WINDOW))  # by order % 64
        self._last_order = 0
        self._named = 0  # order of the newest frame that an ACK named
        self._loss = _LOSS_AT_START
        self.open(1)

    def open(self, base: int) -> None:
        """Begin anew at `base`, for a new session."""
        self.base = base
        self.end = base  # one beyond the highest sent
        self._acked = 0  # bit i: base + i is acknowledged
        self._timer_ms = None  # since when an answer is awaited
        for slot in range(WINDOW):
            self._order[slot] = 0

    @property
    def rows(self) -> int:
        """Most events to put into one frame now."""
        for loss, rows in _ROWS_FOR_LOSS:
            if self._loss < loss:
                return rows
        return 1

    def due(self, last: int, most: int) -> list:
        """Return up to `most` seqs to send now, lowest first, of those that exist up to `last`."""
        found = []
        for seq in range(self.base, min(self.base + WINDOW, last + 1)):
            if not self._order[seq % WINDOW] and not self._is_acked(seq):
                found.append(seq)
                if len(found) == most:
                    break
        return found

    def sent(self, seqs: list, now_ms: int) -> int:
        """Note that these leave in one frame; return the frame's id."""
        self._last_order += 1
        order = self._last_order
        for seq in seqs:
            slot = seq % WINDOW
            self._order[slot] = order
            self._rows[slot] = len(seqs)
            if seq < self.end:
                self.resent += 1
            else:
                self.end = seq + 1
        self.left(now_ms)
        return (order - 1) % _IDS + 1

    def left(self, now_ms: int) -> None:
        """Note that the newest frame is wholly on the line: its time runs from here."""
        self._sent_ms[self._last_order % WINDOW] = now_ms
        self._timer_ms = now_ms

    def acknowledge(self, next_: int, bitmap: int, id_: int, now_ms: int) -> list | None:
        """Return the seqs newly acknowledged; None for an ACK that says what cannot be, or what is long known."""
        if not self.base <= next_ <= self.end or bitmap >> max(0, self.end - next_ - 1):
            return None
        newly = []
        for seq in range(self.base, self.end):
            if not self._is_acked(seq) and (seq < next_ or (seq > next_ and bitmap >> (seq - next_ - 1) & 1)):
                newly.append(seq)
                self._count_loss(0)
        self._acked = self._acked >> (next_ - self.base) | bitmap << 1
        for seq in range(self.base, next_):
            self._order[seq % WINDOW] = 0
        self.base = next_
        self._learn(id_, now_ms)
        if newly:
            self._timer_ms = now_ms
        if not self._is_in_flight():
            self._timer_ms = None
        return newly

    def deadline_ms(self) -> int | None:
        """Return when `expire` is due; None while nothing awaits an answer."""
        return None if self._timer_ms is None else self._timer_ms + self.rto.rto_ms

    def expire(self, now_ms: int) -> None:
        """Send again after a silence; the answer will tell what became of the other events."""
        self.timeouts += 1
        self.rto.expired()
        self.send_again()
        self._timer_ms = now_ms if self._is_in_flight() else None

    def send_again(self) -> None:
        """Send the lowest event again that awaits an answer, and one event a frame until losses are rare."""
        self._loss = max(self._loss, _LOSS_AT_SILENCE)
        for seq in range(self.base, self.end):
            if self._order[seq % WINDOW] and not self._is_acked(seq):
                self._order[seq % WINDOW] = 0
                return

    def _is_acked(self, seq: int) -> bool:
        return bool(self._acked >> (seq - self.base) & 1)

    def _is_in_flight(self) -> bool:
        for seq in range(self.base, self.end):
            if self._order[seq % WINDOW] and not self._is_acked(seq):
                return True
        return False

    def _learn(self, id_: int, now_ms: int) -> None:
        """Take round trip and losses from the frame that the ACK names."""
        order = self._last_order - (self._last_order - id_) % _IDS
        if not id_ or order < 1:
            return
        if order > self._named:  # an ACK sent again names a frame that was answered long ago
            self._named = order
            if self._last_order - order < WINDOW:
                self.rto.sample(max(0, now_ms - self._sent_ms[order % WINDOW]))
        for seq in range(self.base, self.end):
            slot = seq % WINDOW
            if 0 < self._order[slot] < order and not self._is_acked(seq):
                self._order[slot] = 0
                self.holes += 1
                self._count_loss(_ONE // self._rows[slot])

    def _count_loss(self, share: int) -> None:
        self._loss += (share - self._loss) >> _LOSS_MEMORY_BITS
