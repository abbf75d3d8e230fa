"""Evidence made with other people's libraries goes through the receiver's whole code."""

import json
from pathlib import Path

import pytest

from host_agent.provision.registry import Entry
from protocol import cbor
from tests.city.terminals import NOW_MS, City, Terminal, message

CHAINS = json.loads((Path(__file__).parent.parent / "vectors" / "evidence.json").read_text())["chains"]


@pytest.mark.parametrize("chain", CHAINS, ids=[chain["terminal_id"] for chain in CHAINS])
def test_vectors_open_are_stored_and_chained(tmp_path, chain):
    city = City(tmp_path)
    city.now_ms = NOW_MS + 10 * 365 * 86_400_000
    terminal = Terminal(chain["terminal_id"], epoch=chain["epoch"])
    city.registry.add(
        [Entry(terminal.id, terminal.epoch, bytes.fromhex(chain["secret"]), "C01", "W01", "k5", False, NOW_MS)]
    )
    events = [bytes.fromhex(event["event"]) for event in chain["events"]]
    batch = [message(terminal, event) for event in events]
    assert city.statuses(*batch) == [("stored", None)] * len(events)
    records = city.latest()
    for event in chain["events"]:
        record = records[f"{terminal.id}-{terminal.epoch}-{event['seq']}"]
        fields, _ = cbor.decode_prefix(bytes.fromhex(event["plaintext"]))
        assert (record["kind_code"], record["boot"]) == (event["kind"], event["boot"])
        assert record["invite"] == (event["invite"] or None)
        assert (record["level"], record["utc_ms"]) == (fields.get(6), fields.get(1))
        assert record["tags"] == fields.get(9, [])
    first = chain["events"][0]["seq"]
    assert city.gaps(terminal) == ([(1, first - 1)] if first > 1 else [])
    chained = [records[f"{terminal.id}-{terminal.epoch}-{event['seq']}"]["chain"] for event in chain["events"]]
    assert chained == ["ok" if first == 1 else "pending"] + ["ok"] * (len(events) - 1)
    assert "not_opened" not in city.alarms()
    city.close()
