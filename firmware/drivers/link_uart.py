"""Data port over a UART, for RS-232 or four-wire RS-422/485 beyond the reach of USB: point to point, no flow control.

The same stream for link/peer as link_usb: await `readable`, then `readinto`; `write` takes what fits, await `writable`
for more room. Bytes go out while `writable` is awaited, so somebody always has to. A cable cannot be seen: the port
counts as connected, and the link's heartbeat tells the rest.
"""

from micropython import const

_PIECE = const(256)


class UartLink:
    """The port on `stream` (asyncio's, over a machine.UART); `filled` is a flag with `set()` and `wait()`."""

    def __init__(self, stream: object, filled: object) -> None:
        self.readable = _Readable(self)
        self.writable = _Writable(self)
        self._stream = stream
        self._filled = filled
        self._got = b""
        self._at = 0
        self._out = b""

    def connected(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:
        """Move received bytes into `buffer`; return how many, 0 when none wait."""
        count = min(len(buffer), len(self._got) - self._at)
        buffer[:count] = self._got[self._at : self._at + count]
        self._at += count
        return count

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        """Take bytes to send; return how many: none while earlier ones are on their way."""
        if self._out or not data:
            return 0
        self._out = bytes(data[:_PIECE])
        self._filled.set()
        return len(self._out)

    async def receive(self) -> None:
        """Wait for bytes. Without limit: nothing has to happen while nobody sends."""
        self._got = await self._stream.read(_PIECE)
        self._at = 0

    async def send(self) -> None:
        """Wait for bytes to send and send them. Without limit, as `receive`."""
        await self._filled.wait()
        self._stream.write(self._out)
        await self._stream.drain()
        self._out = b""


class _Readable:
    """What is awaited for bytes to read."""

    def __init__(self, link: UartLink) -> None:
        self._link = link

    async def wait(self) -> None:
        """Return when bytes wait."""
        await self._link.receive()


class _Writable:
    """What is awaited for room to write."""

    def __init__(self, link: UartLink) -> None:
        self._link = link

    async def wait(self) -> None:
        """Return when what was written has gone out."""
        await self._link.send()
