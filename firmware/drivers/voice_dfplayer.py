"""MP3 module DFPlayer Mini on a UART, 9600 baud 8N1 (manual version 1.0): play a prompt, volume, whether it plays.

A frame is 7Eh, FFh, 06h, command, 0 for no answer, two data bytes, the negative 16-bit sum from FFh on, EFh. Prompts
are files of the folder MP3 on its card, found by the number in their name. Nothing here allocates after `__init__`.
"""

import time

from micropython import const

_VOLUME = const(0x06)
_PLAY_IN_MP3 = const(0x12)
_STOP = const(0x16)
_LOUDEST = const(30)  # steps of the module
_GAP_MS = const(50)  # from frame to frame, 10 of it on the line; not in the manual: closer ones get lost


class Voice:
    """One module; tracks are numbered as the files on its card."""

    ready_ms = 3_000  # after power-on, until it has read the card

    def __init__(self, uart: object, busy: object, busy_level: int) -> None:
        self._uart = uart
        self._busy = busy
        self._busy_level = busy_level
        self._frame = bytearray(b"\x7e\xff\x06\x00\x00\x00\x00\x00\x00\xef")
        self._sent_ms = time.ticks_add(time.ticks_ms(), -_GAP_MS)

    def play(self, track: int) -> None:
        """Play a track, 1 to 9999, from its beginning; what plays is broken off."""
        self._send(_PLAY_IN_MP3, track)

    def stop(self) -> None:
        """Fall silent."""
        self._send(_STOP, 0)

    def volume(self, percent: int) -> None:
        """Set the loudness of what plays and will play, 0 to 100 %; the module forgets it without power."""
        self._send(_VOLUME, (_LOUDEST * percent + 50) // 100)

    def playing(self) -> bool:
        """Return whether a track plays."""
        return self._busy() == self._busy_level

    def _send(self, command: int, value: int) -> None:
        """Send a frame; one right after another, as after a change of volume, waits for up to 50 ms."""
        since_ms = time.ticks_diff(time.ticks_ms(), self._sent_ms)
        if 0 <= since_ms < _GAP_MS:
            time.sleep_ms(_GAP_MS - since_ms)
        frame = self._frame
        frame[3] = command
        frame[5] = value >> 8
        frame[6] = value & 0xFF
        total = 0
        for i in range(1, 7):
            total += frame[i]
        total = -total & 0xFFFF
        frame[7] = total >> 8
        frame[8] = total & 0xFF
        self._uart.write(frame)
        self._sent_ms = time.ticks_ms()
