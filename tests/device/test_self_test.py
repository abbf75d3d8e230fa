"""The self-test of a terminal in service: when it runs, what breaks it off, what it seals, answers and shows."""

from pathlib import Path

import pytest

from protocol import messages, rating, reasons
from protocol import self_test_parts as parts
from tests.device.counter import Counter, invite_id

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
FIRST_MS = 5 * MINUTE_MS
TEST_MS = 6_000
AT_MIN = 500  # 08:20 in Shanghai, where the clock chip says 08:00 at the start of virtual time
AT_MS = 20 * MINUTE_MS
VOLUME = 18  # 60 % of the module's 30 steps
HINT = (0xF2, 0xB0, 0x33)


@pytest.fixture
def counter(tmp_path: Path):
    with Counter(tmp_path, seed=1) as counter:
        yield counter
        assert "Traceback" not in counter.terminal.console()


def results(counter: Counter) -> list[tuple[int, int]]:
    """Return (why, mask) of the self-tests that the city can open."""
    return [(fields["why"], fields["n"]) for _, fields in counter.told(rating.SELF_TEST)]


def ask(counter: Counter) -> int:
    """Ask for a self-test and wait for its end; return the mask of a heartbeat's status."""
    id_ = counter.send(messages.SELF_TEST)
    counter.until(lambda: id_ in counter.answers, "an answer to SELF_TEST", 300)
    reason, detail = counter.answers[id_]
    assert reason == reasons.OK
    counter.until(lambda: (counter.status.get("self_test") or [0])[0] == detail["test"], "a result", 25_000)
    return counter.status["self_test"][1]


def hinted(counter: Counter) -> bool:
    """Return whether the glass shows the sign for the staff; the panel has 5 to 6 bits a colour."""
    counter.run(1_000)
    colours = [colour for _, colour in counter.terminal.screenshot().getcolors(1 << 20)]
    return any(all(abs(a - b) <= 8 for a, b in zip(colour, HINT, strict=True)) for colour in colours)


def test_sound_terminal_seals_its_test_after_the_start_and_at_the_hour_without_a_sound(counter: Counter) -> None:
    counter.login()
    assert counter.ask(messages.CONFIG, policy={"self_test_min": AT_MIN}) == reasons.OK
    counter.run(FIRST_MS - 10_000)
    assert results(counter) == []
    counter.run(10_000 + TEST_MS)
    counter.settle()
    assert results(counter) == [(parts.WHY_DAILY, 0)]
    counter.run(AT_MS - FIRST_MS - 2 * TEST_MS)
    assert len(results(counter)) == 1
    counter.run(3 * TEST_MS)
    counter.settle()
    assert results(counter) == [(parts.WHY_DAILY, 0)] * 2
    assert counter.state == "idle" and not hinted(counter)
    assert {heard.volume for heard in counter.terminal.wiring.voice.heard} == {0}
    assert [freq_hz for _, freq_hz in counter.terminal.tones if freq_hz] == []
    counter.check_chain()


@pytest.mark.slow
def test_terminal_alone_tests_itself_once_a_day(tmp_path: Path) -> None:
    for rtc in ("set", "lost"):
        counter = Counter(tmp_path / rtc, seed=1, rtc=rtc)
        try:
            counter.start(connect=False)
            counter.terminal.unplug()
            counter.run(2 * DAY_MS)
            counter.terminal.plug()
            counter.connect()
            counter.settle()
            # With a time of day after the start and on two mornings, without one after the start and each 24 hours.
            assert results(counter) == [(parts.WHY_DAILY, 0)] * (3 if rtc == "set" else 2)
        finally:
            counter.terminal.close()


def test_test_that_is_due_waits_for_the_end_of_the_invite(counter: Counter) -> None:
    counter.login()
    counter.run(FIRST_MS - 30_000)
    counter.open_invite(timeout_ms=120_000)
    counter.run(60_000)
    assert counter.state == "invited" and results(counter) == []
    counter.press(1)
    counter.until_state("idle", 30_000)
    assert results(counter) == []
    counter.run(MINUTE_MS + TEST_MS)
    counter.settle()
    assert results(counter) == [(parts.WHY_DAILY, 0)]
    assert counter.levels() == [5]


@pytest.mark.parametrize("into_ms", (10, 200, 700, None))
def test_invite_in_the_middle_of_a_test_is_served_and_spoken_as_ever(counter: Counter, into_ms: int | None) -> None:
    counter.login()
    counter.run(2_000)
    asked = counter.send(messages.SELF_TEST)
    if into_ms is None:
        counter.until(lambda: counter.terminal.speaks == (1, 0), "the voice is tested", 3_000)
    else:
        counter.run(into_ms)
    began_ms = counter.now_ms
    invited = counter.send(messages.INVITE, **invite())
    counter.until(lambda: invited in counter.answers, "an answer to INVITE", 300)
    assert counter.answers[invited][0] == reasons.OK and counter.now_ms - began_ms < 300
    counter.run(300)
    assert counter.terminal.speaks == (1, VOLUME)
    assert counter.answers[asked] == (reasons.OK, {"test": 1})
    counter.run(1_000)
    counter.press(2)
    counter.settle()
    assert counter.levels() == [4]
    # The voice comes last: its test may have ended before the invite came.
    assert results(counter) in ([], [(parts.WHY_ASKED, 0)]) if into_ms is None else results(counter) == []
    assert counter.terminal.violations == []


def invite() -> dict:
    return {"invite": invite_id(1), "age_ms": 0, "ttl_ms": 9_000, "timeout_ms": 0, "origin": 1, "qr": None}


def test_prompt_after_a_test_has_the_loudness_of_the_policy(counter: Counter) -> None:
    counter.login()
    assert ask(counter) == 0
    counter.open_invite()
    assert counter.terminal.speaks == (1, VOLUME)


def test_agent_that_asks_learns_the_mask_and_busy_while_somebody_is_served(counter: Counter) -> None:
    counter.login()
    del counter.terminal.engine.soc.i2c[1][0x68]
    assert ask(counter) == parts.RTC
    counter.settle()
    assert results(counter) == [(parts.WHY_ASKED, parts.RTC)]
    assert hinted(counter)
    assert counter.ask(messages.SERVE, ticket="A001") == reasons.OK
    assert counter.ask(messages.SELF_TEST) == reasons.BUSY and hinted(counter)
    counter.open_invite()
    assert counter.ask(messages.SELF_TEST) == reasons.BUSY
    counter.press(1)
    counter.until_state("serving", 30_000)
    assert counter.ask(messages.CLERK, clerk=None) == reasons.OK and hinted(counter)
    counter.terminal.engine.soc.i2c[1][0x68] = counter.terminal.wiring.rtc
    assert ask(counter) == 0
    counter.settle()
    assert results(counter)[-1] == (parts.WHY_ASKED, 0) and not hinted(counter)


def test_dead_journal_chip_is_a_fault_and_told_in_the_status(counter: Counter) -> None:
    counter.login()
    counter.settle()
    counter.terminal.wiring.nor.dead = True
    assert ask(counter) == parts.NOR
    assert counter.state == "fault"
    assert results(counter) == []


def test_request_during_a_test_is_busy(counter: Counter) -> None:
    assert counter.ask(messages.SELF_TEST) == reasons.OK
    counter.run(500)
    assert counter.ask(messages.SELF_TEST) == reasons.BUSY
    counter.run(2 * TEST_MS)
    counter.settle()
    assert results(counter) == [(parts.WHY_ASKED, 0)]


@pytest.mark.slow
def test_daily_test_can_be_switched_off_but_the_one_after_the_start(counter: Counter) -> None:
    assert counter.ask(messages.CONFIG, policy={"self_test_min": -1}) == reasons.OK
    counter.run(FIRST_MS + TEST_MS)
    counter.terminal.unplug()
    counter.run(DAY_MS)
    counter.terminal.plug()
    counter.connect()
    counter.settle()
    assert results(counter) == [(parts.WHY_DAILY, 0)]


def test_test_leaves_the_memory(counter: Counter) -> None:
    counter.run(15_000)
    before = counter.status["heap_free"]
    assert ask(counter) == 0
    counter.run(25_000)
    assert counter.status["heap_free"] > before - 4_096
