"""Service records at the receiver: kept once, joined with the events of their invites, refused when not as written."""

import base64
import json
from hashlib import sha256

import jsonschema
import pytest

from host_agent.own_records import canonical
from host_agent.receiver.intake import Raw
from protocol import evidence
from tests.city.terminals import NOW_MS, PREFIX, City, Invite, Terminal, message
from tests.contract import schema, validate

NAME = "~0123456789abcdef"
TOPIC = f"{PREFIX}/C01/agent/pc-01/service"


def record(invite: Invite | None, number: int = 1, **changed: object) -> dict:
    """Return the data of a service record, as an agent tells it."""
    bare = invite is None or invite.preimage is None
    return {
        "invite": None if invite is None else invite.id.hex(),
        "invite_preimage": None if bare else base64.b64encode(invite.preimage).decode(),
        "visit": f"{NAME}-0-{number}",
        "window": "W01",
        "terminal": "YP-0001",
        "channel": "window",
        "uploader": "agent",
        "clerk": "0817",
        "project_no": "P1",
        "service_no": 2,
        "case": {"task_name": "社保卡补办"},
        "real_name": False,
        "identity": None,
        "began_utc_ms": NOW_MS - 60_000,
        "recorded_utc_ms": NOW_MS - 1_000,
        **changed,
    }


def told(said: dict, number: int = 1, topic: str = TOPIC, **changed: object) -> Raw:
    """Return what the agent publishes of a record."""
    body = {
        "specversion": "1.0",
        "id": f"{NAME}-0-{number}",
        "source": "/C01/W01",
        "type": "cn.yiping.service.v1",
        "time": "2026-11-25T09:00:00.000Z",
        "agent": "pc-01",
        "datacontenttype": "application/json",
        "data": said,
    }
    if said.get("invite") is not None:
        body["subject"] = said["invite"]
    return Raw(topic, json.dumps(body | changed).encode())


@pytest.fixture
def invite(terminal: Terminal) -> Invite:
    return terminal.invite(clerk="0817", service="P1/2")


def test_service_is_receipted_by_its_bytes_and_handed_on(city: City, invite: Invite) -> None:
    data = record(invite, identity=base64.b64encode(bytes(384)).decode())
    (receipt,) = city.take(told(data))
    assert (receipt.centre, receipt.agent, receipt.id, receipt.status) == ("C01", "pc-01", f"{NAME}-0-1", "stored")
    assert receipt.sha256 == sha256(canonical(data)).hexdigest()[:16]
    (found,) = city.records()
    assert (found["record"], found["id"], found["invite_bound"]) == ("service", f"{NAME}-0-1", True)
    assert (found["case"], found["identity"]) == (data["case"], data["identity"])
    assert "invite_preimage" not in found
    assert city.alarms() == set()
    with city.store.reading():
        kept = city.store.conn.execute("SELECT said FROM services").fetchone()[0]
    assert "identity" not in kept, "the receiver keeps no identity once it is handed on"


@pytest.mark.parametrize("first", ["service", "event"])
def test_service_and_event_are_joined_whichever_comes_first(
    city: City, terminal: Terminal, invite: Invite, first: str
) -> None:
    both = [told(record(invite)), message(terminal, terminal.rates(2, invite), invite.preimage)]
    for raw in both if first == "service" else reversed(both):
        assert city.statuses(raw) == [("stored", None)]
    rated = city.latest()["YP-0001-1-1"]
    assert (rated["level"], rated["revision"]) == (2, 1 if first == "service" else 2)
    assert rated["service"] == {
        "id": f"{NAME}-0-1", "visit": f"{NAME}-0-1", "channel": "window", "uploader": "agent", "project_no": "P1",
        "service_no": 2, "real_name": False, "case": {"task_name": "社保卡补办"},
    }  # fmt: skip


def test_event_without_a_service_record_says_so(city: City, terminal: Terminal, invite: Invite) -> None:
    city.take(message(terminal, terminal.rates(2, invite), invite.preimage))
    assert city.latest()["YP-0001-1-1"]["service"] is None


def test_service_again_is_a_duplicate_and_other_bytes_a_conflict(
    city: City, terminal: Terminal, invite: Invite
) -> None:
    city.take(message(terminal, terminal.rates(5, invite), invite.preimage))
    other = record(invite, case={"task_name": "另一件"})
    raws = [told(record(invite)), told(record(invite)), told(other), told(other)]
    assert [city.statuses(raw)[0] for raw in raws] == [
        ("stored", None),
        ("duplicate", None),
        ("conflict", None),
        ("duplicate", "conflict"),
    ]
    assert "service_conflict" in city.alarms()
    services = {one["id"]: one["status"] for one in city.records() if one.get("record") == "service"}
    assert services == {f"{NAME}-0-1": "stored", f"{NAME}-0-1.2": "conflict"}
    assert city.latest()["YP-0001-1-1"]["service"]["case"] == {"task_name": "社保卡补办"}, "the first one stands"


def test_service_of_an_agent_whose_disk_was_replaced_is_no_conflict(city: City, invite: Invite) -> None:
    again = "~fedcba9876543210"
    city.take(told(record(invite)))
    fresh = told(record(None, visit=f"{again}-0-1"), id=f"{again}-0-1")
    assert city.statuses(fresh) == [("stored", None)]
    assert city.alarms() == set()


@pytest.mark.parametrize(
    "changed",
    [{"clerk": "0001"}, {"project_no": "P2"}, {"service_no": 3}, {"window": "W02"}, {"project_no": None}],
    ids=str,
)
def test_service_that_its_invite_was_not_made_for_is_kept_told_and_not_joined(
    city: City, terminal: Terminal, invite: Invite, changed: dict
) -> None:
    data = record(invite, **changed)
    city.take(message(terminal, terminal.rates(1, invite), invite.preimage))
    assert city.statuses(told(data, source=f"/C01/{data['window']}")) == [("stored", None)]
    assert city.latest()[f"{NAME}-0-1"]["invite_bound"] is False
    assert city.latest()["YP-0001-1-1"]["service"] is None
    assert city.alarms() == {"service_unbound"}


@pytest.mark.parametrize("example", schema("service")["examples"], ids=lambda one: one["id"])
def test_service_as_the_contract_shows_it_is_taken(city: City, example: dict) -> None:
    assert city.statuses(Raw(TOPIC, json.dumps(example).encode())) == [("stored", None)]
    assert city.records()[0]["invite_bound"] is (True if "subject" in example else None)


def test_service_without_invite_is_handed_on(city: City) -> None:
    assert city.statuses(told(record(None))) == [("stored", None)]
    (found,) = city.records()
    assert (found["invite"], found["invite_bound"]) == (None, None)


MISFITS = [
    {"window": "W/1"}, {"channel": "fax"}, {"uploader": "nobody"}, {"clerk": "0 8"}, {"project_no": "a/b"},
    {"service_no": "2"}, {"service_no": -1}, {"service_no": True}, {"service_no": 1.0}, {"case": []},
    {"case": {"level": "5"}}, {"case": {"task_code": "1"}}, {"case": {"project_no": "P1"}}, {"real_name": 1},
    {"identity": "张三"}, {"visit": "x"}, {"began_utc_ms": None}, {"level": 5}, {"invite": None}, {"terminal": ""},
]  # fmt: skip


@pytest.mark.parametrize("changed", MISFITS, ids=str)
def test_service_that_is_not_as_written_is_refused_by_its_bytes(city: City, invite: Invite, changed: dict) -> None:
    data = record(invite) | changed
    if changed != {"invite": None} and changed != {"service_no": 1.0}:  # what a schema cannot say
        with pytest.raises(jsonschema.ValidationError):
            validate(TOPIC, told(data).payload)
    (receipt,) = city.take(told(data))
    assert (receipt.status, receipt.code) == ("refused", "malformed")
    assert receipt.sha256 == sha256(canonical(data)).hexdigest()[:16], "else the agent takes it for another's receipt"
    assert city.records() == []


@pytest.mark.parametrize(
    "changed",
    [{"agent": "pc-02"}, {"source": "/C02/W01"}, {"id": "YP-0001-1-1"}, {"type": "cn.yiping.rated.v1"}, {"time": "now"},
     {"subject": "00" * 16}, {"extra": 1}, {"specversion": "2.0"}, {"data": None}],
    ids=str,
)  # fmt: skip
def test_service_in_a_wrong_envelope_is_refused(city: City, invite: Invite, changed: dict) -> None:
    assert city.statuses(told(record(invite), **changed)) == [("refused", "malformed")]


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'{"data":{"case":"\\ud800"}}', b"[" * 9_000, b" " * 20_000])
def test_service_that_is_no_message_harms_nothing(city: City, payload: bytes) -> None:
    city.take(Raw(TOPIC, payload))
    assert city.records() == []
    assert city.alarms() == {"malformed"}


def test_service_under_the_topic_of_nobody_is_foreign(city: City, invite: Invite) -> None:
    assert city.take(told(record(invite), topic=f"{PREFIX}/C01/agent/pc-01/health")) == []
    assert city.records() == []


def test_binding_compares_numbers_as_numbers(city: City, terminal: Terminal) -> None:
    preimage = evidence.invite_preimage(bytes(16), "C01", "W01", "0817", "P1/002", NOW_MS)
    invite = Invite(evidence.invite_id(preimage), preimage)
    city.take(told(record(invite)))
    assert city.latest()[f"{NAME}-0-1"]["invite_bound"] is True
