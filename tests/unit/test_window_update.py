"""What is done with one terminal's update, in which order, and when not: against a window that does as told."""

import asyncio

import pytest

from host_agent.update import records, states, transfer, window_update
from host_agent.update.records import Record
from protocol import reasons
from tests.unit.update_room import EVERYTHING, NEW, NEW8, OLD8, hurried, story


@pytest.fixture
def room(monkeypatch):
    return hurried(monkeypatch)


@story
async def test_update_sends_manifest_and_files_switches_and_is_done_after_a_confirmed_trial(room):
    room.hand.connect()
    await room.switch()
    assert [item[:2] for item in room.hand.pushed] == EVERYTHING
    assert room.hand.pushed[0][2] == NEW.signature + NEW.manifest and room.hand.pushed[3][2] == b"a pack"
    assert room.stands == (states.SWITCHING, None) and room.records["YP-0001"].state == records.SWITCHING
    await room.restart(NEW8, trial="yes")
    assert room.stands == (states.TRIAL, None)
    await room.restart(NEW8)
    assert room.stands == (states.DONE, None) and room.records["YP-0001"].state == records.DONE
    assert len(room.hand.pushed) == 4 and len(room.hand.asked) == 1


@story
async def test_update_asks_by_a_new_connection_whether_the_trial_is_confirmed(room):
    room.hand.connect(NEW8, trial="yes")
    room.update.consider()
    room.update._look_again.cancel()
    room.update._ask_whether_confirmed()
    assert room.hand.closed == ["asks whether the new firmware is confirmed"]


@story
async def test_update_a_terminal_with_its_old_firmware_after_the_switch_has_failed_and_is_left_alone(room):
    room.hand.connect()
    await room.switch()
    await room.restart(OLD8)
    assert room.stands == (states.FAILED, states.ROLLED_BACK)
    assert room.records["YP-0001"].why == states.ROLLED_BACK
    await room.restart(OLD8)
    assert room.stands == (states.FAILED, states.ROLLED_BACK) and len(room.hand.pushed) == 4
    assert "yiping update retry" in room.update.view()["message"]
    room.forget("YP-0001")
    room.update.consider()
    assert room.update.state == states.SENDING and room.hand.pushed[4][:2] == EVERYTHING[0]


@story
async def test_update_that_may_be_tried_again_while_the_terminal_is_away_no_longer_counts_as_failed(room):
    room.hand.connect()
    await room.switch()
    await room.restart(OLD8)
    room.hand.disconnect()
    room.update.consider()
    assert room.stands == (states.FAILED, states.ROLLED_BACK)
    room.forget("YP-0001")
    room.update.consider()
    assert room.stands == (states.WAITING, states.NOT_HERE)
    assert room.update.view()["message"] == states.WAITS[states.NOT_HERE]
    room.hand.connect()
    room.update.consider()
    assert room.update.state == states.SENDING


@story
async def test_update_of_another_bundle_goes_on_after_a_failure(room):
    room.records["YP-0001"] = Record("YP-0001", "ab" * 32, "0.6.9", records.FAILED, "rolled_back", 1, room.now_ms)
    room.hand.connect()
    room.update.consider()
    assert room.update.state == states.SENDING


@story
async def test_update_manifest_that_the_terminal_holds_does_not_travel_again(room):
    room.hand.connect(next=NEW8)
    await room.send_all()
    assert [item[:2] for item in room.hand.pushed] == EVERYTHING[1:]


@story
async def test_update_stops_for_an_invite_and_goes_on_with_the_same_file(room):
    room.hand.connect()
    room.update.consider()
    await room.answer()
    room.hand.shown = "invited"
    room.update.consider()
    await room.settle()
    assert room.hand.future.cancelled() and room.stands == (states.WAITING, states.REST)
    room.hand.shown = "idle"
    room.update.consider()
    assert [item[:2] for item in room.hand.pushed] == [*EVERYTHING[:2], EVERYTHING[1]]


@story
async def test_update_unplugged_in_the_middle_begins_with_what_the_terminal_says(room):
    room.hand.connect()
    room.update.consider()
    await room.answer()
    room.hand.disconnect()
    room.update.consider()
    await room.settle()
    assert room.stands == (states.WAITING, states.NOT_HERE)
    room.hand.connect(next=NEW8)
    await room.send_all()
    assert [item[:2] for item in room.hand.pushed] == [*EVERYTHING[:2], *EVERYTHING[1:]]


@pytest.mark.parametrize("name", ["bad_signature", "wrong_board", "too_old", "needs_bootstrap", "full", "bad_message"])
def test_update_refused_by_the_terminal_fails_at_once_with_cause_and_cure(room, name):
    async def tell():
        room.hand.connect()
        room.update.consider()
        await room.answer(next(code for code, known in states.NAMES.items() if known == name))
        assert room.stands == (states.FAILED, name) and room.records["YP-0001"].why == name
        assert states.CAUSES[name] in room.update.view()["message"]
        await room.settle()
        assert len(room.hand.pushed) == 1

    asyncio.run(tell())


def test_update_file_that_arrives_damaged_is_sent_three_times(room, monkeypatch):
    monkeypatch.setattr(transfer, "RETRY_S", 0.0)

    async def tell():
        room.hand.connect()
        room.update.consider()
        await room.answer()
        for _ in range(3):
            assert room.hand.pushed[-1][:2] == EVERYTHING[1]
            await room.answer(reasons.BAD_HASH)
            await asyncio.sleep(0.001)
            await room.settle()
        assert room.stands == (states.FAILED, "bad_hash") and len(room.hand.pushed) == 4

    asyncio.run(tell())


def test_update_whose_manifest_the_terminal_lost_is_sent_from_the_manifest_on(room, monkeypatch):
    monkeypatch.setattr(transfer, "RETRY_S", 0.0)

    async def tell():
        room.hand.connect(next=NEW8)
        room.update.consider()
        await room.answer(reasons.NO_TRANSFER)
        await asyncio.sleep(0.001)
        await room.send_all()
        assert [item[:2] for item in room.hand.pushed] == [EVERYTHING[1], *EVERYTHING]

    asyncio.run(tell())


@pytest.mark.parametrize("shown", ["serving", "invited", "thanks"])
def test_update_does_not_switch_while_somebody_may_stand_there(room, shown):
    async def tell():
        room.hand.connect()
        await asyncio.sleep(0)
        room.hours = states.HOURS
        await room.send_all()
        assert room.stands == (states.READY, states.HOURS)
        room.hours, room.hand.shown = None, shown
        window_update.QUIET_S = 60.0  # the fixture puts it back
        room.update.consider()
        await room.settle()
        assert room.update.why == states.REST and room.hand.asked == []

    asyncio.run(tell())


@story
async def test_update_is_ordered_only_after_the_order_is_durable(room):
    room.full = True
    room.hand.connect()
    await room.send_all()
    assert room.hand.asked == [] and room.update.state == states.READY
    assert room.records == {} and room.update.why in (states.NO_STORE, states.REST)


@story
async def test_update_busy_terminal_is_asked_again_and_has_not_failed(room):
    room.hand.connect()
    await room.switch(reasons.BUSY)
    assert room.records == {} and room.update.state == states.READY
    assert room.update.why == states.REST and len(room.hand.asked) == 1


@story
async def test_update_whose_answer_was_lost_is_judged_by_the_next_hello(room):
    room.hand.connect()
    await room.send_all()
    room.hand.disconnect()
    await room.settle()
    assert room.records["YP-0001"].state == records.ASKED
    room.hand.connect(NEW8)
    room.update.consider()
    assert room.stands == (states.DONE, None)


def test_update_whose_order_is_not_answered_is_ordered_again_only_after_a_while(room, monkeypatch):
    async def tell():
        room.hand.connect()
        await room.send_all()
        room.hand.reply.set_exception(ConnectionError("no reply"))
        await room.settle()
        room.update.consider()
        await room.settle()
        assert room.stands == (states.SWITCHING, None) and len(room.hand.asked) == 1
        room.update._still_unanswered()
        assert room.update.state == states.WAITING
        window_update.QUIET_S = 0.0
        room.update.consider()
        await room.settle()
        assert len(room.hand.asked) == 2 and room.records["YP-0001"].tries == 2

    asyncio.run(tell())


@story
async def test_update_ordered_in_vain_three_times_fails(room):
    for tries in (1, 2, 3):
        room.records["YP-0001"] = Record("YP-0001", NEW.digest.hex(), "0.7.0", records.ASKED, None, tries, room.now_ms)
        await room.restart(OLD8)
        failed = room.stands == (states.FAILED, states.NOT_SWITCHED)
        assert failed == (tries == 3)


@story
async def test_update_nothing_is_sent_to_a_terminal_that_cannot_or_need_not(room):
    room.hand.connect(caps=("bulk",))
    room.update.consider()
    assert room.stands == (states.UNABLE, None)
    room.hand.connect(NEW8)
    room.update.consider()
    assert room.stands == (states.NONE, None)
    room.meant, room.why = None, states.NO_BUNDLE
    room.hand.connect()
    room.update.consider()
    assert room.stands == (states.WAITING, states.NO_BUNDLE)
    room.meant, room.turn = NEW, states.TURN
    room.update.consider()
    assert room.stands == (states.WAITING, states.TURN) and room.hand.pushed == []


@story
async def test_update_halt_stops_what_is_on_the_way(room):
    room.hand.connect()
    room.update.consider()
    room.meant = None
    room.update.consider()
    await room.settle()
    assert room.hand.future.cancelled() and room.hand.asked == []


def test_every_cause_and_wait_has_its_sentence():
    for why in states.WAITS:
        assert why not in states.sentence(states.WAITING, why, "1.2.3") or "_" not in why
    for why in states.CAUSES:
        assert len(states.sentence(states.FAILED, why, "1.2.3")) > 40
