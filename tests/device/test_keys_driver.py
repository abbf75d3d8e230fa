"""drivers/keys with bouncing contacts."""

import pytest

from simulator.terminal import SimTerminal
from tests.device.bench import printed, terminal

MAIN = """
keys = hw.keys
print("ready", [n for n in range(1, 9) if keys.is_down(n)])
zero = time.ticks_ms()
async def run():
    while True:
        await keys.flag.wait()
        wait_ms = 1
        while wait_ms:
            now = time.ticks_ms()
            number = keys.scan(now)
            while number:
                edge_ms, told_ms = time.ticks_diff(keys.edge_ticks, zero), time.ticks_diff(now, zero)
                print(number, "down" if keys.is_down(number) else "up", edge_ms, told_ms)
                number = keys.scan(now)
            wait_ms = keys.sample_ms()
            await asyncio.sleep_ms(wait_ms)
asyncio.run(run())
"""
CLOSED_CASE = 8
GPIO_OF_3 = 4


@pytest.fixture
def running(tmp_path) -> SimTerminal:
    with terminal(tmp_path, MAIN) as simulated:
        simulated.run_for(500)
        assert simulated.console().splitlines() == [f"ready [{CLOSED_CASE}]"]
        yield simulated
        assert simulated.violations == []


def changes(simulated: SimTerminal) -> list[list[str]]:
    return [line.split() for line in simulated.console().splitlines()[1:]]


@pytest.mark.parametrize("key", [1, 2, 3, 4, 5, "function", "clerk"])
def test_press_with_bounce_is_one_down_and_one_up(running, key):
    number = {"function": 6, "clerk": 7}.get(key, key)
    for _ in range(5):
        running.press(key, 120)
        running.run_for(400)
    assert [(line[0], line[1]) for line in changes(running)] == [(str(number), "down"), (str(number), "up")] * 5


def test_press_is_told_soon_and_with_the_time_of_its_edge(running):
    before = None
    for hold_ms in (30, 120, 700):
        running.press(2, hold_ms)
        pressed_ms = running.now_us // 1000
        running.run_for(1_000)
        down, up = changes(running)[-2:]
        assert 4 <= int(down[3]) - int(down[2]) <= 12
        assert hold_ms - 1 <= int(up[2]) - int(down[2]) <= hold_ms + 6
        if before is not None:
            assert abs(int(down[2]) - before[1] - (pressed_ms - before[0])) <= 1
        before = (pressed_ms, int(down[2]))


def test_short_tap_counts_and_a_spike_does_not(running):
    running.press(3, 12)
    running.run_for(200)
    assert [line[:2] for line in changes(running)] == [["3", "down"], ["3", "up"]]
    gpio = running.engine.soc.gpio
    for level in (0, None):
        gpio.drive(GPIO_OF_3, level, running.now_us)
        running.run_for(1)
    running.run_for(200)
    assert len(changes(running)) == 2


def test_two_keys_are_told_apart_with_their_times(running):
    running.press(1, 200)
    running.run_for(30)
    running.press(5, 200)
    running.run_for(500)
    found = changes(running)
    assert [line[:2] for line in found] == [["1", "down"], ["5", "down"], ["1", "up"], ["5", "up"]]
    assert 29 <= int(found[1][2]) - int(found[0][2]) <= 31


def test_keys_pressed_while_the_task_was_busy_are_told_in_the_order_of_their_edges(tmp_path):
    busy = MAIN.replace("        wait_ms = 1\n", "        time.sleep_ms(150)\n        wait_ms = 1\n")
    with terminal(tmp_path, busy) as simulated:
        simulated.run_for(500)
        simulated.key_down(5)
        simulated.run_for(60)
        simulated.key_down(1)
        simulated.run_for(400)
        found = changes(simulated)
        assert [line[:2] for line in found] == [["5", "down"], ["1", "down"]]
        assert 59 <= int(found[1][2]) - int(found[0][2]) <= 61


def test_held_key_is_down_for_days_and_comes_up_once(running):
    running.key_down(2)
    running.run_for(2 * 86_400_000)
    running.key_up(2)
    running.run_for(100)
    assert [line[:2] for line in changes(running)] == [["2", "down"], ["2", "up"]]


def test_key_down_at_start_is_told_only_when_it_comes_up(tmp_path):
    with terminal(tmp_path, MAIN) as simulated:
        simulated.stick(4)
        simulated.run_for(500)
        assert simulated.console().splitlines() == [f"ready [4, {CLOSED_CASE}]"]
        simulated.free(4)
        simulated.run_for(100)
        simulated.press(4)
        simulated.run_for(300)
        assert [line[:2] for line in changes(simulated)] == [["4", "up"], ["4", "down"], ["4", "up"]]


def test_edge_whose_interrupt_was_lost_is_found_when_another_contact_tells_of_itself(running):
    gpio = running.engine.soc.gpio
    gpio.deaf.add(GPIO_OF_3)
    running.key_down(3)
    running.run_for(100)
    assert changes(running) == []
    running.press(1, 100)
    running.run_for(300)
    assert [line[:2] for line in changes(running)] == [["1", "down"], ["3", "down"], ["1", "up"]]
    running.key_up(3)
    running.run_for(100)
    running.press(1, 100)
    running.run_for(300)
    assert [line[:2] for line in changes(running)[3:]] == [["1", "down"], ["3", "up"], ["1", "up"]]
    gpio.deaf.clear()
    running.press(3, 100)
    running.run_for(300)
    assert [line[:2] for line in changes(running)[6:]] == [["3", "down"], ["3", "up"]]


def test_contact_that_the_board_does_not_have_is_not_down(tmp_path):
    assert printed(tmp_path, "print(hw.keys.is_down(8), hw.keys.is_down(99))") == ["True False"]


def test_opened_case_is_a_contact_that_opens(running):
    running.set_case_open(True)
    running.run_for(100)
    assert [line[:2] for line in changes(running)] == [["8", "up"]]


def test_nobody_at_the_keys_costs_no_work(running):
    """No interrupt, no sampling: a day passes in one wait."""
    asked = []
    soc = running.engine.soc
    handle = soc.handle
    soc.handle = lambda message: asked.append(message.op) or handle(message)
    running.run_for(86_400_000)
    assert len(asked) < 10


def test_scanning_allocates_nothing(tmp_path):
    lines = printed(
        tmp_path,
        """
keys = hw.keys
print(spent(lambda: keys.scan(time.ticks_ms())), spent(keys.sample_ms))
contact = keys._contacts[0]
print(spent(contact.on_edge, contact.pin), spent(lambda: keys.scan(time.ticks_ms())))
""",
    )
    assert lines == ["0 0", "0 0"]
