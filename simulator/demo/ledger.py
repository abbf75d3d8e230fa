"""What the run did with its own fingers: every press at the pins, and whether the terminal let it be heard."""

from dataclasses import dataclass, field

KEYS = 5


@dataclass
class Press:
    """One press of a level key during an invite; `edge_s` is the monotonic second of its first contact."""

    invite: str
    key: int
    edge_s: float
    shown: bool = False

    @property
    def level(self) -> int:
        """Return the level that the key stands for: key 1, leftmost, is 5 (very satisfied)."""
        return KEYS + 1 - self.key


@dataclass
class Ledger:
    """All presses of a run in order."""

    presses: list[Press] = field(default_factory=list)

    def press(self, invite: str, key: int, edge_s: float) -> Press:
        """Note a press before its outcome is known."""
        entry = Press(invite, key, edge_s)
        self.presses.append(entry)
        return entry

    def by_invite(self) -> dict[str, list[Press]]:
        """Return the presses of each invite, in order."""
        grouped: dict[str, list[Press]] = {}
        for press in self.presses:
            grouped.setdefault(press.invite, []).append(press)
        return grouped
