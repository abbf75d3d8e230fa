"""The whole terminal with a journal that fills, and with sectors that fail, through its real driver."""

import random
from pathlib import Path

import pytest
import zxingcpp

from protocol import messages, rating, reasons, record
from tests.device.counter import Counter
from tests.device.small_chip import SECTORS, Past, sector_of, small

WINDOW_PAGE = "HTTPS://PJ.EXAMPLE.CN/W/C01/W01/YP-0001"
AT_ONCE = {"detail": "off", "change_ms": 0, "thanks_ms": 0, "guard_ms": 0}
MANY = 1_000


def scanned(counter: Counter) -> list[str]:
    """Return what a phone reads of the simulated glass."""
    counter.run(500)
    return [code.text for code in zxingcpp.read_barcodes(counter.terminal.screenshot())]


def rate(counter: Counter, n: int) -> int:
    """Invite and press at once; return the reason of INVITE's answer."""
    reason = counter.invite(n)
    if reason == reasons.OK:
        counter.press(1 + n % 5, 60)
        counter.run(30)
    return reason


def ready(counter: Counter) -> None:
    """Log a clerk in and let a rating take no time."""
    counter.login()
    assert counter.ask(messages.CONFIG, policy=AT_ONCE) == reasons.OK


def whys(counter: Counter) -> list[tuple[int, int | None]]:
    """Return why and count of each fault that the agent holds."""
    return [(fields["why"], fields.get("n")) for _, fields in counter.told(rating.FAULT)]


@pytest.fixture
def counter(tmp_path: Path):
    with small(tmp_path, seed=3) as counter:
        ready(counter)
        counter.settle()
        yield counter
        assert "Traceback" not in counter.terminal.console()


def test_full_journal_refuses_invites_shows_the_code_is_reported_and_loses_nothing(counter: Counter) -> None:
    counter.acknowledges = False
    counter.cut_power()
    past = Past(counter)
    levels = []
    while past.journal.room() > 5:
        levels.append(1 + len(levels) % 5)
        past.rate(levels[-1])
    counter.run(200)
    counter.terminal.power_on()
    counter.connect()
    ready(counter)
    taken = 0
    while (reason := rate(counter, taken)) == reasons.OK:
        levels.append(rating.level_of_key(1 + taken % 5))
        taken += 1
        assert taken < 10, "the chip never fills"
    assert reason == reasons.FULL and taken >= 1
    assert counter.state == "full" and scanned(counter) == [WINDOW_PAGE]
    counter.run(11_000)
    assert (counter.status["state"], counter.status["free"]) == ("full", 0)
    counter.press("clerk")
    assert counter.state == "full" and counter.terminal.lamps() == (False,) * 5
    assert len(counter.unacknowledged()) >= len(levels)
    counter.restart()
    counter.until_state("full", 5_000)
    assert scanned(counter) == [WINDOW_PAGE] and counter.invite(MANY) == reasons.FULL
    counter.acknowledges = True
    counter.connect()
    counter.settle()
    ready(counter)
    counter.until_state("idle", 5_000)
    assert [fields["level"] for _, fields in counter.told(rating.RATED)] == levels
    counter.settle()
    assert whys(counter) == [(reasons.WHY_JOURNAL_FULL, None)]
    counter.check_chain()
    assert rate(counter, MANY + 1) == reasons.OK


def test_code_of_the_window_is_scanned_in_every_state_that_offers_another_channel(counter: Counter) -> None:
    assert counter.ask(messages.CONFIG, policy={"unrated_ms": 5_000, "guard_ms": 700}) == reasons.OK
    counter.press(1)
    assert counter.state == "not_invited" and scanned(counter) == [WINDOW_PAGE]
    counter.open_invite(1, timeout_ms=1_000)
    counter.until_state("unrated", 3_000)
    assert scanned(counter) == [WINDOW_PAGE]
    assert counter.ask(messages.PAUSE, paused=True) == reasons.OK
    counter.until_state("paused", 10_000)
    assert scanned(counter) == [WINDOW_PAGE]
    counter.connect(seq=10_000)
    counter.until_state("fault")
    assert scanned(counter) == [WINDOW_PAGE]


def test_unreadable_sector_is_skipped_reported_once_and_kept_for_reading_out(counter: Counter) -> None:
    counter.cut_power()
    past = Past(counter)
    for n in range(60):
        past.rate(1 + n % 5)
    found = counter.records()
    place = sorted({(one.number - 1) % SECTORS for one in found})[1]
    lost = {one.seq for one in found if (one.number - 1) % SECTORS == place and one.type == record.EVENT}
    whole = {clear.seq for clear in counter.sealed()} - lost
    assert lost
    array = counter.terminal.wiring.nor.array
    array.make_unreadable(place, random.Random(5))
    noise = bytes(array.image[sector_of(place)])
    counter.run(200)
    counter.terminal.power_on()
    counter.connect()
    ready(counter)
    assert counter.hello["reason"] == reasons.OK, "no fault of the whole terminal"
    assert rate(counter, 1) == reasons.OK
    counter.settle()
    assert whole <= set(counter.events) and not lost & set(counter.events)
    assert whys(counter) == [(reasons.WHY_SECTOR_UNREADABLE, 1)]
    counter.cut_power()
    past = Past(counter)
    for n in range(16 * SECTORS):
        past.rate(1 + n % 5)
        past.acknowledge()
    counter.run(200)
    counter.terminal.power_on()
    counter.connect()
    ready(counter)
    for n in range(2, 5):
        assert rate(counter, n) == reasons.OK
    counter.settle()
    assert min(array.wear[:place] + array.wear[place + 1 :]) >= 1, "the log went round"
    assert bytes(array.image[sector_of(place)]) == noise, "neither erased nor written"
    assert whys(counter) == [(reasons.WHY_SECTOR_UNREADABLE, 1)]


@pytest.mark.slow
def test_sector_that_no_longer_erases_is_skipped_and_reported(counter: Counter) -> None:
    """The next sector to be erased ahead does not become blank, which the driver's own erase finds out."""
    counter.cut_power()
    past = Past(counter)
    for n in range(8 * SECTORS):
        past.rate(1 + n % 5)
        past.acknowledge()
    array = counter.terminal.wiring.nor.array
    stuck = {(past.journal._ring.newest + ahead) % SECTORS for ahead in (1, 2)}
    array.stuck |= stuck
    before = [bytes(array.image[sector_of(place)]) for place in sorted(stuck)]
    counter.run(200)
    counter.terminal.power_on()
    counter.connect()
    ready(counter)
    for n in range(30):
        assert rate(counter, n) == reasons.OK
        counter.run(400)
    counter.settle()
    assert whys(counter) == [(reasons.WHY_SECTOR_UNREADABLE, 1)] * 2
    assert [counter.levels(n) for n in (0, 29)] == [[5], [1]]
    assert [bytes(array.image[sector_of(place)]) for place in sorted(stuck)] == before


def test_journal_of_another_terminal_is_a_fault_and_is_not_formatted(counter: Counter) -> None:
    counter.cut_power()
    array = counter.terminal.wiring.nor.array
    for place in range(SECTORS):
        start = place * record.SECTOR_BYTES
        if bytes(array.image[start : start + 4]) == record.MAGIC:
            _, number = record.parse_header(array.image[start : start + record.PAGE_BYTES])
            array.image[start : start + record.DONE_AT] = record.header(b"stranger", number)
    before = bytes(array.image)
    counter.terminal.power_on()
    counter.connect()
    counter.until_state("fault")
    assert counter.hello["reason"] == reasons.FAULT and counter.invite() == reasons.FAULT
    assert bytes(array.image) == before and scanned(counter) == [WINDOW_PAGE]
