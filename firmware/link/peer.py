"""Join the byte stream with the link session, and the link session with the desk."""

from link.alarm import LONGEST_MS, Alarm

_READ_BYTES = 256
_WRITE_BYTES = 256
_RETRY_MS = 1_000  # a stream that took nothing tells when it can; this is for one that forgets to


class Peer:
    """Own stream and link. A stream has readable, writable, readinto(buffer), write(data) and connected()."""

    def __init__(self, stream: object, link: object, clock: object, on_event: object) -> None:
        self.alarm = Alarm()
        self._stream = stream
        self._link = link
        self._clock = clock
        self._on_event = on_event
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._rest = b""
        self._connected = False

    async def read(self) -> None:
        """Take bytes for ever. Waits without limit: nothing has to happen while nobody sends."""
        stream = self._stream
        while True:
            await stream.readable.wait()
            if self._connected and not stream.connected():
                self._rest = b""
                self._on_event(("lost", "the port was closed"))
            self._connected = stream.connected()
            count = stream.readinto(self._buffer)
            while count:
                self._tell(self._link.receive(self._buffer[:count], self._clock.now_ms()))
                count = stream.readinto(self._buffer)
            self.alarm.wake()

    async def watch_room(self) -> None:
        """Go on sending when the stream has room again. Waits without limit, as `run` asks for room anyway."""
        while True:
            await self._stream.writable.wait()
            self.alarm.wake()

    async def run(self) -> None:
        """Send what is due for ever, and let the link watch its times."""
        while True:
            now_ms = self._clock.now_ms()
            self._tell(self._link.tick(now_ms))
            wait_ms = LONGEST_MS if self._send() else _RETRY_MS
            due = self._link.deadline_ms()
            if due is not None and due - now_ms < wait_ms:
                wait_ms = due - now_ms
            await self.alarm.wait(wait_ms)

    def _send(self) -> bool:
        """Write what the link has to say; False when the stream takes no more."""
        while True:
            if not self._rest:
                if not self._link.has_output():
                    return True
                self._rest = self._link.take_output(_WRITE_BYTES, self._clock.now_ms())
            taken = self._stream.write(self._rest)
            self._rest = self._rest[taken:]
            if self._rest:
                return False

    def _tell(self, events: list) -> None:
        for event in events:
            self._on_event(event)
