"""The [update] of agent.toml: whose firmware terminals may get, when they may switch, and who gives the word."""

import re
from pathlib import Path

import attrs

GO_CITY, GO_AGENT = "city", "agent"
GO_CHOICES = (GO_CITY, GO_AGENT)
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\Z")
DAY_MIN = 24 * 60


@attrs.frozen(kw_only=True)
class UpdateSection:
    """Hold the [update] section; without a key no terminal is updated."""

    key: Path | None = None
    hours: str = "00:00-24:00"
    go: str = GO_CITY
    source: str | None = None  # the folder on a server that bundles may be fetched from

    @property
    def by_city(self) -> bool:
        """Say whether the city's roll-out gives the word, terminal by terminal."""
        return self.go == GO_CITY


def parse_span(text: str) -> tuple[int, int] | None:
    """Return the minutes of the day of "18:00-07:30", which may pass midnight; None for what is no span."""
    match = _SPAN.match(text)
    if match is None:
        return None
    begin, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    return (begin, end) if end <= DAY_MIN and begin != end else None


def within(span: tuple[int, int], minute: int) -> bool:
    """Say whether a minute of the day lies in a span."""
    begin, end = span
    return begin <= minute < end if begin < end else minute >= begin or minute < end
