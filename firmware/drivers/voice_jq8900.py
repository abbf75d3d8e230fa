"""MP3 module JQ8900-16P on a UART, 9600 baud 8N1 (module manual version 1.1): play a prompt, volume, whether it plays.

A frame is AAh, command, number of data bytes, data, low byte of the sum of all before it. The module's answers are not
wired: whether it plays is read from its BUSY pin. Nothing here allocates after `__init__`.
"""

from micropython import const

_START = const(0xAA)
_STOP = const(0x04)
_PLAY_TRACK = const(0x07)
_VOLUME = const(0x13)
_LOUDEST = const(30)  # steps of the module


class Voice:
    """One module; tracks are numbered from 1 in the order of the files on it."""

    ready_ms = 1_000  # after power-on; it needs half of it

    def __init__(self, uart: object, busy: object, busy_level: int) -> None:
        self._uart = uart
        self._busy = busy
        self._busy_level = busy_level
        self._none = memoryview(bytearray(4))
        self._one = memoryview(bytearray(5))
        self._two = memoryview(bytearray(6))

    def play(self, track: int) -> None:
        """Play a track, 1 to 65535, from its beginning; what plays is broken off."""
        frame = self._two
        frame[3] = track >> 8
        frame[4] = track & 0xFF
        self._send(frame, _PLAY_TRACK)

    def stop(self) -> None:
        """Fall silent."""
        self._send(self._none, _STOP)

    def volume(self, percent: int) -> None:
        """Set the loudness of what plays and will play, 0 to 100 %; the module forgets it without power."""
        self._one[3] = (_LOUDEST * percent + 50) // 100
        self._send(self._one, _VOLUME)

    def playing(self) -> bool:
        """Return whether a track plays."""
        return self._busy() == self._busy_level

    def _send(self, frame: memoryview, command: int) -> None:
        last = len(frame) - 1
        frame[0] = _START
        frame[1] = command
        frame[2] = last - 3
        total = 0
        for i in range(last):
            total += frame[i]
        frame[last] = total & 0xFF
        self._uart.write(frame)
