"""What is done with one terminal's update, in which order, and when not: against a window that does as told."""

import asyncio
from hashlib import sha256
from types import SimpleNamespace

import pytest

from host_agent import ports
from host_agent.errors import StoreFullError
from host_agent.update import patience, records, states, transfer, window_update
from host_agent.update.records import Record
from host_agent.update.shelf import Firmware
from host_agent.update.window_update import WindowUpdate
from protocol import content, messages, reasons

NEW = Firmware("k5", "0.7.0", 7_000, b"manifest of 0.7.0", b"s" * 384, (b"one", b"two two", b"a pack"))
OLD8, NEW8 = sha256(b"old").hexdigest()[:8], NEW.digest.hex()[:8]
EVERYTHING = [(5, "0.7.0"), (6, "0"), (6, "1"), (6, "2")]


class Hand:
    """Stand for a window: note what it is asked for, answer when told."""

    def __init__(self):
        self.section = SimpleNamespace(id="W01", terminal="YP-0001")
        self.invites = SimpleNamespace(current=None)
        self.shown = "idle"
        self.fault = None
        self.connected = False
        self.hello = None
        self.pushed = []
        self.asked = []
        self.closed = []
        self.future = self.reply = None

    def connect(self, running=OLD8, caps=("bulk", "update"), **assets):
        found = {content.ASSET_FIRMWARE: running, **{f"fw.{name}": value for name, value in assets.items()}}
        self.hello = {"caps": list(caps), "assets": found, "board": "k5", "firmware": "0.6.0"}
        self.connected = True

    def disconnect(self):
        self.connected = False
        for future in (self.future, self.reply):
            if future is not None and not future.done():
                future.set_exception(ConnectionError("lost"))

    def push(self, kind, name, data):
        self.pushed.append((kind, name, data))
        self.future = asyncio.get_running_loop().create_future()
        return self.future

    def request(self, type_, fields):
        self.asked.append((type_, fields))
        self.reply = asyncio.get_running_loop().create_future()
        return self.reply

    def close(self, reason):
        self.closed.append(reason)
        self.disconnect()


class Room:
    """One window's update under a plan that the test holds."""

    def __init__(self):
        self.hand = Hand()
        self.meant, self.why = NEW, None
        self.turn = self.hours = None
        self.now_ms = 1_790_000_000_000
        self.clock_s = 0.0
        self.records = {}
        self.full = False
        self.changes = 0
        self.update = WindowUpdate(self.hand, self)

    # plan.Plan
    def firmware(self, terminal, hello):
        return self.meant, self.why

    def may_send(self, terminal):
        return self.turn

    def may_switch(self, terminal):
        return self.hours

    def record(self, terminal):
        return self.records.get(terminal)

    async def keep(self, record):
        window_update.QUIET_S = 60.0  # one order is enough; the fixture puts it back
        if self.full:
            raise StoreFullError("full")
        self.records[record.terminal] = record

    def note(self, record):
        self.records[record.terminal] = record

    def forget(self, terminal):
        self.records.pop(terminal, None)

    def utc_ms(self):
        return self.now_ms

    def now_s(self):
        return self.clock_s

    def changed(self, window):
        self.changes += 1
        asyncio.get_running_loop().call_soon(self.update.consider)

    # the story

    @property
    def stands(self):
        return self.update.state, self.update.why

    def passes(self, seconds, look_s=5.0):
        """Let time pass on the agent's own clock, which looks as it does in updates.py."""
        end_s = self.clock_s + seconds
        while self.clock_s < end_s:
            self.clock_s = min(end_s, self.clock_s + look_s)
            self.update.consider()

    async def settle(self):
        for _ in range(8):
            await asyncio.sleep(0)

    async def answer(self, reason=reasons.OK):
        self.hand.future.set_result(reason)
        await self.settle()

    async def send_all(self):
        self.update.consider()
        while self.hand.future is not None and not self.hand.future.done():
            await self.answer()

    async def switch(self, reason=reasons.OK):
        await self.send_all()
        assert self.hand.asked == [(messages.UPDATE, {"manifest": NEW.digest})]
        self.hand.reply.set_result((reason, None))
        await self.settle()

    async def restart(self, running, **assets):
        self.hand.disconnect()
        self.update.consider()
        self.hand.connect(running, **assets)
        self.update.consider()
        await self.settle()


@pytest.fixture
def room(monkeypatch):
    monkeypatch.setattr(window_update, "QUIET_S", 0.0)
    return Room()


def story(tell):
    """Run a test's coroutine in a loop of its own."""

    def run(room):
        asyncio.run(tell(room))

    run.__name__, run.__doc__ = tell.__name__, tell.__doc__
    return run


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
async def test_update_terminal_that_does_not_come_back_is_named_after_five_minutes_and_may_still_come(room):
    room.hand.connect()
    await room.switch()
    room.hand.disconnect()
    room.passes(patience.BACK_S)
    assert room.stands == (states.SWITCHING, None)
    room.passes(10.0)
    assert room.stands == (states.FAILED, states.NOT_BACK)
    assert room.records["YP-0001"].state == records.SWITCHING, "an agent that starts now looks for itself"
    room.hand.connect(NEW8)
    room.update.consider()
    assert room.stands == (states.DONE, None), "it came back in the end"


@story
async def test_update_that_an_agent_left_in_the_switch_has_five_minutes_of_the_next_agent(room):
    since_ms = room.now_ms - 36_000_000
    room.records["YP-0001"] = Record("YP-0001", NEW.digest.hex(), "0.7.0", records.SWITCHING, None, 1, since_ms)
    room.update.consider()
    assert room.stands == (states.SWITCHING, None)
    room.passes(patience.BACK_S)
    assert room.stands == (states.SWITCHING, None)
    room.hand.connect(NEW8)
    room.update.consider()
    assert room.stands == (states.DONE, None)


@story
async def test_update_in_the_switch_is_not_late_by_a_clock_that_is_set_or_a_pc_that_sleeps(room):
    room.hand.connect()
    await room.switch()
    room.now_ms += 86_400_000
    room.update.consider()
    assert room.stands == (states.SWITCHING, None), "still connected"
    room.hand.disconnect()
    room.now_ms += 86_400_000
    room.update.consider()
    room.passes(3_600.0, look_s=3_600.0)
    assert room.stands == (states.SWITCHING, None)


@story
async def test_update_terminal_cannot_be_late_while_another_program_holds_its_port(room):
    room.hand.connect()
    await room.switch()
    room.hand.disconnect()
    room.hand.fault = ports.PortError(ports.PORT_BUSY, "held by another program", "COM3", "close it")
    room.passes(3_600.0)
    assert room.stands == (states.SWITCHING, None)
    room.hand.fault = ports.PortError(ports.NO_PORT, "not there", "COM3", "plug it in")
    room.passes(patience.BACK_S + 10.0)
    assert room.stands == (states.FAILED, states.NOT_BACK)


@story
async def test_update_terminal_that_says_that_it_restarts_and_stays_is_named_after_five_minutes(room):
    room.hand.connect()
    await room.switch()
    room.passes(patience.BACK_S)
    assert room.stands == (states.SWITCHING, None)
    room.passes(10.0)
    assert room.stands == (states.FAILED, states.NOT_BACK)
    assert room.records["YP-0001"].why == states.NOT_BACK


@story
async def test_update_agent_that_restarts_after_the_order_still_knows_a_rollback(room):
    room.records["YP-0001"] = Record("YP-0001", NEW.digest.hex(), "0.7.0", records.SWITCHING, None, 1, room.now_ms)
    room.hand.connect(OLD8)
    room.update.consider()
    assert room.stands == (states.FAILED, states.ROLLED_BACK)


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
