"""Names the rows that go into and come out of the store, and the batch that one commit makes durable."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from host_agent.errors import AgentError

PENDING, OPEN, REFUSED_INVITE = "pending", "open", "refused"
# What a sealed outcome ends: even an invite that a late answer had called refused.
NOT_ENDED = (PENDING, OPEN, REFUSED_INVITE)


class EventRow(NamedTuple):
    """Hold one event as stored; the order is the table's."""

    id: int
    terminal: str
    epoch: int
    seq: int
    copy: int
    window: str
    kind: int | None
    invite: bytes | None
    evidence: bytes
    stored_utc_ms: int
    delay_ms: int | None
    clock_offset_ms: int | None
    preimage: bytes | None


class InviteRow(NamedTuple):
    """Hold one invite and the service it was about, as they were when the clerk invited."""

    invite: bytes
    window: str
    terminal: str
    client_key: str | None
    clerk: str
    project_no: str | None
    service_no: str | None
    origin: int
    created_utc_ms: int
    timeout_ms: int
    preimage: bytes
    state: str
    reason: str | None
    asked: bytes | None = None  # digest of all that the caller named; null in a store from before


class WindowRow(NamedTuple):
    """Hold what a window was told last; `clerk` is JSON."""

    window: str
    clerk: str | None
    paused: int


Done = Callable[[AgentError | None], object]
# Hears of a commit's events: what went wrong, and the preimages of those of their invites that are of this agent.
Taken = Callable[[AgentError | None, Mapping[bytes, bytes]], object]
Change = tuple[str, tuple]


class Batch:
    """Collect what the next commit makes durable, in three parts that may fail apart; each `done` hears of it once."""

    def __init__(self) -> None:
        """Start empty."""
        # Events and the ends of invites that follow from them; on a full disk they are what is left out.
        self.events: list[EventRow] = []
        self.event_done: list[Taken] = []
        # Found by the commit.
        self.preimages: dict[bytes, bytes] = {}
        # Receipts and other notes: nobody waits, they are tried until they hold.
        self.receipted: list[int] = []
        self.notes: list[Change] = []
        # Asked for by someone who waits and is told.
        self.changes: list[Change] = []
        self.change_done: list[Done] = []
        # The changes delete what must not be read from the log either.
        self.forgets = False

    def __bool__(self) -> bool:
        """Say whether there is anything to commit."""
        return bool(self.events or self.receipted or self.notes or self.changes)

    def without_events(self) -> "Batch":
        """Return the parts that need no room to speak of."""
        rest = Batch()
        rest.receipted, rest.notes, rest.changes = self.receipted, self.notes, self.changes
        rest.forgets = self.forgets
        return rest
