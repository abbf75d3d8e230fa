"""Build the chips of a board and wire them to the microcontroller, from the same data the firmware uses.

firmware/boards/<board>.py holds one dict, BOARD; it is read by path, as data.
"""

import mmap
import random
import runpy
from pathlib import Path

from simulator.chips.buzzer import Buzzer
from simulator.chips.dcs_panel import DcsPanel
from simulator.chips.dfplayer import DFPlayer
from simulator.chips.ds3231 import DS3231
from simulator.chips.ft6336 import FT6336
from simulator.chips.hc595 import HC595
from simulator.chips.interfaces import PoweredChip, SelectedChip
from simulator.chips.jq8900 import JQ8900
from simulator.chips.key import Key
from simulator.chips.key_lamps import KeyLamps
from simulator.chips.mp3_module import Mp3Module
from simulator.chips.nor_array import NorArray
from simulator.chips.st7789 import ST7789
from simulator.chips.st7796 import ST7796
from simulator.chips.w25q import TYPICAL, W25Q, Timing
from simulator.errors import UserError
from simulator.soc import Soc
from simulator.stage import FIRMWARE

PROMPTS = 12  # on the voice module as it is delivered: four in each of three languages
PROMPT_MS = 1_500
_VOICES: dict[str, type[Mp3Module]] = {"jq8900": JQ8900, "dfplayer": DFPlayer}
_PANELS: dict[str, type[DcsPanel]] = {"st7789": ST7789, "st7796": ST7796}


def boards(firmware: Path = FIRMWARE) -> list[str]:
    """Return the names of the boards there is data for."""
    return sorted(path.stem for path in (firmware / "boards").glob("*.py") if path.stem != "__init__")


def load_board(name: str, firmware: Path = FIRMWARE) -> dict:
    """Return a board's data. Raises UserError for an unknown board."""
    path = firmware / "boards" / f"{name}.py"
    if not path.is_file():
        known = ", ".join(boards(firmware)) or "none"
        raise UserError(f"unknown board {name}", str(firmware / "boards"), f"name one of: {known}")
    return runpy.run_path(str(path))["BOARD"]


class Backlight:
    """The display's light: a PWM output, or a plain pin."""

    def __init__(self) -> None:
        self.level = 0.0

    def pwm(self, freq_hz: int, duty_u16: int, t_us: int) -> None:
        """Take the PWM's setting."""
        self.level = duty_u16 / 65535

    def pin(self, level: int, t_us: int) -> None:
        """Take the level of the pin."""
        self.level = float(level)


class Wiring:
    """The chips of one board; absent ones are None."""

    def __init__(
        self, board: dict, soc: Soc, nor_image: bytearray | mmap.mmap, seed: int = 1, timing: Timing = TYPICAL
    ) -> None:
        self.board = board
        self._soc = soc
        self._seed = seed
        self.lcd: DcsPanel | None = None
        self.touch: FT6336 | None = None
        self.lamps: HC595 | None = None
        self.key_lamps: KeyLamps | None = None
        self.nor: W25Q | None = None
        self.rtc: DS3231 | None = None
        self.buzzer: Buzzer | None = None
        self.voice: Mp3Module | None = None
        self.backlight = Backlight()
        self.chips: list[PoweredChip] = []
        chips = board.get("chips", {})
        makers = {
            "lcd": self._make_lcd,
            "touch": self._make_touch,
            "lamps": self._make_lamps,
            "nor": lambda data: self._make_nor(data, nor_image, timing),
            "rtc": self._make_rtc,
            "buzzer": self._make_buzzer,
            "voice": self._make_voice,
        }
        for name, data in chips.items():
            if name in makers:
                self.chips.append(makers[name](data))
        self._join_lamps_with_voice(chips)
        self.keys = {name: self._make_key(pin) for name, pin in board.get("keys", ())}
        self._make_switches(board)

    def _make_lcd(self, data: dict) -> DcsPanel:
        lcd = _PANELS[data["chip"]](data.get("madctl", 0x60), data.get("inverted", True), self._seed)
        self._on_spi(lcd, data)
        self._soc.gpio.watch(data["dc"], lambda level, t_us: lcd.set_pin("dc", level, t_us))
        lcd.set_pin("dc", self._soc.gpio.level(data["dc"]), 0)
        if "backlight" in data:
            self._soc.pwm[data["backlight"]] = self.backlight.pwm
            self._soc.gpio.watch(data["backlight"], self.backlight.pin)
        self.lcd = lcd
        return lcd

    def _make_touch(self, data: dict) -> FT6336:
        soc, pin = self._soc, data["interrupt"]
        touch = FT6336(soc.clock, lambda level, t_us: soc.gpio.drive(pin, level, t_us))
        soc.i2c[data["i2c"]][data["address"]] = touch
        self.touch = touch
        return touch

    def _make_lamps(self, data: dict) -> HC595:
        lamps = HC595(self._seed)
        self._soc.spi[data["spi"]].listen(lamps)
        self._soc.gpio.watch(data["latch"], lambda level, t_us: lamps.set_pin("latch", level, t_us))
        self.lamps, self.key_lamps = lamps, KeyLamps(lamps)
        return lamps

    def _join_lamps_with_voice(self, chips: dict) -> None:
        """Wire BUSY to the supply of the lamps."""
        lamps = self.key_lamps
        if lamps is not None and "voice" in chips:
            pin, plays = chips["voice"]["busy"], chips["voice"]["busy_level"]
            self._soc.gpio.watch(pin, lambda level, t_us: lamps.speaks(level == plays, t_us))
            lamps.speaks(self._soc.gpio.level(pin) == plays, 0)

    def _make_nor(self, data: dict, image: bytearray | mmap.mmap, timing: Timing) -> W25Q:
        nor = W25Q(NorArray(image), timing, self._seed)
        self._on_spi(nor, data)
        self.nor = nor
        return nor

    def _make_rtc(self, data: dict) -> DS3231:
        rtc = DS3231()
        self._soc.i2c[data["i2c"]][data["address"]] = rtc
        self.rtc = rtc
        return rtc

    def _make_buzzer(self, data: dict) -> Buzzer:
        buzzer = Buzzer()
        self._soc.pwm[data["pwm"]] = buzzer.pwm
        self.buzzer = buzzer
        return buzzer

    def _make_voice(self, data: dict) -> Mp3Module:
        soc, unit, pin = self._soc, data["uart"], data["busy"]
        voice = _VOICES[data["chip"]](
            soc.clock,
            lambda level, t_us: soc.gpio.drive(pin, level, t_us),
            lambda answer: None if self.board["uart"][unit]["rx"] is None else soc.uart_data(unit, answer),
            dict.fromkeys(range(1, PROMPTS + 1), PROMPT_MS),
        )
        soc.uart[unit] = voice
        self.voice = voice
        return voice

    def _on_spi(self, chip: SelectedChip, data: dict) -> None:
        """Attach a chip with its select, which the board pulls up so that a reset selects nothing."""
        self._soc.gpio.strap(data["cs"], 1)
        self._soc.spi[data["spi"]].attach(chip, self._soc.gpio, data["cs"])

    def _make_key(self, pin: int) -> Key:
        return Key(self._soc.gpio, pin, self._soc.clock, random.Random(f"key {pin} {self._seed}"))

    def _make_switches(self, board: dict) -> None:
        """Close the case and leave the maintenance jumper open."""
        if "case_switch" in board:
            self._soc.gpio.drive(board["case_switch"], 0, 0)

    def set_case_open(self, is_open: bool, t_us: int) -> None:
        """Open or shut the case."""
        self._soc.gpio.drive(self.board["case_switch"], None if is_open else 0, t_us)

    def set_jumper(self, fitted: bool, t_us: int) -> None:
        """Fit or remove the maintenance jumper."""
        self._soc.gpio.drive(self.board["maintenance_jumper"], 0 if fitted else None, t_us)

    def kill_nor(self) -> None:
        """Break the journal's chip: it does not answer from now on."""
        if self.nor is not None:
            self._soc.spi[self.board["chips"]["nor"]["spi"]].detach(self.nor)

    def power_on(self, t_us: int) -> None:
        """Give all chips power."""
        for chip in self.chips:
            chip.power_on(t_us)

    def power_off(self, t_us: int) -> None:
        """Take the power from all chips."""
        for chip in self.chips:
            chip.power_off(t_us)

    def violations(self) -> list[str]:
        """Return what the firmware did that the datasheets forbid."""
        found = [f"{type(chip).__name__}: {text}" for chip in self.chips for text in chip.violations]
        found += [f"SPI {unit}: {text}" for unit, spi in self._soc.spi.items() for text in spi.violations]
        return found + [f"USB: {text}" for text in self._soc.usb.violations]
