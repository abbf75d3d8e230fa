"""The simulated glass shows the approved screens, region by region, in time."""

from pathlib import Path

import pytest

from protocol import messages, reasons
from simulator.window_code import packed
from tests.device.counter import CLERK, Counter
from tests.ui.gallery import Scene, draw_all
from tests.ui.scenes import CODE_TEXT

SETTLE_MS = 400


@pytest.fixture(scope="module")
def gallery() -> dict[str, Scene]:
    return {name.removesuffix(".zh"): scene for name, scene in draw_all("k5").items() if name.endswith(".zh")}


@pytest.fixture
def counter(tmp_path: Path):
    with Counter(tmp_path, seed=1) as counter:
        assert counter.ask(messages.CONFIG, policy={"qr": packed(CODE_TEXT)}) == reasons.OK
        yield counter


def shows(counter: Counter, scene: Scene) -> None:
    """Hold that the glass shows this scene, to the pixel."""
    counter.run(SETTLE_MS)
    assert counter.terminal.screenshot().tobytes() == scene.picture.tobytes()


def test_glass_is_dark_until_the_first_screen_stands(tmp_path: Path, gallery: dict[str, Scene]) -> None:
    counter = Counter(tmp_path, seed=1).start(connect=False)
    seen = set()

    def look(what: str) -> None:
        if what == "display":
            seen.add(counter.terminal.screenshot().getextrema())

    counter.terminal.observers.append(look)
    counter.run(2_000)
    counter.terminal.observers.clear()
    assert len(seen) <= 2, "the screen was seen being built up"
    counter.terminal.close()


def test_every_state_shows_its_screen(counter: Counter, gallery: dict[str, Scene]) -> None:
    shows(counter, gallery["no_clerk"])
    counter.login()
    shows(counter, gallery["idle"])
    counter.ask(messages.SERVE, ticket="A023")
    shows(counter, gallery["serving"])
    counter.open_invite(1, qr=packed(CODE_TEXT))
    assert counter.terminal.screenshot().crop((0, 132, 320, 240)).tobytes() == (
        gallery["invited"].picture.crop((0, 132, 320, 240)).tobytes()
    )
    counter.run(60_000)
    shows(counter, gallery["unrated"])
    counter.ask(messages.PAUSE, paused=True)
    shows(counter, gallery["paused"])
    counter.ask(messages.PAUSE, paused=False)
    shows(counter, gallery["idle"])
    counter.press(1)
    shows(counter, gallery["not_invited"])


@pytest.mark.parametrize("key", (1, 2, 3, 4, 5))
def test_press_shows_its_level_for_two_seconds_only(counter: Counter, gallery: dict[str, Scene], key: int) -> None:
    assert counter.ask(messages.CLERK, clerk=CLERK) == reasons.OK
    counter.open_invite()
    counter.press(key)
    shows(counter, gallery[f"chosen_{6 - key}"])
    counter.run(1_900)
    shows(counter, gallery["chosen_hidden"])
    counter.until_state("offer")
    shows(counter, gallery["offer"])


def test_declined_shows_no_thanks_for_a_rating(counter: Counter, gallery: dict[str, Scene]) -> None:
    counter.login()
    counter.open_invite()
    counter.press("function", 300)
    shows(counter, gallery["declined"])


def test_countdown_counts(counter: Counter) -> None:
    counter.login()
    counter.open_invite(1, timeout_ms=20_000)
    clock = (212, 46, 320, 132)
    looks = set()
    for _ in range(5):
        counter.run(1_000)
        looks.add(counter.terminal.screenshot().crop(clock).tobytes())
    assert len(looks) == 5


def test_press_repaints_no_mark(counter: Counter) -> None:
    counter.login()
    counter.open_invite()
    counter.run(1_000)
    rows = set()
    lcd = counter.terminal.wiring.lcd
    before = bytes(lcd.view())
    counter.press(2)
    counter.run(300)
    after = bytes(lcd.view())
    rows = {i // 640 for i in range(0, len(before), 2) if before[i : i + 2] != after[i : i + 2]}
    assert rows and max(rows) < 132


def test_a_state_that_passes_during_painting_leaves_no_trace(counter: Counter, gallery: dict[str, Scene]) -> None:
    counter.login()
    for n in range(1, 12):
        assert counter.invite(n) == reasons.OK
        counter.run(7 * n)
        assert counter.ask(messages.CANCEL, invite=bytes([0xA0]) + n.to_bytes(15, "big")) == reasons.OK
        counter.run(3 * n)
    shows(counter, gallery["idle"])
