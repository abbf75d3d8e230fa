"""Self-tests at the city: the newest one of each terminal, whatever order they come in, and what it found."""

from host_agent.receiver import overview
from host_agent.receiver.silence import Hours
from protocol import rating
from protocol import self_test_parts as parts
from tests.city.terminals import NOW_MS, City, Terminal, message

WHY, COUNT = 14, 12


def self_tested(terminal: Terminal, mask: int) -> bytes:
    return terminal.seal(rating.SELF_TEST, None, {WHY: parts.WHY_DAILY, COUNT: mask})


def rows(city: City) -> dict[str, dict | None]:
    found = overview.terminals(city.store.conn, city.registry, Hours(), NOW_MS)
    return {row["terminal"]: row["self_test"] for row in found}


def test_newest_self_test_of_each_terminal_is_known_in_whatever_order_they_come(tmp_path) -> None:
    first, second, never = Terminal(), Terminal("YP-0002", window="W02"), Terminal("YP-0003", window="W03")
    city = City(tmp_path, first, second, never)
    events = [first.boots(), self_tested(first, parts.VOICE), self_tested(first, parts.RTC | parts.KEYS)]
    city.take(message(first, events[0]), message(first, events[2]), message(first, events[1]))
    city.take(message(second, second.boots()), message(second, self_tested(second, 0)))
    found = rows(city)
    assert found["YP-0001"]["failed"] == ["rtc", "keys"]
    assert found["YP-0002"] == {"received_utc_ms": NOW_MS, "failed": []} and found["YP-0003"] is None
    city.take(message(first, self_tested(first, 0)))
    assert rows(city)["YP-0001"]["failed"] == []
    city.close()


def test_self_test_is_handed_on_with_its_cause_and_mask_and_raises_no_alarm(tmp_path) -> None:
    terminal = Terminal()
    city = City(tmp_path, terminal)
    city.take(message(terminal, terminal.boots()), message(terminal, self_tested(terminal, parts.TICKING)))
    record = city.records()[-1]
    assert (record["kind"], record["why"], record["count"]) == ("self_test", parts.WHY_DAILY, parts.TICKING)
    assert city.alarms() == set()
    city.close()


def test_part_that_this_city_does_not_know_is_named_by_its_number(tmp_path) -> None:
    terminal = Terminal()
    city = City(tmp_path, terminal)
    city.take(message(terminal, self_tested(terminal, 1 << 20 | parts.NOR)))
    assert rows(city)["YP-0001"]["failed"] == ["nor", "part_20"]
    city.close()
