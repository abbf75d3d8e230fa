"""What a citizen hears and reads, and who may invite, on both boards: the whole firmware in virtual time."""

from pathlib import Path

import pytest
import zxingcpp

from protocol import messages, rating, reasons
from simulator.terminal import VIRTUAL_UTC_US
from tests.device.counter import Counter

INVITE_ZH, LABELS_ZH, LABELS_EN = 1, 4, 8  # tracks, in the order of firmware/ui/panel.py
SCAN_SCALE = 3  # a telephone sees more pixels than the panel has
MIDDAY_MIN = VIRTUAL_UTC_US // 60_000_000 % 1_440


@pytest.fixture(params=("k5", "t35"))
def counter(request: pytest.FixtureRequest, tmp_path: Path):
    with Counter(tmp_path, seed=1, board=request.param) as counter:
        counter.login()
        counter.until_state("idle")
        counter.run(1_000)  # the voice module listens then
        yield counter
        assert "Traceback" not in counter.terminal.console()


def configure(counter: Counter, **policy: object) -> None:
    assert counter.ask(messages.CONFIG, policy=policy) == reasons.OK


def heard(counter: Counter) -> list[tuple[int, int]]:
    """Return each track that was played, with its volume of 0 to 30."""
    return [(sound.track, sound.volume) for sound in counter.terminal.wiring.voice.heard]


def scanned(counter: Counter) -> list[str]:
    """Return what a telephone reads off the glass."""
    counter.run(600)
    picture = counter.terminal.screenshot()
    large = picture.resize((picture.width * SCAN_SCALE, picture.height * SCAN_SCALE), 0)
    return [code.text for code in zxingcpp.read_barcodes(large)]


def test_request_is_spoken_at_the_volume_of_the_hour(counter: Counter) -> None:
    counter.open_invite(1)
    assert heard(counter) == [(INVITE_ZH, 18)], "60 % of 30"
    assert counter.ask(messages.CANCEL, invite=bytes([0xA0]) + (1).to_bytes(15, "big")) == reasons.OK
    quiet = {"quiet_from_min": (MIDDAY_MIN - 30) % 1_440, "quiet_to_min": (MIDDAY_MIN + 30) % 1_440}
    configure(counter, quiet_volume=20, utc_offset_min=0, **quiet)
    counter.open_invite(2)
    assert heard(counter)[-1] == (INVITE_ZH, 6)


def test_muted_terminal_says_nothing(counter: Counter) -> None:
    configure(counter, volume=0)
    counter.open_invite(1)
    counter.run(2_000)
    assert heard(counter) == []


def test_holding_the_function_control_reads_the_labels_and_rates_nothing(counter: Counter) -> None:
    counter.open_invite(1)
    counter.run(4_000)
    counter.terminal.press("function", 2_000)
    counter.run(2_500)
    assert [track for track, _ in heard(counter)] == [INVITE_ZH, LABELS_ZH]
    assert counter.states[-1][0] == "invited" and not counter.told(rating.RATED, rating.DECLINED)


def test_labels_are_read_in_the_language_that_was_chosen(counter: Counter) -> None:
    counter.press("function", 200)
    counter.open_invite(1)
    counter.run(4_000)
    counter.terminal.press("function", 2_000)
    counter.run(2_500)
    assert heard(counter)[-1][0] == LABELS_EN


@pytest.mark.parametrize(("allowed", "invited"), [("always", True), ("offline", False), ("never", False)])
def test_foot_switch_invites_where_the_policy_lets_it(counter: Counter, allowed: str, invited: bool) -> None:
    configure(counter, local_invite=allowed)
    counter.press("clerk", 120)
    counter.run(300)
    assert (counter.state == "invited") is invited
    assert [hertz for _, hertz, *_ in counter.terminal.tones if hertz] == ([] if invited else [400])


def test_elder_profile_doubles_the_time_to_answer(counter: Counter) -> None:
    configure(counter, elder=True, invite_ms=20_000)
    counter.open_invite(1)
    counter.run(38_000)
    assert counter.state == "invited"
    counter.until_state("unrated", 3_000)


def test_windows_code_of_the_provisioning_is_read_off_every_page_that_offers_it(counter: Counter) -> None:
    configure(counter, local_invite="always", invite_ms=5_000, not_invited_ms=3_000)
    pages = {}
    if counter.hello["board"] == "k5":
        counter.press(3)
    else:
        counter.terminal.tap(240, 250, 80)
        counter.run(300)
    pages["not_invited"] = scanned(counter)
    counter.run(3_000)
    assert counter.ask(messages.PAUSE, paused=True) == reasons.OK
    pages["paused"] = scanned(counter)
    assert counter.ask(messages.PAUSE, paused=False) == reasons.OK
    counter.press("clerk", 120)
    counter.until_state("unrated")
    pages["unrated"] = scanned(counter)
    assert {name: len(found) for name, found in pages.items()} == dict.fromkeys(pages, 1), pages
    assert len({found[0] for found in pages.values()}) == 1 and pages["paused"][0].startswith("HTTPS://"), pages
