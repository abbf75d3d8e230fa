"""Turn the frame memory of a display into a picture, as the glass shows it."""

from array import array

from PIL import Image

from simulator.chips.dcs_panel import DcsPanel

DARK = 0.02  # a backlight below this shows nothing


def picture(lcd: DcsPanel, width: int, height: int, light: float = 1.0) -> Image.Image:
    """Return the glass as an RGB image; black while the display or its light is off."""
    if light < DARK:
        return Image.new("RGB", (width, height))
    pixels = array("H", lcd.view())
    pixels.byteswap()
    return Image.frombytes("RGB", (width, height), pixels.tobytes(), "raw", "BGR;16")
