"""drivers/watchdog on the chip: an ordered reset, a program that feeds, and the same when it stops feeding."""

from tests.device.bench import terminal

MAIN = """
from drivers import watchdog
print("power on", watchdog.was_power_on(), "watchdog", watchdog.was_watchdog())
dog = watchdog.Watchdog()
dog.feed()
"""
RESETTING = """
if watchdog.was_power_on():
    watchdog.reset()
    print("never")
"""
FEEDING = """
if watchdog.was_power_on():
    dog.start()
    for n in range(20):
        time.sleep_ms(1_000)
        dog.feed()
    print("fed")
    while True:
        time.sleep_ms(1_000)
"""


def test_ordered_reset_starts_the_program_anew_and_counts_as_one_by_the_watchdog(tmp_path):
    with terminal(tmp_path, MAIN + RESETTING) as running:
        running.run_for(2_000)
        assert running.console().splitlines() == ["power on True watchdog False", "power on False watchdog True"]
        assert [kind for _, kind in running.resets] == ["power_on", "reset"]


def test_program_that_feeds_lives_and_one_that_stops_is_reset_after_8_s(tmp_path):
    with terminal(tmp_path, MAIN + FEEDING) as running:
        assert running.run_until(lambda: "fed" in running.console(), 25_000)
        fed_ms = running.now_us // 1000
        assert running.run_until(lambda: len(running.resets) > 1, 10_000)
        assert 7_900 <= running.now_us // 1000 - fed_ms <= 8_100
