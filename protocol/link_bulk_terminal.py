"""Take content files from the agent: the terminal's end of BULK_OPEN, BULK_DATA …, BULK_CLOSE.

A terminal loads this module when content comes, and lets it go afterwards. A store has is_busy(), open(kind, name,
size, sha256) → (reason, offset to go on at), write(data) → reason, close() → reason, end(). While it is busy (an invite
is open) nothing is taken, and the answer is BUSY; so it is while the store still works on what CLOSE began.
"""

# pyright: reportAttributeAccessIssue=false
# What is passed in is known by what it can do; a type for it would have to be imported on the terminal.

from protocol import messages, reasons
from protocol.errors import MessageError

HELD_MAX = 3  # blocks that wait for an earlier one: with it they fill the agent's window

_IDS = 255
_HELD_BITS = 8
_OFFSET_BYTES = 4


class BulkReceiver:
    """One transfer after the other; `due` says that a BULK_ACK is to be sent."""

    def __init__(self, store: object) -> None:
        self.due = False
        self._store = store
        self._id = 0  # of the newest frame
        self._busy = False
        self._reason = reasons.NO_TRANSFER
        self._next = self._size = 0
        self._closed = True
        self._held = {}  # id → (offset, data)

    def receive(self, type_: int, id_: int, body: bytes) -> None:
        """Take a frame; MessageError if it does not fit."""
        head = messages.decode(type_, body) if type_ == messages.BULK_OPEN else None
        if type_ == messages.BULK_DATA and len(body) <= _OFFSET_BYTES:
            raise MessageError("BULK_DATA: no data")
        self._id = id_
        self.due = True
        self._busy = self._store.is_busy()
        if self._busy:
            return
        if head:
            self._held = {}
            self._closed = False
            self._size = head["size"]
            self._reason, self._next = self._store.open(head["kind"], head["name"], self._size, head["sha256"])
        elif self._reason != reasons.OK or self._closed:
            return  # the answer is what it was
        elif type_ == messages.BULK_CLOSE:
            reason = self._store.close() if self._next == self._size else reasons.OUT_OF_RANGE
            self._busy = reason == reasons.BUSY  # the store goes on with it: the agent asks again
            if not self._busy:
                self._closed = True
                self._held = {}
                self._reason = reason
        else:
            self._take(id_, int.from_bytes(body[:_OFFSET_BYTES], "little"), body[_OFFSET_BYTES:])

    def answer(self) -> tuple:
        """Return (id, fields) of the BULK_ACK."""
        self.due = False
        held = 0
        for id_ in self._held:
            back = (self._id - id_) % _IDS
            if back < _HELD_BITS:
                held |= 1 << back
        reason = reasons.BUSY if self._busy else self._reason
        return self._id, {"next": self._next, "reason": reason, "held": held}

    def end(self) -> None:
        """Give up a transfer that is not complete; what is stored of it stays, to go on with later."""
        self._store.end()

    def _take(self, id_: int, offset: int, data: bytes) -> None:
        if offset > self._next:
            if len(self._held) < HELD_MAX:
                self._held[id_] = (offset, data)
            return
        self._write(offset, data)
        waiting = True
        while waiting:
            waiting = False
            for id_ in list(self._held):
                offset, data = self._held[id_]
                if offset <= self._next:
                    del self._held[id_]
                    self._write(offset, data)
                    waiting = True

    def _write(self, offset: int, data: bytes) -> None:
        """Store what of a block is new."""
        data = data[self._next - offset :]
        if not data or self._reason != reasons.OK:
            return
        if self._next + len(data) > self._size:
            self._reason = reasons.OUT_OF_RANGE
            return
        self._reason = self._store.write(data)
        if self._reason == reasons.OK:
            self._next += len(data)
