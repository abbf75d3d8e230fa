"""DFPlayer Mini MP3 module, manual version 1.0 (DFRobot): UART 9600 8N1, prompts on a card, BUSY pin.

Modelled: frames with version, length, checksum and end, play a file of the folder MP3 by its number, play, pause, stop,
next, previous, volume 0 to 30 (30 at power-on), state query, the acknowledgement where it is asked for, errors, what
the module tells by itself (card found, track at its end), BUSY low while a track plays, the 1.5 to 3 s after power-on
and the time after a frame in which nothing is taken. Not modelled: other folders, the root's order of files, loops,
equalizer, announcements, sleep, USB and flash as sources, the amplifier.
"""

from simulator.chips.mp3_module import Mp3Module
from simulator.clock import Timed

START, VERSION, LENGTH, END = 0x7E, 0xFF, 6, 0xEF
SIZE = 10
VOLUME, MP3_FOLDER = 0x06, 0x12
ENDED, ONLINE, ERROR, ACKNOWLEDGED, QUERY_STATE = 0x3D, 0x3F, 0x40, 0x41, 0x42
CARD = 2
BUSY, INCOMPLETE, WRONG_SUM = 0, 1, 2  # errors of ERROR
GAP_US = 30_000  # after a frame; not in the manual, but frames closer together are reported as lost


def frame(command: int, value: int, feedback: int = 0) -> bytes:
    """Return a frame."""
    head = bytes([VERSION, LENGTH, command, feedback, value >> 8, value & 0xFF])
    return bytes([START]) + head + (-sum(head) & 0xFFFF).to_bytes(2, "big") + bytes([END])


class DFPlayer(Mp3Module):
    """One module with a card in it."""

    AT_POWER_ON = 30
    POWER_ON_US = 3_000_000  # the manual's longest
    START_US = 200_000  # until the card is read
    BUSY_LEVEL = 0
    NEXT, PREVIOUS, PLAY, PAUSE, STOP = 0x01, 0x02, 0x0D, 0x0E, 0x16
    IGNORED = frozenset((0x04, 0x05, 0x07, 0x09, 0x0A, 0x0B, 0x0C, 0x10, 0x11, 0x43, 0x44, 0x45, 0x46, 0x48))
    _told: Timed | None = None
    _deaf_until_us = 0

    def power_on(self, t_us: int) -> None:
        """Apply power; when the card is found the module tells so."""
        super().power_on(t_us)
        self._deaf_until_us = 0
        if self._ready_us > self._clock.now_us:
            self._told = self._clock.at(self._ready_us, lambda: self._send(frame(ONLINE, CARD)))

    def power_off(self, t_us: int) -> None:
        """Cut power."""
        super().power_off(t_us)
        if self._told is not None:
            self._told.cancel()

    def _take_frames(self, t_us: int) -> None:
        """Obey whole frames; damaged ones are answered with an error."""
        while self._frame:
            if self._frame[0] != START:
                self.violations.append(f"byte {self._frame[0]:#04x} outside a frame")
                del self._frame[0]
                continue
            if len(self._frame) < SIZE:
                return
            taken, self._frame = bytes(self._frame[:SIZE]), self._frame[SIZE:]
            if t_us < self._deaf_until_us:
                self.violations.append(f"frame {taken.hex()} {self._deaf_until_us - t_us} µs too early after another")
                continue
            self._deaf_until_us = t_us + GAP_US
            self._check(taken, t_us)

    def _check(self, taken: bytes, t_us: int) -> None:
        if taken[1] != VERSION or taken[2] != LENGTH or taken[-1] != END:
            self.violations.append(f"frame {taken.hex()} is no frame")
            self._send(frame(ERROR, INCOMPLETE))
        elif sum(taken[1:7]) + int.from_bytes(taken[7:9], "big") & 0xFFFF:
            self.violations.append(f"frame {taken.hex()} with a wrong checksum")
            self._send(frame(ERROR, WRONG_SUM))
        else:
            if taken[4]:
                self._send(frame(ACKNOWLEDGED, 0))
            self._obey(taken[3], int.from_bytes(taken[5:7], "big"), t_us)

    def _obey(self, command: int, value: int, t_us: int) -> None:
        if command == QUERY_STATE:
            self._send(frame(QUERY_STATE, CARD << 8 | self.state))
        elif command == MP3_FOLDER:
            self._start(value, t_us)
        elif command == VOLUME:
            self._set_volume(value, t_us)
        else:
            self._obey_common(command, t_us)

    def _ended(self, t_us: int) -> None:
        super()._ended(t_us)
        self._send(frame(ENDED, self.track))
