"""One life of the receiver's store between two power cuts: the real store and intake, no broker, no target."""

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from unittest import mock

import attrs

from host_agent import store as agent_store
from host_agent.provision.registry import Entry
from host_agent.receiver.intake import DIGEST_CHARS, Intake, Raw, Receipt
from host_agent.receiver.store import Store, StoreError
from tests.city.terminals import NOW_MS, PREFIX
from tests.host_power_cut.promise import Mark
from tests.host_power_cut.vfs import Recording

# given: [evidence]; receipted: [(status, code, evidence)]; known: Entry; handed: [record]
GIVEN, RECEIPTED, KNOWN, HANDED = "given", "receipted", "known", "handed"


@attrs.define
class Registered:
    """The terminals that the city knows; its own file is not what is cut here."""

    entries: dict[tuple[str, int], Entry] = attrs.field(factory=dict)

    def refresh(self) -> bool:
        """Find nothing new: what is added is here at once."""
        return False

    def get(self, terminal: str, epoch: int) -> Entry | None:
        """Return the entry of (terminal, epoch), or None."""
        return self.entries.get((terminal, epoch))

    def knows(self, terminal: str) -> bool:
        """Say whether any epoch of this terminal is registered."""
        return any(name == terminal for name, _ in self.entries)


class Life:
    """Own the parts from opening to closing."""

    def __init__(
        self,
        folder: Path,
        registered: Registered,
        checkpoint_pages: int,
        recording: Recording | None,
        marks: list[Mark],
    ) -> None:
        """Open the store; `marks` goes on from an earlier life."""
        self._recording = recording
        self._marks = marks
        self._registered = registered
        with mock.patch.object(agent_store, "CHECKPOINT_PAGES", checkpoint_pages):
            self.store = Store(folder)
        self._intake = Intake(self.store, registered, PREFIX, lambda: NOW_MS)

    def close(self) -> None:
        """End in good order."""
        self.store.close()

    def register(self, entry: Entry) -> None:
        """Let the city know a terminal."""
        self._registered.entries[(entry.terminal, entry.epoch)] = entry
        self._mark(KNOWN, entry)

    def take(self, batch: list[Raw]) -> bool:
        """Hand a batch of messages over; return whether it was stored and its receipts may go."""
        self._mark(GIVEN, [evidence_of(raw) for raw in batch])
        by_digest = {_digest(evidence_of(raw)): evidence_of(raw) for raw in batch}
        return self._receipts(lambda: self._intake.take(batch), by_digest)

    def retry_shelf(self, all_given: list[bytes]) -> bool:
        """Open what waited for its key."""
        return self._receipts(self._intake.retry_shelf, {_digest(event): event for event in all_given})

    def hand_on(self, limit: int) -> int:
        """Give some records to the municipal system, which keeps them, and let them leave the outbox."""
        rows = self.store.outbox.oldest(limit)
        self._mark(HANDED, [json.loads(record) for _, record in rows])
        with self.store.batch():
            self.store.outbox.remove([number for number, _ in rows])
        return len(rows)

    def _receipts(self, work: Callable[[], list[Receipt]], by_digest: dict[str, bytes]) -> bool:
        try:
            receipts = work()
        except StoreError:
            return False
        self._mark(RECEIPTED, [(receipt.status, receipt.code, by_digest[receipt.sha256]) for receipt in receipts])
        return True

    def _mark(self, what: str, value: object) -> None:
        self._marks.append(Mark(len(self._recording.log) if self._recording is not None else 0, what, value))


def evidence_of(raw: Raw) -> bytes:
    """Return the event's bytes in a message."""
    return base64.b64decode(json.loads(raw.payload)["data"]["evidence"])


def _digest(event: bytes) -> str:
    return sha256(event).hexdigest()[:DIGEST_CHARS]
