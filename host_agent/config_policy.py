"""The [policy] of agent.toml: what the terminals are told about times, habits and loudness."""

import re

import attrs

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z")
# What a terminal takes, lowest and highest; it refuses a CONFIG with one value outside (firmware/app/policy_table.py).
BOUNDS = {
    "invite_ms": (1_000, 360_000),
    "change_ms": (0, 20_000),
    "offer_ms": (1_000, 60_000),
    "sub_ms": (3_000, 60_000),
    "tags_ms": (5_000, 120_000),
    "thanks_ms": (0, 20_000),
    "unrated_ms": (0, 120_000),
    "not_invited_ms": (0, 60_000),
    "guard_ms": (0, 3_000),
    "volume": (0, 100),
    "quiet_volume": (0, 100),
    "utc_offset_min": (-720, 840),
}
CHOICES = {"local_invite": ("offline", "always", "never"), "detail": ("ask", "auto", "off")}
QUIET = ("quiet_from", "quiet_to")
SELF_TEST = "self_test"
OFF = "off"  # in place of the self-test's time of day
_MINUTES = "_min"


@attrs.frozen(kw_only=True)
class PolicySection:
    """Hold what the terminals are told about times and habits; None leaves the terminal's own default."""

    invite_ms: int | None = None
    change_ms: int | None = None
    detail: str | None = None
    offer_ms: int | None = None
    sub_ms: int | None = None
    tags_ms: int | None = None
    thanks_ms: int | None = None
    unrated_ms: int | None = None
    not_invited_ms: int | None = None
    guard_ms: int | None = None
    elder: bool | None = None
    local_invite: str | None = None
    volume: int | None = None
    quiet_volume: int | None = None
    quiet_from: str | None = None
    quiet_to: str | None = None
    self_test: str | None = None
    utc_offset_min: int | None = None
    greeting: bool | None = None

    def message(self) -> dict[str, int | str | bool]:
        """Return the map for the CONFIG message: only what was set; times of day in minutes."""
        found = {name: value for name, value in attrs.asdict(self).items() if value is not None}
        for name in (*QUIET, SELF_TEST):
            if name in found:
                text = found.pop(name)
                found[name + _MINUTES] = -1 if text == OFF else minute_of_day(text)
        return found


def minute_of_day(text: str) -> int | None:
    """Return the minutes since midnight of "22:00", None for what is no time of the day."""
    match = _TIME_OF_DAY.match(text)
    return int(match[1]) * 60 + int(match[2]) if match else None


def with_local_time(message: dict[str, int | str | bool], offset_min: int) -> dict[str, int | str | bool]:
    """Return a map for CONFIG that also says how local time differs from UTC, where a time of day depends on it."""
    if not {QUIET[0] + _MINUTES, SELF_TEST + _MINUTES} & message.keys():
        return message
    return {"utc_offset_min": offset_min} | message
