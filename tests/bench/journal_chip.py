"""One NOR chip for the journal's bench: the terminal's own driver, unchanged, on the register-level chip model.

Everything runs in this process on a virtual clock, which moves by what the bus transfers take at the board's rate, by
4 µs for each access to a pin or bus (as the simulated board counts them), and by the driver's waits. What the
interpreter itself takes is not in it.
"""

import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from simulator.chips.nor_array import NorArray
from simulator.chips.w25q import W25Q, Timing
from simulator.wiring import load_board

DRIVER = Path(__file__).resolve().parents[2] / "firmware" / "drivers" / "nor_w25q.py"
CALL_US = 4
_POWER_UP_US = 10_000


class VirtualTime:
    """Stand for the driver's `time`."""

    def __init__(self) -> None:
        self.now_us = 0

    def ticks_us(self) -> int:
        """Return the time, µs; it does not wrap here."""
        return self.now_us

    def ticks_diff(self, end: int, start: int) -> int:
        """Return end - start, µs."""
        return end - start

    def sleep_us(self, us: int) -> None:
        """Wait."""
        self.now_us += us

    def sleep_ms(self, ms: int) -> None:
        """Wait."""
        self.now_us += 1000 * ms


class Spi:
    """Stand for machine.SPI and the select pin of one chip."""

    def __init__(self, chip: W25Q, clock: VirtualTime, baudrate_hz: int) -> None:
        self._chip = chip
        self._clock = clock
        self._ns_byte = 8_000_000_000 // baudrate_hz

    def select(self, level: int) -> None:
        """Set the select pin, active low."""
        if level:
            self._chip.deselect(self._clock.now_us)
        else:
            self._chip.select(self._clock.now_us)
        self._clock.now_us += CALL_US

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        self._move(bytes(data))

    def readinto(self, buffer: bytearray | memoryview) -> None:
        """Fill the buffer."""
        buffer[:] = self._move(bytes(len(buffer)))

    def write_readinto(self, out: bytearray, into: bytearray) -> None:
        """Send and receive."""
        into[:] = self._move(bytes(out))

    def _move(self, mosi: bytes) -> bytes:
        miso = self._chip.transfer(mosi, self._clock.now_us)
        self._clock.now_us += CALL_US + len(mosi) * self._ns_byte // 1000
        return miso


class Chip:
    """A powered chip with its driver in `nor`, and counts of what was done to it."""

    def __init__(self, image: bytearray, timing: Timing) -> None:
        board = load_board("k5")
        data = board["chips"]["nor"]
        self.clock = VirtualTime()
        self.array = NorArray(image)
        self.model = W25Q(self.array, timing)
        self.model.power_on(0)
        self.clock.now_us = _POWER_UP_US
        spi = Spi(self.model, self.clock, board["spi"][data["spi"]]["baudrate_hz"])
        self.nor = _driver(self.clock).Nor(spi, spi.select, len(image), data["jedec"])
        self.nor.start()
        self.waited_erases = 0  # erases that began, or were waited for, inside `press`
        self.suspended = 0  # erases that stepped aside inside `press`
        self._pressing = False
        self._watch()

    @contextmanager
    def press(self, took_us: list[int]) -> None:
        """Note how long what happens inside takes, and whether an erase is in its way."""
        start_us, self._pressing = self.clock.now_us, True
        try:
            yield
        finally:
            self._pressing = False
        took_us.append(self.clock.now_us - start_us)

    def _watch(self) -> None:
        """Count what a press may not need; the driver's own methods do the work."""
        nor = self.nor
        start, wait, suspend = nor.erase_start, nor.wait, nor.suspend

        def erase_start(address: int) -> None:
            self.waited_erases += self._pressing
            start(address)

        def waited() -> bool:
            self.waited_erases += self._pressing and self.array.erasing is not None
            return wait()

        def suspended() -> bool:
            done = suspend()
            self.suspended += self._pressing and done
            return done

        nor.erase_start, nor.wait, nor.suspend = erase_start, waited, suspended


def _driver(clock: VirtualTime) -> ModuleType:
    """Return the driver's module with a clock of its own; MicroPython's `const` says nothing here."""
    before = sys.modules.get("micropython")
    sys.modules["micropython"] = ModuleType("micropython")
    sys.modules["micropython"].const = lambda value: value
    try:
        spec = importlib.util.spec_from_file_location("nor_w25q_of_the_bench", DRIVER)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        if before is None:
            del sys.modules["micropython"]
        else:
            sys.modules["micropython"] = before
    module.time = clock
    return module
