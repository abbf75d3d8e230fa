"""Sitronix ST7789V, display controller 240 × 320, datasheet version 1.4 (October 2014), as dcs_panel.py models it."""

from simulator.chips.dcs_panel import NOP, NORON, DcsPanel


class ST7789(DcsPanel):
    """One panel with this controller."""

    columns, pages = 240, 320
    # gamma curve, tearing line, porches, gate and power settings
    ignored = frozenset(
        (NOP, NORON, 0x26, 0x35, 0x34, 0xB0, 0xB2, 0xB7, 0xBB, 0xC0, 0xC2, 0xC3, 0xC4, 0xC6, 0xD0, 0xE0, 0xE1)
    )
