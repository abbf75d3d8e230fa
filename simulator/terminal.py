"""SimTerminal: one simulated terminal, with a person at its keys, a cable and a power switch.

clock="real": a thread serves it in wall time and the cable is a pty linked at `link_path`; every method may be called
from any thread. clock="virtual": nothing moves except in `run_for`, `run_until`; a sans-IO peer is put on the cable
with `attach`; the same seed gives the same run.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from PIL import Image

from simulator.assembly import VIRTUAL_UTC_US, assemble, keep
from simulator.chips.ft6336 import Point
from simulator.chips.key import Key
from simulator.chips.w25q import TYPICAL, Timing
from simulator.clock import FOREVER, Clock, RealClock
from simulator.engine import Engine
from simulator.errors import SimError
from simulator.glass import picture
from simulator.line_watch import LineWatch
from simulator.peer import Link, Peer
from simulator.process import HEAP_KB, interpreter
from simulator.runner import Runner
from simulator.serial_port import SerialPort, claim_link
from simulator.stage import FIRMWARE, PROTOCOL, stage
from simulator.state import State
from simulator.wiring import Wiring, load_board

PRESS_MS = 120
TAP_MS = 80

Result = TypeVar("Result")
__all__ = ["VIRTUAL_UTC_US", "SimTerminal"]


def _board_source(board: str, firmware: Path) -> Path:
    """Return the firmware folder whose board data counts: a test's own, else the project's."""
    return firmware if (firmware / "boards" / f"{board}.py").is_file() else FIRMWARE


class SimTerminal:
    """One terminal of board `board` whose memory lives in `state_dir`."""

    def __init__(
        self, board: str | dict = "k5", state_dir: str | Path = "terminal", link_path: str | Path | None = None,
        clock: str = "real", seed: int = 0, *, terminal: str = "YP-0001", centre: str = "C01", window: str = "W01",
        firmware_dir: str | Path = FIRMWARE, protocol_dir: str | Path | None = PROTOCOL, heap_kb: int = HEAP_KB,
        ticks_start_ms: int = 0, timing: Timing = TYPICAL, rtc: str = "set", reveal_level: bool = False,
    ) -> None:  # fmt: skip
        if clock not in ("real", "virtual"):
            raise ValueError("clock is real or virtual")
        self.state = State(Path(state_dir).resolve())
        self.seed = seed
        self.observers: list[Callable[[str], None]] = []
        self._virtual = clock == "virtual"
        self._data = board if isinstance(board, dict) else load_board(board, _board_source(board, Path(firmware_dir)))
        self._identity = (str(self._data["name"]), terminal, centre, window)
        self._reveal_level = reveal_level
        self._firmware_dir = Path(firmware_dir)
        self._protocol_dir = None if protocol_dir is None else Path(protocol_dir)
        self._link = None if link_path is None else Path(link_path).absolute()
        self._rtc = rtc
        self._timing = timing
        self._clock = Clock() if self._virtual else RealClock()
        self._engine = Engine(self._clock, self.state, heap_kb, ticks_start_ms, seed)
        self._watcher = LineWatch()
        self._peer: Peer | None = None
        self._port: SerialPort | None = None
        self._runner: Runner | None = None
        self._started = False

    # -- life

    def start(self, power: bool = True) -> Self:
        """Stage the firmware, wire the board, give power. Raises SimError, UserError."""
        interpreter()
        if self._link is not None:
            claim_link(self._link)
        self.state.lock()
        try:
            self._prepare()
        except BaseException:
            self.state.unlock()
            raise
        if not self._virtual:
            self._runner = Runner(self._engine, f"terminal {self._identity[1]}")
            self._port = SerialPort(self._engine.soc.usb, self._clock, self._runner.selector, self._link)
            self._runner.start()
        if power:
            self.power_on()
        return self

    def _prepare(self) -> None:
        if self.state.fresh:
            rng = random.Random(self.seed) if self._virtual else None
            self.state.make(*self._identity, rng, self._reveal_level)
        stage(self.state.flash, self._firmware_dir, self._protocol_dir, self._data["name"])
        wiring = assemble(self._data, self._engine, self.state, self.seed + 1, self._timing, self._rtc)
        self._watch(wiring)
        self._started = True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut the power, keep what the chips keep, end the thread."""
        if not self._started:
            return
        self._started = False
        try:
            self._do(self._engine.close)
        except SimError:
            self._engine.close()
        if self._runner is not None:
            self._runner.stop()
        if self._port is not None:
            self._port.vanish()
        keep(self.wiring, self.state, self._clock.now_us)
        self.state.unlock()

    def _watch(self, wiring: Wiring) -> None:
        """Tell observers of what can be seen and heard, and follow the cable."""
        usb = self._engine.soc.usb
        usb.on_port = self._port_changed
        usb.on_data = self._usb_data
        usb.on_sent = self._watcher.to_terminal
        for chip in (wiring.lcd, wiring.lamps, wiring.key_lamps):
            if chip is not None:
                chip.on_change = self._visible_change
        if wiring.buzzer is not None:
            wiring.buzzer.on_change = lambda tone: self._notify("tone")

    def _do(self, call: Callable[[], Result]) -> Result:
        """Run `call` where the engine runs and return its result. Raises SimError when the engine is gone."""
        return call() if self._runner is None else self._runner.do(call)

    def _notify(self, what: str) -> None:
        for observer in list(self.observers):
            observer(what)

    def _visible_change(self, t_us: int) -> None:
        self._notify("display")

    # -- cable and power

    def power_on(self) -> None:
        """Switch the power on."""
        self._do(self._engine.power_on)
        self._notify("power")

    def power_off(self) -> None:
        """Cut the power at this instant; an operation of the NOR chip stays torn."""
        self._do(self._engine.power_off)
        self._notify("power")

    @property
    def powered(self) -> bool:
        """Return whether the power is on."""
        return self._engine.powered

    def plug(self) -> None:
        """Put the USB cable in."""
        self._do(lambda: self._engine.soc.usb.set_plugged(True))

    def unplug(self) -> None:
        """Pull the USB cable; the terminal has its own supply and lives on."""
        self._do(lambda: self._engine.soc.usb.set_plugged(False))

    @property
    def plugged(self) -> bool:
        """Return whether the cable is in."""
        return self._engine.soc.usb.plugged

    @property
    def device(self) -> str | None:
        """Return the device file behind the link, while there is one."""
        return self._port.device if self._port is not None else None

    def attach(self, link: Link) -> Peer:
        """Put a sans-IO peer on the cable (virtual mode); an earlier one is detached."""
        if not self._virtual:
            raise SimError("attach is for a virtual clock: in real time open the link's path")
        if self._peer is not None:
            self._peer.detach()
        self._peer = Peer(link, self._engine.soc.usb, self._clock)
        return self._peer

    def set_line_faults(self, to_terminal: Callable | None = None, from_terminal: Callable | None = None) -> None:
        """Damage the bytes on the cable, see simulator/faults.py; None is a clean line."""

        def change() -> None:
            self._engine.soc.usb.to_device, self._engine.soc.usb.from_device = to_terminal, from_terminal

        self._do(change)

    def _port_changed(self, port: object | None) -> None:
        self._watcher.broken_off()
        if self._port is not None:
            if port is None:
                self._port.vanish()
            else:
                self._port.appear()
        if self._peer is not None:
            self._peer.port_changed(port is not None)
        self._notify("port")

    def _usb_data(self, data: bytes) -> bool:
        if self._port is not None and not self._port.deliver(data):
            return False
        self._watcher.from_terminal(data)
        return self._peer.data(data) if self._peer is not None else True

    # -- keys

    def key_down(self, key: int | str) -> None:
        """Press a key and keep it down."""
        self._do(self._key(key).press)

    def key_up(self, key: int | str) -> None:
        """Let a key go."""
        self._do(self._key(key).release)

    def press(self, key: int | str, hold_ms: int = PRESS_MS) -> None:
        """Press a key with contact bounce and let it go after `hold_ms`; returns at once."""
        button = self._key(key)

        def begin() -> None:
            button.press()
            self._clock.after(hold_ms * 1000, button.release)

        self._do(begin)

    def stick(self, key: int | str) -> None:
        """Press a key for good; `free` lets it go."""
        self._do(self._key(key).stick)

    def free(self, key: int | str) -> None:
        """Let a stuck key go."""
        self._do(self._key(key).free)

    def touch(self, *points: tuple[int, int]) -> None:
        """Put fingers on the glass at these places of the picture, px, or move them; none lifts all."""
        self._do(lambda: self._touch(points))

    def tap(self, x: int, y: int, hold_ms: int = TAP_MS) -> None:
        """Tap the glass at a place of the picture; the finger is lifted after `hold_ms`."""

        def begin() -> None:
            self._touch(((x, y),))
            self._clock.after(hold_ms * 1000, lambda: self._touch(()))

        self._do(begin)

    def _touch(self, points: tuple[tuple[int, int], ...]) -> None:
        panel = self.wiring.touch
        if panel is None:
            raise SimError("this board has no touch panel")
        width, height = self.size
        for x, y in points:
            if not (0 <= x < width and 0 <= y < height):
                raise SimError(f"{x}, {y} is outside the glass: it has {width} × {height} px")
        # The portrait glass lies across the picture, its connector on the left.
        panel.touch(*(Point(panel.width - 1 - y, x) for x, y in points))

    def set_case_open(self, is_open: bool) -> None:
        """Open or shut the case."""
        self._do(lambda: self.wiring.set_case_open(is_open, self._clock.now_us))

    def set_jumper(self, fitted: bool) -> None:
        """Fit or remove the maintenance jumper; the firmware looks at it when it starts."""
        self._do(lambda: self.wiring.set_jumper(fitted, self._clock.now_us))

    def _key(self, key: int | str) -> Key:
        keys = self.wiring.keys
        if key not in keys:
            raise SimError(f"no key {key}: this board has {', '.join(str(name) for name in keys)}")
        return keys[key]

    # -- what a person sees and hears

    def screenshot(self) -> Image.Image:
        """Return the glass as it is."""
        return self._do(self._picture)

    def _picture(self) -> Image.Image:
        lcd = self.wiring.lcd
        if lcd is None:
            raise SimError("this board has no display")
        return picture(lcd, *self.size, self.wiring.backlight.level)

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the display, px."""
        data = self._data["chips"]["lcd"]
        return data["width"], data["height"]

    @property
    def display_version(self) -> int:
        """Return a number that grows with every change of what is visible."""
        lcd = self.wiring.lcd
        return lcd.version if lcd is not None else 0

    def lamps(self) -> tuple[bool, ...]:
        """Return which lamps of keys 1 to 5 are lit; empty where there are none."""
        return tuple(light > 0 for light in self.lamp_light())

    def lamp_light(self) -> tuple[float, ...]:
        """Return the light of those lamps, 0 to 1: less while a prompt plays."""
        lamps = self.wiring.key_lamps
        return () if lamps is None else lamps.light

    @property
    def tones(self) -> list:
        """Return the changes of the buzzer as (t_us, freq_hz); 0 Hz is silence."""
        buzzer = self.wiring.buzzer
        return buzzer.tones if buzzer is not None else []

    @property
    def speaks(self) -> tuple[int, int] | None:
        """Return (track, volume 0 to 30) of what the voice module plays now, or None."""
        heard = self.wiring.voice.heard if self.wiring.voice is not None else []
        return (heard[-1].track, heard[-1].volume) if heard and heard[-1].to_us is None else None

    @property
    def violations(self) -> list[str]:
        """Return what the firmware did that a datasheet forbids."""
        return self.wiring.violations() + self._engine.crashes

    @property
    def resets(self) -> list[tuple[int, str]]:
        """Return (t_us, cause) of every start: power_on, watchdog, reset, soft_reset."""
        return self._engine.resets

    @property
    def wiring(self) -> Wiring:
        """Return the chips, for tests that look inside. Raises SimError before the start."""
        return self._engine.wiring

    @property
    def engine(self) -> Engine:
        """Return the engine, for tests that look inside."""
        return self._engine

    @property
    def now_us(self) -> int:
        """Return the simulated time in µs since the start."""
        return self._clock.now_us

    def console(self, last_bytes: int = 4000) -> str:
        """Return the end of what the firmware printed."""
        try:
            return self.state.console.read_bytes()[-last_bytes:].decode(errors="replace")
        except OSError:
            return ""

    def status(self) -> dict:
        """Return the terminal's condition as plain data."""
        usb = self._engine.soc.usb
        return {
            "terminal": self.state.provisioned()["terminal"],
            "powered": self.powered,
            "plugged": usb.plugged,
            "port": str(self._link) if self._link is not None and usb.port is not None else None,
            "device": self.device,
            "opened": usb.opened,
            "link": self._watcher.status(),
            "resets": len(self.resets),
            "last_reset": self.resets[-1][1] if self.resets else None,
            "main_ended": self._engine.main_ended,
            "lamps": list(self.lamps()),
            "display_version": self.display_version,
            "violations": len(self.violations),
            "error": None if self._runner is None or self._runner.error is None else repr(self._runner.error),
            "up_s": round((self.now_us - self.resets[-1][0]) / 1e6, 1) if self.resets else None,
        }

    # -- virtual time

    def run_for(self, ms: int) -> None:
        """Let `ms` ms of virtual time pass."""
        self.run_until(self._clock.now_us // 1000 + ms)

    def run_to_us(self, t_us: int) -> None:
        """Let virtual time pass to exactly `t_us`, which may be in the middle of anything."""
        self._engine.run(t_us)

    def run_until(self, target: int | Callable[[], bool], limit_ms: int = 60_000) -> bool:
        """Run to a time in ms, or until a condition holds; False when `limit_ms` of virtual time did not bring it."""
        if not self._virtual:
            raise SimError("run_until is for a virtual clock")
        if callable(target):
            return self._engine.run(self._clock.now_us + limit_ms * 1000, target)
        self._engine.run(min(target * 1000, FOREVER - 1))
        return True
