"""Staff cards: the file's form, its colours and texts, and what does not fit or has no character."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from host_agent.content import card_file, card_render, staff_cards
from host_agent.content.card_boards import BOARDS
from host_agent.content.card_file import CardError, Tile
from host_agent.content.card_render import LayoutError
from host_agent.content.portrait import portrait
from host_agent.content.staff import MAX_NAME, MAX_POST, Clerk
from host_agent.content.staff_table import StaffRow
from host_agent.errors import UserError
from protocol.content import CARD_BYTES_MAX
from tests.unit.photos import photo
from ui import layout, layout_t35, theme

LAYOUTS = {"k5": layout, "t35": layout_t35}
PAGE = card_file.shown(card_file.rgb565(card_render.PAGE))
ME = Clerk("007", "张晓敏", "社保窗口", 5)


@pytest.fixture(scope="module")
def fonts():
    return staff_cards.fonts([])


@pytest.fixture(scope="module", params=sorted(BOARDS))
def board(request):
    return BOARDS[request.param]


@pytest.fixture(scope="module")
def face(board, tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "a.png"
    photo().save(path)
    return portrait(path, *board.portrait[2:])


def lines(card, board):
    """Return (top, bottom, right end) of each run of rows with ink in the text's box."""
    x, y, width, height = board.text
    box = card_render.picture(card, board).crop((x, y, x + width, y + height))
    inked = [[x for x in range(box.width) if box.getpixel((x, y)) != PAGE] for y in range(box.height)]
    found = []
    for y, row in enumerate(inked):
        if row and (not found or found[-1][1] != y):
            found.append([y, y + 1, max(row)])
        elif row:
            found[-1][1:] = [y + 1, max(found[-1][2], *row)]
    return [tuple(line) for line in found]


def near(colour, other, distance=40):
    return all(abs(a - b) <= distance for a, b in zip(colour, other, strict=True))


def test_card_has_the_firmwares_colours():
    names = ("PAGE", "PANEL", "INK", "MUTED", "LINE", "STAR", "STAR_EMPTY")
    assert [getattr(card_render, name) for name in names] == [getattr(theme, name) for name in names]
    for name in names:
        colour = getattr(theme, name)
        swapped = theme.rgb565(colour)
        assert card_file.rgb565(colour) == swapped >> 8 | (swapped & 255) << 8


def test_boards_cards_have_the_box_that_the_firmware_paints_and_stand_in_its_places(board):
    """The right sides are those of firmware/ui/screens/staff_card.py, in px of k5."""
    unit, sizes = board.unit, LAYOUTS[board.name]
    assert (unit, board.width, board.height) == (sizes.UNIT, sizes.WIDTH, 134 * unit // 10)
    assert board.portrait == (14 * unit // 10, 0, 104 * unit // 10, 134 * unit // 10)
    assert (board.person, board.text[0] + board.text_indent) == (sizes.PICTURE, 134 * unit // 10)
    assert board.text[0] + board.text[2] == sizes.WIDTH - 8 and board.text[1] + board.text[3] == board.height
    assert (board.name_sizes[0], board.post_sizes[0], board.number_sizes[0]) == (sizes.MIDDLE, sizes.SMALL, sizes.SMALL)
    assert (board.star_size, board.star_step) == (sizes.SMALL, sizes.SMALL + 6 * unit // 10)


def test_card_is_the_same_bytes_each_time_and_fits_a_terminal(fonts, face, board):
    card = card_render.render(ME, face, board, fonts)
    assert card == card_render.render(ME, face, board, staff_cards.fonts([])) and len(card) <= CARD_BYTES_MAX
    tiles = card_file.decode(card, board.width, board.height)
    assert [(tile.x, tile.y, tile.width, tile.height) for tile in tiles] == [board.portrait, board.text]
    assert card_file.encode(tiles) == card


def test_card_shows_the_portrait_with_round_corners_in_sixteen_colours(fonts, face, board):
    picture = card_render.picture(card_render.render(ME, face, board, fonts), board)
    x, y, width, height = board.portrait
    for corner in ((x, y), (x + width - 1, y), (x, y + height - 1), (x + width - 1, y + height - 1)):
        assert picture.getpixel(corner) == PAGE
    part = picture.crop((x, y, x + width, y + height))
    assert len(part.getcolors()) <= 16
    small = part.resize((13, 16), Image.Resampling.BOX)  # dither averages out
    wanted = face.resize((13, 16), Image.Resampling.BOX)
    assert all(near(small.getpixel(at), wanted.getpixel(at)) for at in ((6, 8), (6, 14), (1, 3), (11, 3)))


def test_card_lines_stand_where_the_terminal_draws_its_own(fonts, face, board):
    """Name, number, post and stars begin within a few px of the em boxes at 3, 45, 76 and 110 px of k5."""
    tops = [top for top, bottom, _ in lines(card_render.render(ME, face, board, fonts), board) if bottom - top > 5]
    own = [y * board.unit // 10 for y in (3, 45, 76, 110)]
    assert len(tops) == 4 and all(0 <= top - em <= board.unit // 2 for top, em in zip(tops, own, strict=True)), tops


@pytest.mark.parametrize("stars", [None, 0, 1, 5])
def test_card_stars_are_counted_and_none_are_shown_for_none(fonts, stars, board):
    picture = card_render.picture(card_render.render(Clerk("1", "王五", "", stars), None, board, fonts), board)
    golden = card_file.shown(card_file.rgb565(theme.STAR))
    row = [picture.getpixel((x, 122 * board.unit // 10)) == golden for x in range(board.width)]
    starts = sum(b and not a for a, b in zip(row, row[1:], strict=False))
    assert starts == (stars or 0)


@pytest.mark.parametrize(
    ("name", "post", "expected"),
    [
        ("买买提·吐尔逊江", "综合受理窗口", (4,)),
        ("阿卜杜热合曼·买买提明", "社保窗口", (5,)),
        # A bracket or a g may bridge two lines; English of some length has one line on the larger board.
        ("尼格买提·古丽仙·阿不都热依木江·艾", "不动产登记综合受理窗口（一窗通办）二级主任科员", (5, 6)),
        ("Alexandra Papadopoulou", "Foreign residents desk", (5,)),
        ("李𬭎㛃", "税务", (4,)),
    ],
)
def test_card_long_names_and_posts_take_two_lines_that_do_not_touch(fonts, name, post, expected, board):
    assert fonts.missing(name + post) == []
    card = card_render.render(Clerk("12345", name, post, 5), None, board, fonts)
    found = [line for line in lines(card, board) if line[1] - line[0] > 5]
    assert len(found) in expected and all(right < board.text[2] for *_, right in found), found


@settings(max_examples=12)
@given(st.integers(0, 1 << 32), st.sampled_from(list(BOARDS.values())))
def test_card_of_any_clerk_the_table_takes_is_whole_or_named_as_too_long(seed, board):
    rng = random.Random(seed)
    letters = "王买提·吐江一W ilm,.（）-9"

    def text(limit):
        return "".join(rng.choice(letters) for _ in range(rng.randrange(1, limit + 1))).strip() or "王"

    clerk = Clerk("9" * rng.randrange(1, 21), text(MAX_NAME), text(MAX_POST), rng.choice([None, 0, 3, 5]))
    try:
        card = card_render.render(clerk, None, board, _fonts())
    except LayoutError as error:
        assert str(error) in (clerk.name, clerk.post, f"工号 {clerk.number}")
    else:
        left, right = board.text[0], board.text[0] + board.text[2]
        right_edge = card_render.picture(card, board).crop((right - 1, 0, right, board.height))
        assert right_edge.getcolors() == [(board.height, PAGE)], "cut off at the right"
        bottom = card_render.picture(card, board).crop((left, board.height - 1, right, board.height))
        assert bottom.getcolors() == [(board.text[2], PAGE)], "cut off below"


_made = []


def _fonts():
    if not _made:
        _made.append(staff_cards.fonts([]))
    return _made[0]


def test_cards_missing_characters_bad_photos_and_long_texts_are_all_named_with_their_line(tmp_path, fonts):
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    rows = [
        StaffRow(2, Clerk("1", "𠮷田"), None),
        StaffRow(3, Clerk("2", "李四"), "bad.jpg"),
        StaffRow(4, Clerk("3", "王五"), "none.jpg"),
        StaffRow(5, Clerk("W" * 20, "赵"), None),
        StaffRow(6, Clerk("5", "赵六"), None),
    ]
    done = []
    with pytest.raises(UserError) as caught:
        staff_cards.make(rows, tmp_path / "staff.csv", None, fonts, lambda: done.append(1))
    told = [(fault.where.rpartition("line ")[2], fault.what) for fault in caught.value.faults]
    assert [line for line, _ in told] == ["2", "3", "4", "5"] and len(done) == 5
    for (_, what), words in zip(told, ("U+20BB7", "bad.jpg", "none.jpg", "too wide"), strict=True):
        assert words in what


def test_cards_photo_is_found_by_number_in_the_folder_of_photos(tmp_path, fonts):
    photos = tmp_path / "photos"
    photos.mkdir()
    photo().save(photos / "7.JPG", "JPEG")
    row = StaffRow(2, Clerk("7", "张三"))
    with_photo = staff_cards.make([row], tmp_path / "s.csv", photos, fonts, lambda: None)[0]
    without = staff_cards.make([row], tmp_path / "s.csv", None, fonts, lambda: None)[0]
    assert all(with_photo.cards[board] != without.cards[board] for board in BOARDS)
    assert not any(part in repr(with_photo) for part in ("张三", "YPC1")), "personal data stays out of logs"


def test_fonts_that_are_none_are_refused(tmp_path):
    (tmp_path / "a.ttf").write_bytes(b"no font")
    with pytest.raises(UserError, match="cannot use the font"):
        staff_cards.fonts([tmp_path / "a.ttf"])
    with pytest.raises(UserError, match="cannot use the font"):
        staff_cards.fonts([Path("/nonexistent.ttf")])


TILE = Tile(1, 2, 3, 2, tuple(range(16)), card_file.pack(bytes([1, 2, 3, 4, 5, 15]), 3))


def test_card_file_packs_two_pixels_a_byte_left_one_high():
    assert TILE.pixels == bytes.fromhex("1230 45f0") and TILE.rows() == [[1, 2, 3], [4, 5, 15]]
    data = card_file.encode([TILE])
    assert data[:5] == b"YPC1\x01" and data[5:13] == bytes.fromhex("0100 0200 0300 0200") and data[15:17] == b"\x01\x00"
    assert card_file.decode(data, 320, 134) == [TILE]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"YPC2" + card_file.encode([TILE])[4:],
        b"YPC1\x00",
        b"YPC1\x05" + bytes(400),
        card_file.encode([TILE])[:-1],
        card_file.encode([TILE]) + b"\0",
        card_file.encode([Tile(318, 0, 3, 2, TILE.palette, TILE.pixels)]),
        card_file.encode([Tile(0, 0, 0, 2, TILE.palette, b"")]),
    ],
)
def test_card_file_that_is_not_sound_is_refused(data):
    with pytest.raises(CardError):
        card_file.decode(data, 320, 134)


@given(st.binary(max_size=200) | st.binary(max_size=90).map(lambda data: b"YPC1\x01" + data))
def test_card_file_of_random_bytes_is_refused_or_exact(data):
    try:
        tiles = card_file.decode(data, 320, 134)
    except CardError:
        return
    assert card_file.encode(tiles) == data
