"""The models of the ST7789V and the ST7796S against their datasheets."""

import pytest

from simulator.chips import dcs_panel
from simulator.chips.dcs_panel import (
    CASET,
    COLMOD,
    DISPON,
    INVON,
    MADCTL,
    MV,
    MX,
    MY,
    RAMWR,
    RASET,
    SLPOUT,
    SWRESET,
    DcsPanel,
)
from simulator.chips.st7789 import ST7789
from simulator.chips.st7796 import CSCON, ST7796

PANELS = pytest.mark.parametrize("panel", [ST7789, ST7796])


def send(lcd: DcsPanel, t_us: int, command: int, data: bytes = b"") -> None:
    lcd.select(t_us)
    lcd.set_pin("dc", 0, t_us)
    lcd.transfer(bytes([command]), t_us)
    lcd.set_pin("dc", 1, t_us)
    if data:
        lcd.transfer(data, t_us)
    lcd.deselect(t_us)


def started(madctl: int = MX | MV, mounted: int = MX | MV, panel: type[DcsPanel] = ST7789) -> DcsPanel:
    lcd = panel(mounted=mounted)
    lcd.power_on(0)
    send(lcd, 200_000, SWRESET)
    for t_us, command, data in (
        (320_000, SLPOUT, b""),
        (325_000, COLMOD, b"\x55"),
        (325_000, MADCTL, bytes([madctl])),
        (325_000, INVON, b""),
        (325_000, DISPON, b""),
    ):
        send(lcd, t_us, command, data)
    assert lcd.violations == []
    return lcd


def draw(lcd: DcsPanel, x: int, y: int, w: int, h: int, data: bytes) -> None:
    send(lcd, 400_000, CASET, x.to_bytes(2, "big") + (x + w - 1).to_bytes(2, "big"))
    send(lcd, 400_000, RASET, y.to_bytes(2, "big") + (y + h - 1).to_bytes(2, "big"))
    send(lcd, 400_000, RAMWR, data)


def pixel(lcd: DcsPanel, x: int, y: int, width: int = 320) -> bytes:
    at = 2 * (y * width + x)
    return lcd.view()[at : at + 2]


@PANELS
def test_upright_picture_when_madctl_fits_the_mounting(panel) -> None:
    lcd = started(panel=panel)
    wide, high = panel.pages, panel.columns
    draw(lcd, 0, 0, wide, high, b"".join(bytes([y & 255, x & 255]) for y in range(high) for x in range(wide)))
    for x, y in ((0, 0), (wide - 1, 0), (5, high - 1), (wide - 1, high - 1)):
        assert pixel(lcd, x, y, wide) == bytes([y & 255, x & 255])
    assert lcd.violations == []


def test_window_fills_row_by_row_and_wraps() -> None:
    lcd = started()
    draw(lcd, 0, 0, 320, 240, bytes(320 * 240 * 2))
    draw(lcd, 10, 20, 3, 2, b"aabbccddeeffgg")
    assert [pixel(lcd, x, 20) for x in (9, 10, 11, 12, 13)] == [b"\0\0", b"gg", b"bb", b"cc", b"\0\0"]
    assert [pixel(lcd, x, 21) for x in (10, 11, 12)] == [b"dd", b"ee", b"ff"]


def test_pixels_split_between_transfers_are_joined() -> None:
    lcd = started()
    draw(lcd, 0, 0, 2, 1, b"a")
    lcd.select(400_000)
    lcd.transfer(b"bcd", 400_000)
    assert (pixel(lcd, 0, 0), pixel(lcd, 1, 0)) == (b"ab", b"cd")


def test_wrong_madctl_turns_the_picture() -> None:
    """0xA0 is the same landscape upside down."""
    lcd = started(madctl=MY | MV)
    draw(lcd, 0, 0, 1, 1, b"zz")
    assert pixel(lcd, 319, 239) == b"zz"


def test_portrait_mounting_needs_no_exchange() -> None:
    lcd = started(madctl=0, mounted=0)
    draw(lcd, 7, 300, 1, 1, b"zz")
    assert pixel(lcd, 7, 300, width=240) == b"zz"


@PANELS
def test_every_madctl_addresses_all_pixels_once(panel) -> None:
    for madctl in (0, MX, MY, MX | MY, MV, MV | MX, MV | MY, MV | MX | MY):
        lcd = started(madctl=madctl, panel=panel)
        w, h = (panel.pages, panel.columns) if madctl & MV else (panel.columns, panel.pages)
        draw(lcd, 0, 0, w, h, b"".join(i.to_bytes(3, "big")[1:] for i in range(w * h)))
        assert sorted(lcd.ram) == sorted(i & 0xFFFF for i in range(w * h)), hex(madctl)
        assert lcd.violations == []


def test_dark_until_awake_and_on_and_inverted_without_invon() -> None:
    lcd = ST7789()
    lcd.power_on(0)
    assert not lcd.visible() and set(lcd.view()) == {0}
    lcd = started()
    draw(lcd, 0, 0, 1, 1, b"\x12\x34")
    send(lcd, 500_000, dcs_panel.INVOFF)
    assert pixel(lcd, 0, 0) == b"\xed\xcb"
    lcd.power_off(600_000)
    assert not lcd.visible()


def test_commands_too_early_are_violations() -> None:
    lcd = ST7789()
    lcd.power_on(0)
    send(lcd, 1_000, SWRESET)
    send(lcd, 2_000, COLMOD, b"\x55")
    send(lcd, 100_000, SLPOUT)
    assert len(lcd.violations) == 3


def test_window_outside_the_panel_is_a_violation() -> None:
    lcd = started()
    send(lcd, 400_000, CASET, b"\0\0\x01\x40")
    assert "outside" in lcd.violations[0]


def test_change_is_told_only_while_something_shows() -> None:
    lcd = ST7789()
    lcd.power_on(0)
    seen = []
    lcd.on_change = seen.append
    send(lcd, 200_000, COLMOD, b"\x55")
    draw(lcd, 0, 0, 1, 1, b"xx")
    assert seen == []
    version = lcd.version
    send(lcd, 500_000, SLPOUT)
    send(lcd, 505_000, DISPON)
    assert seen == [500_000, 505_000] and lcd.version == version + 2


def test_second_command_table_of_the_st7796_is_locked_until_both_keys_came() -> None:
    lcd = started(panel=ST7796)
    send(lcd, 400_000, 0xB4, b"\x01")
    assert "locked" in lcd.violations.pop()
    for key in (b"\xc3", b"\x96"):
        send(lcd, 400_000, CSCON, key)
    send(lcd, 400_000, 0xB4, b"\x01")
    assert lcd.violations == []
    send(lcd, 400_000, CSCON, b"\x69")
    send(lcd, 400_000, 0xB4, b"\x01")
    assert "locked" in lcd.violations.pop()
