"""How an epoch ends at the city: by its last event, by a loss that the station told, or not at all, which shows."""

import attrs

from host_agent.receiver import overview, status
from protocol import rating
from tests.city.attacked_hall import ALWAYS_OPEN
from tests.city.terminals import NOW_MS, Terminal, message

LONG_MS = 10 * 3_600_000


def rows(hall, later_ms=0):
    city = hall.receiver
    return overview.terminals(city.store.conn, city.registry, ALWAYS_OPEN, city.now_ms + later_ms)


def row(hall, epoch=1, later_ms=0):
    return next(one for one in rows(hall, later_ms) if (one["terminal"], one["epoch"]) == (hall.terminal.id, epoch))


def renewed(hall):
    """Provision the terminal anew."""
    anew = Terminal(hall.terminal.id, epoch=2, seed=2)
    hall.receiver.registry.add([anew.entry()])
    return anew


def lose(hall, utc_ms):
    registry = hall.receiver.registry
    entry = registry.get(hall.terminal.id, 1)
    registry.merge("f" * 64, "bench", 1, [], [(entry.terminal, 1, utc_ms)])


def test_last_event_ends_the_silence_alarm(hall):
    hall.honest(hall.terminal.boots())
    assert row(hall, later_ms=LONG_MS)["silent_min"] is not None
    hall.honest(hall.terminal.seal(rating.LAST_OF_EPOCH))
    assert row(hall, later_ms=LONG_MS)["silent_min"] is None and row(hall)["ended"]


def test_gap_before_the_last_event_still_shows(hall):
    hall.terminal.boots()
    hall.honest(hall.terminal.events[0])
    hall.terminal.marks()
    hall.honest(hall.terminal.seal(rating.LAST_OF_EPOCH))
    assert row(hall, later_ms=LONG_MS)["unexplained"] == 1


def test_last_event_that_comes_after_later_ones_is_told(hall):
    hall.honest(hall.terminal.boots())
    last = hall.terminal.seal(rating.LAST_OF_EPOCH)
    hall.terminal.marks()
    hall.honest(hall.terminal.marks())
    assert "after_last" not in hall.alarms()
    hall.honest(last)
    assert "after_last" in hall.alarms()


def test_last_event_that_comes_before_earlier_ones_is_no_alarm(hall):
    hall.terminal.boots()
    last = hall.terminal.seal(rating.LAST_OF_EPOCH)
    hall.honest(last, hall.terminal.events[0])
    assert hall.alarms() == set() and row(hall)["ended"]


def test_lost_terminal_is_not_called_silent_and_what_it_sealed_before_is_taken(hall):
    hall.honest(hall.terminal.boots())
    lose(hall, NOW_MS)
    assert row(hall, later_ms=LONG_MS)["silent_min"] is None and row(hall)["lost_utc_ms"] == NOW_MS
    assert hall.honest(hall.terminal.marks()) == [("stored", None)]  # rescued from its chip
    assert hall.alarms() == set()


def test_lost_terminal_that_goes_on_is_told(hall):
    lose(hall, NOW_MS)
    hall.terminal.now_ms = NOW_MS + 3_600_000
    hall.receiver.now_ms = NOW_MS + 3_700_000
    assert hall.honest(hall.terminal.marks()) == [("stored", None)]
    assert hall.alarms() == {"after_lost"}


def test_epoch_that_stopped_without_a_last_event_shows_until_it_comes(hall):
    hall.honest(hall.terminal.boots())
    anew = renewed(hall)
    assert not row(hall)["unended"]
    hall.send(message(anew, anew.boots()))
    assert row(hall)["unended"] and not row(hall, 2)["unended"]
    found = status.attention(facts(hall))
    assert "1 epoch stopped without a last event (YP-0001)" in found[-1].text
    hall.honest(hall.terminal.seal(rating.LAST_OF_EPOCH))  # rescued, or fetched late
    assert not row(hall)["unended"] and row(hall, 2)["events"] == 1


def test_epoch_of_a_lost_terminal_needs_no_last_event(hall):
    hall.honest(hall.terminal.boots())
    lose(hall, NOW_MS)
    anew = renewed(hall)
    hall.send(message(anew, anew.boots()))
    assert not row(hall)["unended"]


def facts(hall):
    numbers = status.Numbers(terminals=rows(hall))
    return status.Facts(True, None, None, None, None, None, numbers)


def test_registry_entry_keeps_its_loss_when_it_is_told_again(hall):
    lose(hall, NOW_MS)
    registry = hall.receiver.registry
    entry = registry.get(hall.terminal.id, 1)
    assert registry.add([attrs.evolve(entry, lost_utc_ms=0)]) == ["unchanged"]
    assert registry.get(hall.terminal.id, 1).lost_utc_ms == NOW_MS
