"""The agent's side of a roll-out: leases, turns, hours, bundles that appear or are fetched, and the commands' form."""

import asyncio
import http.server
import json
import os
import threading
from types import SimpleNamespace

import pytest

from host_agent import config as agent_config
from host_agent.config_update import parse_span, within
from host_agent.errors import UserError
from host_agent.store import Store
from host_agent.update import cli, fetch, permits, records, states
from host_agent.update.records import Record
from host_agent.update.shelf import Shelf
from host_agent.update.updates import Updates, release
from tests.rollout import small_bundles

HOUR_MS = 3_600_000
WINDOW = '[[window]]\nid = "W01"\nterminal = "YP-W01"\n'
NOON_UTC_MS = 1_790_000_000_000 // (24 * HOUR_MS) * (24 * HOUR_MS) + 12 * HOUR_MS


def window(name: str) -> SimpleNamespace:
    hello = {"board": "k5", "firmware": "0.6.0", "assets": {}, "caps": []}
    return SimpleNamespace(section=SimpleNamespace(id=name, terminal=f"YP-{name}"), hello=hello, update=None)


class Room:
    """An agent's updates over true bundles, with clocks that the test holds."""

    def __init__(self, folder, key, section: str) -> None:
        (folder / "bundle.key").write_bytes(key.modulus)
        path = folder / "agent.toml"
        path.write_text(f'[agent]\nid = "pc"\ncentre = "C01"\n[update]\nkey = "bundle.key"\n{section}\n{WINDOW}')
        config = agent_config.load(path)
        self.store = Store(config.agent.data_dir)
        self.now_s, self.now_ms = 0.0, NOON_UTC_MS
        self.windows = {name: window(name) for name in ("W01", "W02", "W03", "W04", "W05", "W06")}
        self.looked: list[str] = []
        writer = SimpleNamespace(note=lambda *_: None)
        self.updates = Updates(
            config, self.store, writer, self.windows, lambda: self.now_ms, lambda: self.now_s, self.looked.append
        )

    def states(self, **told: str) -> None:
        for name, state in told.items():
            self.windows[name].update.state = state

    def word(self, manifest: str, *terminals: str, **more: object) -> None:
        bundles = {"k5": {"manifest": manifest, "version": "0.7.0", "url": None}}
        arguments = {"rollout": "r-1", "bundles": bundles, "terminals": list(terminals), **more}
        self.updates.command(json.dumps({"id": "c", "arguments": arguments}).encode())


@pytest.fixture
def make_room(tmp_path, key):
    made: list[Room] = []

    def make(section: str = "") -> Room:
        made.append(Room(tmp_path, key, section))
        return made[-1]

    yield make
    for room in made:
        room.store.close()


def test_city_word_is_a_lease_that_ends_and_is_replaced(tmp_path, key, make_room):
    room = make_room()
    firmware = room.updates.shelf.put(small_bundles.write(tmp_path, key, "0.7.0"))
    room.updates.shelf.refresh()
    hello = room.windows["W01"].hello
    assert room.updates.firmware("YP-W01", hello) == (None, None), "without a word nothing is meant for it"
    room.word(firmware.digest.hex(), "YP-W01")
    assert room.updates.firmware("YP-W01", hello) == (firmware, None)
    assert room.updates.firmware("YP-W02", hello) == (None, None)
    room.now_s = permits.LEASE_S - 1
    assert room.updates.firmware("YP-W01", hello)[0] == firmware
    room.now_s = permits.LEASE_S
    assert room.updates.firmware("YP-W01", hello) == (None, None)
    room.word(firmware.digest.hex(), "YP-W01")
    room.word(firmware.digest.hex())
    assert room.updates.firmware("YP-W01", hello) == (None, None), "a word without terminals is a halt"
    room.word("ab" * 32, "YP-W01")
    assert room.updates.firmware("YP-W01", hello) == (None, states.NO_BUNDLE)


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"[]", b"{", b"null", b"\xff", b'{"arguments": {}}', b"[" * 5000, b" " * 70_000,
        json.dumps({"arguments": {"rollout": "r", "bundles": [], "terminals": []}}).encode(),
        json.dumps({"arguments": {"rollout": "r", "bundles": {}, "terminals": "YP"}}).encode(),
        json.dumps({"arguments": {"rollout": "r", "bundles": {}, "terminals": [1]}}).encode(),
        json.dumps({"arguments": {"rollout": "r", "bundles": {}, "terminals": ["T"] * 65}}).encode(),
        json.dumps({"arguments": {"rollout": "r", "bundles": {"k5": {"manifest": "AB"}}, "terminals": []}}).encode(),
    ],
)  # fmt: skip
def test_command_of_another_form_is_none_and_changes_nothing(payload, make_room):
    assert permits.read(payload) is None
    room = make_room()
    room.word("ab" * 32, "YP-W01")
    room.updates.command(payload)
    assert room.updates.permits.word.rollout == "r-1"


def test_city_sends_to_four_terminals_at_a_time(make_room):
    room = make_room()
    assert room.updates.may_send("YP-W06") is None
    room.states(W01=states.SENDING, W02=states.READY, W03=states.TRIAL)
    assert room.updates.may_send("YP-W06") is None
    room.states(W04=states.SWITCHING)
    assert room.updates.may_send("YP-W06") == states.TURN
    assert room.updates.may_send("YP-W01") is None, "who has a turn keeps it"


def test_agent_alone_takes_the_newest_one_by_one_and_stops_at_a_failure(tmp_path, key, make_room):
    room = make_room('go = "agent"')
    for version in ("0.5.0", "0.7.0", "0.6.5"):
        room.updates.shelf.put(small_bundles.write(tmp_path, key, version))
    room.updates.shelf.refresh()
    hello = room.windows["W01"].hello
    newest, _ = room.updates.firmware("YP-W01", hello)
    assert newest.version == "0.7.0"
    assert room.updates.firmware("YP-W01", {**hello, "firmware": "0.7.0"}) == (None, None)
    assert room.updates.firmware("YP-W01", {**hello, "board": "t35"}) == (None, None)
    room.states(W01=states.SENDING)
    assert room.updates.may_send("YP-W02") == states.TURN
    room.states(W01=states.NONE)
    room.updates.note(Record("YP-W01", newest.digest.hex(), "0.7.0", records.FAILED, "rolled_back", 1, 0))
    assert room.updates.may_send("YP-W02") == states.HALTED
    room.word(newest.digest.hex(), "YP-W02")
    assert room.updates.permits.word is None, "an agent that decides alone obeys no word"
    assert room.updates.retry("YP-W01") and not room.updates.retry("YP-W01")
    assert room.updates.may_send("YP-W02") is None


def test_hours_may_pass_midnight_and_are_checked():
    assert parse_span("18:00-07:30") == (1080, 450) and parse_span("00:00-24:00") == (0, 1440)
    for bad in ("", "18-7", "24:30-01:00", "08:00-08:00", "08:00-24:01", "8:00-9:00"):
        assert parse_span(bad) is None
    night = (1080, 450)
    assert all(within(night, minute) for minute in (0, 449, 1080, 1439))
    assert not any(within(night, minute) for minute in (450, 1079))
    assert within((0, 1440), 1439) and not within((60, 120), 120)


def test_switch_waits_for_the_hours(make_room, monkeypatch):
    monkeypatch.setattr("host_agent.local_day.utc_offset_min", lambda _: 480)
    room = make_room('hours = "18:00-07:30"')
    assert room.updates.may_switch("YP-W01") is None, "noon UTC is 20:00 here"
    room.now_ms -= 8 * HOUR_MS
    assert room.updates.may_switch("YP-W01") == states.HOURS


def test_shelf_offers_no_file_that_somebody_put_there_by_another_way(tmp_path, key, make_room):
    room = make_room('go = "agent"')
    shelf = room.updates.shelf
    shelf.put(small_bundles.write(tmp_path, key, "0.7.0"))
    (shelf.folder / "foreign.zip").write_bytes(b"PK no bundle")
    assert shelf.refresh() and [one.version for one in shelf.all()] == ["0.7.0"]
    assert list(shelf.faults) == ["foreign.zip"]
    (warning,) = room.updates.warnings()
    assert warning["code"] == "bundle" and "foreign.zip" in warning["message"] and "remove it" in warning["message"]
    (shelf.folder / "foreign.zip").unlink()
    assert shelf.refresh() and room.updates.warnings() == [] and not shelf.refresh()


def test_bundle_that_cannot_be_removed_is_told_in_a_sentence(tmp_path, key, make_room, monkeypatch):
    make_room().updates.shelf.put(small_bundles.write(tmp_path, key, "0.7.0"))

    def held(*_) -> None:
        raise PermissionError(13, "held by another program")

    monkeypatch.setattr(Shelf, "remove", held)
    with pytest.raises(UserError) as raised:
        cli.remove.main(["0.7.0", "--config", str(tmp_path / "agent.toml")], standalone_mode=False)
    assert "held by another program" in raised.value.message and "close what has it open" in raised.value.message


def test_part_of_a_bundle_that_a_killed_command_left_is_swept_by_the_next_start(tmp_path, key, make_room):
    room = make_room()
    room.updates.shelf.put(small_bundles.write(tmp_path, key, "0.7.0"))
    folder = room.updates.shelf.folder
    old, new, foreign = (folder / name for name in ("0123456789abcdef.zip.77.part", "fedc.zip.78.part", "notes.txt"))
    for path in (old, new, foreign):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    Shelf(folder.parent, key.modulus)
    assert not old.exists() and new.exists() and foreign.exists(), "one that is being written now stays"
    Shelf(tmp_path / "empty", key.modulus)


@pytest.mark.parametrize(
    ("url", "below"),
    [
        ("https://files.city.example/yiping/k5.zip", True),
        ("https://files.city.example/yiping/0.7.0/k5.zip", True),
        ("HTTPS://FILES.city.example:443/yiping/k5.zip", True),
        ("https://files.city.example.evil.example/yiping/k5.zip", False),
        ("https://files.city.example@evil.example/yiping/k5.zip", False),
        ("https://user@files.city.example/yiping/k5.zip", False),
        ("http://files.city.example/yiping/k5.zip", False),
        ("https://files.city.example:8443/yiping/k5.zip", False),
        ("https://files.city.example/yiping-other/k5.zip", False),
        ("https://files.city.example/yiping/../k5.zip", False),
        ("https://files.city.example/yiping/%2e%2e/k5.zip", False),
        ("https://files.city.example/yiping/..%2Fk5.zip", False),
        ("https://files.city.example/yiping/..\\k5.zip", False),
        ("https://files.city.example/k5.zip", False),
        ("https://files.city.example:port/yiping/k5.zip", False),
        ("file:///etc/passwd", False),
    ],
)
def test_address_is_below_update_source_by_scheme_host_port_and_folders(url, below):
    for source in ("https://files.city.example/yiping", "https://files.city.example/yiping/"):
        assert fetch.is_below(url, source) == below
    root = url.startswith(("https://files.city.example/k5", "https://files.city.example/yiping-"))
    assert fetch.is_below(url, "https://files.city.example") == (below or root)


def test_bundle_is_fetched_from_the_named_place_only_and_checked(tmp_path, key):
    (tmp_path / "files").mkdir()
    bundle = small_bundles.write(tmp_path / "files", key, "0.7.0")
    small_bundles.altered(bundle, tmp_path / "files")
    shelf = Shelf(tmp_path / "data", key.modulus)
    manifest = shelf.examine(bundle).digest.hex()

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, directory=str(tmp_path / "files"), **options)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}/"

        def got(url: str, source: str | None, wanted: str = manifest) -> str | None:
            fetcher = fetch.Fetcher(shelf, source)
            asyncio.run(fetcher.get(url, wanted))
            return fetcher.fault

        assert "update.source" in got(base + bundle.name, None)
        assert "update.source" in got(base + bundle.name, "https://files.city.example/")
        assert "does not come" in got(base + "none.zip", base)
        assert got(base + f"altered-{bundle.name}", base) and shelf.all() == []
        assert got(base + bundle.name, base) is None
        assert [one.version for one in shelf.all()] == ["0.7.0"]
        assert "another bundle" in got(base + bundle.name, base, "ab" * 32)
        server.shutdown()


def test_config_of_updates_names_every_fault(tmp_path):
    path = tmp_path / "agent.toml"
    (tmp_path / "short.key").write_bytes(b"k")
    path.write_text(
        '[agent]\nid = "pc"\ncentre = "C01"\n[update]\nkey = "short.key"\nhours = "8-9"\ngo = "me"\nsource = "ftp://x"\n'
    )
    with pytest.raises(UserError) as raised:
        agent_config.load(path)
    told = "\n".join(raised.value.lines())
    assert all(f"update.{name}" in told for name in ("key", "hours", "go", "source")) and told.count("\n") >= 3


def test_release_orders_versions():
    assert release("0.10.0") > release("0.9.9") > release("0.0-test") == 0
