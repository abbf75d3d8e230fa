"""The small municipal system: one record an id, one rating an invite, words for a person, nothing from outside."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from protocol import cbor, indicators, rating
from simulator.city import app as module
from simulator.city.store import CityStore, RecordRefused
from simulator.city.words import KINDS_ZH, words

NOW_MS = 1_795_600_000_000
FOLDER = Path(module.__file__).parent
INVITE = "0f" * 16


class Writer:
    """Write records as a receiver hands them on, numbered."""

    def __init__(self, terminal="YP-0001"):
        self.terminal = terminal
        self.seq = 0

    def record(self, kind_code, invite=None, level=None, **more):
        self.seq += 1
        return {
            "id": f"{self.terminal}-1-{self.seq}",
            "revision": 1,
            "terminal": self.terminal,
            "epoch": 1,
            "seq": self.seq,
            "kind": rating.KIND_NAMES.get(kind_code, f"kind-{kind_code}"),
            "kind_code": kind_code,
            "invite": invite,
            "level": level,
            "utc_ms": NOW_MS + self.seq * 1000,
            "chain": "ok",
            "status": "stored",
        } | more


@pytest.fixture
def writer():
    return Writer()


@pytest.fixture
def store(tmp_path):
    store = CityStore(tmp_path / "city.db")
    yield store
    store.close()


@pytest.fixture
def client(tmp_path):
    with TestClient(module.application(tmp_path / "city.db"), base_url="http://127.0.0.1:8473") as client:
        yield client


def counts(outcome):
    return outcome["stored"], outcome["duplicates"], outcome["updated"]


def test_record_again_is_counted_and_not_stored(store, writer):
    record = writer.record(rating.RATED, INVITE, 5)
    assert counts(store.take([record])) == (1, 0, 0)
    assert counts(store.take([record, record])) == (0, 2, 0)
    assert [item["times"] for item in store.after(0, 10)] == [3]
    assert store.summary()["duplicates"] == 2


def test_record_with_higher_revision_replaces_and_lower_does_not(store, writer):
    record = writer.record(rating.RATED, INVITE, 5, chain="pending")
    store.take([record])
    assert counts(store.take([record | {"chain": "ok", "revision": 2}])) == (0, 0, 1)
    assert counts(store.take([record])) == (0, 1, 0)
    assert [item["chain"] for item in store.after(0, 10)] == ["ok"]


def test_rating_is_the_rated_event_with_the_highest_seq(store, writer):
    events = [writer.record(rating.RATED, INVITE, level) for level in (5, 3, 1)]
    store.take([events[2], events[0], events[1]])
    view = store.invite(INVITE, NOW_MS)
    assert (view["level"], view["state"]) == (1, "rated")
    assert [item["level"] for item in view["history"]] == [5, 3, 1]
    assert store.summary()["by_level"] == {"5": 0, "4": 0, "3": 0, "2": 0, "1": 1}


@pytest.mark.parametrize(
    ("following", "later_ms", "settled"),
    [
        ([], 1000, "open"),
        ([], 600_000, "open"),
        ([], 602_000, "settled"),
        ([(rating.MARK, None)], 0, "settled"),
        ([(rating.DECLINED, "aa" * 16)], 0, "settled"),
        (["gap", (rating.MARK, None)], 0, "incomplete"),
        (["gap", (rating.MARK, None)], 10**9, "incomplete"),
    ],
)
def test_rating_settles_by_what_follows_or_by_time(store, writer, following, later_ms, settled):
    store.take([writer.record(rating.RATED, INVITE, 4)])
    for step in following:
        if step == "gap":
            writer.seq += 1
        else:
            store.take([writer.record(*step)])
    assert store.invite(INVITE, NOW_MS + 1000 + later_ms)["settled"] == settled


def test_outcome_without_level_is_no_rating(store, writer):
    store.take([writer.record(rating.TIMED_OUT, INVITE)])
    view = store.invite(INVITE, NOW_MS)
    assert (view["state"], view["level"], view["history"]) == ("timed_out", None, [])
    assert store.summary()["ratings"] == 0
    assert store.summary()["unrated"] == {"timed_out": 1}


@pytest.mark.parametrize("second", ["conflict", "outcome", "terminal"])
def test_contradiction_makes_a_rating_disputed(store, writer, second):
    store.take([writer.record(rating.RATED, INVITE, 4)])
    if second == "conflict":
        store.take([writer.record(rating.RATED, INVITE, 5, status="conflict", id="YP-0001-1-1.2")])
    elif second == "outcome":
        store.take([writer.record(rating.CANCELLED, INVITE)])
    else:
        store.take([Writer("YP-0002").record(rating.RATED, INVITE, 5)])
    assert store.invite(INVITE, NOW_MS)["disputed"]


def test_summary_counts_gaps_conflicts_and_broken_chains(store, writer):
    records = [writer.record(rating.MARK) for _ in range(9)]
    records[4] |= {"chain": "broken"}
    records[5] |= {"status": "conflict"}
    store.take(records[:2] + records[4:])
    found = store.summary()
    assert (found["gaps"], found["conflicts"], found["broken"], found["events"]) == (2, 1, 1, 7)


@pytest.mark.parametrize(
    "change",
    [
        {"id": None}, {"id": ""}, {"id": "x" * 81}, {"terminal": 5}, {"seq": "1"}, {"seq": -1}, {"epoch": True},
        {"level": 6}, {"level": 0}, {"level": "5"}, {"level": None}, {"level": True}, {"business_level": 9},
        {"kind_code": 2}, {"revision": "2"}, {"invite": 7}, {"chain": 1},
    ],
)  # fmt: skip
def test_record_wrong_refuses_the_whole_batch(store, writer, change):
    good, bad = writer.record(rating.RATED, INVITE, 5), writer.record(rating.RATED, INVITE, 4) | change
    with pytest.raises(RecordRefused, match="record 1"):
        store.take([good, bad])
    assert store.after(0, 10) == []


def service(invite, number=1, **more):
    """Return a service's record as a receiver hands it on."""
    id_ = f"~0123456789abcdef-0-{number}"
    return {
        "record": "service", "id": id_, "revision": 1, "centre": "C01", "agent": "pc-01", "invite": invite,
        "invite_bound": None if invite is None else True, "visit": id_, "window": "W01", "terminal": "YP-0001",
        "channel": "window", "uploader": "agent", "clerk": "007", "project_no": "P1", "service_no": 2,
        "case": {"task_name": "补办"}, "real_name": False, "identity": "c2VhbGVk", "status": "stored",
    } | more  # fmt: skip


@pytest.mark.parametrize("first", ["service", "event"])
def test_service_and_rating_are_joined_whichever_comes_first(store, writer, first):
    both = [service(INVITE), writer.record(rating.RATED, INVITE, 4, window="W01")]
    for record in both if first == "service" else reversed(both):
        assert counts(store.take([record])) == (1, 0, 0)
    found = store.invite(INVITE, NOW_MS)["service"]
    assert (found["clerk"], found["service_no"], found["case"]) == ("007", 2, {"task_name": "补办"})
    assert "identity" not in found
    assert store.summary()["windows"] == [{"window": "W01", "services": 1, "without_invite": 0, "unlinked": 0}]


def test_service_again_is_counted_and_not_stored(store):
    assert counts(store.take([service(INVITE), service(INVITE)])) == (1, 1, 0)
    assert store.take([service(INVITE)])["joined"] == []


def test_windows_count_visits_uninvited_services_and_outcomes_of_no_service(store, writer):
    again = service("bb" * 16, 2, visit=service(INVITE)["id"])
    conflict = service(None, 3, status="conflict")
    store.take([service(INVITE), again, service(None, 4), service(None, 5, window="W02"), conflict])
    store.take([writer.record(rating.RATED, "cc" * 16, 5, window="W01", origin=3), writer.record(rating.MARK)])
    assert store.summary()["windows"] == [
        {"window": "W01", "services": 2, "without_invite": 1, "unlinked": 1},
        {"window": "W02", "services": 1, "without_invite": 1, "unlinked": 0},
    ]
    assert store.invite("cc" * 16, NOW_MS)["service"] is None


@pytest.mark.parametrize(
    "change", [{"id": None}, {"visit": 1}, {"window": ""}, {"invite": 1}, {"service_no": "2"}, {"channel": "fax"},
               {"case": None}, {"service_no": True}, {"clerk": 7}],
)  # fmt: skip
def test_service_wrong_refuses_the_whole_batch(store, writer, change):
    with pytest.raises(RecordRefused, match="record 1"):
        store.take([writer.record(rating.MARK), service(INVITE) | change])
    assert store.after(0, 10) == []


def test_stream_tells_a_rating_again_when_its_service_comes_later(client, writer):
    client.post("/api/v1/ratings", json=[writer.record(rating.RATED, INVITE, 5)])
    with client.websocket_connect("ws://127.0.0.1:8473/api/v1/stream") as socket:
        client.post("/api/v1/ratings", json=[service(INVITE)])
        news = json.loads(socket.receive_text())
    assert news["items"] == [] and news["invites"][0]["service"]["project_no"] == "P1"


def test_http_takes_lists_and_pages(client, writer):
    batch = [writer.record(rating.RATED, f"{n:032x}", 1 + n % 5) for n in range(7)]
    assert client.post("/api/v1/ratings", json=batch).json() == {"stored": 7, "duplicates": 0, "updated": 0}
    first = client.get("/api/v1/ratings?limit=4").json()
    rest = client.get(f"/api/v1/ratings?after={first['next']}").json()
    assert [item["seq"] for item in first["items"] + rest["items"]] == list(range(1, 8))
    assert client.get(f"/api/v1/ratings?after={rest['next']}").json() == {"items": [], "next": rest["next"]}
    assert client.get("/api/v1/summary").json()["ratings"] == 7
    assert client.get(f"/api/v1/invites/{2:032x}").json()["level"] == 3
    assert len(client.get("/api/v1/invites").json()["items"]) == 7


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "not_json"),
        (b"{}", "application/json", 422, "record_refused"),
        (b"[1]", "application/json", 422, "record_refused"),
        (b"[]", "text/plain", 415, "not_json"),
        (b" " * (module.BODY_LIMIT_BYTES + 1), "application/json", 413, "too_large"),
    ],
)
def test_http_wrong_body_is_told(client, body, kind, status, code):
    answer = client.post("/api/v1/ratings", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set(answer.json()["error"]) == {"code", "message", "cure"}


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=" + "9" * 99, "after=٣", "limit=0", "limit=99999999"])
def test_http_odd_query_does_no_harm(client, query):
    assert client.get(f"/api/v1/ratings?{query}").status_code == 200


def test_http_unknown_invite_is_404(client):
    assert client.get("/api/v1/invites/none").json()["error"]["code"] == "unknown_invite"


def test_http_database_that_takes_nothing_is_503(client, writer, monkeypatch):
    import sqlite3

    def full(*_args):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(CityStore, "take", full)
    answer = client.post("/api/v1/ratings", json=[writer.record(rating.MARK)])
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_stored")


def test_http_other_host_name_is_refused(client):
    assert client.get("/api/v1/ratings", headers={"Host": "evil.example"}).status_code == 400


def test_stream_tells_what_arrives_with_its_rating(client, writer, monkeypatch):
    monkeypatch.setattr(module, "_now_ms", lambda: NOW_MS)
    with client.websocket_connect("ws://127.0.0.1:8473/api/v1/stream") as socket:
        client.post("/api/v1/ratings", json=[writer.record(rating.RATED, INVITE, 2)])
        news = json.loads(socket.receive_text())
        assert [item["id"] for item in news["items"]] == ["YP-0001-1-1"]
        assert [(view["invite"], view["level"], view["settled"]) for view in news["invites"]] == [(INVITE, 2, "open")]
        client.post("/api/v1/ratings", json=[writer.record(rating.MARK)])
        news = json.loads(socket.receive_text())
        assert [item["kind"] for item in news["items"]] == ["mark"]
        assert [view["settled"] for view in news["invites"]] == ["settled"]


def test_stream_of_another_origin_is_refused(client):
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect):
        with client.websocket_connect("ws://127.0.0.1:8473/api/v1/stream", headers={"Origin": "https://evil.example"}):
            pass


def test_page_asks_for_nothing_from_outside(client):
    for path in module.FILES:
        answer = client.get(path)
        assert answer.status_code == 200
        outside = re.findall(r"(?:https?:)?//[a-z0-9]", answer.text.replace("ws://${location.host}", ""))
        assert outside == []
    assert "default-src 'none'" in client.get("/").headers["content-security-policy"]


def test_words_know_every_kind_level_and_tag(client):
    told = client.get("/api/v1/words").json()
    assert told == words()
    assert set(KINDS_ZH) == set(rating.KIND_NAMES.values())
    assert told["levels"]["5"] == "非常满意"
    assert told["levels"]["1"] == "非常不满意"
    assert told["kinds"]["timed_out"] == "未评价（超时）"
    assert told["tags"]["517"] == "服务热情效率高"


def test_words_have_the_texts_of_the_tables_that_terminals_were_given(tmp_path):
    own = cbor.encode([[510, 0, True, False, "本厅自己的标签"]])
    (tmp_path / "own.cbor").write_bytes(own)
    (tmp_path / "bad.cbor").write_bytes(b"\xff")
    found = words(tmp_path)["tables"]
    builtin = rating.table_version(indicators.tag_table(indicators.load())).hex()
    assert found[sha256(own).hexdigest()[:8]] == {"510": "本厅自己的标签"}
    assert found[builtin]["510"] == "一窗受理一次办结" and len(found) == 2


def test_city_command_port_taken_is_one_line(tmp_path):
    import socket

    from click.testing import CliRunner

    from simulator.city.cli import city

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = CliRunner().invoke(city, ["run", "--listen", address, "--data", str(tmp_path)])
    assert done.exit_code == 1
    assert done.output.startswith("yiping: cannot listen")
    assert len(done.output.splitlines()) == 1


@pytest.mark.parametrize("listen", ["8473", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999", "127.0.0.1:²"])
def test_city_command_address_wrong_is_one_line(tmp_path, listen):
    from click.testing import CliRunner

    from simulator.city.cli import city

    done = CliRunner().invoke(city, ["run", "--listen", listen, "--data", str(tmp_path)])
    assert (done.exit_code, len(done.output.splitlines())) == (1, 1)
