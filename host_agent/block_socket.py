"""Wraps the broker's socket: blocks instead of packets for paho, and the two packets of the hot path past it.

Of the 70 µs that a published event costs paho, its bytes take one. So PUBLISH goes straight into the block, and PUBACK
is taken out of it, here; everything else (CONNECT, SUBSCRIBE, PING, what is subscribed to, DISCONNECT) stays paho's.

Promise: bytes keep their order; what `send` took leaves with the next `flush`; paho reads every packet but PUBACKs,
whole; `pending` tells of bytes that the event loop would not see any more.
"""

import socket
import ssl

READ_BYTES = 65_536
# What may wait for a broker that does not read; the delivery rule keeps it to some 20 events.
WRITE_LIMIT_BYTES = 1_048_576

Ack = tuple[int, int]  # message id, reason code

_PUBACK = 0x40
_LENGTH_BYTES = 4  # most of a packet's length, MQTT 5.0 §1.5.5


class BlockSocket:
    """Stand for a connected socket in non-blocking use; `sock` may be TLS."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over `sock`."""
        self._sock = sock
        self._read = b""
        self._at = 0
        self._packet_left = 0  # bytes of the packet that paho reads
        self._dry = False  # the socket has no more now, and what is left is no whole packet
        self._write = bytearray()
        self._error: OSError | None = None
        self.acks: list[Ack] = []

    def fileno(self) -> int:
        """Return the descriptor, −1 when closed."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """Pass on."""
        self._sock.setblocking(flag)

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes of a packet for paho, b"" at the end; PUBACKs before it go to `acks`.

        :raises BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, OSError: as the socket does.
        """
        self._dry = False
        while self._at == len(self._read) if self._packet_left else not self._open_packet():
            try:
                block = self._sock.recv(READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._dry = True
                raise
            if not block:
                return b""
            self._read = self._read[self._at :] + block
            self._at = 0
        piece = self._read[self._at : self._at + min(size, self._packet_left)]
        self._at += len(piece)
        self._packet_left -= len(piece)
        return piece

    def pending(self) -> bool:
        """Say whether bytes wait that will not show as readable."""
        if self._dry:
            return False
        return self._at < len(self._read) or (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0)

    def send(self, data: bytes | bytearray) -> int:
        """Take all of `data` for the next flush.

        :raises BlockingIOError: too much waits; OSError: an earlier flush failed.
        """
        if self._error is not None:
            raise self._error
        if len(self._write) > WRITE_LIMIT_BYTES:
            raise BlockingIOError
        self._write += data
        return len(data)

    def flush(self) -> bool:
        """Send what waits; return False when some is left because the socket takes no more now."""
        while self._write and self._error is None:
            try:
                sent = self._sock.send(self._write)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            except OSError as error:
                # The reading side tells of the loss; only nothing more may be taken.
                self._error = error
                self._write.clear()
                return True
            del self._write[:sent]
        return True

    def close(self) -> None:
        """Send what still goes (DISCONNECT) and close."""
        self.flush()
        self._sock.close()

    def _open_packet(self) -> bool:
        """Take the PUBACKs that are whole; say whether a packet of another kind begins after them."""
        data, at, end = self._read, self._at, len(self._read)
        while at < end:
            if data[at] == _PUBACK and end - at >= 4 and data[at + 1] == 2:  # without a reason code it is 0
                self.acks.append((data[at + 2] << 8 | data[at + 3], 0))
                at += 4
                continue
            self._at = at
            body, size = _measure(data, at)
            if not body:
                return False
            if data[at] != _PUBACK or size < 2:
                self._packet_left = body - at + size
                return True
            if end - body < size:
                return False
            self.acks.append((data[body] << 8 | data[body + 1], data[body + 2] if size > 2 else 0))
            at = body + size
        self._at = at
        return False


def publish_packet(topic: str, mid: int, payload: bytes, retain: bool, properties: bytes) -> bytes:
    """Return a PUBLISH packet (MQTT 5.0 §3.3), QoS 1 with a message id, QoS 0 for id 0."""
    name = topic.encode()
    size = 2 + len(name) + (2 if mid else 0) + len(properties) + len(payload)
    first = (0x32 if mid else 0x30) | retain
    if 0x7F < size < 0x4000:  # as nearly all are
        head = bytes((first, size & 0x7F | 0x80, size >> 7, len(name) >> 8, len(name) & 0xFF))
    else:
        head = bytes((first,)) + _length(size) + len(name).to_bytes(2, "big")
    return b"".join((head, name, mid.to_bytes(2, "big") if mid else b"", properties, payload))


def _length(size: int) -> bytes:
    """Return a variable byte integer, MQTT 5.0 §1.5.5."""
    out = bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    return bytes(out)


def _measure(data: bytes, at: int) -> tuple[int, int]:
    """Return where the body of the packet at `at` begins, and its size; (0, 0) while the header is not whole."""
    size = 0
    for number in range(_LENGTH_BYTES):
        where = at + 1 + number
        if where >= len(data):
            return 0, 0
        size |= (data[where] & 0x7F) << 7 * number
        if data[where] < 0x80:
            return where + 1, size
    return at + 1 + _LENGTH_BYTES, 0  # no such length: paho says so
