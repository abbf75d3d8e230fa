"""Pinout and parts list of each board against the board data that firmware and simulator use."""

import csv
import math
import re
from pathlib import Path

import pytest

from simulator.chips import key_lamps
from simulator.wiring import boards, load_board
from tests.lint.sources import ROOT

HARDWARE = ROOT / "hardware"
BOARDS = boards()
USB_MA = 450
USB_V = 5.05  # 5.25 V less the least of the diode
SPEAKER_OHM = 6.8  # 8 Ω less 15 %
VOICE_AT_REST_MA = 25
# Physical pin of each GPIO on a Pico and a Pico 2.
PICO_PINS = dict(
    zip(
        [*range(23), 26, 27, 28],
        [1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 29, 31, 32, 34],
        strict=True,
    )
)


def table(board: str, name: str) -> list[dict[str, str]]:
    with (HARDWARE / "boards" / board / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wired(board: dict) -> dict[int, tuple[str, str]]:
    """Return GPIO → (chip, the end of its signal's name) as the board data says."""
    chips = board["chips"]
    pins: dict[int, tuple[str, str]] = {}
    for name, gpio in board["keys"]:
        pins[gpio] = ("key", f"KEY_{name}".upper())
    pins[board["case_switch"]] = ("switch", "CASE")
    pins[board["maintenance_jumper"]] = ("jumper", "MAINTENANCE")
    lcd, nor, rtc, voice = chips["lcd"], chips["nor"], chips["rtc"], chips["voice"]
    if "touch" in chips:
        pins[chips["touch"]["interrupt"]] = (chips["touch"]["chip"], "INTERRUPT")
    for data, names in ((lcd, ("cs", "dc", "backlight")), (nor, ("cs",))):
        for name in names:
            pins[data[name]] = (data["chip"], name.upper())
    for data in (lcd, nor):
        bus = board["spi"][data["spi"]]
        for name in ("sck", "mosi", "miso"):
            if bus[name] is not None:
                pins[bus[name]] = (data["chip"], name.upper())
    bus = board["i2c"][rtc["i2c"]]
    pins.update({bus[name]: (rtc["chip"], name.upper()) for name in ("sda", "scl")})
    if "lamps" in chips:
        pins[chips["lamps"]["latch"]] = (chips["lamps"]["chip"], "LATCH")
    pins[chips["buzzer"]["pwm"]] = (chips["buzzer"]["chip"], "BUZZER")
    pins[board["uart"][voice["uart"]]["tx"]] = (voice["chip"], "TX")
    pins[voice["busy"]] = (voice["chip"], "BUSY")
    link = board["uart"][1 - voice["uart"]]
    pins.update({link[name]: ("max3232", name.upper()) for name in ("tx", "rx")})
    return pins


@pytest.mark.parametrize("board", BOARDS)
def test_pinout_is_what_the_board_data_says(board: str) -> None:
    expected = wired(load_board(board))
    rows = {int(row["gpio"]): row for row in table(board, "pinout.csv")}
    assert set(rows) == set(expected)
    for gpio, (chip, signal) in expected.items():
        assert rows[gpio]["chip"] == chip, gpio
        assert rows[gpio]["net"].endswith(signal), gpio


@pytest.mark.parametrize("board", BOARDS)
def test_pinout_names_each_pin_net_and_physical_pin_once(board: str) -> None:
    rows = table(board, "pinout.csv")
    for column in ("gpio", "pico_pin", "net"):
        values = [row[column] for row in rows]
        assert len(values) == len(set(values)), column
    assert {int(row["gpio"]): int(row["pico_pin"]) for row in rows} == {
        int(row["gpio"]): PICO_PINS[int(row["gpio"])] for row in rows
    }


@pytest.mark.parametrize("board", BOARDS)
def test_peripherals_can_reach_their_pins(board: str) -> None:
    """RP2040 datasheet 1.4.3, the same on RP2350 for these: which function each GPIO offers."""
    data = load_board(board)
    for unit, bus in data["spi"].items():
        for name, low_bits in (("miso", 0), ("sck", 2), ("mosi", 3)):
            if bus[name] is not None:
                assert (bus[name] & 3, bus[name] >> 3 & 1) == (low_bits, unit), (unit, name)
    for unit, bus in data["i2c"].items():
        assert (bus["sda"] & 1, bus["sda"] >> 1 & 1) == (0, unit) and (bus["scl"] & 1, bus["scl"] >> 1 & 1) == (1, unit)
    for unit, bus in data["uart"].items():
        assert (bus["tx"] & 3, (bus["tx"] + 4) >> 3 & 1) == (0, unit)
        assert bus["rx"] is None or (bus["rx"] & 3, (bus["rx"] + 4) >> 3 & 1) == (1, unit)
    chips = data["chips"]
    slices = [pin >> 1 & 7 for pin in (chips["lcd"]["backlight"], chips["buzzer"]["pwm"])]
    assert len(slices) == len(set(slices)), "two frequencies on one PWM slice"


@pytest.mark.parametrize("board", BOARDS)
def test_parts_list_has_every_chip_and_as_many_as_its_references_say(board: str) -> None:
    data = load_board(board)
    rows = table(board, "bom.csv")
    parts = {row["chip"] for row in rows}
    assert {chip["chip"] for chip in data["chips"].values()} | {"rp2350", "switch", "jumper", "power"} <= parts
    assert {row["chip"] for row in table(board, "pinout.csv")} <= parts
    assert sum(int(row["quantity"]) for row in rows if row["chip"] == "key") == len(data["keys"])
    for row in rows:
        first, _, last = row["ref"].partition("-")
        count = int(re.sub(r"\D", "", last)) - int(re.sub(r"\D", "", first)) + 1 if last else 1
        assert int(row["quantity"]) == count, row["ref"]
    references = [row["ref"] for row in rows]
    assert len(references) == len(set(references))


def revision(text: str) -> str:
    return re.search(r"(?:revision|version) (\S+?)[ ,)]", text)[1]


@pytest.mark.parametrize("chip", ["st7789", "st7796", "w25q", "ds3231", "hc595", "jq8900", "dfplayer", "ft6336"])
def test_driver_model_and_page_of_a_chip_rely_on_the_same_datasheet(chip: str) -> None:
    page = (HARDWARE / "chips" / f"{chip}.md").read_text(encoding="utf-8")
    driver = next(Path(ROOT, "firmware", "drivers").glob(f"*_{chip}.py")).read_text(encoding="utf-8")
    model = Path(ROOT, "simulator", "chips", f"{chip}.py").read_text(encoding="utf-8")
    assert revision(page) == revision(model) == revision(driver + ")")


def test_every_chip_with_a_driver_has_its_page() -> None:
    for board in BOARDS:
        for data in load_board(board)["chips"].values():
            if list(Path(ROOT, "firmware", "drivers").glob(f"*_{data['chip']}.py")):
                assert (HARDWARE / "chips" / f"{data['chip']}.md").is_file(), data["chip"]


def ohms(board: str, ref: str) -> float:
    """Return the value of a resistor of the parts list."""
    (part,) = [row["part"] for row in table(board, "bom.csv") if row["ref"] == ref]
    return float(re.match(r"([\d.]+) Ω", part)[1])


def power(board: str, column: str) -> dict[str, int]:
    """Return load → mA."""
    return {row["load"]: int(row[column]) for row in table(board, "power.csv")}


@pytest.mark.parametrize("board", BOARDS)
def test_board_takes_no_more_from_usb_than_its_descriptor_says(board: str) -> None:
    driver = (ROOT / "firmware" / "drivers" / "link_usb.py").read_text(encoding="utf-8")
    assert 2 * int(re.search(r"_MAX_POWER = const\((\d+)\)", driver)[1]) == USB_MA
    wiring = (HARDWARE / "boards" / board / "wiring.md").read_text(encoding="utf-8")
    for column, word in (("silent_ma", "silent"), ("speaking_ma", "prompt plays")):
        total = sum(power(board, column).values())
        assert total <= USB_MA, column
        assert re.search(rf"{total} mA while (?:it is |a ){word}", wiring), (column, total)


@pytest.mark.parametrize("board", BOARDS)
def test_power_table_has_the_currents_that_the_resistors_set(board: str) -> None:
    silent, speaking = power(board, "silent_ma"), power(board, "speaking_ma")
    highest = 1000 * USB_V / (ohms(board, "R9") + SPEAKER_OHM)
    assert (silent["voice"], speaking["voice"]) == (VOICE_AT_REST_MA, math.ceil(VOICE_AT_REST_MA + highest))
    if "lamps" in silent:
        assert (key_lamps.SUPPLY_V, key_lamps.DIM_OHM) == (USB_V, ohms(board, "R8"))
        assert key_lamps.current_ma(key_lamps.LAMPS, False) <= silent["lamps"]
        assert math.ceil(key_lamps.current_ma(key_lamps.LAMPS, True)) == speaking["lamps"]
        assert sum(speaking.values()) - speaking["lamps"] + silent["lamps"] > USB_MA, "else they would not have to dim"
    assert ("lamps" in silent) == ("lamps" in load_board(board)["chips"])


@pytest.mark.parametrize("board", BOARDS)
def test_power_table_names_parts_of_the_list(board: str) -> None:
    references = {row["ref"] for row in table(board, "bom.csv")}
    for row in table(board, "power.csv"):
        assert set(row["ref"].split()) <= references, row["ref"]
