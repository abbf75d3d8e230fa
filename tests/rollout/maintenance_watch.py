"""Watch the glass of a k5 for the page that says 维护中, by the board's own clock."""

from pathlib import Path

from PIL import Image

from simulator.bare_board import BareBoard
from simulator.glass import picture
from tests.ui.goldens import PICTURES

_TITLE = (90, 9, 230, 37)  # 系统维护中 in the band, px; see tests/ui/goldens/k5/updating.zh.txt
_INK = 128  # of 255: the picture in docs has fewer colours than the glass


def _title(image: Image.Image) -> bytes:
    return image.crop(_TITLE).convert("L").point(lambda light: 255 * (light > _INK)).tobytes()


class MaintenanceWatch:
    """Note from when to when 维护中 was on the glass; the power going away ends it, as nothing is seen then."""

    def __init__(self, board: BareBoard, page: Path = PICTURES / "k5" / "updating.zh.png") -> None:
        """Hear every change of the glass from now on."""
        self._board = board
        with Image.open(page) as image:
            self._page = _title(image.convert("RGB"))
        self._since_us: int | None = None
        self.shown_us: list[int] = []  # how long, each time
        board.wiring.lcd.on_change = self._changed

    @property
    def longest_ms(self) -> int:
        """Return how long it was there at a stretch, at most."""
        return max(self.shown_us, default=0) // 1000

    def dark(self) -> None:
        """Hear that the power has gone."""
        self._changed(self._board.engine.clock.now_us, is_there=False)

    def _changed(self, t_us: int, is_there: bool | None = None) -> None:
        if is_there is None:
            wiring = self._board.wiring
            is_there = _title(picture(wiring.lcd, 320, 240)) == self._page
        if is_there and self._since_us is None:
            self._since_us = t_us
        elif not is_there and self._since_us is not None:
            self.shown_us.append(t_us - self._since_us)
            self._since_us = None
