"""The watch on the wall clock, under two virtual clocks."""

import pytest

from host_agent.clock_watch import STEP_MS, TELL_MS, ClockWatch, clock_sentence, steady_ms

DAY_MS = 86_400_000


class Clocks:
    def __init__(self):
        self.utc = 1_790_000_000_000
        self.steady = 5_000
        self.watch = ClockWatch(lambda: self.utc, lambda: self.steady)

    def look_after(self, ms, jump_ms=0):
        self.steady += ms
        self.utc += ms + jump_ms
        return self.watch.look()


@pytest.mark.parametrize("jump_ms", [400 * DAY_MS, -400 * DAY_MS, STEP_MS, -STEP_MS])
def test_clock_that_jumps_is_told_for_an_hour(jump_ms):
    clocks = Clocks()
    assert clocks.look_after(1_000) is None
    assert clocks.look_after(1_000, jump_ms) == jump_ms
    assert clocks.look_after(TELL_MS - 1) == jump_ms
    assert clocks.look_after(1) is None
    assert clocks.look_after(1_000, -jump_ms) == -jump_ms  # long after, setting it right is a step like any other


def test_clock_set_right_again_needs_no_word():
    clocks = Clocks()
    clocks.look_after(1_000, 3 * DAY_MS)
    assert clocks.look_after(60_000, -3 * DAY_MS) is None


def test_clock_steered_slowly_is_no_jump():
    clocks = Clocks()
    assert [clocks.look_after(60_000, 30) for _ in range(5_000)] == [None] * 5_000


def test_clock_steps_add_up():
    clocks = Clocks()
    clocks.look_after(1_000, -STEP_MS)
    assert clocks.look_after(1_000, -STEP_MS) == -2 * STEP_MS


@pytest.mark.parametrize("late_ms", [-900, 0, 900])
def test_clock_sentence_names_the_step_however_late_one_of_the_clocks_was_read(late_ms):
    assert clock_sentence(400 * DAY_MS + late_ms).startswith("this PC's clock was set forward by 400 days: ")
    assert clock_sentence(-2 * DAY_MS + late_ms).startswith("this PC's clock was set back by 2 days: ")


def test_steady_clock_goes_on():
    first = steady_ms()
    assert steady_ms() >= first > 0
