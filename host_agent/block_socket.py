"""Wraps the broker's socket so that paho reads and writes blocks: one system call for many packets, not four for each.

Promise: bytes keep their order; what `send` took leaves with the next `flush`; `pending` tells of bytes that the event
loop would not see any more.
"""

import socket
import ssl

READ_BYTES = 65_536
# What may wait for a broker that does not read; the delivery rule keeps it to some 20 events.
WRITE_LIMIT_BYTES = 1_048_576


class BlockSocket:
    """Stand for a connected socket in non-blocking use; `sock` may be TLS."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over `sock`."""
        self._sock = sock
        self._read = b""
        self._at = 0
        self._write = bytearray()
        self._error: OSError | None = None

    def fileno(self) -> int:
        """Return the descriptor, −1 when closed."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """Pass on."""
        self._sock.setblocking(flag)

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes of the present block, or read the next block.

        :raises BlockingIOError, ssl.SSLWantReadError, OSError: as the socket does.
        """
        if self._at >= len(self._read):
            self._read = self._sock.recv(READ_BYTES)
            self._at = 0
        piece = self._read[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def pending(self) -> bool:
        """Say whether bytes wait that will not show as readable."""
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
