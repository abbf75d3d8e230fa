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
    width: int
    height: int
    portrait: Box
    text: Box
    text_indent: int  # from the left of the text's box to the first character
    name_sizes: tuple[int, ...]  # on one line, the first that fits
    name_pair_sizes: tuple[int, ...]  # on two lines
    post_sizes: tuple[int, ...]
    post_pair_sizes: tuple[int, ...]
    number_size: int
    star_size: int
    star_step: int


BOARDS = {
    board.name: board
    for board in (
        CardBoard(
            name="k5",
            width=320,
            height=134,
            portrait=(14, 0, 104, 134),
            text=(132, 0, 180, 134),
            text_indent=2,
            name_sizes=(28, 26, 24, 22),
            name_pair_sizes=(22, 20, 18, 16),
            post_sizes=(20, 18),
            post_pair_sizes=(16, 14, 12),
            number_size=20,
            star_size=20,
            star_step=26,
        ),
    )
}
