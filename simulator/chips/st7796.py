"""Sitronix ST7796S, display controller 320 × 480, datasheet version 1.0 (November 2014), as dcs_panel.py models it.

Also modelled: the lock of the second command table, which F0h with C3h and 96h opens; its settings are then ignored.
"""

from simulator.chips.dcs_panel import NOP, NORON, DcsPanel

CSCON = 0xF0  # command set control
UNLOCK = (0xC3, 0x96)
TABLE_2 = frozenset((*range(0xB0, 0xB8), *range(0xC0, 0xC7), 0xE0, 0xE1, 0xE8))


class ST7796(DcsPanel):
    """One panel with this controller."""

    columns, pages = 320, 480
    ignored = frozenset((NOP, NORON, 0x26, 0x34, 0x35, CSCON)) | TABLE_2

    def _defaults(self) -> None:
        super()._defaults()
        self._keys: list[int] = []

    def _begin(self, command: int, t_us: int) -> None:
        if command in TABLE_2 and tuple(self._keys) != UNLOCK:
            self.violations.append(f"command {command:#04x} of the second table while it is locked")
        super()._begin(command, t_us)

    def _data(self, mosi: bytes, t_us: int) -> None:
        if self._command == CSCON:
            self._keys = [*self._keys, *mosi][-2:]
        super()._data(mosi, t_us)
