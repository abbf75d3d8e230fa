"""The bench's runner, with parts that measure nothing; and that a figure without its target is not overlooked."""

import json
from types import SimpleNamespace

import pytest

from tests.bench import __main__ as runner
from tests.bench import figures

MET = {"receiver_events_per_cpu_s": 1000.0, "receiver_more": 1.5}


def ran(tmp_path, arguments: list[str], measure) -> tuple[int, dict]:
    """Run the receiver's part as `measure` and return exit code and what was kept."""
    part = SimpleNamespace(measure=measure, measure_long=lambda repetitions, say: {"receiver_long": 7.0})
    result = tmp_path / "build" / "bench.json"
    code = runner.run(runner.parse(["--only", "receiver", *arguments]), result, lambda name: part)
    return code, json.loads(result.read_text(encoding="utf-8"))


def test_figures_are_printed_with_target_and_kept_flat(tmp_path, capsys):
    told = []
    code, kept = ran(tmp_path, ["--repetitions", "3"], lambda repetitions, say: told.append(repetitions) or MET)
    assert (code, kept, told) == (0, MET, [3])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["receiver_events_per_cpu_s", "1,000", "≥", "1000", "met"] for line in lines)
    assert "missed: none" in lines and "could not be measured: none" in lines


def test_only_keeps_what_other_parts_measured_before(tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "bench.json").write_text('{"link_old": 1, "receiver_more": 9}')
    assert ran(tmp_path, [], lambda repetitions, say: MET)[1] == {"link_old": 1, **MET}


def test_missed_target_is_shown_and_fails_only_a_strict_run(tmp_path, capsys):
    slow = MET | {"receiver_events_per_cpu_s": 999.0}
    assert ran(tmp_path, [], lambda repetitions, say: slow)[0] == 0
    assert "MISSED" in capsys.readouterr().out
    assert ran(tmp_path, ["--strict"], lambda repetitions, say: slow)[0] == 2


def test_part_that_fails_or_leaves_a_target_out_fails_the_run(tmp_path, capsys):
    assert ran(tmp_path, [], lambda repetitions, say: {"receiver_more": 1.0})[0] == 1
    assert "receiver did not measure receiver_events_per_cpu_s" in capsys.readouterr().err
    assert ran(tmp_path, [], lambda repetitions, say: 1 // 0) == (1, {})


def test_long_measures_what_takes_minutes_too(tmp_path, monkeypatch):
    monkeypatch.setitem(figures.LONG_TARGETS, "receiver", {"receiver_long": figures.Target(figures.AT_LEAST, 5)})
    assert ran(tmp_path, ["--long"], lambda repetitions, say: MET) == (0, MET | {"receiver_long": 7.0})
    assert set(figures.TARGETS) | set(figures.LONG_TARGETS) <= set(runner.PARTS)


def test_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        runner.parse(["--only", "nobody"])
    assert "agent, receiver, link, journal, firmware, update" in capsys.readouterr().err.replace("'", "")


def test_medians_are_taken_by_figure():
    assert figures.medians([{"a": 1, "b": 5}, {"a": 9, "b": 4}, {"a": 2, "b": 6}]) == {"a": 2, "b": 5}
