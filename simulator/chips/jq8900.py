"""JQ8900-16P MP3 module, manual version 1.1 (2019): UART 9600 8N1, prompts on its own flash, BUSY pin.

Modelled: frames with their checksum, play a track by number, play, pause, stop, next, previous, volume 0 to 30 (20 at
power-on), playing state query, BUSY while a track plays, the time after power-on in which nothing is taken, commands
that break off what plays. Not modelled: the one-wire interface, folders and file names, loops, equalizer, insertion,
the amplifier. Durations stand for the files: a test or the prompt pack gives them.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from simulator.clock import Clock, Timed

START = 0xAA
QUERY_STATE, PLAY, PAUSE, STOP, PREVIOUS, NEXT, PLAY_TRACK, VOLUME = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x13
STOPPED, PLAYING, PAUSED = 0, 1, 2
LOUDEST = 30
AT_POWER_ON = 20
POWER_ON_US = 500_000  # until the flash's directory is read; measured on such modules, not in the manual
START_US = 60_000  # from the command to the first sound
_IGNORED = frozenset((0x08, 0x09, 0x0A, 0x0D, 0x10, 0x11, 0x12, 0x14, 0x15, 0x18, 0x19, 0x1A, 0x1B))
_LENGTHS = {QUERY_STATE: 0, PLAY: 0, PAUSE: 0, STOP: 0, PREVIOUS: 0, NEXT: 0, PLAY_TRACK: 2, VOLUME: 1}


class Heard(NamedTuple):
    """What was heard: a track from `from_us` to `to_us` (None while it plays) at a volume of 0 to 30."""

    track: int
    from_us: int
    to_us: int | None
    volume: int


class JQ8900:
    """One module. `set_busy(level, t_us)` drives its pin, `send(data)` its TXD; `tracks` maps number → ms."""

    def __init__(
        self,
        clock: Clock,
        set_busy: Callable[[int, int], None],
        send: Callable[[bytes], None],
        tracks: Mapping[int, int],
    ) -> None:
        self.tracks = dict(tracks)
        self.heard: list[Heard] = []
        self.violations: list[str] = []
        self._clock = clock
        self._set_busy = set_busy
        self._send = send
        self._frame = bytearray()
        self._ends: Timed | None = None
        self._powered = False
        self.power_on(-POWER_ON_US)

    # -- power

    def power_on(self, t_us: int) -> None:
        """Apply power: silent, volume as it always starts."""
        self._powered = True
        self._ready_us = t_us + POWER_ON_US
        self._frame.clear()
        self.state, self.volume, self.track = STOPPED, AT_POWER_ON, 0
        self._set_busy(0, max(t_us, 0))

    def power_off(self, t_us: int) -> None:
        """Cut power."""
        self._silence(t_us)
        self._powered = False

    # -- UART

    def receive(self, data: bytes, t_us: int) -> None:
        """Take bytes; a frame whose checksum is wrong is dropped."""
        if not self._powered:
            return
        if t_us < self._ready_us:
            self.violations.append(f"{len(data)} bytes {self._ready_us - t_us} µs before the module listens")
            return
        self._frame += data
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
        if len(data) != _LENGTHS.get(command, len(data)):
            self.violations.append(f"command {command:#04x} with {len(data)} data bytes")
        elif command == QUERY_STATE:
            answer = bytes([START, QUERY_STATE, 1, self.state])
            self._send(answer + bytes([sum(answer) & 0xFF]))
        elif command == PLAY_TRACK:
            self._start(int.from_bytes(data, "big"), t_us)
        elif command == PLAY:
            self._start(self.track or 1, t_us)
        elif command in (NEXT, PREVIOUS):
            self._start((self.track - 1 + (1 if command == NEXT else -1)) % max(len(self.tracks), 1) + 1, t_us)
        elif command in (STOP, PAUSE):
            was = self.state
            self._silence(t_us)
            self.state = PAUSED if command == PAUSE and was == PLAYING else STOPPED
        elif command == VOLUME:
            self._set_volume(data[0], t_us)
        elif command not in _IGNORED:
            self.violations.append(f"command {command:#04x} is not modelled")

    def _set_volume(self, steps: int, t_us: int) -> None:
        """Set the volume; a track that plays goes on as a second record."""
        if steps > LOUDEST:
            self.violations.append(f"volume {steps}, at most {LOUDEST}")
        self.volume = min(steps, LOUDEST)
        if self.heard and self.heard[-1].to_us is None:
            playing = self.heard[-1]
            now_us = max(t_us, playing.from_us)
            self.heard[-1] = playing._replace(to_us=now_us)
            self.heard.append(Heard(playing.track, now_us, None, self.volume))

    # -- sound

    def _start(self, track: int, t_us: int) -> None:
        """Begin a track; one that is not there leaves silence, as the module does."""
        self._silence(t_us)
        if track not in self.tracks:
            self.violations.append(f"track {track} is not on the module")
            return
        self.track, self.state = track, PLAYING
        begins_us = t_us + START_US
        self.heard.append(Heard(track, begins_us, None, self.volume))
        self._set_busy(1, t_us)
        self._ends = self._clock.at(begins_us + self.tracks[track] * 1000, lambda: self._silence(self._clock.now_us))

    def _silence(self, t_us: int) -> None:
        if self._ends is not None:
            self._ends.cancel()
            self._ends = None
        if self.heard and self.heard[-1].to_us is None:
            self.heard[-1] = self.heard[-1]._replace(to_us=max(t_us, self.heard[-1].from_us))
        self.state = STOPPED
        self._set_busy(0, t_us)
