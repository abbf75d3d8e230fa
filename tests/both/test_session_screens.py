"""What the screens decide without a display: regions, countdowns, line breaks, codes."""

import sys

from protocol import rating
from ui import notice, qr, tags
from ui.screens import parts
from ui.strings import DEFAULT, LANGUAGES, Strings

TEXTS = {language: Strings(language)._texts for language in LANGUAGES}


def test_every_language_has_every_text():
    for texts in TEXTS.values():
        assert sorted(texts) == sorted(TEXTS["zh"])


def test_one_language_is_in_memory_and_an_unknown_one_is_the_default():
    strings = Strings()
    assert strings["mark_4"] == "满意"
    for language in LANGUAGES:
        strings.use(language)
        assert strings["language"] == TEXTS[language]["language"]
        assert not [name for name in sys.modules if name.startswith("ui.texts_")]
    strings.use("xx")
    assert strings["mark_4"] == TEXTS[DEFAULT]["mark_4"]


def test_statutory_words_are_unchanged():
    for level in rating.LEVELS:
        word = rating.LEVEL_TEXT_ZH[level]
        assert TEXTS["zh"]["level_" + str(level)] == word
        assert TEXTS["zh"]["mark_" + str(level)].replace("\n", "") == word
    assert TEXTS["zh"]["invite_title"] == "请您对本次服务进行评价"


def test_countdown_shows_the_running_second():
    assert [parts.seconds_left(5_000, now) for now in (0, 1, 999, 1_000, 4_001, 4_999, 5_000, 9_000)] == [
        5, 5, 5, 4, 1, 1, 0, 0,
    ]  # fmt: skip


def test_code_is_unpacked():
    side, bits = qr.unpack("21:" + "A" * 74 + "A=")
    assert side == 21 and bits == bytes(56)


def test_what_is_no_code_is_none():
    for text in (None, "", "21", "x:AAAA", "21:AAAA", "22:" + "A" * 76, "45:" + "A" * 340, "21:" + "A" * 75 + "*"):
        assert qr.unpack(text) is None, text


class Pack:
    """Every full-width character is 20 px wide, every other 10."""

    size = 20

    def width_of(self, code):
        return 20 if code >= 0x2E80 else 10

    def text_width(self, text):
        return sum([self.width_of(ord(char)) for char in text])

    def fitting(self, text, width):
        return text if self.text_width(text) <= width else "…"


def test_lines_break_at_the_width_and_never_before_a_closing_mark():
    assert notice.broken(Pack(), "一二三四五六七", 60) == ["一二三", "四五六", "七"]
    assert notice.broken(Pack(), "一二三，四", 60) == ["一二三，", "四"]
    assert notice.broken(Pack(), "一二\n三", 60) == ["一二", "三"]
    assert notice.broken(Pack(), "ab 一二三", 60) == ["ab 一", "二三"]


def test_notice_has_lines_of_much_the_same_length_and_keeps_its_own_breaks():
    assert notice.even(Pack(), "一二三四五六七", 120) == ["一二三四", "五六七"]
    assert notice.even(Pack(), "一二三四五六，七", 120) == ["一二三四五", "六，七"]
    assert notice.even(Pack(), "一二三四五六\n七", 120) == ["一二三四五六", "七"]


def test_tag_stands_on_one_line_or_on_two_of_much_the_same_length():
    assert tags.balanced(Pack(), "一二三四五六", 120) == ["一二三四五六"]
    assert tags.balanced(Pack(), "一二三四五六七", 120) == ["一二三", "四五六七"]
    assert tags.balanced(Pack(), "一二三，四五六", 100) == ["一二三，", "四五六"]
    assert tags.balanced(Pack(), "one two three", 100) == ["one two", "three"]


def test_tags_own_break_counts_where_one_line_is_too_short():
    assert tags.balanced(Pack(), "一二\n三四五六七", 120) == ["一二", "三四五六七"]
    assert tags.balanced(Pack(), "一二\n三四", 120) == ["一二三四"]
    assert notice.broken(Pack(), "", 60) == []
