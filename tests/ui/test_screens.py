"""Every screen of both boards: unchanged pixels and texts, nothing cut off, all levels alike, codes that scan."""

import zxingcpp
from PIL import ImageChops

from protocol import rating
from tests.ui import goldens
from tests.ui.conftest import Gallery
from tests.ui.scenes import CODE_TEXT
from ui import layout, layout_t35, theme

LAYOUTS = {"k5": layout, "t35": layout_t35}
OFFLINE = {"chosen_5": "chosen_offline", "thanks": "thanks_offline", "not_invited": "not_invited_offline"}
LACKING = "\ufffd"
UNPAINTED = (255, 0, 255)
ICON = 30  # px of a side, at most
WITH_CODE = ("idle_code", "thanks_code", "unrated", "not_invited", "paused", "full", "fault", "updating")


def test_screens_look_as_they_were_approved(gallery: Gallery) -> None:
    changed = goldens.changed(gallery.board, gallery.scenes)
    assert changed == [], "make screens shows what changed; make screens ARGS=--accept approves it"


def test_every_pixel_is_painted_so_that_nothing_stays_of_the_screen_before(gallery: Gallery) -> None:
    for name, scene in gallery.scenes.items():
        assert UNPAINTED not in {colour for _, colour in scene.picture.getcolors(gallery.wide * gallery.high)}, name


def test_texts_stay_inside_the_screen_and_apart(gallery: Gallery) -> None:
    for name, scene in gallery.scenes.items():
        for y, x, width, size, text in scene.texts:
            assert x >= 4 and x + width <= gallery.wide - 3 and y >= 0 and y + size <= gallery.high, (name, text)
        for i, (y, x, width, size, text) in enumerate(scene.texts):
            for other_y, other_x, other_width, other_size, other in scene.texts[i + 1 :]:
                apart = x + width <= other_x or other_x + other_width <= x or y + size <= other_y or (
                    other_y + other_size <= y
                )  # fmt: skip
                assert apart, (name, text, other)


def test_no_text_is_cut_off_where_its_region_ends(gallery: Gallery) -> None:
    assert {name: scene.cut for name, scene in gallery.scenes.items() if scene.cut} == {}


def test_no_text_lacks_a_glyph(gallery: Gallery) -> None:
    for name, scene in gallery.scenes.items():
        assert not any(LACKING in text for *_, text in scene.texts), name


def test_no_letter_of_a_tag_touches_the_edge_of_its_row(gallery: Gallery) -> None:
    sizes = LAYOUTS[gallery.board]
    head = 28 * sizes.UNIT // 10
    high = (gallery.high - sizes.TAGS_FOOT - head) // 3
    edges = [(top + 2, top + high - 2, top + high - 1) for top in range(head, head + 3 * high, high)]
    for name, scene in gallery.scenes.items():
        for y in sum(edges, ()) if name.startswith("tags_") else ():
            between_corners = scene.picture.crop((12, y, gallery.wide - 12, y + 1))
            assert len(between_corners.getcolors(gallery.wide)) == 1, (name, y)


def test_words_below_the_code_beside_the_card_stay_off_its_edge(gallery: Gallery) -> None:
    sizes = LAYOUTS[gallery.board]
    left, wide, high = (tenths * sizes.UNIT // 10 for tenths in (14, 104, 134))
    below = sizes.BAND + (gallery.high - sizes.BAND + high) // 2
    for name, scene in gallery.scenes.items():
        if name.startswith("idle_code."):
            edge = scene.picture.crop((left + 8, below - 3, left + wide - 8, below))
            assert len(edge.getcolors(wide)) == 1, name


def test_marks_are_the_same_before_and_after_a_press(gallery: Gallery) -> None:
    box = (0, LAYOUTS[gallery.board].MARKS_TOP, gallery.wide, gallery.high)
    before = gallery["invited"].picture.crop(box).tobytes()
    for name in ("chosen_5", "chosen_4", "chosen_3", "chosen_2", "chosen_1", "chosen_hidden"):
        assert gallery[name].picture.crop(box).tobytes() == before, name


def test_levels_stand_above_their_keys_in_order(gallery: Gallery) -> None:
    pixels, top, column = gallery["invited"].picture, LAYOUTS[gallery.board].MARKS_TOP, gallery.wide // 5
    for key, level in enumerate((5, 4, 3, 2, 1), 1):
        colour = _shown(theme.LEVELS[level])
        assert pixels.getpixel((column * (key - 1) + column // 2, top + 2)) == colour
        found = [text for y, x, _, _, text in gallery["invited"].texts if y > top and x // column == key - 1]
        assert "".join(found).endswith(rating.LEVEL_TEXT_ZH[level])
        assert (str(key) in found) == (gallery.board == "k5")


def test_chosen_screens_differ_in_the_level_only(gallery: Gallery) -> None:
    reference, card, large = gallery["chosen_5"], _level_card(gallery), LAYOUTS[gallery.board].LARGE
    for level in (5, 4, 3, 2, 1):
        scene = gallery[f"chosen_{level}"]
        outside = scene.picture.copy()
        outside.paste(0, card)
        same = reference.picture.copy()
        same.paste(0, card)
        assert outside.tobytes() == same.tobytes()
        sizes = [size for y, _, _, size, text in scene.texts if card[1] <= y < card[3]]
        assert sizes == [large]
        assert scene.picture.getpixel((card[0] + 12, card[1] + 12)) == _shown(theme.LEVELS[level])


def test_hidden_screen_says_nothing_of_the_level(gallery: Gallery) -> None:
    card = gallery["chosen_hidden"].picture.crop(_level_card(gallery))
    colours = {_shown(colour) for colour in theme.LEVELS.values()}
    assert not colours & {colour for _, colour in card.getcolors(1 << 16)}
    assert not any(
        "满意" in text for y, *_, text in gallery["chosen_hidden"].texts if y < LAYOUTS[gallery.board].MARKS_TOP
    )


def test_colours_have_contrast() -> None:
    papers = list(theme.LEVELS.values()) + [theme.BAND]
    for paper in papers:
        assert _contrast(theme.ON_LEVEL, paper) >= 4.5, hex(paper)
    for ink in (theme.INK, theme.MUTED):
        assert _contrast(ink, theme.PAGE) >= 4.5
    assert _contrast(theme.STAR, theme.PAGE) >= 3


def test_missing_link_adds_an_icon_at_the_right_and_nothing_else(gallery: Gallery) -> None:
    for name, offline in OFFLINE.items():
        box = ImageChops.difference(gallery[name].picture, gallery[offline].picture).getbbox()
        assert box is not None, name
        left, top, right, bottom = box
        assert left > gallery.wide - 48 and right - left <= ICON and bottom - top <= ICON, (name, box)
        assert gallery[name].texts == gallery[offline].texts


def test_codes_on_the_screen_scan(gallery: Gallery) -> None:
    for name in WITH_CODE:
        found = zxingcpp.read_barcodes(gallery[name].picture)
        assert [code.text for code in found] == [CODE_TEXT], name
        assert not zxingcpp.read_barcodes(gallery["invited"].picture)


def _level_card(gallery: Gallery) -> tuple[int, int, int, int]:
    """Return the place where the level is shown: the middle between band and marks."""
    sizes = LAYOUTS[gallery.board]
    edge = 6 * sizes.UNIT // 10
    gap = 9 * sizes.UNIT // 10
    return edge, sizes.BAND + gap, gallery.wide - edge, sizes.MARKS_TOP - gap


def _shown(colour: int) -> tuple[int, int, int]:
    """Return the colour after the panel's 16 bits."""
    red, green, blue = colour >> 16, colour >> 8 & 255, colour & 255
    return (red >> 3) * 255 // 31, (green >> 2) * 255 // 63, (blue >> 3) * 255 // 31


def _contrast(a: int, b: int) -> float:
    """Return the contrast ratio of WCAG 2."""
    bright, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: int) -> float:
    parts = [(colour >> shift & 255) / 255 for shift in (16, 8, 0)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
