"""The fingers of a rater: they find the levels, the tags and the function key of a board, whatever it is made of.

On a board with a key for each level they press keys; on a glass they tap the columns and rows of the screens
(docs/terminal.md), where a touch counts when the finger is lifted. Places are parts of the picture, so that a glass of
another size needs no other fingers.
"""

from simulator.terminal import SimTerminal

LEVELS = 5
ROWS = 3
MORE = 4
"""The key that turns the page of the tags."""
FUNCTION = "function"

COLUMNS_Y = 0.78
ROWS_Y = (0.23, 0.46, 0.68)
ROWS_X = 0.42
MORE_PLACE = (0.92, 0.92)

Target = int | str | tuple[int, int]
"""A key by its name, or a place of the picture, px."""


class Fingers:
    """Press and let go, one thing at a time."""

    def __init__(self, terminal: SimTerminal) -> None:
        self._terminal = terminal
        self._size = terminal.size
        self._is_glass = terminal.wiring.touch is not None
        self._held: Target | None = None

    def level(self, key: int) -> Target:
        """Return where the level of this key, from 1, is pressed."""
        return self._place((key - 0.5) / LEVELS, COLUMNS_Y) if self._is_glass else key

    def row(self, number: int) -> Target:
        """Return where the tag of this row, from 0, is pressed."""
        return self._place(ROWS_X, ROWS_Y[number]) if self._is_glass else number + 1

    def more(self) -> Target:
        """Return where the next page of tags is asked for."""
        return self._place(*MORE_PLACE) if self._is_glass else MORE

    def down(self, target: Target) -> None:
        """Put the finger down."""
        self._held = target
        if isinstance(target, tuple):
            self._terminal.touch(target)
        else:
            self._terminal.key_down(target)

    def up(self) -> None:
        """Lift the finger, if it is down."""
        target, self._held = self._held, None
        if isinstance(target, tuple):
            self._terminal.touch()
        elif target is not None:
            self._terminal.key_up(target)

    def _place(self, x: float, y: float) -> tuple[int, int]:
        return int(self._size[0] * x), int(self._size[1] * y)


def counts_when_lifted(target: Target) -> bool:
    """Tell whether a press there counts only when the finger goes."""
    return isinstance(target, tuple)
