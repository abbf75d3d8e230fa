"""Decides which event is published when, and when it is done: the delivery rule towards the city. Sans-IO.

Promise: an event is done when the city's receipt names it (or, in mode "puback", when the broker took it for somebody);
until then it is published again; at most `WINDOW` await the broker, at most `UNRECEIPTED_LIMIT` the city.

    FLOWING ──60 s without any receipt──▶ NO_RECEIPTS ──a receipt──▶ FLOWING
       ├──PUBACK 0x10──▶ NO_SUBSCRIBER ──PUBACK 0──▶ FLOWING
       └──PUBACK ≥ 0x80──▶ BROKER_REFUSES ──PUBACK 0──▶ FLOWING
In the three holds only the oldest event is tried, with back-off. No rating ever waits for a record of the agent's own:
one that the city does not take is put aside with all further ones, and one of them is tried from time to time.
"""

import random
import re
from collections import deque
from hashlib import sha256

from host_agent.backlog import Backlog
from host_agent.own_records import is_record
from host_agent.store_rows import EventRow

WINDOW = 20
UNRECEIPTED_LIMIT = 500
NO_RECEIPT_MS = 60_000
# One event without receipt while others flow: a broker without subscribers that does not say so (0x10) has dropped it.
RETRY_FIRST_MS = 10_000
RETRY_LAST_MS = 900_000
# Publications of a record without receipt until it is put aside, which must come before NO_RECEIPT_MS.
RECORD_ATTEMPTS = 2
TICK_MS = 500

FLOWING, NO_RECEIPTS, NO_SUBSCRIBER, BROKER_REFUSES = "flowing", "no_receipts", "no_subscriber", "broker_refuses"
# First and last pause between two tries in a hold.
_PAUSES_MS = {NO_RECEIPTS: (5_000, 300_000), NO_SUBSCRIBER: (500, 30_000), BROKER_REFUSES: (5_000, 300_000)}

PUBACK_NO_SUBSCRIBER = 0x10
PUBACK_ERROR = 0x80
# This very message can never pass: onto the shelf at once (MQTT 5.0 §3.4.2.1).
PUBACK_BAD_MESSAGE = (0x90, 0x99)
# The city does not know the sender yet: registration cures it, so it is tried again slowly.
SLOW_CODES = ("unknown_terminal", "unknown_epoch")
SETTLING = ("stored", "duplicate", "conflict")
_STATUSES = (*SETTLING, "refused")
# Ten digits hold any number of ours, and the store takes them.
_EVENT_ID = re.compile(r"([!-~]+)-([0-9]{1,10})-([0-9]{1,10})(?:\.([0-9]{1,10}))?")


class Entry:
    """Hold one event between its first publication and its receipt."""

    __slots__ = ("attempts", "ce_id", "due_ms", "flying", "reached", "row")

    def __init__(self, row: EventRow, ce_id: str) -> None:
        """Start unpublished."""
        self.row = row
        self.ce_id = ce_id
        self.attempts = 0
        self.due_ms = 0
        self.flying = False  # published, PUBACK outstanding
        self.reached = False  # the broker took it for somebody, once at least


class Delivery:
    """Own every unreceipted event; `now_ms` is monotonic."""

    def __init__(self, backlog: Backlog, city_receipts: bool, rng: random.Random) -> None:
        """Start disconnected; `city_receipts` False is mode "puback"."""
        self.backlog = backlog
        self._city_receipts = city_receipts
        self._rng = rng
        self._entries: dict[str, Entry] = {}
        self._again: deque[Entry] = deque()
        self._flying = 0
        self._window = WINDOW
        self._connected = False
        self._last_receipt_ms = 0
        self._pause_ms = 0
        self._probe_ms = 0
        self.state = FLOWING
        self.refusal = 0  # the broker's reason code in BROKER_REFUSES
        self.reached = 0  # entries that the broker took
        self.misfits = 0  # receipts since the last good one that name nothing published, or other bytes

    @property
    def unreceipted(self) -> int:
        """Return how many events were published and have no receipt."""
        return len(self._entries)

    def connected(self, now_ms: int, window: int = WINDOW) -> None:
        """Begin on a new connection; the broker may have forgotten everything, so all unreceipted are sent again."""
        self._connected = True
        self._window = max(1, min(window, WINDOW))
        self._last_receipt_ms = now_ms
        self._flow()

    def disconnected(self) -> None:
        """Stop; what was under way is unknown."""
        self._connected = False
        self._flying = 0
        self._again.clear()
        for entry in self._entries.values():
            entry.flying = False

    def take(self, now_ms: int) -> list[Entry]:
        """Return the events to publish now, marked as under way."""
        if not self._connected:
            return []
        if self.state != FLOWING:
            return self._take_probe(now_ms)
        out: list[Entry] = []
        room = self._window - self._flying
        again, entries = self._again, self._entries
        while room > 0 and again:
            entry = again.popleft()
            if not entry.flying and entry.ce_id in entries:
                out.append(entry)
                entry.flying = True
                room -= 1
        while room > 0 and len(entries) < UNRECEIPTED_LIMIT:
            row = self.backlog.next()
            if row is None:
                break
            if not entries:
                self._last_receipt_ms = now_ms
            entry = Entry(row, event_id(row))
            entry.flying = True
            entries[entry.ce_id] = entry
            out.append(entry)
            room -= 1
        first_due_ms = now_ms + RETRY_FIRST_MS
        for entry in out:
            entry.attempts += 1
            entry.due_ms = first_due_ms if entry.attempts == 1 else now_ms + _retry_ms(entry.attempts)
        self._flying += len(out)
        return out

    def acked(self, entry: Entry, code: int, now_ms: int) -> str | None:
        """Take the broker's answer; return "settled" or "shelved" when the event is done with it."""
        if not entry.flying:
            return None
        entry.flying = False
        self._flying -= 1
        if entry.ce_id not in self._entries:  # its receipt was faster
            return None
        if code in PUBACK_BAD_MESSAGE:
            self._drop(entry)
            return "shelved"
        if is_record(entry.row) and (code == PUBACK_NO_SUBSCRIBER or code >= PUBACK_ERROR):
            self._put_aside(entry, now_ms)
        elif code == PUBACK_NO_SUBSCRIBER:
            self._hold(NO_SUBSCRIBER, now_ms)
        elif code >= PUBACK_ERROR:
            self.refusal = code
            self._hold(BROKER_REFUSES, now_ms)
        else:
            if self.state in (NO_SUBSCRIBER, BROKER_REFUSES):
                self._flow(sparing=entry)
            if not self._city_receipts:
                self._drop(entry)
                self.backlog.accepted(entry.row.terminal)
                return "settled"
            if not entry.reached:
                entry.reached = True
                self.reached += 1
        return None

    def receipt(
        self, ce_id: str, status: str, code: str, now_ms: int, digest: str | None = None
    ) -> tuple[str, EventRow] | None:
        """Take one receipt; return ("settled" | "shelved", row) when the event is done, None when nothing follows.

        `digest` is what the receipt says of the bytes it means (hex, from the front of their SHA-256); a receipt for
        other bytes, sent under this event's id by somebody else, settles nothing.
        """
        entry = self._entries.get(ce_id)
        if entry is None or status not in _STATUSES or not means(digest, entry.row.evidence):
            self.misfits += 1
            return None
        self.heard(now_ms)
        if status in SETTLING:
            self._drop(entry)
            self.backlog.accepted(entry.row.terminal)
            return "settled", entry.row
        self._drop(entry)
        if code in SLOW_CODES:
            self.backlog.postpone(entry.row, now_ms)
            return None
        return "shelved", entry.row

    def heard(self, now_ms: int) -> None:
        """Note that the city receipts what was published: one receipt that fits is the sign, no other is."""
        self.misfits = 0
        self._last_receipt_ms = now_ms
        if self.state == NO_RECEIPTS:
            self._flow()

    def knows(self, ce_id: str) -> bool:
        """Say whether this event was published and has no receipt."""
        return ce_id in self._entries

    def tick(self, now_ms: int) -> None:
        """Let time pass; call it each TICK_MS."""
        self.backlog.tick(now_ms)
        if not self._connected:
            return
        for entry in [one for one in self._entries.values() if is_record(one.row)]:
            tried = entry.attempts >= RECORD_ATTEMPTS or self.state != FLOWING
            if tried and now_ms >= entry.due_ms and not entry.flying:
                self._put_aside(entry, now_ms)
        if self.state != FLOWING or not self._entries:
            return
        if self._city_receipts and now_ms - self._last_receipt_ms >= NO_RECEIPT_MS:
            self._hold(NO_RECEIPTS, now_ms)
            return
        for entry in self._entries.values():
            if now_ms >= entry.due_ms and not entry.flying and entry.attempts:
                entry.due_ms = now_ms + RETRY_LAST_MS  # until `take` says when again
                self._again.append(entry)

    def _take_probe(self, now_ms: int) -> list[Entry]:
        if now_ms < self._probe_ms or self._flying or not self._entries:
            return []
        entry = next(iter(self._entries.values()))
        entry.flying = True
        entry.attempts += 1
        self._flying = 1
        self._pause_ms = min(self._pause_ms * 2, _PAUSES_MS[self.state][1])
        self._probe_ms = now_ms + self._jittered(self._pause_ms)
        return [entry]

    def _hold(self, state: str, now_ms: int) -> None:
        if self.state == state:
            return
        self.state = state
        self._pause_ms = _PAUSES_MS[state][0]
        self._probe_ms = now_ms + self._jittered(self._pause_ms)

    def _flow(self, sparing: Entry | None = None) -> None:
        """Publish freely again, first what has no receipt, but for the one that has just passed."""
        self.state = FLOWING
        self.backlog.release_records()
        self._again = deque(entry for entry in self._entries.values() if not entry.flying and entry is not sparing)

    def _put_aside(self, entry: Entry, now_ms: int) -> None:
        self._drop(entry)
        self.backlog.postpone(entry.row, now_ms)
        if not self._entries and self.state != FLOWING:
            self._flow()

    def _drop(self, entry: Entry) -> None:
        if self._entries.pop(entry.ce_id, None) is not None and entry.reached:
            self.reached -= 1

    def _jittered(self, pause_ms: int) -> int:
        return int(pause_ms * self._rng.uniform(0.75, 1.25))


def _retry_ms(attempts: int) -> int:
    return min(RETRY_FIRST_MS << min(attempts - 1, 7), RETRY_LAST_MS)


def event_id(row: EventRow) -> str:
    """Return the CloudEvents id: the identity, and the copy's number where other bytes came under the same one."""
    if row.copy == 1:
        return f"{row.terminal}-{row.epoch}-{row.seq}"
    return f"{row.terminal}-{row.epoch}-{row.seq}.{row.copy}"


def parse_event_id(ce_id: str) -> tuple[str, int, int, int] | None:
    """Return (terminal, epoch, seq, copy) of an id, None for one that is none of ours."""
    found = _EVENT_ID.fullmatch(ce_id)
    return None if found is None else (found[1], int(found[2]), int(found[3]), int(found[4] or 1))


def means(digest: str | None, evidence: bytes) -> bool:
    """Say whether a receipt is about these bytes; a city that gives no digest is believed."""
    return digest is None or (digest != "" and sha256(evidence).hexdigest().startswith(digest))
