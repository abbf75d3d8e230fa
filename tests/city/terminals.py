"""Terminals and agents for the receiver's tests: real sealing, real messages, every random byte from a seed."""

import base64
import json
import random
from dataclasses import dataclass, field

from host_agent.provision.registry import Entry, Registry
from host_agent.receiver.aes import Aes
from host_agent.receiver.intake import Intake, Raw, Receipt
from host_agent.receiver.store import Store
from protocol import evidence, rating

PREFIX = "yiping/v1"
NOW_MS = 1_795_600_000_000
T, TQ, UP, PREV, LEVEL, INPUT, ORIGIN = 1, 2, 4, 5, 6, 13, 19


@dataclass
class Invite:
    """An invite as an agent makes it."""

    id: bytes
    preimage: bytes | None


@dataclass
class Terminal:
    """Seal events as a terminal does: numbered, chained, timed."""

    id: str = "YP-0001"
    centre: str = "C01"
    window: str = "W01"
    epoch: int = 1
    seed: int = 1
    now_ms: int = NOW_MS - 3_000_000
    step_ms: int = 5_000
    seq: int = 0
    boot: int = 1
    prev: bytes = bytes(8)
    events: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.id}/{self.seed}")
        self.secret = self.random.randbytes(32)

    def entry(self, reveal: bool = False) -> Entry:
        return Entry(self.id, self.epoch, self.secret, self.centre, self.window, "k5", reveal, NOW_MS)

    def provision(self) -> dict:
        return {
            "terminal": self.id, "epoch": self.epoch, "secret": self.secret.hex(), "centre": self.centre,
            "window": self.window, "board": "k5",
        }  # fmt: skip

    def invite(self, clerk: str = "0817", service: str = "JL20261101#1") -> Invite:
        preimage = evidence.invite_preimage(
            self.random.randbytes(16), self.centre, self.window, clerk, service, self.now_ms
        )
        return Invite(evidence.invite_id(preimage), preimage)

    def seal(self, kind: int, invite: bytes | None = None, fields: dict | None = None) -> bytes:
        self.seq += 1
        self.now_ms += self.step_ms
        content = {T: self.now_ms, TQ: 3, UP: self.seq * 5_000, PREV: self.prev} | (fields or {})
        key = evidence.event_key(self.secret, self.epoch)
        event = evidence.Sealer(Aes, key, self.id, self.epoch).seal(kind, invite, self.boot, self.seq, content)
        self.prev = evidence.prev_hash(event)
        self.events.append(event)
        return event

    def boots(self) -> bytes:
        return self.seal(rating.BOOT, None, {14: 1, 17: "1.0.0"})

    def rates(self, level: int, invite: Invite, **extra: object) -> bytes:
        return self.seal(rating.RATED, invite.id, {LEVEL: level, INPUT: 1, ORIGIN: 1} | extra.get("fields", {}))

    def marks(self) -> bytes:
        return self.seal(rating.MARK)


def message(
    terminal: Terminal,
    event: bytes,
    preimage: bytes | None = None,
    *,
    agent: str = "pc-01",
    id_: str | None = None,
    topic: str | None = None,
) -> Raw:
    """Return what the agent publishes of one event."""
    try:
        clear = evidence.parse(event)
        own_id = f"{clear.terminal}-{clear.epoch}-{clear.seq}"
    except evidence.EvidenceError:
        own_id = f"{terminal.id}-{terminal.epoch}-0"
    body = {
        "specversion": "1.0",
        "id": id_ or own_id,
        "source": f"/{terminal.centre}/{terminal.window}/{terminal.id}",
        "type": "cn.yiping.rated.v1",
        "time": "2026-11-25T09:00:00.000Z",
        "agent": agent,
        "data": {
            "evidence": base64.b64encode(event).decode(),
            "invite_preimage": None if preimage is None else base64.b64encode(preimage).decode(),
            "link": {"delay_ms": 12, "clock_offset_ms": 3},
        },
    }
    place = topic or f"{PREFIX}/{terminal.centre}/terminal/{terminal.id}/event"
    return Raw(place, json.dumps(body).encode())


class City:
    """The receiver's code without the network: registry, store and intake in a folder."""

    def __init__(self, folder, *terminals: Terminal) -> None:
        self.folder = folder
        self.registry = Registry(folder / "registry.db", create=True)
        self.registry.add([terminal.entry() for terminal in terminals])
        self.store = Store(folder / "data")
        self.now_ms = NOW_MS
        self.intake = Intake(self.store, self.registry, PREFIX, lambda: self.now_ms)

    def take(self, *batch: Raw) -> list[Receipt]:
        return self.intake.take(batch)

    def statuses(self, *batch: Raw) -> list[tuple[str, str | None]]:
        return [(receipt.status, receipt.code) for receipt in self.take(*batch)]

    def records(self) -> list[dict]:
        return [json.loads(record) for _, record in self.store.outbox.oldest(100_000)]

    def latest(self) -> dict[str, dict]:
        """Return the last word on each record id, as the municipal system ends up with it."""
        last: dict[str, dict] = {}
        for record in self.records():
            if record["id"] not in last or record["revision"] > last[record["id"]]["revision"]:
                last[record["id"]] = record
        return last

    def alarms(self) -> set[str]:
        return set(self.store.alarms.counts())

    def gaps(self, terminal: Terminal) -> list[tuple[int, int]]:
        from host_agent.receiver.overview import gaps_of

        return gaps_of(self.store.conn, terminal.id, terminal.epoch)

    def close(self) -> None:
        self.store.close()
        self.registry.close()
