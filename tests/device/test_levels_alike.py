"""Nobody at the counter learns which level was pressed: the whole trace of a rating is the same for all five."""

from pathlib import Path

import pytest

from simulator.chips.key_lamps import LAMPS, current_ma
from tests.device.trace import CHANGE_SEEN_MS, LOOK_MS, Trace

WATCHED = (
    "pixels",
    "tone",
    "light",
    "lamps",
    "dim",
    "voice",
    "state",
    "program",
    "from terminal",
    "to terminal",
    "sealed",
)

DIM = current_ma(LAMPS, True) / current_ma(LAMPS, False)


@pytest.fixture(scope="module", params=("k5", pytest.param("t35", marks=pytest.mark.slow)))
def traces(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Trace]:
    """Return the trace of a rating with each key, of one board."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    return {key: Trace(folder / str(key), request.param, key) for key in (1, 2, 3, 4, 5)}


def test_every_key_rated_its_own_level(traces: dict[int, Trace]) -> None:
    assert {key: trace.levels for key, trace in traces.items()} == {key: [6 - key] for key in traces}


def test_trace_tells_of_all_that_happens_in_a_rating(traces: dict[int, Trace]) -> None:
    trace = traces[1]
    assert [state for _, state in trace.of("state")] == ["chosen", "offer", "idle"]
    if trace.lamps_before:
        # The invite's prompt plays as the key goes down: the lamps are dim then, and dark before they would be bright.
        assert trace.lamps_before == (DIM,) * 5 and [light for _, light in trace.of("lamps")] == [(0.0,) * 5]
    assert trace.of("light")[0][1] > 0.5
    assert [hertz for _, hertz in trace.of("tone")] == [2_000, 0]
    assert len(trace.of("voice")) == 1 and len(trace.of("pixels")) > 50
    assert len(trace.of("program")) >= 2 and len(trace.of("from terminal")) >= 4 and trace.of("sealed")[0][1]


@pytest.mark.parametrize("what", WATCHED)
def test_lamps_sound_light_times_and_traffic_are_the_same_for_every_level(traces: dict[int, Trace], what: str) -> None:
    expected = traces[1].of(what)
    for key, trace in traces.items():
        assert trace.of(what) == expected, f"key {key}"


def test_glass_is_the_same_but_for_the_level_card_which_is_hidden_after_two_seconds(traces: dict[int, Trace]) -> None:
    shown = [{trace.card[i] for trace in traces.values()} for i in range(len(traces[1].card))]
    for trace in traces.values():
        assert trace.around == traces[1].around
    assert len(shown[0]) == 5, "each level is shown"
    late = [cards for cards in shown if min(at_ms for at_ms, _ in cards) >= CHANGE_SEEN_MS + LOOK_MS]
    assert len(late) > 40 and all(len(cards) == 1 for cards in late)
