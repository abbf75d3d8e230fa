"""Display controller ST7796S on 4-line SPI (datasheet version 1.0): the commands and waits of the ST7789V.

Reset, sleep, window, memory write, pixel format and scan order are the same, with 320 × 480 pixels; its second table of
commands stays locked, at the values of the module.
"""

from drivers.lcd_st7789 import Lcd

__all__ = ("Lcd",)
