"""Reason codes are unique and each has a name and a text."""

from protocol import reason_texts, reasons


def test_reasons_each_has_a_name_and_a_text():
    assert sorted(reason_texts.NAMES) == list(range(25))
    assert len(set(reason_texts.NAMES.values())) == 25
    for code in reason_texts.NAMES:
        assert reason_texts.text_en(code) == reason_texts.REASONS[code]
    assert "200" in reason_texts.text_en(200)


def test_whys_are_unique_and_have_texts():
    codes = [getattr(reasons, name) for name in dir(reasons) if name.startswith("WHY_")]
    assert len(set(codes)) == len(codes) == len(reason_texts.WHYS)
    for code in codes:
        assert reason_texts.why_text_en(code)
    assert "99" in reason_texts.why_text_en(99)
