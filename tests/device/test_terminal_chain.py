"""The whole terminal in virtual time: from a pin to opened evidence, with restarts, power cuts and a pulled cable."""

import json
from pathlib import Path

import pytest

from protocol import evidence, messages, rating, reasons
from tests.device.counter import CLERK, Counter, invite_id

PIN_TO_SHOWN_US = 100_000


@pytest.fixture
def counter(tmp_path: Path):
    with Counter(tmp_path, seed=1) as counter:
        counter.login()
        yield counter
        assert "Traceback" not in counter.terminal.console()


def test_boot_says_hello_and_seals_that_it_started(counter: Counter) -> None:
    assert counter.hello["terminal"] == "YP-0001" and counter.hello["reason"] == reasons.OK
    assert counter.hello["board"] == "k5" and counter.hello["assets"]["glyphs"]
    counter.settle()
    clear, fields = counter.told(rating.BOOT)[0]
    assert (clear.seq, clear.boot) == (1, 1)
    assert fields["why"] == reasons.WHY_POWER_ON and fields["fw"] == counter.hello["firmware"]
    assert counter.state == "idle"


@pytest.mark.parametrize("key", (1, 2, 3, 4, 5))
def test_press_of_a_key_arrives_as_its_level(counter: Counter, key: int) -> None:
    counter.open_invite()
    counter.press(key)
    counter.settle()
    assert counter.levels() == [6 - key]
    fields = counter.told(rating.RATED)[0][1]
    assert fields["input"] == rating.INPUT_KEY and fields["origin"] == rating.ORIGIN_COUNTER and fields["lang"] == "zh"
    assert 700 <= fields["dwell"] <= 900 and fields["tq"] == 3 and "reveal" not in fields
    counter.until_state("idle", 20_000)
    assert [state for state, _ in counter.states[-4:]] == ["invited", "chosen", "offer", "idle"]
    counter.check_chain()


def test_press_is_durable_before_lamp_tone_or_pixel_and_shown_within_100_ms(counter: Counter) -> None:
    counter.open_invite()
    edge_us = counter.terminal.now_us
    seen = []

    def look(what: str) -> None:
        if what in ("display", "tone") and not seen:
            seen.append((counter.terminal.now_us - edge_us, len(counter.journalled(rating.RATED))))

    counter.terminal.observers.append(look)
    counter.terminal.press(2)
    counter.run(200)
    counter.terminal.observers.remove(look)
    after_us, durable = seen[0]
    assert durable == 1
    assert after_us <= PIN_TO_SHOWN_US, f"{after_us} µs"
    tones = [tone for tone in counter.terminal.tones if tone[0] > edge_us]
    assert tones[0][0] - edge_us <= PIN_TO_SHOWN_US


def test_changes_arrive_in_order_and_the_last_counts(counter: Counter) -> None:
    counter.open_invite()
    for key in (1, 5, 3):
        counter.press(key)
    counter.settle()
    assert counter.levels() == [5, 1, 3]


def test_keys_lock_after_eight_changes(counter: Counter) -> None:
    counter.open_invite()
    for n in range(10):
        counter.press(1 + n % 5)
    counter.settle()
    assert len(counter.levels()) == 8


def test_timeout_cancel_and_refusal_are_outcomes_without_a_level(counter: Counter) -> None:
    counter.open_invite(1, timeout_ms=2_000)
    counter.until_state("unrated", 3_000)
    counter.open_invite(2)
    assert counter.ask(messages.CANCEL, invite=invite_id(2)) == reasons.OK
    counter.open_invite(3)
    counter.press("function", 200)
    counter.settle()
    outcomes = counter.told(*rating.OUTCOMES)
    assert [(clear.kind, clear.invite) for clear, _ in outcomes] == [
        (rating.TIMED_OUT, invite_id(1)),
        (rating.CANCELLED, invite_id(2)),
        (rating.DECLINED, invite_id(3)),
    ]
    assert not any("level" in fields for _, fields in outcomes)


def test_cancel_after_the_press_is_refused(counter: Counter) -> None:
    counter.open_invite()
    counter.press(5)
    assert counter.ask(messages.CANCEL, invite=invite_id(1)) == reasons.RATED
    counter.settle()
    assert counter.levels() == [1]


def test_two_keys_at_once_and_a_bouncing_contact(counter: Counter) -> None:
    counter.open_invite()
    counter.terminal.key_down(1)
    counter.run(30)
    counter.terminal.key_down(2)
    counter.run(300)
    counter.terminal.key_up(1)
    counter.terminal.key_up(2)
    counter.run(200)
    assert counter.journalled(rating.RATED) == []
    for _ in range(3):
        counter.press(4, 60)
    counter.settle()
    assert counter.levels() == [2, 2, 2]


def test_stuck_key_is_reported_and_the_others_work(counter: Counter) -> None:
    counter.terminal.stick(3)
    counter.run(11_000)
    counter.open_invite()
    counter.press(1)
    counter.settle()
    fault = counter.told(rating.FAULT)[0][1]
    assert (fault["why"], fault["n"]) == (reasons.WHY_KEY_STUCK, 3)
    assert counter.levels() == [5]


def test_presses_without_invite_are_counted(counter: Counter) -> None:
    for _ in range(6):
        counter.press(1)
        counter.run(400)
    assert counter.state == "not_invited"
    counter.until_state("idle", 20_000)
    counter.settle()
    assert counter.told(rating.UNINVITED)[0][1]["n"] == 5 and counter.told(rating.RATED) == []


def test_pause_and_resume_are_sealed(counter: Counter) -> None:
    assert counter.ask(messages.PAUSE, paused=True) == reasons.OK
    assert counter.invite() == reasons.PAUSED and counter.state == "paused"
    assert counter.ask(messages.PAUSE, paused=False) == reasons.OK
    counter.settle()
    assert counter.kinds()[-2:] == ["paused", "resumed"] and counter.state == "idle"


def test_requests_are_answered_by_name(counter: Counter) -> None:
    assert counter.ask(messages.SERVE, ticket="A001") == reasons.OK and counter.state == "serving"
    assert counter.ask(messages.CONFIG, policy={"change_ms": 3_000}) == reasons.OK
    assert counter.ask(messages.CONFIG, policy={"change_ms": -1}) == reasons.OUT_OF_RANGE
    assert counter.ask(messages.NOTICE, text="今日系统维护") == reasons.OK
    assert counter.ask(messages.QUERY) == reasons.OK
    assert counter.ask(messages.CLERK, clerk=None) == reasons.OK
    assert counter.invite() == reasons.NO_CLERK
    assert counter.state == "no_clerk"


def test_clock_is_set_by_the_agent_and_a_jump_is_an_event(counter: Counter) -> None:
    counter.settle()
    before = len(counter.events)
    utc_ms = 1_767_312_000_000
    assert counter.ask(messages.TIME, utc_ms=utc_ms) == reasons.OK
    counter.settle()
    assert len(counter.events) == before + 1
    fields = counter.told(rating.CLOCK_SET)[-1][1]
    assert abs(fields["t"] - utc_ms) < 1_000 and fields["t0"] < utc_ms
    assert counter.ask(messages.TIME, utc_ms=utc_ms + 500) == reasons.OK
    counter.run(1_000)
    assert len(counter.events) == before + 1


def test_power_cut_while_invited_ends_it_as_interrupted(counter: Counter) -> None:
    counter.open_invite(1)
    counter.restart()
    counter.login()
    assert counter.invite(1) == reasons.INVITE_ENDED
    counter.settle()
    clear, fields = counter.told(rating.INTERRUPTED)[0]
    assert clear.invite == invite_id(1) and clear.boot == 2
    assert fields["why"] == reasons.WHY_POWER_CUT and fields["origin"] == rating.ORIGIN_COUNTER
    counter.open_invite(2)
    counter.press(1)
    counter.settle()
    assert counter.levels(1) == [] and counter.levels(2) == [5]
    counter.check_chain()


def test_power_cut_after_the_press_keeps_it_and_invents_nothing(counter: Counter) -> None:
    counter.open_invite(1)
    counter.press(4)
    counter.restart()
    counter.settle()
    assert counter.levels() == [2] and counter.told(rating.INTERRUPTED) == []
    counter.check_chain()


@pytest.mark.parametrize("after_us", range(40_000, 100_000, 4_000))
def test_power_cut_around_the_press_loses_nothing_shown(tmp_path: Path, after_us: int) -> None:
    with Counter(tmp_path, seed=after_us) as counter:
        counter.login()
        counter.open_invite(1)
        counter.acknowledges = False
        edge_us = counter.terminal.now_us
        shown = counter.terminal.display_version
        tones = len(counter.terminal.tones)
        counter.terminal.press(2)
        counter.terminal.run_to_us(edge_us + after_us)
        answered = counter.terminal.display_version != shown or len(counter.terminal.tones) != tones
        counter.cut_power()
        counter.acknowledges = True
        counter.run(500)
        counter.terminal.power_on()
        counter.connect()
        counter.settle()
        assert counter.levels() in ([4], []) and not (answered and counter.levels() == [])
        assert len(counter.told(rating.INTERRUPTED)) == (counter.levels() == [])
        counter.check_chain()


def test_events_wait_for_the_cable_and_for_acknowledgement(counter: Counter) -> None:
    counter.settle()
    counter.terminal.unplug()
    counter.run(31_000)
    for n in range(3):
        counter.press("clerk")
        counter.run(800)
        counter.press(1 + n)
        counter.run(9_000)
    assert counter.levels() == []
    counter.terminal.plug()
    counter.connect()
    counter.settle()
    rated = counter.told(rating.RATED)
    assert [fields["level"] for _, fields in rated] == [5, 4, 3]
    assert {fields["origin"] for _, fields in rated} == {rating.ORIGIN_CLERK_KEY}
    assert len({clear.invite for clear, _ in rated}) == 3
    counter.check_chain()


def test_agent_that_restarts_finds_everything_again(counter: Counter) -> None:
    counter.acknowledges = False
    counter.open_invite(1)
    counter.press(1)
    counter.acknowledges = True
    counter.connect()
    counter.settle()
    assert counter.levels() == [5]
    counter.check_chain()


def test_ten_restarts_keep_sequence_and_chain(counter: Counter) -> None:
    for n in range(1, 11):
        counter.login()
        counter.open_invite(n)
        counter.press(1 + n % 5)
        if n % 2:
            counter.settle()
        counter.restart()
    counter.settle()
    for n in range(1, 11):
        assert counter.levels(n) == [6 - (1 + n % 5)]
    assert [clear.boot for clear, _ in counter.told(rating.BOOT)] == list(range(1, 12))
    counter.check_chain()


def test_agent_that_knows_more_stops_the_terminal(counter: Counter) -> None:
    counter.settle()
    counter.connect(seq=max(counter.events) + 5)
    assert counter.hello["reason"] == reasons.FAULT
    counter.until_state("fault")
    before = len(counter.sealed())
    assert counter.invite() == reasons.FAULT
    counter.press(1)
    counter.run(4_000_000)
    assert len(counter.sealed()) == before


def test_blank_journal_that_was_in_use_is_a_fault(counter: Counter) -> None:
    counter.settle()
    counter.cut_power()
    image = counter.terminal.wiring.nor.array.image
    image[:] = b"\xff" * len(image)
    counter.terminal.power_on()
    counter.connect()
    counter.until_state("fault")
    assert counter.hello["reason"] == reasons.FAULT and counter.invite() == reasons.FAULT
    assert counter.records() == []


def test_terminal_provisioned_anew_begins_a_journal_a_chain_and_a_numbering(counter: Counter) -> None:
    counter.open_invite(1)
    counter.press(5)
    counter.settle()
    counter.cut_power()
    path = counter.terminal.state.settings
    old = json.loads(path.read_text())
    assert old["journal"] == "ready"
    path.write_text(json.dumps(old | {"epoch": 2, "journal_id": "77" * 8, "journal": "new"}))
    counter.run(200)
    counter.terminal.power_on()
    counter.connect()
    assert (counter.hello["reason"], counter.hello["epoch"], counter.hello["last"]) == (reasons.OK, 2, 1)
    assert counter.hello["journal_id"] == b"\x77" * 8, "an agent that holds more of the old epoch is no fault"
    counter.epoch, counter.key = 2, evidence.event_key(bytes.fromhex(old["secret"]), 2)
    counter.events.clear()
    counter.login()
    assert counter.invite(1) == reasons.OK, "the new journal knows no invite"
    counter.run(750)
    counter.press(1)
    counter.settle()
    assert counter.levels(1) == [5] and [clear.boot for clear, _ in counter.told(rating.BOOT)] == [1]
    counter.check_chain()
    assert json.loads(path.read_text())["journal"] == "ready"
    counter.restart()
    counter.settle()
    assert [clear.boot for clear, _ in counter.told(rating.BOOT)] == [1, 2]


def test_opened_case_is_an_event(counter: Counter) -> None:
    counter.terminal.set_case_open(True)
    counter.run(500)
    counter.settle()
    assert counter.kinds()[-1] == "case_opened"


def test_maintenance_jumper_is_an_event(tmp_path: Path) -> None:
    counter = Counter(tmp_path, seed=1).start(connect=False)
    counter.run(3_000)
    counter.cut_power()
    counter.terminal.set_jumper(True)
    counter.terminal.power_on()
    counter.connect()
    counter.settle()
    assert "maintenance" in counter.kinds()
    counter.terminal.close()


def test_terminal_without_a_clock_chip_still_takes_ratings(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1, rtc="missing") as counter:
        counter.login()
        counter.open_invite()
        counter.press(1)
        counter.settle()
        assert counter.levels() == [5]
        assert counter.told(rating.FAULT)[0][1]["why"] == reasons.WHY_RTC_MISSING
        assert "t" not in counter.told(rating.BOOT)[0][1] and counter.told(rating.BOOT)[0][1]["tq"] == 0
        assert counter.told(rating.RATED)[0][1]["tq"] == 3


def test_clerk_survives_in_the_agent_not_in_the_terminal(counter: Counter) -> None:
    counter.restart()
    counter.run(500)
    assert counter.state == "no_clerk"
    assert counter.ask(messages.CLERK, clerk=CLERK) == reasons.OK
    assert counter.state == "idle"
