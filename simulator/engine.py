"""Run the firmware against its chips: power, resets, and the two ways time can pass.

Virtual: `run` is called by a test; the firmware and everything else share one clock, which moves only when the
firmware waits or uses a bus, so the same seed gives the same run. Real: `serve` runs in a thread of its own.
"""

import random
import selectors
import struct
import time
from collections.abc import Callable

from simulator import bus as b
from simulator import flash_room
from simulator.bus import Bus, BusClosed, Message
from simulator.chips.rp2_chip import CHIPS
from simulator.clock import FOREVER, Clock, RealClock
from simulator.console import Console
from simulator.errors import SimError
from simulator.process import HEAP_KB, Firmware
from simulator.soc import BOOTLOADER, SOFT, Soc
from simulator.state import State
from simulator.wiring import Wiring

PWRON_RESET, WDT_RESET = 1, 3
START_US = 20_000  # boot ROM and start of the interpreter until boot.py
FLASH_BYTES = CHIPS["rp2350"].file_system_bytes  # both boards carry a Pico 2
SILENCE_S = 60.0  # virtual: a firmware that computes longer than this without its chips hangs
_UID = b"YIPING"

POWER_ON, WATCHDOG, RESET, SOFT_RESET = "power_on", "watchdog", "reset", "soft_reset"


class Engine:
    """One chip with its firmware process. In real mode only the engine's thread may call its methods."""

    def __init__(
        self, clock: Clock | RealClock, state: State, heap_kb: int = HEAP_KB, ticks_start_ms: int = 0, seed: int = 0
    ) -> None:
        self.clock = clock
        self.soc = Soc(clock, self._reset_asked, self._bitten)
        self.soc.boot_answer = self._boot_answer
        self.soc.flash_room = self._flash_room
        self.powered = False
        self.resets: list[tuple[int, str]] = []
        self.crashes: list[str] = []
        self.on_started: Callable[[Bus], object] | None = None
        self.on_stopped: Callable[[Bus], object] | None = None
        self.on_bootloader: Callable[[], object] | None = None
        self.console: Console | None = None  # without one, what the firmware prints goes to the log alone
        self._wiring: Wiring | None = None
        self._state = state
        self._heap_kb = heap_kb
        self._ticks_start_us = ticks_start_ms * 1000
        self._rng = random.Random(seed)
        self.uid = _UID + (seed & 0xFFFF).to_bytes(2, "little")
        self._cause = PWRON_RESET
        self._firmware: Firmware | None = None
        self._starting = None
        self._pending: Message | None = None
        self._hung = False
        self._last_us = 0

    # -- power and resets

    @property
    def wiring(self) -> Wiring:
        """Return the chips of the board."""
        if self._wiring is None:
            raise SimError("the terminal was not started")
        return self._wiring

    def wire(self, wiring: Wiring) -> None:
        """Take the chips of the board."""
        self._wiring = wiring

    def power_on(self) -> None:
        """Give power; does nothing when there is power."""
        if self.powered:
            return
        self.powered = True
        self.wiring.power_on(self.clock.now_us)
        self._start(POWER_ON)

    def power_off(self) -> None:
        """Cut the power at this instant."""
        if not self.powered:
            return
        self.powered = False
        self._stop()
        self.soc.reset(self.clock.now_us)
        self.wiring.power_off(self.clock.now_us)

    def _start(self, kind: str) -> None:
        self._cause = PWRON_RESET if kind == POWER_ON else self._cause if kind == SOFT_RESET else WDT_RESET
        self.resets.append((self.clock.now_us, kind))
        if self.console is not None:
            self.console.restarts(kind == SOFT_RESET)
        self._starting = self.clock.after(START_US if self.clock.virtual else 0, self._spawn)

    def _spawn(self) -> None:
        self._starting = None
        self._hung = False
        mode = "virtual" if self.clock.virtual else "real"
        seat = None if self.console is None else self.console.seat()
        self._firmware = Firmware(self._state.flash, self._state.console, mode, self._heap_kb, seat)
        self.soc.connect(self._firmware.bus)
        if self.console is not None:
            self.console.began(self._firmware.pid)
        if self.on_started is not None:
            self.on_started(self._firmware.bus)

    def _stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None
        self._pending = None
        firmware, self._firmware = self._firmware, None
        if firmware is not None:
            if self.on_stopped is not None:
                self.on_stopped(firmware.bus)
            firmware.kill()
            if self.console is not None:
                self.console.ended()

    def _restart(self, kind: str) -> None:
        self._stop()
        self.soc.reset(self.clock.now_us, kind == SOFT_RESET)
        self._start(kind)

    def _reset_asked(self, kind: int) -> None:
        if kind == BOOTLOADER:
            self._stop()
            self.soc.reset(self.clock.now_us)
            if self.on_bootloader is not None:
                self.powered = False
                self.wiring.power_off(self.clock.now_us)
                self.on_bootloader()
                return
            self.crashes.append("the firmware went to the boot loader: power off and on to start it again")
            return
        self._restart(SOFT_RESET if kind == SOFT else RESET)

    def _bitten(self) -> None:
        self._restart(WATCHDOG)

    def _crashed(self) -> None:
        """The process ended by itself: to the rest of the board the chip hangs."""
        firmware = self._firmware
        code = None
        if firmware is not None:
            for _ in range(100):
                code = firmware.exit_code()
                if code is not None:
                    break
                time.sleep(0.01)
        if self.console is not None and code is not None and code >= 0:
            self._restart(SOFT_RESET)  # Ctrl-D at the prompt, or SystemExit
            return
        self.crashes.append(f"MicroPython ended by itself with code {code}; see {self._state.console}")
        self._stop()
        self.soc.connect(None)
        self._hung = True

    def _boot_answer(self) -> bytes:
        epoch_us = self.clock.epoch_us if isinstance(self.clock, RealClock) else 0
        numbers = struct.pack(
            "<BBQQQ", self.clock.virtual, self._cause, self.clock.now_us, epoch_us, self._ticks_start_us
        )
        return numbers + self.uid + self._rng.getrandbits(32).to_bytes(4, "little")

    def _flash_room(self) -> bytes:
        """Return the blocks that the internal flash has for files, and how many of them are free."""
        return struct.pack("<II", *flash_room.blocks(FLASH_BYTES, flash_room.sizes(self._state.flash)))

    @property
    def firmware_pid(self) -> int | None:
        """Return the process id of the running firmware, None while there is none."""
        firmware = self._firmware
        return None if firmware is None else firmware.pid

    @property
    def main_ended(self) -> bool:
        """Return whether main.py has ended, which a finished firmware never does."""
        return self.soc.main_ended is not None

    def close(self) -> None:
        """End the process and keep what the chips keep."""
        self.power_off()

    # -- virtual time

    def run(self, limit_us: int, until: Callable[[], bool] | None = None) -> bool:
        """Run to `limit_us`, or until `until()` holds: then True. Raises SimError when the firmware hangs."""
        while True:
            if until is not None and until():
                return True
            message = self._next(limit_us)
            event_us = self.clock.next_us()
            at_us = FOREVER if message is None else message.t_us
            if event_us <= min(at_us, limit_us):
                self.clock.run_next(event_us)
            elif message is None or at_us > limit_us:
                self.clock.advance(limit_us)
                return False
            elif message.op == b.IDLE:
                self.clock.advance(at_us)
                if not self._idle(message, limit_us):
                    return False
            else:
                self._pending = None
                self.clock.advance(at_us)
                self._handle(message)

    def _next(self, limit_us: int) -> Message | None:
        """Return the firmware's next message without taking it; None while there is no running firmware."""
        if self._pending is None and self._firmware is not None and not self._hung:
            bus = self._firmware.bus
            try:
                message = bus.next_buffered()
                while message is None:
                    if not bus.read(SILENCE_S):
                        self._silent()
                        return None
                    message = bus.next_buffered()
                self._pending = message
            except BusClosed:
                self._crashed()
        return self._pending

    def _silent(self) -> None:
        if self.soc.watchdog.deadline_us is None:
            raise SimError(f"the firmware computed for {SILENCE_S:.0f} s without using its chips")
        self._hung = True

    def _idle(self, message: Message, limit_us: int) -> bool:
        """Serve a wait; False when `limit_us` comes first (the wait stays pending)."""
        until_us = int.from_bytes(message.payload, "little")
        if not self.soc.posted():
            event_us = self.clock.next_us()
            if event_us <= min(until_us, limit_us):
                self.clock.run_next(event_us)
                return True
            if until_us > limit_us:
                self.clock.advance(limit_us)
                return False
            self.clock.advance(until_us)
        self._pending = None
        horizon_us = min(self.clock.next_us(), limit_us)
        try:
            self.soc.bus.answer(message.op, 0, 0, struct.pack("<QQ", self.clock.now_us, horizon_us))
        except BusClosed:
            self._crashed()
        return True

    def _handle(self, message: Message) -> None:
        try:
            self.soc.handle(message)
        except BusClosed:
            self._crashed()

    # -- real time

    def serve(self, selector: selectors.BaseSelector, stopped: Callable[[], bool]) -> None:
        """Serve the bus, the timed calls and the selector's callbacks until `stopped()`."""
        while not stopped():
            wait_s = min((self.clock.next_us() - self.clock.now_us) / 1e6, 0.5)
            for key, _ in selector.select(max(0.0, wait_s)):
                key.data()
            while self.clock.run_next(self.clock.now_us):
                pass
            self._flush()

    def receive(self) -> None:
        """Carry out what the firmware has sent (real mode)."""
        firmware = self._firmware
        if firmware is None:
            return
        try:
            firmware.bus.read(0)
            while self._firmware is firmware:
                message = firmware.bus.next_buffered()
                if message is None:
                    break
                if message.t_us < self._last_us:
                    message = message._replace(t_us=self._last_us)
                self._last_us = message.t_us
                self.soc.handle(message)
        except BusClosed:
            if self._firmware is firmware:
                self._crashed()

    def _flush(self) -> None:
        if self.soc.posted():
            try:
                self.soc.bus.flush()
            except BusClosed:
                self._crashed()
