"""Terminal ids: "YP-", a number of six digits or more, "-" and a check character (ISO 7064, MOD 37,36).

The check character finds every wrong character, and nearly every pair of neighbours that was written the other way
round. It is reckoned over letters and digits: dashes do not count. An id is the COSE kid, the USB serial number and a
level of an MQTT topic.
"""

import re

from host_agent.errors import UserError

PREFIX = "YP"
NUMBER_DIGITS = 6
NUMBER_MAX = 10**12 - 1  # "YP-", twelve digits and "-C" are 17 of the 20 characters that an id may have

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FORM = re.compile(r"YP-([0-9]{6,12})-([0-9A-Z])")
_CURE = "read it again from the label; it looks like YP-000001-S"


def terminal_id(number: int) -> str:
    """Return the id of the terminal with a number from 1 to `NUMBER_MAX`; ValueError for another one."""
    if not 1 <= number <= NUMBER_MAX:
        raise ValueError(f"no terminal has the number {number}")
    digits = f"{number:0{NUMBER_DIGITS}}"
    return f"{PREFIX}-{digits}-{check_character(PREFIX + digits)}"


def check_character(text: str) -> str:
    """Return the check character of letters A to Z and digits (ISO 7064, MOD 37,36); ValueError for others."""
    product = 36
    for character in text:
        product = (product + _ALPHABET.index(character)) % 36 or 36
        product = product * 2 % 37
    return _ALPHABET[(37 - product) % 36]


def number_of(terminal: str, where: str) -> int:
    """Return the number in an id; `where` names the option, or file and line, that it stands in.

    :raises UserError: it is no id, or was mistyped.
    """
    found = _FORM.fullmatch(terminal)
    if found is None:
        raise UserError(f"{terminal!r} is no terminal id: {_fault(terminal)}", where, _CURE)
    digits, given = found[1], found[2]
    wanted = check_character(PREFIX + digits)
    if given != wanted:
        what = f"terminal id {terminal} is mistyped: its check character cannot be {given}"
        raise UserError(what, where, _CURE)
    number = int(digits)
    if number == 0 or terminal != terminal_id(number):
        raise UserError(f"{terminal} is no terminal id: no terminal has the number {digits}", where, _CURE)
    return number


def check(terminal: str, where: str = "terminal") -> str:
    """Return an id that checks, as it came.

    :raises UserError: it is no id, or was mistyped.
    """
    number_of(terminal, where)
    return terminal


def _fault(terminal: str) -> str:
    """Say at which character a text stops to look like an id."""
    for at, character in enumerate(terminal):
        if at < 3:
            right = character == "YP-"[at]
        elif at < 3 + NUMBER_DIGITS:
            right = character in "0123456789"
        else:
            right = character in "-" + _ALPHABET
        if not right:
            return f"character {at + 1} cannot be {character!r}"
    return "characters are missing, or there are too many"
