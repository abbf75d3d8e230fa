"""Where a staff card stands on each board's screen: the card box, and in it the portrait and the lines of text.

The places and colours are those of the card that the firmware draws by itself (firmware/ui/screens/staff_card.py), so
that nothing jumps when a rendered card takes its place.
"""

import attrs

Box = tuple[int, int, int, int]  # x, y, width, height, px


@attrs.frozen
class CardBoard:
    """Lay out one board's card; all in px of the card box."""

    name: str
    unit: int  # tenths of px that a px of k5 is here, as UNIT in the firmware's layout
    width: int
    height: int
    portrait: Box
    person: int  # side of the figure that stands in for a portrait
    text: Box
    text_indent: int  # from the left of the text's box to the first character
    name_sizes: tuple[int, ...]  # on one line, the first that fits
    name_pair_sizes: tuple[int, ...]  # on two lines
    post_sizes: tuple[int, ...]
    post_pair_sizes: tuple[int, ...]
    number_sizes: tuple[int, ...]
    star_size: int
    star_step: int


BOARDS = {
    board.name: board
    for board in (
        CardBoard(
            name="k5",
            unit=10,
            width=320,
            height=134,
            portrait=(14, 0, 104, 134),
            person=96,
            text=(132, 0, 180, 134),
            text_indent=2,
            name_sizes=(28, 26, 24, 22),
            name_pair_sizes=(22, 20, 18, 16),
            post_sizes=(20, 18),
            post_pair_sizes=(16, 14, 12),
            number_sizes=tuple(range(20, 11, -1)),
            star_size=20,
            star_step=26,
        ),
        CardBoard(
            name="t35",
            unit=14,
            width=480,
            height=187,
            portrait=(19, 0, 145, 187),
            person=144,
            text=(184, 0, 288, 187),
            text_indent=3,
            name_sizes=(40, 38, 36, 34, 32),
            name_pair_sizes=(32, 30, 28, 26, 24),
            post_sizes=(28, 26),
            post_pair_sizes=(24, 22, 20, 18),
            number_sizes=tuple(range(28, 17, -1)),
            star_size=28,
            star_step=36,
        ),
    )
}
