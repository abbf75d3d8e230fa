"""The headless demo, small: the whole chain with the real firmware, without and with each fault on the way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 240
STATIONS = ("pressed", "journalled", "acknowledged", "published", "received", "receipted")
FAULTS = ("wrong_level", "wrong_detail", "duplicates", "gaps", "not_pressed")


def _demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "host_agent", "demo", "--headless", "--json", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)


def _result(ratings: int, *arguments: str) -> dict:
    done = _demo("--ratings", str(ratings), *arguments)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    print(result)
    assert done.returncode == 0, (result, done.stderr)
    assert [result[name] for name in STATIONS] == [ratings] * len(STATIONS)
    assert [result[name] for name in FAULTS] == [0] * len(FAULTS)
    return result


def test_demo_15_ratings_all_receipted() -> None:
    result = _result(15, "--seed", "1")
    assert 0 < result["press_to_receipt_ms_p50"] <= result["press_to_receipt_ms_p99"]
    assert result["presses"] >= 15


def test_demo_with_touch_terminal_sub_levels_and_tags_arrive_as_tapped() -> None:
    result = _result(2, "--seed", "3", "--board", "t35", "--detail")
    assert result["detailed"] == 2 and result["tags"] >= 1


@pytest.mark.slow
def test_demo_with_five_keys_sub_levels_and_tags_arrive_as_pressed() -> None:
    result = _result(5, "--seed", "2", "--detail")
    assert result["detailed"] >= 4 and result["tags"] >= 3


@pytest.mark.slow
def test_demo_with_touch_terminal_and_all_faults_at_once_all_receipted() -> None:
    numbers = ["--broker-down-at", "2", "--unplug-at", "3", "--power-cut-at", "4", "--kill-agent-at", "4"]
    _result(6, "--seed", "5", "--fault-seconds", "1", *numbers, "--board", "t35", "--detail")


def test_demo_two_boards_in_one_run_is_a_usage_error() -> None:
    done = _demo("--board", "k5", "--board", "t35")
    assert done.returncode == 2
    assert "name one --board" in done.stderr


def test_demo_with_iotcore_all_receipted() -> None:
    _result(5, "--seed", "2", "--broker", "iotcore")


@pytest.mark.slow  # the test of all faults at once runs every day
@pytest.mark.parametrize("option", ["--broker-down-at", "--unplug-at", "--power-cut-at", "--kill-agent-at"])
def test_demo_with_fault_all_receipted(option: str) -> None:
    _result(6, "--seed", "3", "--fault-seconds", "1", option, "3")


def test_demo_with_all_faults_at_once_all_receipted() -> None:
    numbers = ["--broker-down-at", "2", "--unplug-at", "3", "--power-cut-at", "4", "--kill-agent-at", "4"]
    _result(8, "--seed", "4", "--fault-seconds", "1", *numbers)


def test_demo_fault_beyond_the_run_is_a_usage_error() -> None:
    done = _demo("--ratings", "3", "--unplug-at", "4")
    assert done.returncode == 2
    assert "there is no rating 4" in done.stderr


def test_demo_folder_not_empty_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    done = _demo("--ratings", "3", "--keep", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"yiping: the folder is not empty ({tmp_path}): name a new one\n"
