"""The verdict of a headless run must see every kind of loss, change, doubling and invention."""

from dataclasses import dataclass, field

import pytest

from simulator.demo.ledger import NOTHING_MORE, Details, Ledger
from simulator.demo.outbox_reader import OutboxEvent
from simulator.demo.result import ChipEvent, Evidence, Result, judge, percentile

A, B = "aa" * 16, "bb" * 16


@dataclass
class Story:
    """One run told press by press and record by record."""

    ledger: Ledger = field(default_factory=Ledger)
    city: list[dict] = field(default_factory=list)
    chip: list[ChipEvent] = field(default_factory=list)
    published: list[OutboxEvent] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)
    receipts: dict[str, tuple[float, str]] = field(default_factory=dict)

    def press(self, invite: str, key: int, shown: bool = True, details: Details = NOTHING_MORE) -> None:
        """Press a key at second 10."""
        self.ledger.press(invite, key, 10.0, details).shown = shown

    def arrive(self, seq: int, invite: str, level: int, receipt: str = "stored", **more: object) -> None:
        """Let one rated event pass all stations."""
        event = f"T-1-{seq}"
        self.chip.append(ChipEvent(seq, "rated", invite, acknowledged=True))
        self.published.append(OutboxEvent(event, "rated", invite, receipted=True))
        self.city.append(_item(seq, invite, level) | more)
        self.receipts[event] = (10.05, receipt)

    def judge(self) -> Result:
        """Return the verdict."""
        evidence = Evidence(self.chip, self.published, self.city, self.receipts, self.settled)
        return judge(self.ledger, evidence, 1.0, seed=0)


def _item(seq: int, invite: str | None, level: int | None, kind: str = "rated") -> dict:
    return {
        "id": f"T-1-{seq}", "terminal": "T", "epoch": 1, "seq": seq, "kind": kind, "invite": invite, "level": level,
    }  # fmt: skip


@pytest.fixture
def story() -> Story:
    """Return two good ratings, the second with a change of mind."""
    story = Story()
    story.press(A, 1)
    story.arrive(1, A, 5)
    story.press(B, 2)
    story.press(B, 5)
    story.arrive(2, B, 4)
    story.arrive(3, B, 1)
    return story


def test_judge_all_delivered_is_ok(story: Story) -> None:
    result = story.judge()
    assert result.ok
    assert (result.pressed, result.receipted, result.presses) == (2, 2, 3)
    assert result.press_to_receipt_ms_p50 == pytest.approx(50.0)


def test_judge_nothing_pressed_is_not_ok() -> None:
    assert not Story().judge().ok


def test_judge_rating_lost_is_not_ok(story: Story) -> None:
    story.city.pop()
    result = story.judge()
    assert (result.ok, result.received, result.wrong_level) == (False, 1, 1)


def test_judge_first_press_of_a_change_lost_is_a_gap_and_not_received(story: Story) -> None:
    del story.city[1]
    result = story.judge()
    assert (result.ok, result.received, result.gaps, result.wrong_level) == (False, 1, 1, 0)


def test_judge_level_changed_is_wrong_level(story: Story) -> None:
    story.city[0]["level"] = 4
    result = story.judge()
    assert (result.ok, result.wrong_level, result.not_pressed) == (False, 1, 1)


def test_judge_record_repeated_is_duplicate(story: Story) -> None:
    story.city.append(dict(story.city[0]))
    result = story.judge()
    assert (result.ok, result.duplicates, result.received) == (False, 1, 2)


def test_judge_rating_sealed_twice_is_not_pressed(story: Story) -> None:
    story.arrive(4, A, 5)
    result = story.judge()
    assert (result.ok, result.not_pressed) == (False, 1)


def test_judge_rating_of_unknown_invite_is_not_pressed(story: Story) -> None:
    story.arrive(4, "cc" * 16, 5)
    result = story.judge()
    assert (result.ok, result.not_pressed, result.pressed) == (False, 1, 2)


def test_judge_receipt_missing_is_not_receipted(story: Story) -> None:
    del story.receipts["T-1-3"]
    result = story.judge()
    assert (result.ok, result.receipted) == (False, 1)


def test_judge_receipt_not_heard_but_settled_at_the_agent_is_receipted(story: Story) -> None:
    del story.receipts["T-1-3"]
    story.settled = {"T-1-3"}
    assert story.judge().ok


def test_judge_receipt_refused_is_not_receipted(story: Story) -> None:
    story.receipts["T-1-1"] = (10.1, "refused")
    assert story.judge().receipted == 1


def test_judge_not_acknowledged_on_chip_is_counted(story: Story) -> None:
    story.chip[0] = ChipEvent(1, "rated", A, acknowledged=False)
    result = story.judge()
    assert (result.ok, result.journalled, result.acknowledged) == (False, 2, 1)


def test_judge_not_published_is_counted(story: Story) -> None:
    del story.published[1]
    assert story.judge().published == 1


@pytest.mark.parametrize("arrives", [True, False])
def test_judge_press_hidden_by_a_power_cut_may_arrive_or_not(story: Story, arrives: bool) -> None:
    story.press("dd" * 16, 3, shown=False)
    if arrives:
        story.arrive(4, "dd" * 16, 3)
    result = story.judge()
    assert (result.ok, result.pressed, result.presses_unshown) == (True, 2, 1)


def test_judge_press_hidden_by_a_power_cut_with_another_level_is_not_pressed(story: Story) -> None:
    story.press("dd" * 16, 3, shown=False)
    story.arrive(4, "dd" * 16, 5)
    assert story.judge().not_pressed == 1


@pytest.mark.parametrize("arrives", [True, False])
def test_judge_change_hidden_by_a_power_cut_may_count_or_not(story: Story, arrives: bool) -> None:
    story.press(A, 4, shown=False)
    if arrives:
        story.arrive(4, A, 2)
    assert story.judge().ok


def test_judge_press_ignored_then_repeated_is_one_rating() -> None:
    story = Story()
    story.press(A, 1, shown=False)
    story.press(A, 1)
    story.arrive(1, A, 5)
    assert story.judge().ok


@pytest.fixture
def told(story: Story) -> Story:
    """Go on with a rating that says more, press by press."""
    details = [NOTHING_MORE, Details(2), Details(2, 3), Details(2, 3, (201,)), Details(2, 3, (201, 203))]
    for seq, said in enumerate(details, 4):
        story.press("dd" * 16, 4, details=said)
        story.arrive(seq, "dd" * 16, 2, business_level=said.business, service_level=said.service, tags=list(said.tags))
    return story


def test_judge_sub_levels_and_tags_as_tapped_are_ok(told: Story) -> None:
    result = told.judge()
    assert (result.ok, result.pressed, result.detailed, result.tags) == (True, 3, 1, 2)


@pytest.mark.parametrize(
    "changed", [{"business_level": 3}, {"service_level": None}, {"tags": [201]}, {"tags": [203, 204]}]
)
def test_judge_other_details_than_tapped_are_wrong_detail(told: Story, changed: dict) -> None:
    told.city[-1] |= changed
    result = told.judge()
    assert (result.ok, result.wrong_detail, result.wrong_level, result.not_pressed) == (False, 1, 0, 1)


def test_judge_tag_lost_is_wrong_detail_and_a_gap(told: Story) -> None:
    del told.city[-1]
    told.arrive(9, A, 5)
    result = told.judge()
    assert (result.wrong_detail, result.received, result.gaps) == (1, 2, 1)


@pytest.mark.parametrize("arrives", [True, False])
def test_judge_tag_hidden_by_a_power_cut_may_count_or_not(told: Story, arrives: bool) -> None:
    said = Details(2, 3, (201, 203, 204))
    told.press("dd" * 16, 4, shown=False, details=said)
    if arrives:
        told.arrive(9, "dd" * 16, 2, business_level=2, service_level=3, tags=list(said.tags))
    assert told.judge().ok


def test_tag_toggled_twice_is_taken_back() -> None:
    assert Details(tags=(205,)).toggled(203).tags == (203, 205)
    assert Details(tags=(205,)).toggled(205) == NOTHING_MORE


def test_judge_other_events_fill_the_sequence(story: Story) -> None:
    story.city.append(_item(4, None, None, kind="boot"))
    story.city.append(_item(6, None, None, kind="boot"))
    assert story.judge().gaps == 1


@pytest.mark.parametrize(("percent", "value"), [(50, 2.0), (99, 4.0), (100, 4.0)])
def test_percentile_is_nearest_rank(percent: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == value


def test_percentile_of_nothing_is_none() -> None:
    assert percentile([], 50) is None
