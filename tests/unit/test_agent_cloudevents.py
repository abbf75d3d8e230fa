"""CloudEvents and their topics: sound JSON, nothing but the sealed event, and the fast look at the clear part."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from host_agent import clear_part, uplink
from host_agent.cloudevents import EventWriter
from host_agent.receiver.aes import Aes
from host_agent.topics import Topics
from protocol import evidence, rating
from tests.unit.test_store import NOW, event

WRITER = EventWriter("C01", "pc-01")


def test_cloudevent_has_what_the_contract_names_and_nothing_else():
    row = event(5, invite=bytes(range(16)))._replace(preimage=b"preimage")
    found = json.loads(WRITER.payload(row, "YP-0001-1-5"))
    assert found == {
        "specversion": "1.0",
        "id": "YP-0001-1-5",
        "source": "/C01/W01/YP-0001",
        "type": "cn.yiping.rated.v1",
        "subject": bytes(range(16)).hex(),
        "time": "2026-09-21T14:13:20.000Z",
        "agent": "pc-01",
        "datacontenttype": "application/json",
        "data": {
            "evidence": base64.b64encode(row.evidence).decode(),
            "invite_preimage": base64.b64encode(b"preimage").decode(),
            "link": {"delay_ms": 5, "clock_offset_ms": -3},
        },
    }


def test_cloudevent_without_invite_or_times_is_sound():
    row = event(1)._replace(kind=None, delay_ms=None, clock_offset_ms=None, stored_utc_ms=NOW + 1)
    found = json.loads(WRITER.payload(row, "YP-0001-1-1"))
    assert "subject" not in found
    assert found["type"] == "cn.yiping.unreadable.v1" and found["time"].endswith(".001Z")
    assert found["data"]["link"] == {"delay_ms": None, "clock_offset_ms": None}
    assert found["data"]["invite_preimage"] is None


def test_cloudevent_type_names_each_kind_and_numbers_unknown_ones():
    kinds = {kind: json.loads(WRITER.payload(event(1)._replace(kind=kind), "x"))["type"] for kind in (2, 16, 99)}
    assert kinds == {2: "cn.yiping.timed_out.v1", 16: "cn.yiping.boot.v1", 99: "cn.yiping.kind-99.v1"}


def test_topics_are_those_of_the_contract():
    topics = Topics("yiping/v1", "C01", "pc-01")
    assert topics.event("YP-0001") == "yiping/v1/C01/terminal/YP-0001/event"
    assert topics.terminal_state("YP-0001") == "yiping/v1/C01/terminal/YP-0001/state"
    assert topics.receipt == "yiping/v1/C01/agent/pc-01/receipt"
    assert topics.state == "yiping/v1/C01/agent/pc-01/state"
    assert topics.health == "yiping/v1/C01/agent/pc-01/health"


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
    st.integers(0, 0xFFFF),
    st.one_of(st.none(), st.binary(min_size=16, max_size=16)),
    st.integers(1, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
)
def test_clear_part_fast_look_says_what_the_full_parser_says(kid, kind, invite, epoch, boot, seq):
    sealed = evidence.Sealer(Aes, bytes(16), kid, epoch).seal(kind, invite, boot, seq, {})
    clear = evidence.parse(sealed)
    assert clear_part.read(sealed) == (clear.kind, clear.invite)


@given(st.binary(max_size=200))
def test_clear_part_anything_else_is_neither_kind_nor_invite(data):
    assert clear_part.read(data) == (None, None)


def test_clear_part_common_events_take_the_fast_look(monkeypatch):
    monkeypatch.setattr(evidence, "parse", None)
    for kind in rating.KIND_NAMES:
        sealed = evidence.Sealer(Aes, bytes(16), "YP-0001", 1).seal(kind, bytes(range(16)), 1, 1, {6: 5})
        assert clear_part.read(sealed)[0] == kind


def test_receipts_of_any_shape_are_read_without_fault():
    good = {"id": "YP-0001-1-1", "status": "stored", "code": None}
    assert uplink.read_receipts(json.dumps([good]).encode()) == [("YP-0001-1-1", "stored", "", None)]
    for wrong in (b"", b"{}", b"[1, null, {}]", b"\xff", b'[{"id": 1, "status": "stored"}]', b"[" * 100_000):
        assert uplink.read_receipts(wrong) == []


def test_receipts_whose_texts_no_store_takes_harm_no_others():
    texts = [
        {"id": "\ud800-1-1", "status": "stored"},
        {"id": "YP-0001-1-1", "status": "\ud800"},
        {"id": "YP-0001-1-2", "status": "refused", "code": "bad\ud800"},
    ]
    found = uplink.read_receipts(json.dumps(texts).encode())
    assert found == [("YP-0001-1-2", "refused", "bad?", None)]
