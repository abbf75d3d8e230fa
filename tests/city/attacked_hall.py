"""A hall whose PC is dishonest: terminal, receiver and municipal system, and the bytes between them."""

import json
from pathlib import Path

from host_agent.receiver import overview
from host_agent.receiver.intake import Raw
from host_agent.receiver.silence import Hours
from protocol import cbor
from simulator.city.store import CityStore
from tests.city.terminals import NOW_MS, City, Invite, Terminal, message

ALWAYS_OPEN = Hours(0, 24 * 60, (1, 2, 3, 4, 5, 6, 7))


class Hall:
    """A terminal, the receiver and the municipal system; the tests stand between the first two."""

    def __init__(self, folder: Path) -> None:
        self.terminal = Terminal()
        self.neighbour = Terminal("YP-0002", window="W02")
        self.receiver = City(folder, self.terminal, self.neighbour)
        self.city = CityStore(folder / "city" / "city.db")

    def send(self, *batch: Raw) -> list[tuple[str, str | None]]:
        return self.receiver.statuses(*batch)

    def honest(self, *events: bytes, preimage: bytes | None = None) -> list[tuple[str, str | None]]:
        return self.send(*(message(self.terminal, event, preimage) for event in events))

    def rating(self, invite: Invite) -> dict | None:
        self._hand_on()
        return self.city.invite(invite.id.hex(), NOW_MS)

    def received(self) -> list[dict]:
        self._hand_on()
        return self.city.after(0, 10_000)

    def alarms(self) -> set[str]:
        return self.receiver.alarms()

    def row(self, later_ms: int = 0) -> dict:
        """Return what the receiver shows of the terminal, some time later."""
        rows = overview.terminals(
            self.receiver.store.conn, self.receiver.registry, ALWAYS_OPEN, self.receiver.now_ms + later_ms
        )
        return next(row for row in rows if row["terminal"] == self.terminal.id)

    def _hand_on(self) -> None:
        rows = self.receiver.store.outbox.oldest(100_000)
        self.city.take([json.loads(record) for _, record in rows])
        with self.receiver.store.batch():
            self.receiver.store.outbox.remove([number for number, _ in rows])


def with_clear(event: bytes, **change: object) -> bytes:
    """Return an event whose clear part says something else; the ciphertext stays."""
    labels = {"kind": -65537, "invite": -65538, "epoch": -65539, "kid": 4, "iv": 6}
    protected, unprotected, ciphertext = cbor.decode(event)
    header = cbor.decode(protected)
    for name, value in change.items():
        header[labels[name]] = value
    return cbor.encode([cbor.encode(header), unprotected, ciphertext])
