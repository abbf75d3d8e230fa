"""What MP3 modules with a UART and a BUSY pin have in common: frames in, sound out, and what was heard of it.

Durations stand for the files: a test or the prompt pack gives them.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from simulator.clock import Clock, Timed

STOPPED, PLAYING, PAUSED = 0, 1, 2
LOUDEST = 30


class Heard(NamedTuple):
    """What was heard: a track from `from_us` to `to_us` (None while it plays) at a volume of 0 to 30."""

    track: int
    from_us: int
    to_us: int | None
    volume: int


class Mp3Module:
    """One module. `set_busy(level, t_us)` drives its pin, `send(data)` its TXD; `tracks` maps number → ms."""

    AT_POWER_ON = LOUDEST  # volume
    POWER_ON_US = 0  # in which nothing is taken
    START_US = 0  # from the command to the first sound
    BUSY_LEVEL = 1  # of the pin while a track plays
    # Numbers of the commands that all modules have, and of those that change nothing modelled.
    PLAY: int
    PAUSE: int
    STOP: int
    NEXT: int
    PREVIOUS: int
    IGNORED: frozenset[int]

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
        self.busy_stuck: int | None = None  # level that the BUSY pin keeps, of a broken module
        self._clock = clock
        self._busy_pin = set_busy
        self._send = send
        self._frame = bytearray()
        self._ends: Timed | None = None
        self._powered = False
        self.power_on(-self.POWER_ON_US)

    def _set_busy(self, level: int, t_us: int) -> None:
        self._busy_pin(level if self.busy_stuck is None else self.busy_stuck, t_us)

    # -- power

    def power_on(self, t_us: int) -> None:
        """Apply power: silent, volume as it always starts."""
        self._powered = True
        self._ready_us = t_us + self.POWER_ON_US
        self._frame.clear()
        self.state, self.volume, self.track = STOPPED, self.AT_POWER_ON, 0
        self._set_busy(1 - self.BUSY_LEVEL, max(t_us, 0))

    def power_off(self, t_us: int) -> None:
        """Cut power."""
        self._silence(t_us)
        self._powered = False

    # -- UART

    def receive(self, data: bytes, t_us: int) -> None:
        """Take bytes, if the module listens already."""
        if not self._powered:
            return
        if t_us < self._ready_us:
            self.violations.append(f"{len(data)} bytes {self._ready_us - t_us} µs before the module listens")
            return
        self._frame += data
        self._take_frames(t_us)

    def _take_frames(self, t_us: int) -> None:
        """Take whole frames off `_frame` and obey them."""
        raise NotImplementedError

    # -- sound

    def _obey_common(self, command: int, t_us: int) -> None:
        """Obey a command that all modules have; the rest is not modelled."""
        if command == self.PLAY:
            self._start(self.track or 1, t_us)
        elif command in (self.NEXT, self.PREVIOUS):
            self._start(self._neighbour(1 if command == self.NEXT else -1), t_us)
        elif command in (self.STOP, self.PAUSE):
            was = self.state
            self._silence(t_us)
            self.state = PAUSED if command == self.PAUSE and was == PLAYING else STOPPED
        elif command not in self.IGNORED:
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

    def _start(self, track: int, t_us: int) -> None:
        """Begin a track; one that is not there leaves silence, as the module does."""
        self._silence(t_us)
        if track not in self.tracks:
            self.violations.append(f"track {track} is not on the module")
            return
        self.track, self.state = track, PLAYING
        begins_us = t_us + self.START_US
        self.heard.append(Heard(track, begins_us, None, self.volume))
        self._set_busy(self.BUSY_LEVEL, t_us)
        self._ends = self._clock.at(begins_us + self.tracks[track] * 1000, lambda: self._ended(self._clock.now_us))

    def _neighbour(self, step: int) -> int:
        """Return the number of the track after (1) or before (-1) this one, round the end."""
        return (self.track - 1 + step) % max(len(self.tracks), 1) + 1

    def _ended(self, t_us: int) -> None:
        """End a track that came to its end."""
        self._silence(t_us)

    def _silence(self, t_us: int) -> None:
        if self._ends is not None:
            self._ends.cancel()
            self._ends = None
        if self.heard and self.heard[-1].to_us is None:
            self.heard[-1] = self.heard[-1]._replace(to_us=max(t_us, self.heard[-1].from_us))
        self.state = STOPPED
        self._set_busy(1 - self.BUSY_LEVEL, t_us)
