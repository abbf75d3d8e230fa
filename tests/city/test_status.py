"""What the receiver says of itself and of the terminals: one sentence, gaps, explanations, and no level anywhere."""

import json

import attrs
import pytest
from starlette.testclient import TestClient

from host_agent.certificates import Finding
from host_agent.receiver import overview, status
from host_agent.receiver.api import application
from host_agent.receiver.config import load
from host_agent.receiver.service import Receiver
from host_agent.receiver.silence import Hours
from protocol import rating, reasons
from tests.city.terminals import NOW_MS, Terminal, message


def facts(**change):
    whole = {
        "broker_connected": True,
        "broker_fault": None,
        "store_fault": None,
        "registry_fault": None,
        "forward_fault": None,
        "receipts_refused": None,
    }
    names = {field.name for field in attrs.fields(status.Numbers)}
    numbers = {name: value for name, value in change.items() if name in names}
    rest = {name: value for name, value in change.items() if name not in names}
    return status.Facts(**(whole | rest), numbers=status.Numbers(**numbers))


def sentence(found):
    return status.message(status.faults(found), status.attention(found), found)


ROW = {"terminal": "YP-0001", "silent_min": None, "unexplained": 0, "unended": False}


@pytest.mark.parametrize(
    ("change", "ok", "said"),
    [
        ({}, True, "ready: no event has come yet"),
        ({"totals": {"stored": 1}}, True, "all is well: 1 event stored and receipted"),
        (
            {"totals": {"stored": 5}, "waiting": 2},
            True,
            "all is well: 5 events stored and receipted, 2 records on the way",
        ),
        (
            {"store_fault": "disk is full (receiver.db): free some room", "broker_connected": False},
            False,
            "the database takes nothing, disk is full (receiver.db): free some room; events stay with the agents",
        ),
        ({"broker_connected": False}, False, "the broker is not connected yet: wait a moment"),
        ({"broker_connected": False, "broker_fault": "it closed"}, False, "it closed"),
        ({"receipts_refused": 0x87}, False, "the broker refuses receipts (0x87)"),
        (
            {"registry_fault": "locked", "registry_path": "registry.db"},
            False,
            "the registry cannot be read (locked): check registry.db and its rights; new terminals are unknown",
        ),
        (
            {"forward_fault": "down", "waiting": 9},
            False,
            "the municipal system takes no records (down): see that it runs, or correct [forward]; 9 records wait here",
        ),
        ({"certificates": [Finding(True, "it expired")], "broker_connected": False}, False, "it expired"),
        ({"certificates": [Finding(False, "it expires in 3 days")]}, True, "it expires in 3 days"),
        ({"clock_jumped_ms": -7_200_000}, True, "this PC's clock was set back by 2 h: check its date"),
        ({"parked": 1, "waiting": 1}, False, "the municipal system refuses 1 record"),
        ({"recent_alarms": {"malformed": 1, "conflict": 2}}, True, "two different events bear the same number"),
        ({"terminals": [ROW | {"silent_min": 140}]}, True, "1 terminal silent in opening hours (YP-0001)"),
        ({"terminals": [ROW | {"unexplained": 3}]}, True, "3 events missing between events that came"),
        (
            {"terminals": [ROW | {"current": True, "self_test": {"received_utc_ms": 1, "failed": ["rtc"]}}]},
            True,
            "the self-test of 1 terminal failed (YP-0001)",
        ),
        ({"shelf": {"unknown_terminal": 2}}, True, "2 events of terminals that the registry does not know"),
    ],
)
def test_sentence_says_the_gravest_thing(change, ok, said):
    found = facts(**change)
    assert sentence(found).startswith(said)
    assert (not status.faults(found)) is ok


def rows(city, later_ms=0):
    return overview.terminals(city.store.conn, city.registry, Hours(), city.now_ms + later_ms)


def test_gap_that_the_terminal_explains_is_not_held_against_anyone(city, terminal):
    city.take(message(terminal, terminal.boots()))
    terminal.seq, terminal.prev, terminal.boot = 40, bytes(8), 9
    city.take(message(terminal, terminal.boots()))
    later = 10 * 60_000
    assert rows(city, later)[0]["unexplained"] == 39
    city.take(message(terminal, terminal.seal(rating.FAULT, None, {14: reasons.WHY_SECTOR_UNREADABLE, 12: 2})))
    [row] = rows(city, later)
    assert (row["missing"], row["unexplained"], row["gaps_explained"]) == (39, 0, [[2, 40]])


def test_gap_is_not_explained_by_a_fault_of_another_start(city, terminal):
    city.take(message(terminal, terminal.boots()))
    terminal.seq = 5
    city.take(message(terminal, terminal.boots()))
    terminal.boot = 2
    city.take(message(terminal, terminal.seal(rating.FAULT, None, {14: reasons.WHY_SECTOR_UNREADABLE})))
    assert rows(city, 600_000)[0]["unexplained"] == 4


def test_terminal_of_two_epochs_is_judged_by_the_newer(city, terminal):
    city.take(message(terminal, terminal.boots()))
    renewed = Terminal(epoch=2, seed=2)
    city.registry.add([renewed.entry()])
    city.take(message(renewed, renewed.boots()))
    assert [(row["epoch"], row["current"], row["events"]) for row in rows(city)] == [(1, False, 1), (2, True, 1)]


def test_many_gaps_are_counted_whole_and_listed_in_part(city, terminal):
    for _ in range(300):
        terminal.marks()
    city.take(*(message(terminal, event) for event in terminal.events[1::2]))
    [row] = rows(city, 600_000)
    assert (row["missing"], row["gap_count"], row["unexplained"], len(row["gaps"])) == (150, 150, 150, 50)


@pytest.fixture
def client(tmp_path, city, terminal):
    """The API over a receiver that has no broker, holding what `city` stored before."""
    invite = terminal.invite()
    city.take(message(terminal, terminal.boots()), message(terminal, terminal.rates(2, invite), invite.preimage))
    city.close()
    (tmp_path / "receiver.toml").write_text(
        '[receiver]\nname = "city-01"\ndata_dir = "data"\n[forward]\nfile = "ratings.jsonl"\n'
    )
    import random

    holder = {}

    def app():
        async def asgi(scope, receive, send):
            if "receiver" not in holder:
                holder["receiver"] = Receiver(load(tmp_path / "receiver.toml"), random.Random(1))
                holder["app"] = application(holder["receiver"])
            await holder["app"](scope, receive, send)

        return asgi

    with TestClient(app(), base_url="http://127.0.0.1:8472") as client:
        yield client
    holder["receiver"].close()


def test_api_tells_state_and_no_level(client):
    told = client.get("/api/v1/status").json()
    assert (told["receiver"], told["ok"], told["store"]["stored"]) == ("city-01", False, 2)
    assert told["faults"][0]["code"] == "broker"
    [row] = client.get("/api/v1/terminals").json()["items"]
    assert (row["terminal"], row["last_seq"], row["missing"]) == ("YP-0001", 2, 0)
    alarms = client.get("/api/v1/alarms").json()
    assert '"level"' not in json.dumps([told, row, alarms])
    assert "secret" not in json.dumps([told, row, alarms])


def test_api_page_asks_for_nothing_from_outside(client):
    for path in ("/", "/page.css", "/page.js"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "http://" not in answer.text
        assert "https://" not in answer.text
    assert "default-src 'none'" in client.get("/").headers["content-security-policy"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_api_other_host_name_is_refused(client, host):
    assert client.get("/api/v1/status", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_api_cannot_change_anything(client, method):
    assert client.request(method, "/api/v1/status").status_code == 405


def test_counts_of_levels_do_not_stand_in_the_database_in_clear(city, terminal):
    invite = terminal.invite()
    city.take(message(terminal, terminal.rates(1, invite), invite.preimage))
    with city.store.batch():
        city.store.outbox.remove([number for number, _ in city.store.outbox.oldest(10)])
    columns = {row[1] for row in city.store.conn.execute("PRAGMA table_info(events)")}
    assert "level" not in columns
    assert city.store.conn.execute("SELECT COUNT(*) FROM outbox").fetchone() == (0,)
    assert NOW_MS == city.now_ms
