"""The agent's end of the link: says HELLO, acknowledges what is durable, sends requests. For the host only.

States: greeting ─ matching HELLO_REPLY → established ─ silence, NO_SESSION, versions that do not meet → lost, for good:
one AgentLink is one connection.

Events of `receive` and `tick`: ("established", hello_reply) · ("events", [(seq, age_ms, evidence), …]) · ("void", [seq,
…]): the terminal has nothing readable under these · ("replied", id, reason, detail) · ("failed", id, text) · ("state",
fields) · ("status", dict) · ("recovered", [missing seq, …]) · ("bulk", name, stored bytes, size) · ("bulk_done", name,
reason or None when the terminal fell silent) · ("lost", text).
"""

from protocol import content, link_rows, messages, reasons
from protocol.errors import MessageError
from protocol.link_base import LOST_MS, Link, versions
from protocol.link_bulk_agent import BulkSender
from protocol.link_receipt import Receipt
from protocol.link_recovery import Recovery
from protocol.link_requests import Requests
from protocol.link_ring import FrameRing

HELLO_RETRY_MS = 1000
DAMAGE_ACK_MS = 10  # least time between ACKs for damage: a line that only rustles gets no flood of them
RECOVERY_PATIENCE_MS = 2000  # a range of 64 events takes 1.2 s at 115,200 baud

_GREETING, _ESTABLISHED, _LOST = 0, 1, 2


class AgentLink(Link):
    """One connection to one terminal. `epoch` and `seq`: the highest event held of it, 0 and 0 for none."""

    def __init__(
        self,
        now_ms: int,
        nonce: bytes,
        session: int,
        utc_ms: int | None,
        epoch: int,
        seq: int,
        proto: tuple[int, int] = (messages.PROTO_MIN, messages.PROTO_MAX),
    ) -> None:
        super().__init__(now_ms, proto)
        self._ring = FrameRing()
        self.counters.update(early=0, duplicates=0, voids=0)
        self._hello = {
            "nonce": nonce,
            "session": session,
            "proto_min": self.proto_min,
            "proto_max": self.proto_max,
            "utc_ms": utc_ms,
            "epoch": epoch,
            "seq": seq,
        }
        messages.encode(messages.HELLO, self._hello)  # MessageError now, not on the line
        self._state = _GREETING
        self._start_ms = now_ms
        self._hello_ms: int | None = None  # when HELLO left last
        self._out = b"\x00\x00"  # ends any half frame at the terminal
        self._receipt = Receipt()
        self._requests = Requests()
        self._bulk = BulkSender()
        self.takes_bulk = False  # the terminal says that it does
        self._recovery: Recovery | None = None
        self._recovery_id = 0
        self._ack_due = False
        self._damage_ms = now_ms  # when damage was answered last

    def request(self, type_: int, fields: dict, now_ms: int) -> int:
        """Queue a request; ("replied", id, …) or ("failed", id, …) will follow. MessageError if it does not fit."""
        self._now_ms = max(now_ms, self._now_ms)
        if self._state == _LOST:
            raise MessageError("the link is lost")
        return self._requests.add(type_, fields, self._now_ms)

    def stored(self, seqs: list[int]) -> None:
        """Note that these events are durable; `acknowledge` tells the terminal."""
        self._receipt.stored(seqs)
        if self._recovery:
            self._recovery.got(seqs)

    def acknowledge(self, now_ms: int) -> None:
        """Send an ACK of all that is durable with the next `take_output`."""
        self._now_ms = max(now_ms, self._now_ms)
        self._ack_due = self._state == _ESTABLISHED

    def recover(self, first: int, last: int, now_ms: int) -> None:
        """Fetch acknowledged events first…last again; they come as "events", then ("recovered", missing)."""
        self._now_ms = max(now_ms, self._now_ms)
        self._recovery = Recovery(first, last)

    def bulk(self, kind: int, name: str, data: bytes, now_ms: int) -> None:
        """Send a content file behind everything else, or with no data remove it; ("bulk_done", name, …) will follow.

        MessageError if the terminal takes none, a transfer is running, or the name does not fit.
        """
        self._now_ms = max(now_ms, self._now_ms)
        if not self.takes_bulk or self._state != _ESTABLISHED:
            raise MessageError("this terminal takes no content")
        self._bulk.start(kind, name, data, self._now_ms)

    def stop_bulk(self) -> None:
        """Give up the transfer that runs; no event follows."""
        self._bulk.stop()

    def frames(self) -> list:
        """Return the headers of the last 100 frames, see FrameRing.frames."""
        return self._ring.frames()

    def status(self) -> dict:
        """Return counters, round trip and timeout, text → integer or None."""
        found = super().status()
        found["rto_ms"] = self._requests.rto.rto_ms
        if found["rtt_ms"] is None and self._requests.rto.sampled:  # a long answer to a heartbeat does not get through
            found["rtt_ms"] = self._requests.rto.rtt_ms
        found["requests_resent"] = self._requests.resent
        found["bulk_resent"] = self._bulk.resent
        return found

    def _note_frame(self, outgoing: bool, type_: int, session: int, id_: int, length: int) -> None:
        self._ring.add(self._now_ms, outgoing, type_, session, id_, length)

    # What arrives

    def _on_frame(self, type_: int, session: int, id_: int, body: bytes, events: list) -> None:
        if self._state == _LOST:
            return
        if session != self._hello["session"]:
            self.counters["bad_session"] += 1
        elif self._state == _GREETING:
            if type_ == messages.HELLO_REPLY:
                self._on_hello_reply(messages.decode(type_, body), events)
            else:
                self.counters["early"] += 1
        else:
            self._heard_ms = self._now_ms
            self._on_message(type_, id_, body, events)

    def _on_hello_reply(self, reply: dict, events: list) -> None:
        if reply["nonce"] != self._hello["nonce"]:
            self.counters["bad_session"] += 1
        elif reply["proto"] == 0 or not self.proto_min <= reply["proto"] <= self.proto_max:
            self._lose(self._refusal(reply), events)
        else:
            self._state = _ESTABLISHED
            self._open_session(self._hello["session"])
            self._receipt.open(reply["first"])
            self.takes_bulk = content.CAP_BULK in reply["caps"]
            events.append(("established", reply))

    def _refusal(self, reply: dict) -> str:
        theirs = (reply["proto_min"], reply["proto_max"])
        older = "the agent" if theirs[0] > self.proto_max else "the terminal's firmware"
        text = "terminal {} speaks protocol {}, this agent {}: update {}"
        return text.format(reply["terminal"], versions(theirs), versions((self.proto_min, self.proto_max)), older)

    def _on_message(self, type_: int, id_: int, body: bytes, events: list) -> None:
        if type_ == messages.EVENTS:
            rows = link_rows.read(body) or messages.decode(type_, body)["events"]
            self._on_events(id_, rows, events)
        elif type_ == messages.REPLY:
            self._on_reply(id_, messages.decode(type_, body), events)
        elif type_ == messages.STATE:
            events.append(("state", messages.decode(type_, body)))
            self._bulk.wake()
        elif type_ == messages.BULK_ACK:
            self._bulk.acknowledge(id_, messages.decode(type_, body), self._now_ms, events)
        elif type_ in (messages.HEARTBEAT, messages.HEARTBEAT_REPLY):
            status = self._on_beat(type_, body)
            if status is None:
                return
            if not self._requests.rto.sampled and self._rtt_ms is not None:
                self._requests.rto.sample(self._rtt_ms)
            events.append(("status", status))
        elif type_ == messages.NO_SESSION:
            self._lose("the terminal has restarted", events)
        elif type_ != messages.HELLO_REPLY:  # the answer to a HELLO that was sent twice
            self.counters["unknown_message"] += 1

    def _on_damage(self) -> None:
        """Acknowledge what is there: an ACK that brings nothing new tells the terminal to send again."""
        if self._state == _ESTABLISHED and self._now_ms - self._damage_ms >= DAMAGE_ACK_MS:
            self._damage_ms = self._now_ms
            self._ack_due = True

    def _on_events(self, id_: int, rows: list, events: list) -> None:
        fresh, void = [], []
        for seq, age_ms, evidence in rows:
            if self._recovery and self._recovery.wants(seq):
                if evidence:
                    fresh.append((seq, age_ms, evidence))
                else:
                    self._recovery.void(seq)
            elif self._receipt.is_durable(seq):
                self.counters["duplicates"] += 1
            elif evidence:
                fresh.append((seq, age_ms, evidence))
            else:
                void.append(seq)
        self._receipt.stored(void)
        if id_:
            self._receipt.arrived(id_, [row[0] for row in rows])
        if len(fresh) < len(rows):
            self._ack_due = True  # the terminal has not had our ACK, or waits for a word on a void
        if fresh and events and events[-1][0] == "events":
            events[-1][1].extend(fresh)  # what frames of one block bring goes on together
        elif fresh:
            events.append(("events", fresh))
        if void:
            self.counters["voids"] += len(void)
            events.append(("void", void))

    def _on_reply(self, id_: int, reply: dict, events: list) -> None:
        if not self._requests.replied(id_, self._now_ms):
            return
        if id_ != self._recovery_id:
            events.append(("replied", id_, reply["reason"], reply["detail"]))
            return
        self._recovery_id = 0
        if reply["reason"] != reasons.OK and self._recovery:
            self._recovery.refuse()

    # What leaves

    def _on_tick(self, events: list) -> None:
        if self._state == _GREETING:
            if self._now_ms - self._start_ms >= LOST_MS:
                self._lose(f"no answer to HELLO for {LOST_MS // 1000} s", events)
            return
        if self._state == _LOST:
            return
        deadline = self._requests.deadline_ms()
        if deadline is not None and self._now_ms >= deadline:
            failed = self._requests.expire(self._now_ms)
            if failed is not None:
                self._fail(failed, "no reply for 10 s", events)
        if self._recovery:
            self._recover(self._recovery, events)
        deadline = self._bulk.deadline_ms()
        if deadline is not None and self._now_ms >= deadline:
            self._bulk.expire(self._now_ms, events)

    def _recover(self, recovery: Recovery, events: list) -> None:
        if self._recovery_id or self._requests.is_full:
            return
        if not recovery.is_range_done and self._now_ms < recovery.deadline_ms:
            return
        fields = recovery.ask(self._now_ms, RECOVERY_PATIENCE_MS)
        if fields is None:
            self._recovery = None
            events.append(("recovered", recovery.missing))
        else:
            self._recovery_id = self._requests.add(messages.RESEND, fields, self._now_ms)

    def _fail(self, id_: int, text: str, events: list) -> None:
        if id_ == self._recovery_id:
            self._recovery_id = 0
        else:
            events.append(("failed", id_, text))

    def _own_deadline_ms(self) -> int | None:
        if self._state == _LOST:
            return None
        if self._state == _GREETING:
            again = self._now_ms if self._hello_ms is None else self._hello_ms + HELLO_RETRY_MS
            return min(again, self._start_ms + LOST_MS)
        deadline = self._requests.deadline_ms()
        if self._recovery and not self._recovery_id and not self._requests.is_full:
            wake = self._now_ms if self._recovery.is_range_done else self._recovery.deadline_ms
            deadline = wake if deadline is None else min(deadline, wake)
        bulk = self._bulk.deadline_ms()
        return bulk if deadline is None else deadline if bulk is None else min(deadline, bulk)

    def _next_due(self) -> tuple | None:
        session = self._hello["session"]
        if self._state == _GREETING:
            return self._next_hello(session)
        if self._state == _LOST:
            return None
        if self._ack_due:
            self._ack_due = False
            id_, fields = self._receipt.ack()
            return messages.ACK, session, id_, messages.encode(messages.ACK, fields)
        request = self._requests.take(self._now_ms)
        if request:
            self._out_done = self._requests.left
            return request[0], session, request[1], request[2]
        return self._next_beat() or self._next_bulk(session)

    def _next_bulk(self, session: int) -> tuple | None:
        due = self._bulk.take(self._now_ms)
        if due is None:
            return None
        self._out_done = self._bulk.left
        return due[0], session, due[1], due[2]

    def _next_hello(self, session: int) -> tuple | None:
        if self._hello_ms is not None and self._now_ms - self._hello_ms < HELLO_RETRY_MS:
            return None
        self._hello_ms = self._now_ms
        hello = dict(self._hello)
        if hello["utc_ms"] is not None:
            hello["utc_ms"] += self._now_ms - self._start_ms
        return messages.HELLO, session, 0, messages.encode(messages.HELLO, hello)

    def _on_lost(self) -> None:
        self._state = _LOST
        self._recovery = None
        self._bulk.stop()
        self.takes_bulk = False

    def _lose(self, text: str, events: list) -> None:
        for id_ in self._requests.drop_all():
            self._fail(id_, text, events)
        super()._lose(text, events)

    def _status_for_peer(self) -> dict:
        return {}
