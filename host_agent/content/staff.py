"""What is known of a clerk, and its rules. Names and portraits of clerks are personal data: nothing is logged."""

import re
from typing import Any

import attrs

NUMBER = re.compile(r"[0-9A-Za-z._-]{1,20}\Z")
NUMBER_RULE = "1 to 20 letters, digits, dots or dashes"
MAX_NAME, MAX_POST = 20, 28  # characters; what two lines of a card hold
MAX_STARS = 5


@attrs.frozen
class Clerk:
    """Name a clerk as the staff card shows it; `stars` None means that none are shown."""

    number: str
    name: str = attrs.field(repr=False)
    post: str = attrs.field(default="", repr=False)
    stars: int | None = attrs.field(default=None, repr=False)

    def message(self) -> dict[str, Any]:
        """Return the map of CLERK: only what is known."""
        values = {"number": self.number, "name": self.name, "post": self.post, "stars": self.stars}
        return {key: value for key, value in values.items() if value not in ("", None)}


@attrs.frozen
class Staff:
    """Hold a clerk and the rendered card of each board."""

    clerk: Clerk
    cards: dict[str, bytes] = attrs.field(factory=dict, repr=False)


def text_fault(value: str, limit: int) -> str | None:
    """Return why a name or post cannot be shown, None when it can."""
    if len(value) > limit:
        return f"has {len(value)} characters, at most {limit} fit"
    bad = next((char for char in value if not char.isprintable()), None)
    if bad is None:
        return None
    private = 0xE000 <= ord(bad) <= 0xF8FF or ord(bad) >= 0xF0000
    kind = "of private use, which every computer shows differently" if private else "that cannot be shown"
    return f"holds a character {kind} (U+{ord(bad):04X})"
