"""The master of an FF68 bus in virtual time: what it sends and when, what it hears, and what it must not believe."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.dialects import ff68_frame as ff68
from host_agent.legacy.bus import ECHO_MS, HALF_MS, PAUSE_MS, TRIES, Bus, Rater
from simulator.legacy_rater import frame

# From the field, byte for byte.
BEGIN = bytes.fromhex("FF 68 03 03 68 01 01 0B 0D 16")
STARS = bytes.fromhex("FF 68 03 03 68 01 02 05 08 16")
GRADE = bytes.fromhex("FF 68 03 03 68 81 11 03 95 16")
GRADE_BARE = bytes.fromhex("FF 68 03 03 68 01 11 03 15 16")
ACK_SHORT = bytes.fromhex("68 02 02 68 81 01 82 16")
ACK_ECHO = bytes.fromhex("FF 68 03 03 68 01 01 03 05 16")


class Line:
    """A bus and its clock."""

    def __init__(self, *raters: Rater):
        self.now = 0
        self.bus = Bus(list(raters) or [Rater(1)], 0)
        self.sent: list[tuple[int, bytes]] = []
        self.events: list[tuple] = []

    def pass_time(self, ms: int) -> None:
        end = self.now + ms
        while True:
            data = self.bus.take_output(self.now)
            if data:
                self.sent.append((self.now, data))
            due = self.bus.deadline_ms()
            if due is None or due > end:
                self.now = end
                return
            self.now = max(self.now, due)
            self.events += self.bus.tick(self.now)

    def hear(self, data: bytes) -> None:
        self.events += self.bus.receive(data, self.now)

    def bytes_sent(self) -> list[bytes]:
        return [data for _, data in self.sent]


@pytest.fixture
def line() -> Line:
    made = Line()
    made.pass_time(1_000)
    return made


def test_orders_are_the_fields_frames_byte_for_byte(line):
    line.bus.begin(1)
    line.bus.stars(1, 5)
    line.pass_time(1_000)
    assert line.bytes_sent() == [BEGIN, STARS]
    assert line.events == [("begun", 1, 1_000)]


@pytest.mark.parametrize(
    ("offset", "echo_ack", "grade", "ack"),
    [(0x80, False, GRADE, ACK_SHORT), (0x80, True, GRADE, ACK_ECHO), (0, True, GRADE_BARE, ACK_ECHO)],
)
def test_grade_is_heard_and_acknowledged_in_the_raters_form(offset, echo_ack, grade, ack):
    line = Line(Rater(1, offset, echo_ack))
    line.pass_time(500)
    line.bus.look(300)
    line.bus.look(400)
    line.hear(grade)
    assert line.events == [("grade", 1, 3, 300)]
    line.bus.acknowledge(1, 3)
    line.pass_time(200)
    assert line.bytes_sent() == [ack] and line.sent[0][0] >= 500 + PAUSE_MS


def test_grade_in_the_other_form_of_address_is_nobodys():
    for offset, grade in ((0x80, GRADE_BARE), (0, GRADE)):
        line = Line(Rater(1, offset))
        line.hear(grade)
        assert line.events == [] and line.bus.counters["bus_other_address"] == 1


def test_wrong_checksum_is_no_grade(line):
    for at in range(5, 9):
        wrong = bytearray(GRADE)
        wrong[at] ^= 1
        line.hear(bytes(wrong))
        line.pass_time(300)
    assert line.events == [] and line.bus.counters["bus_bad_checksum"] >= 3


@given(st.lists(st.sampled_from((0, 1, 2, 3, 4)), min_size=1, max_size=4), st.lists(st.integers(1, 9), min_size=1))
def test_grades_split_and_joined_in_any_way_are_heard_once(grades, cuts):
    line = Line()
    stream, at, turn = b"".join(frame(0x81, 0x11, bytes((grade,))) for grade in grades), 0, 0
    while at < len(stream):
        line.hear(stream[at : at + cuts[turn % len(cuts)]])
        at, turn = at + cuts[turn % len(cuts)], turn + 1
    assert [event[2] for event in line.events] == grades


@given(st.binary(max_size=60))
def test_noise_never_fails_and_the_next_grade_is_heard(noise):
    line = Line()
    line.hear(noise)
    line.pass_time(ff68.GAP_MS + 1)
    line.hear(GRADE)
    assert ("grade", 1, 3) in [event[:3] for event in line.events]


def test_acknowledgement_goes_before_everything_else(line):
    line.bus.stars(1, 5)
    line.bus.begin(1)
    line.bus.acknowledge(1, 3)
    line.pass_time(1_000)
    assert line.bytes_sent() == [ACK_SHORT, STARS, BEGIN]


def test_nothing_is_sent_into_a_frame_that_is_coming_in(line):
    line.hear(GRADE[:6])
    line.bus.begin(1)
    line.pass_time(HALF_MS - 10)
    line.hear(GRADE[6:])
    assert line.sent == []
    line.pass_time(1_000)
    assert line.sent[0][0] >= 1_000 + HALF_MS - 10 + PAUSE_MS


def test_one_frame_stands_on_the_line_at_a_time():
    line = Line(Rater(1), Rater(2), Rater(3))
    for address in (1, 2, 3):
        line.bus.begin(address)
    line.pass_time(2_000)
    starts = [at for at, _ in line.sent]
    assert len(starts) == 3 and all(after - before >= 10 + PAUSE_MS for before, after in pairwise(starts))
    assert [event[:2] for event in line.events] == [("begun", 1), ("begun", 2), ("begun", 3)]


def test_own_echo_is_no_order_of_another_master(line):
    for _ in range(3):
        line.bus.begin(1)
        line.pass_time(5)
        line.hear(BEGIN)
        line.pass_time(ECHO_MS * 2)
    counters = line.bus.counters
    assert (counters["bus_echoes"], counters["bus_collisions"], counters["bus_other_master"]) == (3, 0, 0)
    assert len(line.sent) == 3 and len(line.events) == 3


def test_echo_of_an_acknowledged_grade_is_ignored_too():
    line = Line(Rater(1, 0, True))
    line.bus.acknowledge(1, 3)
    line.pass_time(100)
    line.hear(ACK_ECHO)
    assert line.events == [] and line.bus.counters["bus_echoes"] == 1


def test_begin_that_met_noise_is_sent_again_until_it_stands_alone(line):
    line.bus.begin(1)
    line.pass_time(3)
    line.hear(b"\x00\x93\x16")
    line.pass_time(1_000)
    assert line.bytes_sent() == [BEGIN, BEGIN]
    assert line.events == [("begun", 1, line.sent[1][0])] and line.bus.counters["bus_collisions"] == 1


def test_begin_whose_echo_came_back_wrong_is_sent_again(line):
    line.bus.begin(1)
    line.pass_time(5)
    line.hear(BEGIN)
    line.bus.begin(1)
    line.pass_time(500)
    line.hear(b"\xff\x68\x03")
    line.pass_time(3_000)
    assert len(line.sent) == 1 + TRIES and line.events[-1] == ("unsent", 1)


def test_another_master_is_counted_and_not_obeyed(line):
    line.hear(BEGIN + STARS + ACK_SHORT)
    assert line.events == [] and line.bus.counters["bus_other_master"] == 3


def test_begin_that_waits_is_not_doubled_and_can_be_taken_back(line):
    line.bus.begin(1)
    line.bus.begin(1)
    line.bus.end(1)
    line.pass_time(500)
    assert line.sent == [] and line.events == []


def test_nothing_printed_tells_a_grade(line):
    line.hear(GRADE)
    line.bus.acknowledge(1, 3)
    assert "03" not in repr(ff68.Reader().feed(GRADE, 0)) and "\\x03" not in repr(line.bus._acks)
