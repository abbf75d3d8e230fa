"""The code that provisioning makes for a window: an independent decoder reads the address."""

import base64

import pytest
import zxingcpp
from PIL import Image

from simulator.window_code import SIDE_MAX, packed, window_code

QUIET = 4


def read(code: str) -> str:
    """Return what a camera reads of a code drawn four pixels a module."""
    side, data = code.split(":")
    bits = "".join(f"{byte:08b}" for byte in base64.b64decode(data))
    picture = Image.new("L", (int(side) + 2 * QUIET,) * 2, 255)
    for at in range(int(side) ** 2):
        if bits[at] == "1":
            picture.putpixel((QUIET + at % int(side), QUIET + at // int(side)), 0)
    found = zxingcpp.read_barcodes(picture.resize((picture.width * 4,) * 2, Image.Resampling.NEAREST))
    return found[0].text


def test_window_code_holds_the_upper_case_address_of_centre_window_and_terminal() -> None:
    assert read(window_code("C01", "W01", "YP-0001")) == "HTTPS://PJ.EXAMPLE.CN/W/C01/W01/YP-0001"


def test_window_code_of_names_with_other_characters_stays_small() -> None:
    code = window_code("c 01", "3号", "yp_1")
    assert read(code) == "HTTPS://PJ.EXAMPLE.CN/W/C-01/3-/YP-1" and int(code.split(":")[0]) <= SIDE_MAX


@pytest.mark.parametrize(("characters", "side"), [(20, 21), (61, 29), (90, 33), (114, 33)])
def test_window_code_takes_the_smallest_size_that_holds_it(characters: int, side: int) -> None:
    text = "HTTPS://A.CN/".ljust(characters, "9")
    assert int(packed(text).split(":")[0]) == side and read(packed(text)) == text


def test_window_code_of_names_that_no_terminal_can_draw_is_none() -> None:
    assert packed("A" * 115) is None and packed("A" * 10_000) is None
    assert window_code("C" * 120, "W01", "YP-0001") is None
