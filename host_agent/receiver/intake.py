"""Take a batch of messages: open, judge, keep, queue for handing on, in one transaction; then tell what to receipt.

Promise: `take` returns receipts only for what is durable; when it raises StoreError nothing of the batch is stored and
nothing may be receipted or acknowledged. A receipt that says `stored` names the event that was opened, never an id that
somebody wrote outside of it: else one agent could have another's events forgotten.
"""

import json
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256

import attrs

from host_agent.provision.registry import Entry, Registry, RegistryError
from host_agent.receiver import checks, handed_on, message, service_message
from host_agent.receiver.aes import Aes
from host_agent.receiver.checks import Alarm
from host_agent.receiver.message import Incoming, Malformed, ReplyTo
from host_agent.receiver.store import Store, StoreError
from host_agent.receiver.tag_tables import TagTables
from protocol import evidence
from protocol.errors import EvidenceError

RETRY_ROWS = 500  # messages of the shelf that are tried in one transaction
DIGEST_CHARS = 16  # of the evidence's SHA-256, in hex, in a receipt

_log = logging.getLogger(__name__)


@attrs.frozen
class Raw:
    """One message as the broker gave it."""

    topic: str
    payload: bytes = attrs.field(repr=False)


@attrs.frozen
class Receipt:
    """One line of a receipt message, and whom it goes to; `sha256` tells which bytes are meant."""

    centre: str
    agent: str
    id: str
    status: str
    code: str | None
    sha256: str

    def line(self) -> dict[str, str | None]:
        """Return the object that is sent."""
        return {"id": self.id, "status": self.status, "code": self.code, "sha256": self.sha256}


class _Refusal(Exception):
    """Say under which code an event is refused, and which (terminal, epoch, seq) it claims to be."""

    def __init__(self, code: str, detail: str, place: tuple[str, int, int] | None) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.place = place


class Intake:
    """Judge messages with one registry and one store; every method belongs to the worker's thread."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        prefix: str,
        utc_ms: Callable[[], int],
        tag_tables: TagTables | None = None,
    ) -> None:
        """Use an open store and registry; `utc_ms` is the wall clock."""
        self._tag_tables = tag_tables or TagTables()
        self._store = store
        self._registry = registry
        self._prefix = prefix
        self._utc_ms = utc_ms
        self.registry_fault: str | None = None
        self._aes = lru_cache(maxsize=4096)(Aes)  # one key schedule a terminal

    def take(self, batch: Sequence[Raw]) -> list[Receipt]:
        """Keep a batch and return its receipts; raises StoreError."""
        self._refresh()
        try:
            with self._store.batch():
                return [receipt for raw in batch if (receipt := self._one(raw)) is not None]
        except StoreError:
            raise
        except Exception:  # noqa: BLE001, the supervisor: a message that we cannot digest must not hold up the others
            _log.exception("%s of %d messages", "one" if len(batch) == 1 else "some", len(batch))
            if len(batch) == 1:
                return []
        return [receipt for raw in batch for receipt in self.take([raw])]

    def retry_shelf(self) -> list[Receipt]:
        """Open what waited for a key that the registry has now; raises StoreError."""
        self._refresh()
        receipts: list[Receipt] = []
        with self._store.reading():
            places = self._store.shelf.waiting_places()
        for terminal, epoch in places:
            if self._registry.get(terminal, epoch) is None:
                continue
            while True:
                with self._store.batch():
                    rows = self._store.shelf.waiting(terminal, epoch, RETRY_ROWS)
                    self._store.shelf.remove([digest for digest, _, _ in rows])
                    found = [self._one(Raw(topic, payload)) for _, topic, payload in rows]
                receipts += [receipt for receipt in found if receipt is not None]
                if len(rows) < RETRY_ROWS:
                    break
        return receipts

    def _refresh(self) -> None:
        """Look whether the registry changed; a registry that cannot be read leaves what was known."""
        try:
            self._registry.refresh()
            self.registry_fault = None
        except RegistryError as error:
            self.registry_fault = str(error)

    def _one(self, raw: Raw) -> Receipt | None:
        place = message.place_of(raw.topic, self._prefix)
        if place is None:
            return self._service(raw)
        reply, incoming = message.read(raw.payload, place[0])
        if isinstance(incoming, Malformed):
            return self._refuse(raw, reply, raw.payload, _Refusal(checks.MALFORMED, str(incoming), None))
        try:
            clear, status, code = self._keep(incoming, place)
        except _Refusal as refusal:
            return self._refuse(raw, reply, incoming.evidence, refusal)
        self._store.count(status)
        if reply is None:
            return None
        identity = f"{clear.terminal}-{clear.epoch}-{clear.seq}"
        if not _names(reply.id, identity):
            self._alarm(clear, Alarm("id_mismatch"))
            reply = attrs.evolve(reply, id=identity)
        return _receipt(reply, status, code, incoming.evidence)

    def _service(self, raw: Raw) -> Receipt | None:
        """Take a message that is no event's: a service record, or nothing of ours."""
        place = service_message.place_of(raw.topic, self._prefix)
        if place is None:
            self._store.count("foreign")
            return None
        centre, agent = place
        came = service_message.read(raw.payload, centre, agent)
        record = came.record
        if isinstance(record, Malformed):
            return self._refuse(raw, came.reply, came.content, _Refusal(checks.MALFORMED, str(record), None))
        now_ms = self._utc_ms()
        kept = self._store.services.keep(centre, agent, record, came.content, now_ms)
        self._store.count(f"service_{kept.status}")
        if kept.out is not None:
            self._put_out(kept.out)
            if kept.status == checks.CONFLICT:
                self._store.alarms.put(Alarm("service_conflict", record.id), agent, 0, 0, now_ms)
            if record.bound is False:
                self._store.alarms.put(Alarm("service_unbound", record.id), agent, 0, 0, now_ms)
        for row in kept.events:
            self._hand_on_again(row)
        return None if came.reply is None else _receipt(came.reply, kept.status, kept.code, came.content)

    def _keep(self, incoming: Incoming, place: tuple[str, str]) -> tuple[evidence.Clear, str, str | None]:
        """Store an event unless it is there; return its identity, the receipt's status and code."""
        event = incoming.evidence
        try:
            clear = evidence.parse(event)
        except EvidenceError as error:
            raise _Refusal(checks.MALFORMED, str(error), None) from None
        entry = self._registry.get(clear.terminal, clear.epoch)
        claimed = (clear.terminal, clear.epoch, clear.seq)
        if entry is None:
            known = self._registry.knows(clear.terminal)
            raise _Refusal(checks.UNKNOWN_EPOCH if known else checks.UNKNOWN_TERMINAL, "", claimed)
        same = self._store.same(*claimed, event)
        if same is not None:
            self._again(clear, incoming, *same)
            status, code = checks.DUPLICATE, (checks.CONFLICT if same[3] > 1 else None)
        else:
            status, code = self._new(clear, entry, incoming), None
        if (entry.centre, clear.terminal) != place:
            self._alarm(clear, Alarm("misaddressed"))
        return clear, status, code

    def _new(self, clear: evidence.Clear, entry: Entry, incoming: Incoming) -> str:
        event = incoming.evidence
        try:
            fields = evidence.open_parsed(self._aes, _event_key(entry.secret, entry.epoch), clear)
        except EvidenceError as error:
            place = (clear.terminal, clear.epoch, clear.seq)
            raise _Refusal(checks.NOT_OPENED, str(error), place) from None
        now_ms = self._utc_ms()
        around = self._store.around(clear)
        verdict = checks.judge(clear, fields, event, entry, around, incoming.preimage, now_ms)
        carried = handed_on.Carried(incoming.stored_utc_ms, now_ms, incoming.delay_ms)
        copy = self._store.add_event(clear, fields, event, incoming.preimage, verdict, carried)
        if verdict.hand_on:
            standing = handed_on.Standing(verdict.chain, verdict.status, copy, verdict.bound, 1)
            service = self._store.services.beside(clear.invite)
            self._put_out(handed_on.record(clear, fields, entry, verdict.origin, standing, carried, service))
        for alarm in (*verdict.alarms, *self._tag_tables.note(fields, now_ms)):
            self._alarm(clear, alarm)
        # What was said of these events before is no longer all: they are handed on again under a higher revision.
        for row in {row for row, _ in verdict.followers} | {place.row for place in around.same}:
            self._hand_on_again(row)
        return verdict.status

    def _again(
        self, clear: evidence.Clear, incoming: Incoming, row: int, _copy: int, bound: int | None, _n: int
    ) -> None:
        """Take from a repeated event only what it proves: a preimage that was missing or wrong before."""
        if bound == 1 and incoming.preimage is None:
            return
        proven, _ = checks.bind(clear.invite, incoming.preimage)
        if proven is False:
            self._alarm(clear, Alarm("invite_unbound"))
        elif proven and bound != 1 and incoming.preimage is not None:
            self._store.bind(row, incoming.preimage)
            self._hand_on_again(row)

    def _hand_on_again(self, row: int) -> None:
        revision = self._store.revise(row)
        event, preimage, stored_ms, received_ms, delay_ms, chain, copy, bound, hand_on, versions = self._store.event(
            row
        )
        clear = evidence.parse(event)
        entry = self._registry.get(clear.terminal, clear.epoch)
        if entry is None or not hand_on:
            return
        fields = evidence.open_parsed(self._aes, _event_key(entry.secret, entry.epoch), clear)
        standing = handed_on.Standing(
            chain, handed_on.status_of(versions), copy, None if bound is None else bool(bound), revision
        )
        _, origin = checks.bind(clear.invite, preimage)
        carried = handed_on.Carried(stored_ms, received_ms, delay_ms)
        service = self._store.services.beside(clear.invite)
        self._put_out(handed_on.record(clear, fields, entry, origin, standing, carried, service))

    def _refuse(self, raw: Raw, reply: ReplyTo | None, content: bytes, refusal: _Refusal) -> Receipt | None:
        """Keep what cannot be opened on the shelf and say so; its claims are not proven, so the alarm has no number."""
        now_ms = self._utc_ms()
        digest = sha256(content).digest()
        payload = raw.payload[: message.PAYLOAD_LIMIT_BYTES]
        self._store.shelf.put(digest, refusal.code, refusal.detail, refusal.place, raw.topic, payload, now_ms)
        self._store.shelf.trim()
        terminal = refusal.place[0] if refusal.place and self._registry.knows(refusal.place[0]) else ""
        self._store.alarms.put(Alarm(refusal.code), terminal, 0, 0, now_ms)
        self._store.count(refusal.code)
        return None if reply is None else _receipt(reply, checks.REFUSED, refusal.code, content)

    def _alarm(self, clear: evidence.Clear, alarm: Alarm) -> None:
        self._store.alarms.put(alarm, clear.terminal, clear.epoch, clear.seq, self._utc_ms())

    def _put_out(self, record: dict) -> None:
        self._store.outbox.put(json.dumps(record, ensure_ascii=False, separators=(",", ":")))


@lru_cache(maxsize=4096)
def _event_key(secret: bytes, epoch: int) -> bytes:
    return evidence.event_key(secret, epoch)


def _names(outside: str, identity: str) -> bool:
    """Say whether an agent's id is this identity, alone or with a copy's number behind it."""
    if outside == identity:
        return True
    head, _, copy = outside.rpartition(".")
    return head == identity and copy.isdecimal()


def _receipt(reply: ReplyTo, status: str, code: str | None, content: bytes) -> Receipt:
    digest = sha256(content).hexdigest()[:DIGEST_CHARS]
    return Receipt(reply.centre, reply.agent, reply.id, status, code, digest)
