"""Terminal ids: the check character is ISO 7064's, and no single slip of the pen passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.errors import UserError
from host_agent.provision.identity import NUMBER_MAX, check, check_character, number_of, terminal_id

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
numbers = st.one_of(st.integers(1, 999_999), st.integers(1, NUMBER_MAX))


def test_check_character_is_that_of_iso_7064():
    # The example of python-stdnum's mod_37_36, taken from the Global Release Identifier, which is of this system.
    assert check_character("A12425GABC1234002") == "M"


def test_ids_are_known_for_ever():
    assert [terminal_id(number) for number in (1, 2, 999_999, 1_000_000)] == [
        "YP-000001-S",
        "YP-000002-Q",
        "YP-999999-P",
        "YP-1000000-6",
    ]


@given(numbers)
def test_number_comes_back_and_fits_the_kid(number):
    text = terminal_id(number)
    assert number_of(text, "here") == number and check(text) == text and len(text.encode()) <= 20


@given(numbers, st.data())
def test_any_wrong_character_is_refused(number, data):
    text = terminal_id(number)
    at = data.draw(st.sampled_from([i for i, c in enumerate(text) if c != "-"]))
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != text[at]]))
    with pytest.raises(UserError):
        check(text[:at] + other + text[at + 1 :], "label")


@given(numbers, st.text(max_size=24))
def test_other_texts_are_refused_with_the_place(number, text):
    if text == terminal_id(number):
        return
    try:
        found = number_of(text, "fleet.csv, line 7")
    except UserError as error:
        assert error.where == "fleet.csv, line 7" and error.cure
    else:
        assert terminal_id(found) == text


def test_swapped_digits_are_found_but_for_one_in_a_thousand():
    missed = 0
    for number in range(1, 3000):
        text = terminal_id(number)
        for at in range(3, 8):
            if text[at] == text[at + 1]:
                continue
            turned = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
            try:
                check(turned)
            except UserError:
                continue
            missed += 1
    assert missed <= 12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("YP-O00001-S", "character 4 cannot be 'O'"),
        ("yp-000001-S", "character 1 cannot be 'y'"),
        ("YP-000001-i", "character 11 cannot be 'i'"),
        ("YP-000001", "characters are missing"),
        ("YP-000001-SI", "too many"),
        ("YP-000000-U", "no terminal has the number 000000"),
        ("YP-0000001-I", "mistyped"),
        ("YP-000001-J", "check character cannot be J"),
    ],
)
def test_error_says_what_is_wrong_with_it(text, said):
    with pytest.raises(UserError) as caught:
        check(text, "label")
    assert said in caught.value.what


def test_numbers_out_of_range_have_no_id():
    for number in (0, -1, NUMBER_MAX + 1):
        with pytest.raises(ValueError):
            terminal_id(number)
