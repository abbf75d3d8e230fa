"""What the run did with its own fingers: every press, what the rating says from it on, and whether it was heard."""

from dataclasses import dataclass, field, replace

KEYS = 5


@dataclass(frozen=True)
class Details:
    """What was said beyond the overall level: the matter's level, the service's, and tags in ascending order."""

    business: int | None = None
    service: int | None = None
    tags: tuple[int, ...] = ()

    def toggled(self, tag: int) -> "Details":
        """Return the same with a tag chosen, or taken back."""
        return replace(self, tags=tuple(sorted(set(self.tags) ^ {tag})))


NOTHING_MORE = Details()


@dataclass
class Press:
    """One press in an invite; `key` stands for the overall level that the rating has with it.

    `edge_s` is the monotonic second at which it counts: of a key its first contact, of a glass the finger's lift.
    """

    invite: str
    key: int
    edge_s: float
    details: Details = NOTHING_MORE
    shown: bool = False

    @property
    def level(self) -> int:
        """Return the level that the key stands for: key 1, leftmost, is 5 (very satisfied)."""
        return KEYS + 1 - self.key

    def agrees(self, item: dict) -> bool:
        """Tell whether a record of the city says the same as this press."""
        return item["level"] == self.level and details_of(item) == self.details


def details_of(item: dict) -> Details:
    """Return what a record of the city says beyond the overall level."""
    return Details(item.get("business_level"), item.get("service_level"), tuple(item.get("tags") or ()))


@dataclass
class Ledger:
    """All presses of a run in order."""

    presses: list[Press] = field(default_factory=list)

    def press(self, invite: str, key: int, edge_s: float, details: Details = NOTHING_MORE) -> Press:
        """Note a press before its outcome is known."""
        entry = Press(invite, key, edge_s, details)
        self.presses.append(entry)
        return entry

    def by_invite(self) -> dict[str, list[Press]]:
        """Return the presses of each invite, in order."""
        grouped: dict[str, list[Press]] = {}
        for press in self.presses:
            grouped.setdefault(press.invite, []).append(press)
        return grouped
