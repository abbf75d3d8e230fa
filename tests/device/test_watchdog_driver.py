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
FEEDS = 20
FEEDING = f"""
if watchdog.was_power_on():
    dog.start()
    for n in range({FEEDS}):
        time.sleep_ms(1_000)
        dog.feed()
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
        assert running.run_until(lambda: len(running.resets) > 1, 60_000)
        (_, start), (bite_us, cause) = running.resets
        assert (start, cause) == ("power_on", "watchdog")
        assert 0 <= bite_us // 1000 - FEEDS * 1_000 - 8_000 <= 500
