"""The dishonest PC: it holds every byte between terminal and broker, but no key, and the city must not be fooled.

Each test is one thing such a PC does, over real sealed bytes and the receiver's real code, with the municipal system
behind it. docs/security.md has one row for each of them; a test below compares the two.
"""

import base64
import itertools
import json
import random
import re
from pathlib import Path

import pytest

from host_agent.receiver import overview
from host_agent.receiver.aes import Aes
from host_agent.receiver.intake import Raw
from host_agent.receiver.silence import Hours
from protocol import cbor, evidence, rating
from simulator.city.store import CityStore
from tests.city.terminals import NOW_MS, City, Invite, Terminal, message

ROOT = Path(__file__).parents[2]
ALWAYS_OPEN = Hours(0, 24 * 60, (1, 2, 3, 4, 5, 6, 7))


class Hall:
    """A terminal, the receiver and the municipal system; the tests stand between the first two."""

    def __init__(self, folder: Path) -> None:
        self.terminal = Terminal()
        self.neighbour = Terminal("YP-0002", window="W02")
        self.receiver = City(folder, self.terminal, self.neighbour)
        self.city = CityStore(folder / "city" / "city.db")

    def send(self, *batch: Raw) -> list[tuple[str, str | None]]:
        return self.receiver.statuses(*batch)

    def honest(self, *events: bytes, preimage: bytes | None = None) -> list[tuple[str, str | None]]:
        return self.send(*(message(self.terminal, event, preimage) for event in events))

    def rating(self, invite: Invite) -> dict | None:
        self._hand_on()
        return self.city.invite(invite.id.hex(), NOW_MS)

    def received(self) -> list[dict]:
        self._hand_on()
        return self.city.after(0, 10_000)

    def alarms(self) -> set[str]:
        return self.receiver.alarms()

    def row(self, later_ms: int = 0) -> dict:
        """Return what the receiver shows of the terminal, some time later."""
        rows = overview.terminals(
            self.receiver.store.conn, self.receiver.registry, ALWAYS_OPEN, self.receiver.now_ms + later_ms
        )
        return next(row for row in rows if row["terminal"] == self.terminal.id)

    def _hand_on(self) -> None:
        rows = self.receiver.store.outbox.oldest(100_000)
        self.city.take([json.loads(record) for _, record in rows])
        with self.receiver.store.batch():
            self.receiver.store.outbox.remove([number for number, _ in rows])


@pytest.fixture
def hall(tmp_path):
    hall = Hall(tmp_path)
    yield hall
    hall.receiver.close()
    hall.city.close()


@pytest.fixture
def rated(hall) -> tuple[Invite, bytes]:
    """One bad rating, sealed, in the PC's hands; the boot before it has been delivered."""
    hall.honest(hall.terminal.boots())
    invite = hall.terminal.invite()
    return invite, hall.terminal.rates(1, invite)


def with_clear(event: bytes, **change: object) -> bytes:
    """Return an event whose clear part says something else; the ciphertext stays."""
    labels = {"kind": -65537, "invite": -65538, "epoch": -65539, "kid": 4, "iv": 6}
    protected, unprotected, ciphertext = cbor.decode(event)
    header = cbor.decode(protected)
    for name, value in change.items():
        header[labels[name]] = value
    return cbor.encode([cbor.encode(header), unprotected, ciphertext])


# --- alters


def test_attack_alters_any_single_bit_is_refused(hall, rated):
    invite, event = rated
    for bit in range(len(event) * 8):
        altered = bytearray(event)
        altered[bit // 8] ^= 1 << bit % 8
        [(status, code)] = hall.honest(bytes(altered))
        assert status == "refused", f"bit {bit}"
        assert code in ("not_opened", "malformed", "unknown_terminal", "unknown_epoch")
    assert hall.rating(invite) is None
    assert "not_opened" in hall.alarms()
    assert hall.honest(event, preimage=invite.preimage) == [("stored", None)]
    assert hall.rating(invite)["level"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"kind": rating.TIMED_OUT},
        {"kind": rating.CANCELLED},
        {"invite": bytes(16)},
        {"iv": (1).to_bytes(4, "big") + (99).to_bytes(4, "big")},
        {"iv": (7).to_bytes(4, "big") + (2).to_bytes(4, "big")},
        {"kid": b"YP-0002"},
    ],
    ids=["outcome", "withdrawn", "invite", "sequence", "boot", "terminal"],
)
def test_attack_alters_the_clear_part_is_refused(hall, rated, change):
    _, event = rated
    assert hall.honest(with_clear(event, **change)) == [("refused", "not_opened")]
    assert "not_opened" in hall.alarms()


def test_attack_alters_the_epoch_is_shelved_and_never_opens(hall, rated):
    _, event = rated
    assert hall.honest(with_clear(event, epoch=2)) == [("refused", "unknown_epoch")]
    hall.receiver.registry.add([Terminal(epoch=2, seed=9).entry()])
    assert [receipt.code for receipt in hall.receiver.intake.retry_shelf()] == ["not_opened"]


def test_attack_alters_the_times_around_an_event_changes_no_time_of_it(hall, rated):
    invite, event = rated
    raw = message(hall.terminal, event, invite.preimage)
    body = json.loads(raw.payload)
    body["time"] = "1999-01-01T00:00:00.000Z"
    body["data"]["link"] = {"delay_ms": -5, "clock_offset_ms": 10**12}
    hall.send(Raw(raw.topic, json.dumps(body).encode()))
    assert hall.rating(invite)["event"]["utc_ms"] == hall.terminal.now_ms


# --- drops, withholds, delays, reorders


def test_attack_drops_one_event_shows_as_a_gap(hall, rated):
    invite, _ = rated
    hall.honest(hall.terminal.marks())
    assert hall.receiver.gaps(hall.terminal) == [(2, 2)]
    assert hall.row()["unexplained"] == 0  # it may still be on its way
    assert hall.row(later_ms=121_000)["unexplained"] == 1
    assert hall.rating(invite) is None


def test_attack_drops_the_change_of_mind_leaves_the_rating_incomplete(hall):
    hall.honest(hall.terminal.boots())
    invite = hall.terminal.invite()
    first = hall.terminal.rates(5, invite)
    hall.terminal.rates(1, invite)
    hall.honest(first, hall.terminal.marks(), preimage=invite.preimage)
    assert hall.rating(invite)["settled"] == "incomplete"
    assert hall.row(later_ms=121_000)["unexplained"] == 1


def test_attack_withholds_the_newest_shows_as_silence(hall):
    for _ in range(3):
        hall.terminal.now_ms += 3_600_000 - hall.terminal.step_ms
        hall.terminal.marks()
    hall.receiver.now_ms = hall.terminal.now_ms
    hall.honest(hall.terminal.events[0])
    assert hall.row()["silent_min"] is None
    assert hall.row(later_ms=3_600_000)["silent_min"] >= 130


def test_attack_lets_old_events_through_one_by_one_does_not_hide_the_silence(hall):
    for _ in range(8):
        hall.terminal.now_ms += 3_600_000 - hall.terminal.step_ms
        hall.terminal.marks()
    start = hall.terminal.now_ms
    for hour, event in enumerate(hall.terminal.events):  # each arrives eight hours late, one an hour
        hall.receiver.now_ms = start + hour * 3_600_000
        hall.honest(event)
        assert hall.row()["silent_min"] >= 6 * 60


def test_attack_withholds_everything_of_a_terminal_shows_as_silence(hall):
    hall.terminal.boots()
    assert hall.row(later_ms=131 * 60_000)["silent_min"] == 131


def test_attack_delays_is_late_and_changes_nothing(hall, rated):
    invite, event = rated
    hall.receiver.now_ms += 3 * 86_400_000
    hall.honest(event, preimage=invite.preimage)
    assert hall.rating(invite)["level"] == 1
    assert hall.rating(invite)["event"]["utc_ms"] == hall.terminal.now_ms
    assert hall.row()["late"] == 1


def test_attack_reorders_in_every_way_ends_the_same(tmp_path):
    orders = list(itertools.permutations(range(5)))
    terminals = [Terminal(f"T{number}") for number in range(len(orders))]
    city = City(tmp_path, *terminals)
    for terminal, order in zip(terminals, orders, strict=True):
        terminal.boots()
        invite = terminal.invite()
        for level in (5, 3, 1):
            terminal.rates(level, invite)
        terminal.marks()
        city.take(*(message(terminal, terminal.events[at], invite.preimage) for at in order))
        records = [record for record in city.latest().values() if record["terminal"] == terminal.id]
        assert {record["chain"] for record in records} == {"ok"}, order
        rated = [record for record in records if record["kind"] == "rated"]
        assert max(rated, key=lambda record: record["seq"])["level"] == 1
        assert city.gaps(terminal) == []
    assert city.alarms() == set()
    city.close()


# --- replays


def test_attack_replays_is_one_rating(hall, rated):
    invite, event = rated
    hall.honest(event, preimage=invite.preimage)
    for _ in range(50):
        assert hall.honest(event, preimage=invite.preimage) == [("duplicate", None)]
    assert [item["id"] for item in hall.received()] == ["YP-0001-1-1", "YP-0001-1-2"]
    assert len(hall.rating(invite)["history"]) == 1


def test_attack_replays_under_another_invite_is_refused(hall, rated):
    _, event = rated
    other = hall.terminal.invite(clerk="0911")
    assert hall.honest(with_clear(event, invite=other.id), preimage=other.preimage) == [("refused", "not_opened")]
    assert hall.rating(other) is None


def test_attack_replays_an_invite_at_another_terminal_is_told(hall, rated):
    invite, event = rated
    hall.honest(event, preimage=invite.preimage)
    second = hall.neighbour.rates(5, invite)
    assert hall.send(message(hall.neighbour, second, invite.preimage)) == [("stored", None)]
    assert {"invite_shared", "invite_elsewhere"} <= hall.alarms()
    assert hall.rating(invite)["disputed"]


def test_attack_replays_an_old_invite_is_told(hall):
    invite = hall.terminal.invite()
    hall.terminal.now_ms += 2 * 3_600_000
    hall.receiver.now_ms = hall.terminal.now_ms + 10_000
    hall.honest(hall.terminal.rates(5, invite), preimage=invite.preimage)
    assert "invite_time" in hall.alarms()


def test_attack_passes_an_event_off_as_another_terminals_is_told_and_credited_rightly(hall, rated):
    invite, event = rated
    raw = message(hall.terminal, event, invite.preimage, topic="yiping/v1/C01/terminal/YP-0002/event")
    assert hall.send(raw) == [("stored", None)]
    assert hall.rating(invite)["event"]["terminal"] == "YP-0001"
    assert "misaddressed" in hall.alarms()


# --- invents


@pytest.mark.parametrize("key", ["zeros", "guess", "other epoch", "neighbour"])
def test_attack_invents_a_rating_without_the_key_is_refused(hall, key):
    terminal = hall.terminal
    keys = {
        "zeros": bytes(16),
        "guess": random.Random(5).randbytes(16),
        "other epoch": evidence.event_key(terminal.secret, 2),
        "neighbour": evidence.event_key(hall.neighbour.secret, 1),
    }
    invite = terminal.invite()
    fields = {1: NOW_MS, 2: 3, 5: bytes(8), 6: 5, 13: 1, 19: 1}
    forged = evidence.Sealer(Aes, keys[key], terminal.id, 1).seal(rating.RATED, invite.id, 1, 1, fields)
    assert hall.honest(forged, preimage=invite.preimage) == [("refused", "not_opened")]
    assert hall.rating(invite) is None


@pytest.mark.parametrize(
    "payload",
    [
        {"evidence": base64.b64encode(b"\x83\x40\xa0\x40").decode()},
        {"level": 5, "evidence": None},
        {"level": 5, "evidence": base64.b64encode(cbor.encode([b"", {}, bytes(104)])).decode()},
    ],
    ids=["empty", "level in clear", "no header"],
)
def test_attack_invents_an_event_in_clear_is_refused(hall, payload):
    body = {"id": "YP-0001-1-9", "agent": "pc-01", "level": 5, "data": payload}
    raw = Raw("yiping/v1/C01/terminal/YP-0001/event", json.dumps(body).encode())
    assert hall.send(raw) == [("refused", "malformed")]
    assert hall.received() == []


def test_attack_invents_a_terminal_is_shelved_and_shown(hall):
    stranger = Terminal("YP-0666")
    invite = stranger.invite()
    assert hall.send(message(stranger, stranger.rates(5, invite), invite.preimage)) == [("refused", "unknown_terminal")]
    assert hall.rating(invite) is None
    assert hall.receiver.store.shelf.counts() == {"unknown_terminal": 1}


# --- re-credits


def test_attack_recredits_an_invite_to_another_clerk_is_told_and_not_believed(hall, rated):
    invite, event = rated
    false = evidence.invite_preimage(bytes(16), "C01", "W01", "0911", "JL20261101#1", NOW_MS)
    hall.honest(event, preimage=false)
    view = hall.rating(invite)["event"]
    assert (view["invite_bound"], view["clerk"], view["service_ref"]) == (False, None, None)
    assert "invite_unbound" in hall.alarms()
    assert hall.honest(event, preimage=invite.preimage) == [("duplicate", None)]
    assert hall.rating(invite)["event"]["clerk"] == "0817"


def test_attack_recredits_an_invite_afterwards_is_told_and_changes_nothing(hall, rated):
    invite, event = rated
    hall.honest(event, preimage=invite.preimage)
    false = evidence.invite_preimage(bytes(16), "C01", "W01", "0911", None, NOW_MS)
    assert hall.honest(event, preimage=false) == [("duplicate", None)]
    assert hall.rating(invite)["event"]["clerk"] == "0817"
    assert "invite_unbound" in hall.alarms()


def test_attack_keeps_the_case_of_an_invite_back_is_told(hall, rated):
    invite, event = rated
    hall.honest(event)
    assert hall.rating(invite)["event"]["clerk"] is None
    assert "invite_bare" in hall.alarms()


# --- a copied key, a restored memory


def test_attack_copied_key_beside_the_terminal_is_a_conflict(hall, rated):
    invite, event = rated
    copy = Terminal()
    copy.boots()
    forged = copy.rates(5, invite)
    assert hall.honest(forged, preimage=invite.preimage) == [("stored", None)]
    assert hall.honest(event, preimage=invite.preimage) == [("conflict", None)]
    assert "conflict" in hall.alarms()
    assert hall.row()["conflicts"] == 1
    assert hall.rating(invite)["disputed"]
    levels = {item["level"] for item in hall.received() if item["kind"] == "rated"}
    assert levels == {1, 5}  # both are kept


def test_attack_copied_key_that_seals_ahead_is_a_conflict_when_the_terminal_arrives_there(hall):
    hall.honest(hall.terminal.boots())
    copy = Terminal()
    copy.prev, copy.seq = hall.terminal.prev, hall.terminal.seq
    invite = hall.terminal.invite()
    hall.honest(copy.rates(5, invite), preimage=invite.preimage)
    hall.honest(hall.terminal.marks(), hall.terminal.marks())
    assert {"conflict", "chain_broken"} & hall.alarms() >= {"conflict"}
    assert hall.row()["conflicts"] == 1


def test_attack_copied_key_that_guesses_the_chain_breaks_it(hall, rated):
    invite, event = rated
    hall.honest(event, preimage=invite.preimage)
    copy = Terminal()
    copy.seq = hall.terminal.seq  # it has the key, not the newest event
    hall.honest(copy.rates(5, hall.terminal.invite()))
    assert "chain_broken" in hall.alarms()


def test_attack_copied_key_that_changes_a_rating_afterwards_is_told(hall, rated):
    invite, event = rated
    hall.honest(event, preimage=invite.preimage)
    following = hall.terminal.invite()
    hall.honest(hall.terminal.rates(4, following), preimage=following.preimage)
    hall.honest(hall.terminal.rates(5, invite), preimage=invite.preimage)
    assert "invite_reopened" in hall.alarms()


def test_attack_memory_restored_from_an_earlier_copy_is_told(hall):
    hall.honest(hall.terminal.boots(), hall.terminal.marks(), hall.terminal.marks())
    restored = Terminal()
    restored.boots()
    restored.boot = 2
    restored.seal(rating.BOOT, None, {14: 1, 12: 3})
    assert hall.honest(restored.events[1]) == [("conflict", None)]
    assert {"conflict", "boot_order"} <= hall.alarms()


def test_attack_events_after_the_last_of_an_epoch_are_told(hall):
    hall.honest(hall.terminal.boots(), hall.terminal.seal(rating.LAST_OF_EPOCH))
    hall.honest(hall.terminal.marks())
    assert "after_last" in hall.alarms()


def test_attack_two_outcomes_of_one_invite_are_told(hall, rated):
    invite, event = rated
    hall.honest(event, preimage=invite.preimage)
    hall.honest(hall.terminal.seal(rating.CANCELLED, invite.id), preimage=invite.preimage)
    assert "two_outcomes" in hall.alarms()
    assert hall.rating(invite)["level"] == 1


# --- the terminal's clock and settings


def test_attack_sets_the_terminals_clock_ahead_is_told(hall):
    hall.terminal.now_ms = NOW_MS + 86_400_000
    hall.honest(hall.terminal.marks())
    assert "clock_ahead" in hall.alarms()
    # A clock of the future buys no silence: the time of arrival counts instead.
    assert hall.row(later_ms=131 * 60_000)["silent_min"] == 131


def test_attack_terminal_that_tells_levels_to_the_pc_is_told(hall, rated):
    invite, _ = rated
    hall.honest(hall.terminal.rates(4, invite, fields={20: True}), preimage=invite.preimage)
    assert "reveal" in hall.alarms()
    assert hall.rating(invite)["event"]["reveal_level"] is True


# --- against other agents and the receiver itself


def test_attack_makes_the_city_receipt_anothers_event_fails(hall, rated):
    _, event = rated
    victim = "YP-0002-1-1"
    raw = message(hall.terminal, event, id_=victim, agent="pc-02")
    assert [(receipt.id, receipt.status) for receipt in hall.receiver.take(raw)] == [("YP-0001-1-2", "stored")]
    assert "id_mismatch" in hall.alarms()


@pytest.mark.parametrize(
    "outside", ["YP-0001-1-22", "YP-0001-1-2.", "YP-0001-1-2.x", "YP-0001-1-2.2-1-1", "YP-0001-1-"]
)
def test_attack_names_an_event_almost_rightly_fails(hall, rated, outside):
    _, event = rated
    [receipt] = hall.receiver.take(message(hall.terminal, event, id_=outside))
    assert receipt.id == "YP-0001-1-2"


def test_attack_refusal_for_anothers_event_names_other_bytes(hall, rated):
    """Garbage under a victim's name is refused to it; the hash tells the victim that it is not about its event."""
    from hashlib import sha256

    _, event = rated
    [receipt] = hall.receiver.take(message(hall.terminal, b"garbage", id_="YP-0001-1-2", agent="pc-02"))
    assert (receipt.status, receipt.sha256) == ("refused", sha256(b"garbage").hexdigest()[:16])
    assert receipt.sha256 != sha256(event).hexdigest()[:16]
    assert hall.honest(event) == [("stored", None)]


@pytest.mark.parametrize("agent", ["", "a/b", "+", "#", "a\u0000b", "x" * 65, None, 7])
def test_attack_agent_name_that_leads_elsewhere_gets_no_receipt(hall, rated, agent):
    _, event = rated
    assert hall.receiver.take(message(hall.terminal, event, agent=agent)) == []
    assert len(hall.received()) == 2  # the event itself is stored all the same


def test_attack_flood_of_garbage_stays_bounded_and_stops_nobody(hall, rated, monkeypatch):
    from host_agent.receiver import notes

    monkeypatch.setattr(notes, "SHELF_REFUSED_ROWS", 50)
    monkeypatch.setattr(notes, "SHELF_WAITING_ROWS", 40)
    invite, event = rated
    seed = 1
    print("seed", seed)
    noise = random.Random(seed)
    stranger = Terminal("YP-0666")
    for _ in range(300):
        altered = bytearray(event)
        altered[-1 - noise.randrange(90)] ^= 1 + noise.randrange(255)
        hall.send(message(hall.terminal, bytes(altered)), message(stranger, stranger.marks()))
        hall.send(message(hall.terminal, noise.randbytes(100)))
    assert sum(hall.receiver.store.shelf.counts().values()) <= 90
    assert sum(hall.receiver.store.alarms.counts().values()) <= 4
    assert hall.honest(event, preimage=invite.preimage) == [("stored", None)]


def test_attack_random_messages_never_stop_the_receiver(hall, rated):
    seed = 2
    print("seed", seed)
    noise = random.Random(seed)
    invite, event = rated
    good = message(hall.terminal, event, invite.preimage)
    for _ in range(500):
        payload = bytearray(good.payload)
        for _ in range(noise.randrange(1, 6)):
            payload[noise.randrange(len(payload))] = noise.randrange(256)
        if noise.random() < 0.3:
            del payload[noise.randrange(len(payload)) :]
        hall.send(Raw(good.topic, bytes(payload)))
    assert hall.honest(event, preimage=invite.preimage)[0][0] in ("stored", "duplicate")
    assert hall.rating(invite)["level"] == 1


def test_table_of_attacks_names_each_test_and_no_other():
    console = ROOT / "tests" / "device" / "test_attack_console.py"
    source = Path(__file__).read_text(encoding="utf-8") + console.read_text(encoding="utf-8")
    table = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    tests = set(re.findall(r"^def (test_attack_\w+)", source, re.MULTILINE))
    assert set(re.findall(r"`(test_attack_\w+)`", table)) == tests
