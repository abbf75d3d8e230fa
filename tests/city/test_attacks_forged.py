"""The dishonest PC invents, re-credits, copies keys and speaks for others; see test_attacks.py."""

import base64
import json
import random

import attrs
import pytest

from host_agent.provision.registry import LEGACY_BOARD
from host_agent.receiver.aes import Aes
from host_agent.receiver.intake import Raw
from protocol import cbor, evidence, rating
from tests.city.terminals import NOW_MS, Terminal, message

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


def test_attack_old_rater_passes_for_sealed_hardware_or_the_reverse_is_told(hall, rated):
    invite, event = rated
    hall.honest(event, preimage=invite.preimage)
    assert "unsealed" not in hall.alarms() and hall.rating(invite)["event"]["unsealed"] is False
    hall.honest(hall.terminal.rates(4, invite, fields={21: True}), preimage=invite.preimage)
    assert "unsealed" in hall.alarms()
    assert hall.rating(invite)["event"]["unsealed"] is True


def test_events_of_an_old_rater_are_marked_by_their_own_word_and_the_registry(hall):
    old = Terminal("YP-L001", window="W03")
    hall.receiver.registry.add([attrs.evolve(old.entry(), board=LEGACY_BOARD)])
    invite = old.invite()
    hall.send(message(old, old.seal(rating.BOOT, None, {21: True})))
    hall.send(message(old, old.rates(2, invite, fields={21: True}), invite.preimage))
    assert hall.alarms() == set()
    assert hall.rating(invite)["event"]["unsealed"] is True
    hall.send(message(old, old.marks()))
    assert hall.alarms() == {"unsealed"}
    assert [record["unsealed"] for record in hall.received()] == [True, True, True]


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
