"""What Sitronix display controllers with the MIPI command set have in common, on a 4-line serial interface.

Modelled: sleep, display on/off, inversion, CASET/RASET/RAMWR/RAMWRC with MADCTL (MX, MY, MV), 16 bits a pixel
(COLMOD), software reset, the waiting times after power-on, SWRESET and SLPOUT, frame memory kept through sleep and
random at power-on; of reading back the power mode (RDDPM). Fault: no answer.
Not modelled: other reads, 12 and 18 bits a pixel, scrolling, partial and idle mode, gamma and power settings (accepted
and ignored), BGR filter, tearing line, the 60 Hz refresh: a pixel shows when it is written.
"""

import random
from array import array
from collections.abc import Callable

NOP, SWRESET, SLPIN, SLPOUT, NORON = 0x00, 0x01, 0x10, 0x11, 0x13
INVOFF, INVON, DISPOFF, DISPON = 0x20, 0x21, 0x28, 0x29
CASET, RASET, RAMWR, RAMWRC = 0x2A, 0x2B, 0x2C, 0x3C
MADCTL, COLMOD = 0x36, 0x3A
RDDPM = 0x0A

MY, MX, MV = 0x80, 0x40, 0x20
BITS_16 = 0x05  # low bits of COLMOD

POWER_ON_US = 120_000  # reset time when the chip may be in sleep-out
AFTER_RESET_US = 5_000  # SWRESET to the next command
SLEEP_OUT_US = 120_000  # SWRESET to SLPOUT, SLPOUT to SLPIN and back
AFTER_SLEEP_OUT_US = 5_000  # SLPOUT to the next command


class DcsPanel:
    """One panel of `columns` × `pages` pixels, portrait.

    `on_change(t_us)` is called when something visible changes; `version` counts these changes.

    `view()` is what a person sees: the panel is mounted in landscape so that the picture is upright with
    MADCTL = `mounted`. `inverted_glass` is true for IPS glass, which shows the right colours with INVON.
    """

    columns: int
    pages: int
    ignored: frozenset[int]  # commands that change nothing here

    def __init__(self, mounted: int = MX | MV, inverted_glass: bool = True, seed: int = 1) -> None:
        self.mounted = mounted
        self.inverted_glass = inverted_glass
        self.on_change: Callable[[int], None] | None = None
        self.version = 0
        self.violations: list[str] = []
        self.dead = False  # neither listens nor answers; what it showed stays
        self._rng = random.Random(seed)
        self._dc = 1
        self._selected = False
        self._powered = False
        self.power_on(-10 * POWER_ON_US)

    # -- power

    def power_on(self, t_us: int) -> None:
        """Apply power: frame memory random, asleep, display off."""
        self.ram = array("H", self._rng.randbytes(2 * self.columns * self.pages))
        self._powered = True
        self._defaults()
        self._ready_us = t_us + AFTER_RESET_US
        self._wake_us = t_us + POWER_ON_US
        self._changed(t_us)

    def power_off(self, t_us: int) -> None:
        """Cut power: the glass goes dark."""
        self._powered = False
        self.awake = self.on = False
        self._changed(t_us)

    def _defaults(self) -> None:
        self.awake = self.on = self.inverted = False
        self.madctl = 0
        self.colmod = 0x66
        self._columns = (0, self.columns - 1)
        self._pages = (0, self.pages - 1)
        self._command = NOP
        self._args = bytearray()
        self._half = b""
        self._x = self._y = 0

    # -- bus

    def set_pin(self, name: str, level: int, t_us: int) -> None:
        """Take the level of D/C (`dc`): 0 command, 1 data."""
        if name == "dc":
            self._dc = level

    def select(self, t_us: int) -> None:
        """Take CSX low."""
        self._selected = True

    def deselect(self, t_us: int) -> None:
        """Take CSX high."""
        self._selected = False

    def transfer(self, mosi: bytes, t_us: int) -> bytes:
        """Take bytes; nothing but the power mode is ever shifted out."""
        if self.dead:
            return b"\xff" * len(mosi)
        if self._selected and self._powered:
            if self._dc and self._command == RDDPM:
                return bytes([self._power_mode()]) * len(mosi)
            if self._dc:
                self._data(mosi, t_us)
            else:
                for command in mosi:
                    self._begin(command, t_us)
        return bytes(len(mosi))

    # -- commands

    def _begin(self, command: int, t_us: int) -> None:
        """Start a command; those without parameters act at once."""
        if t_us < self._ready_us:
            self.violations.append(f"command {command:#04x} {self._ready_us - t_us} µs too early")
        self._command = command
        self._args.clear()
        self._half = b""
        if command == SWRESET:
            self._defaults()
            self._ready_us = t_us + AFTER_RESET_US
            self._wake_us = t_us + SLEEP_OUT_US
            self._changed(t_us)
        elif command in (SLPOUT, SLPIN):
            self._sleep(command == SLPIN, t_us)
        elif command in (DISPON, DISPOFF):
            self.on = command == DISPON
            self._changed(t_us)
        elif command in (INVON, INVOFF):
            self.inverted = command == INVON
            self._changed(t_us)
        elif command == RAMWR:
            self._x = self._y = 0
            self._check_ram_write()
        elif command == RAMWRC:
            self._check_ram_write()
        elif command not in self.ignored and command not in (CASET, RASET, MADCTL, COLMOD, RDDPM):
            self.violations.append(f"command {command:#04x} is not modelled")

    def _power_mode(self) -> int:
        """Return what RDDPM answers: booster, sleep-out, normal mode, display on."""
        return (0x80 | 0x10 if self.awake else 0) | 0x08 | (0x04 if self.on else 0)

    def _sleep(self, sleep: bool, t_us: int) -> None:
        if t_us < self._wake_us:
            self.violations.append(f"SLPIN or SLPOUT {self._wake_us - t_us} µs too early")
        self.awake = not sleep
        self._ready_us = t_us + AFTER_SLEEP_OUT_US
        self._wake_us = t_us + SLEEP_OUT_US
        self._changed(t_us)

    def _check_ram_write(self) -> None:
        if self.colmod & 0x07 != BITS_16:
            self.violations.append(f"RAMWR with COLMOD {self.colmod:#04x}: only 16 bits a pixel are modelled")

    def _data(self, mosi: bytes, t_us: int) -> None:
        """Take parameter bytes of the present command."""
        command = self._command
        if command in (RAMWR, RAMWRC):
            self._write_ram(mosi, t_us)
            return
        if command in self.ignored:
            return
        self._args += mosi
        if command in (CASET, RASET):
            if len(self._args) == 4:
                self._window(command, int.from_bytes(self._args[:2], "big"), int.from_bytes(self._args[2:], "big"))
        elif command == MADCTL:
            self.madctl = self._args[0]
        elif command == COLMOD:
            self.colmod = self._args[0]
        else:
            self.violations.append(f"data for command {command:#04x}, which takes none")

    def _window(self, command: int, first: int, last: int) -> None:
        exchanged = bool(self.madctl & MV)
        limit = (
            (self.pages if exchanged else self.columns)
            if command == CASET
            else (self.columns if exchanged else self.pages)
        )
        if not first <= last < limit:
            self.violations.append(f"window {first}…{last} of command {command:#04x} outside 0…{limit - 1}")
            return
        if command == CASET:
            self._columns = (first, last)
        else:
            self._pages = (first, last)

    # -- frame memory

    def _write_ram(self, data: bytes, t_us: int) -> None:
        """Write pixels into the window, row by row; after its end the pointer wraps to its start."""
        if self._half:
            data = self._half + data
        even = len(data) & -2
        self._half = bytes(data[even:])
        pixels = array("H", data[:even])
        pixels.byteswap()
        left, right = self._columns
        width = right - left + 1
        height = self._pages[1] - self._pages[0] + 1
        at = 0
        while at < len(pixels):
            count = min(width - self._x, len(pixels) - at)
            self._write_row(left + self._x, self._pages[0] + self._y, pixels[at : at + count])
            at += count
            self._x += count
            if self._x == width:
                self._x = 0
                self._y = (self._y + 1) % height
        if self.awake and self.on and at:
            self._changed(t_us)

    def _write_row(self, x: int, y: int, pixels: array) -> None:
        """Write one run along the host's x axis (table 'CASET and RASET control for physical pointers')."""
        start, step = self._place(self.madctl, x, y)
        stop = start + step * len(pixels)
        self.ram[start : stop if stop >= 0 else None : step] = pixels

    def _changed(self, t_us: int) -> None:
        self.version += 1
        if self.on_change is not None:
            self.on_change(t_us)

    def visible(self) -> bool:
        """Return whether the glass shows the frame memory."""
        return self._powered and self.awake and self.on

    def view(self) -> bytes:
        """Return the picture as seen and mounted, RGB565 most significant byte first; black while nothing is shown."""
        width, height = (self.pages, self.columns) if self.mounted & MV else (self.columns, self.pages)
        if not self.visible():
            return bytes(2 * self.columns * self.pages)
        picture = array("H")
        for y in range(height):
            start, step = self._place(self.mounted, 0, y)
            stop = start + step * width
            picture += self.ram[start : stop if stop >= 0 else None : step]
        picture.byteswap()
        if self.inverted == self.inverted_glass:
            return picture.tobytes()
        every_bit = (1 << (16 * len(picture))) - 1
        return (int.from_bytes(picture.tobytes(), "little") ^ every_bit).to_bytes(2 * len(picture), "little")

    def _place(self, madctl: int, x: int, y: int) -> tuple[int, int]:
        """Return (index, step along x) in frame memory of the host's coordinates under `madctl`."""
        column, page = (y, x) if madctl & MV else (x, y)
        if madctl & MX:
            column = self.columns - 1 - column
        if madctl & MY:
            page = self.pages - 1 - page
        along, backwards = (self.columns, MY) if madctl & MV else (1, MX)
        return page * self.columns + column, -along if madctl & backwards else along
