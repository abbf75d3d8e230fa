"""What an order to begin does at a window: one invite each, and a grade only for the last begin's invite."""

import asyncio

import pytest

from host_agent.dialects import ff68_frame as ff68
from host_agent.dialects.evaluation import Rated
from host_agent.dialects.ff68_frame import Frame
from host_agent.dialects.ff68_line import REPEAT_MS, Seat
from host_agent.dialects.ff68_rater import Ff68Rater
from host_agent.refusal import from_reason
from host_agent.store_rows import InviteRow
from protocol import reasons

GRADES = {5: 4, 4: 3, 3: 2, 2: 1, 1: 0}
BEGIN = ff68.encode(Frame(1, 1, b"\x0b"))


class FakeDesk:
    """Hold what is ordered, and end invites when the test says so."""

    def __init__(self):
        self.window = type("Window", (), {"section": type("Section", (), {"id": "W01"})})
        self.orders = []
        self.refusal = None
        self._ends = {}
        self.levels = {}

    async def invite(self, body):
        if self.refusal is not None:
            raise from_reason(self.refusal)
        invite = bytes([len(self._ends)] * 16)
        self._ends[invite] = asyncio.get_running_loop().create_future()
        self.orders.append(("invite", invite))
        return self._row(invite, "open"), True

    async def cancel(self, invite):
        self.orders.append(("cancel", invite))
        if self._ends[invite].done():
            raise from_reason(reasons.RATED)
        self._ends[invite].set_result("cancelled")
        return self._row(invite, "cancelled")

    async def ended(self, invite, timeout_s):
        return self._row(invite, await asyncio.shield(self._ends[invite]))

    async def level(self, invite):
        return self.levels.get(invite)

    def end(self, state, level=None):
        invite = self.orders[-1][1]
        if level is not None:
            self.levels[invite] = Rated(level, ())
        self._ends[invite].set_result(state)

    def _row(self, invite, state):
        return InviteRow(invite, "W01", "T", None, "007", None, None, 1, 0, 0, b"", state, None)


class Bus:
    """Hold one seat in a loop, and what it has said."""

    def __init__(self, grades=GRADES):
        self.desk = FakeDesk()
        self.said = b""
        self.rater = Ff68Rater(1, grades)
        self.seat = Seat(self.rater, self.desk, self._flush)

    def _flush(self):
        self.said += self.rater.take_output()

    async def begin(self, now_ms):
        self.seat.heard(self.rater.receive(BEGIN, now_ms), now_ms)
        await settle()

    async def end(self, state, level=None):
        self.desk.end(state, level)
        await settle()

    def grades(self):
        return [frame.data[0] for frame in ff68.Reader().feed(self.said, 0)]


async def settle():
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def played(play, grades=GRADES):
    """Run a play with a seat; return its bus."""

    async def run():
        bus = Bus(grades)
        serving = asyncio.create_task(bus.seat.run())
        await settle()
        await play(bus)
        serving.cancel()
        return bus

    return asyncio.run(run())


@pytest.mark.parametrize(("level", "grade"), GRADES.items())
def test_seat_tells_the_grade_of_its_own_invite(level, grade):
    async def play(bus):
        await bus.begin(0)
        await bus.end("rated", level)

    bus = played(play)
    assert bus.grades() == [grade]
    assert bus.seat.counters == {"begins": 1, "refused": 0, "told": 1, "unacknowledged": 0}


@pytest.mark.parametrize("state", ["timed_out", "declined", "cancelled", "interrupted", "refused", "rated"])
def test_seat_says_nothing_of_an_end_without_a_told_level(state):
    async def play(bus):
        await bus.begin(0)
        await bus.end(state)
        await bus.begin(10_000)

    bus = played(play)
    assert bus.said == b""
    assert [name for name, _ in bus.desk.orders] == ["invite", "invite"]


def test_seat_takes_a_repeated_begin_for_the_same_citizen():
    async def play(bus):
        await bus.begin(0)
        await bus.begin(REPEAT_MS - 1)
        await bus.end("rated", 4)

    bus = played(play)
    assert [name for name, _ in bus.desk.orders] == ["invite"]
    assert bus.grades() == [3]


def test_seat_withdraws_what_the_last_citizen_left_open_and_credits_nothing_of_it():
    async def play(bus):
        await bus.begin(0)
        await bus.begin(REPEAT_MS)
        await bus.end("rated", 1)

    bus = played(play)
    first, cancelled, second = bus.desk.orders
    assert (cancelled[0], cancelled[1]) == ("cancel", first[1]) and second[0] == "invite"
    assert bus.grades() == [0]


def test_seat_drops_a_press_for_the_last_citizen_that_comes_with_the_next_begin():
    async def play(bus):
        await bus.begin(0)
        bus.desk.end("rated", 1)
        bus.seat.heard(bus.rater.receive(BEGIN, REPEAT_MS), REPEAT_MS)
        await settle()

    bus = played(play)
    assert bus.said == b"", "the host waits for the next one's grade now"
    assert [name for name, _ in bus.desk.orders] == ["invite", "cancel", "invite"]


def test_seat_without_clerk_credits_nobody_and_serves_the_next_begin():
    async def play(bus):
        bus.desk.refusal = reasons.NO_CLERK
        await bus.begin(0)
        bus.desk.refusal = None
        await bus.begin(100)
        await bus.end("rated", 5)

    bus = played(play)
    assert bus.seat.counters["refused"] == 1
    assert bus.grades() == [4]


def test_seat_without_grade_table_takes_the_rating_and_stays_silent():
    async def play(bus):
        await bus.begin(0)
        await bus.end("rated", 5)

    bus = played(play, grades=None)
    assert bus.said == b"" and bus.seat.counters["told"] == 0
