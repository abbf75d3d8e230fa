"""JQ8900-16P MP3 module, manual version 1.1 (2019): UART 9600 8N1, prompts on its own flash, BUSY pin.

Modelled: frames with their checksum, play a track by number, play, pause, stop, next, previous, volume 0 to 30 (20 at
power-on), playing state query, BUSY while a track plays, the time after power-on in which nothing is taken, commands
that break off what plays. Not modelled: the one-wire interface, folders and file names, loops, equalizer, insertion,
the amplifier.
"""

from simulator.chips.mp3_module import Mp3Module

START = 0xAA
QUERY_STATE, PLAY_TRACK, VOLUME = 0x01, 0x07, 0x13


class JQ8900(Mp3Module):
    """One module."""

    AT_POWER_ON = 20
    POWER_ON_US = 500_000  # until the flash's directory is read; measured on such modules, not in the manual
    START_US = 60_000
    PLAY, PAUSE, STOP, PREVIOUS, NEXT = 0x02, 0x03, 0x04, 0x05, 0x06
    IGNORED = frozenset((0x08, 0x09, 0x0A, 0x0D, 0x10, 0x11, 0x12, 0x14, 0x15, 0x18, 0x19, 0x1A, 0x1B))
    LENGTHS = {QUERY_STATE: 0, PLAY: 0, PAUSE: 0, STOP: 0, PREVIOUS: 0, NEXT: 0, PLAY_TRACK: 2, VOLUME: 1}

    def _take_frames(self, t_us: int) -> None:
        """Obey whole frames; one whose checksum is wrong is dropped."""
        while self._frame:
            if self._frame[0] != START:
                self.violations.append(f"byte {self._frame[0]:#04x} outside a frame")
                del self._frame[0]
                continue
            size = self._frame[2] + 4 if len(self._frame) > 2 else 4
            if len(self._frame) < size:
                return
            frame, self._frame = bytes(self._frame[:size]), self._frame[size:]
            if sum(frame[:-1]) & 0xFF == frame[-1]:
                self._obey(frame[1], frame[3:-1], t_us)
            else:
                self.violations.append(f"frame {frame.hex()} with a wrong checksum")

    def _obey(self, command: int, data: bytes, t_us: int) -> None:
        if len(data) != self.LENGTHS.get(command, len(data)):
            self.violations.append(f"command {command:#04x} with {len(data)} data bytes")
        elif command == QUERY_STATE:
            answer = bytes([START, QUERY_STATE, 1, self.state])
            self._send(answer + bytes([sum(answer) & 0xFF]))
        elif command == PLAY_TRACK:
            self._start(int.from_bytes(data, "big"), t_us)
        elif command == VOLUME:
            self._set_volume(data[0], t_us)
        else:
            self._obey_common(command, t_us)
