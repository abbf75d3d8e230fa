"""Holds a [[dialect]] section of agent.toml: how old counter software reaches the terminals, and who uploads."""

from urllib.parse import urlsplit

import attrs

GWQ, RATESERVICE, FF68_RATER = "gwq", "rateservice", "ff68_rater"
KINDS = (GWQ, RATESERVICE, FF68_RATER)
# Who brings a window's ratings to the province: the city for this agent, or the counter software itself.
UPLOADER_AGENT, UPLOADER_COUNTER = "agent", "counter"
UPLOADERS = (UPLOADER_AGENT, UPLOADER_COUNTER)
RATESERVICE_LISTEN = "127.0.0.1:3348"


@attrs.frozen(kw_only=True)
class DialectSection:
    """Say which dialect is spoken where; the tables name the old software's numbers and what each means here.

    `windows` is of gwq (none named: all), `listen`, `url`, `win_nums`, `user_codes`, `scores` of rateservice, `port`,
    `addresses`, `bare_address`, `grades` of ff68_rater.
    """

    kind: str
    windows: list[str] = attrs.field(factory=list)
    listen: str | None = None
    url: str | None = None
    win_nums: dict[str, str] = attrs.field(factory=dict)
    user_codes: dict[str, str] = attrs.field(factory=dict)
    scores: dict[str, int] = attrs.field(factory=dict)
    port: str | None = None
    addresses: dict[str, str] = attrs.field(factory=dict)
    bare_address: bool = False
    grades: dict[str, int] = attrs.field(factory=dict)

    @property
    def listen_at(self) -> tuple[str, int]:
        """Return host and port that a rateservice dialect serves; only of one without `url`."""
        host, _, port = (self.listen or RATESERVICE_LISTEN).rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def url_port(self) -> int:
        """Return the port that `url` names or means."""
        parts = urlsplit(self.url or "")
        return parts.port or (443 if parts.scheme == "wss" else 80)

    def served(self, all_windows: tuple[str, ...]) -> tuple[str, ...]:
        """Return the windows that this dialect orders for, of all that the agent has."""
        if self.kind == FF68_RATER:
            return tuple(self.addresses.values())
        if self.kind == RATESERVICE:
            return tuple(self.win_nums.values())
        return tuple(self.windows) or all_windows

    @property
    def tells_levels(self) -> bool:
        """Say whether it can tell the old software a level, where the terminal reveals it."""
        return self.kind == GWQ or bool(self.scores if self.kind == RATESERVICE else self.grades)

    def level_table(self) -> dict[int, int]:
        """Return the old software's score or grade by level; empty: none is ever told."""
        table = self.scores if self.kind == RATESERVICE else self.grades
        return {int(level): value for level, value in table.items()}
