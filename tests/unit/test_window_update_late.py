"""When a terminal that was told to switch does not come back: how long it is waited for, and by which clock."""

import pytest

from host_agent import ports
from host_agent.update import patience, records, states
from host_agent.update.records import Record
from tests.unit.update_room import NEW, NEW8, OLD8, hurried, story


@pytest.fixture
def room(monkeypatch):
    return hurried(monkeypatch)


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
