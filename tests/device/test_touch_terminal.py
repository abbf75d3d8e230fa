"""The touch terminal in virtual time: from a finger on the glass to opened evidence."""

from hashlib import sha256
from pathlib import Path

import pytest

from protocol import cbor, content, messages, rating, reasons
from simulator.chips.ft6336 import Point
from tests.device.counter import Counter

COLUMN = 96
MARKS_Y = 250
TAP_MS = 80
TAGS = [
    [208, 0, True, False, "没有提供材料清单"],
    [209, 0, True, False, "未在承诺时间内办结"],
    [210, 0, False, False, "同样内容的证明材料被要求多次提交"],
    [211, 0, False, False, "承诺网办但无法在线办理"],
    [214, 1, False, False, "服务态度生硬"],
]


class TouchCounter(Counter):
    """A touch terminal with its agent."""

    def __init__(self, folder: Path, **options: object) -> None:
        super().__init__(folder, board="t35", seed=1, **options)

    def tap_level(self, key: int) -> None:
        """Tap a column."""
        self.tap(COLUMN * key - COLUMN // 2, MARKS_Y)

    def tap(self, x: int, y: int) -> None:
        """Tap, and wait until the finger is gone."""
        self.terminal.tap(x, y, TAP_MS)
        self.run(TAP_MS + 60)

    def next_page(self) -> None:
        """Let the guard time of a new page pass."""
        self.run(750)

    def put_tag_table(self) -> None:
        """Lay the table where the agent's would be, as it is after a push."""
        data = cbor.encode(TAGS)
        folder = self.terminal.state.flash / "content"
        folder.mkdir(exist_ok=True)
        name = content.TAG_TABLE_NAME.encode().hex()
        (folder / f"{content.TAG_TABLE}-{name}").write_bytes(sha256(data).digest() + data)


@pytest.fixture
def counter(tmp_path: Path):
    with TouchCounter(tmp_path) as counter:
        counter.login()
        yield counter
        assert "Traceback" not in counter.terminal.console()


def test_board_and_idle_screen(counter: TouchCounter) -> None:
    assert counter.hello["board"] == "t35"
    counter.until_state("idle")
    counter.run(2_000)
    assert counter.terminal.screenshot().size == (480, 320)
    assert len(counter.terminal.screenshot().getcolors(1 << 20)) > 10


@pytest.mark.parametrize("key", (1, 2, 3, 4, 5))
def test_tap_on_a_column_arrives_as_its_level(counter: TouchCounter, key: int) -> None:
    counter.open_invite()
    counter.tap_level(key)
    counter.settle()
    assert counter.levels() == [6 - key]
    assert counter.told(rating.RATED)[0][1]["input"] == rating.INPUT_TOUCH
    counter.until_state("idle", 20_000)
    counter.check_chain()


def test_level_is_shown_within_100_ms_of_the_lift_and_durable_before(counter: TouchCounter) -> None:
    counter.open_invite()
    counter.terminal.touch((COLUMN // 2, MARKS_Y))
    counter.run(60)
    seen = []

    def look(what: str) -> None:
        if what in ("display", "tone") and not seen:
            seen.append((counter.terminal.now_us - lifted_us, len(counter.journalled(rating.RATED))))

    lifted_us = counter.terminal.now_us
    counter.terminal.observers.append(look)
    counter.terminal.touch()
    counter.run(200)
    counter.terminal.observers.remove(look)
    after_us, durable = seen[0]
    assert durable == 1 and after_us < 100_000


def test_palm_slide_and_touch_beside_the_columns_rate_nothing_but_extend_the_time(counter: TouchCounter) -> None:
    counter.open_invite()
    counter.terminal.touch((50, MARKS_Y), (400, MARKS_Y))
    counter.run(100)
    counter.terminal.touch()
    counter.run(100)
    counter.terminal.touch((50, MARKS_Y))
    counter.run(50)
    counter.terminal.touch((110, MARKS_Y))
    counter.run(50)
    counter.terminal.touch()
    counter.tap(240, 100)
    counter.settle()
    assert counter.levels() == [] and counter.state == "invited"


def test_something_on_the_glass_is_sealed_as_stuck_and_the_rest_goes_on(counter: TouchCounter) -> None:
    counter.terminal.touch((50, MARKS_Y))
    counter.run(11_000)
    counter.terminal.touch()
    counter.open_invite()
    counter.tap_level(2)
    counter.settle()
    assert [fields["why"] for _, fields in counter.told(rating.FAULT)] == [reasons.WHY_KEY_STUCK]
    assert counter.levels() == [4]


def test_missing_panel_is_sealed_once_and_taken_up_when_it_answers(tmp_path: Path) -> None:
    with TouchCounter(tmp_path) as counter:
        counter.login()
        counter.terminal.wiring.touch.power_off(counter.terminal.now_us)
        counter.terminal.engine.soc.i2c[1].pop(0x38)
        counter.terminal.wiring.touch.power_on(counter.terminal.now_us)
        counter.terminal.wiring.touch.touch(Point(10, 10))
        counter.run(15_000)
        counter.settle()
        assert [fields["why"] for _, fields in counter.told(rating.FAULT)] == [reasons.WHY_TOUCH_MISSING]
        counter.terminal.wiring.touch.touch()
        counter.terminal.engine.soc.i2c[1][0x38] = counter.terminal.wiring.touch
        counter.run(1_000)
        counter.open_invite()
        counter.tap_level(1)
        counter.settle()
        assert counter.levels() == [5]


def test_rating_with_sub_levels_and_tags_end_to_end(tmp_path: Path) -> None:
    with TouchCounter(tmp_path) as counter:
        counter.put_tag_table()
        counter.restart()
        assert counter.hello["tagver"] == sha256(cbor.encode(TAGS)).digest()[:4]
        counter.login()
        assert counter.ask(messages.CONFIG, policy={"detail": "ask"}) == reasons.OK
        counter.open_invite()
        counter.tap_level(4)
        counter.until_state("offer", 6_000)
        counter.next_page()
        counter.press("function")
        counter.until_state("business")
        counter.next_page()
        counter.tap_level(4)
        counter.until_state("service")
        counter.next_page()
        counter.press("function")
        counter.until_state("tags")
        counter.next_page()
        counter.tap(200, 70)
        counter.tap(200, 220)
        counter.tap(440, 300)
        counter.tap(200, 150)
        counter.press("function")
        counter.until_state("thanks")
        counter.settle()
        fields = counter.told(rating.RATED)[-1][1]
        assert (fields["level"], fields["biz"], fields["tags"]) == (2, 2, [208, 210, 214])
        assert fields["tagver"] == counter.hello["tagver"] and "svc" not in fields
        counter.check_chain()
