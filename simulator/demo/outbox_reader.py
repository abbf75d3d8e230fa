"""Reads the agent's outbox as it lies on disk: which events it holds, and which of them the city's receipt has settled.

It is read from outside, without the agent's code, as the chip is without the firmware's. A subscriber at the broker
would not do in its place: the broker then answers "somebody got it" for an event that the receiver never saw.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from protocol.rating import KIND_NAMES

RECEIPTED = 1
"""events.state in the agent's database; 0 waits, 2 was refused."""


@dataclass(frozen=True)
class OutboxEvent:
    """One event in the agent's store."""

    id: str
    kind: str
    invite: str | None
    receipted: bool


def outbox_events(database: Path) -> list[OutboxEvent]:
    """Return all events of the store; none while the database cannot be read."""
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1)
        try:
            rows = connection.execute("SELECT terminal, epoch, seq, kind, invite, state FROM events").fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return []
    return [
        OutboxEvent(
            f"{terminal}-{epoch}-{seq}",
            KIND_NAMES.get(kind, str(kind)),
            invite.hex() if invite is not None else None,
            state == RECEIPTED,
        )
        for terminal, epoch, seq, kind, invite, state in rows
    ]
