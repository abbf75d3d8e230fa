"""`yiping sim run` as a technician uses it."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from simulator.cli import sim
from tests.unit.simulated import firmware


def run(arguments: list[str], commands: str = "quit\n") -> object:
    """Run the command in this process."""
    return CliRunner().invoke(sim, ["run", *arguments], input=commands)


def idle(tmp_path) -> list[str]:
    """Return the options of a terminal whose firmware does nothing."""
    folder = firmware(tmp_path, "")
    return ["--link", str(tmp_path / "port"), "--state", str(tmp_path / "state"), "--firmware", str(folder)]


def test_prompt_carries_out_commands_and_explains_wrong_ones(tmp_path):
    lines = [
        "help",
        "",
        "press",
        "press 99",
        "press 1 x",
        "dance",
        "power maybe",
        "status",
        "power off",
        "status",
        "quit",
    ]
    result = run(idle(tmp_path), "\n".join(lines) + "\n")
    assert result.exit_code == 0, result.output
    text = result.output
    assert "provision.json" in text and "Terminal YP-0001 (k5) at window W01 of C01" in text
    for part in (
        "press takes 1 to 2 words",
        "no key 99: this board has 1, 2, 3, 4, 5, function, clerk",
        "x is not a number of ms",
        "no command dance",
        "maybe: say on or off",
        "powered: yes",
        "powered: no",
    ):
        assert part in text, part
    assert (tmp_path / "state" / "provision.json").exists()


def test_screenshot_is_a_png_and_a_wrong_name_is_explained(tmp_path):
    commands = f"screenshot {tmp_path / 'a.png'}\nscreenshot {tmp_path / 'no' / 'a.png'}\nscreenshot x.strange\n"
    result = run(idle(tmp_path), commands)
    assert result.exit_code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert result.output.count("cannot write") == 2


def test_fingers_go_on_the_glass_of_a_board_that_has_one(tmp_path):
    lines = ["tap 10 10", "touch 1 2 3", "touch 1 2 3 4", "touch 479 319", "lift", "tap 480 0", "press 1", "status"]
    result = run(["--board", "t35", *idle(tmp_path)], "\n".join(lines) + "\n")
    assert result.exit_code == 0, result.output
    assert "touch takes X and Y of each finger" in result.output
    assert "480, 0 is outside the glass: it has 480 × 320 px" in result.output
    assert "no key 1: this board has function, clerk" in result.output
    assert "lamps: -" in result.output
    (tmp_path / "k5").mkdir()
    assert run(idle(tmp_path / "k5"), "tap 10 10\n").output.endswith("this board has no touch panel\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--board", "k9", "--link", "port"], "yiping: unknown board k9 ("),
        (["--link", "taken"], "yiping: the path is not a terminal's link ("),
        (["--link", "none/port"], "yiping: no such folder for the link ("),
    ],
)
def test_what_the_user_can_cure_is_one_line_and_exit_code_1(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")
    result = run(options)
    assert result.exit_code == 1
    assert result.output.startswith(message) and result.output.count("\n") == 1 and "): " in result.output


def test_missing_interpreter_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run(idle(tmp_path))
    assert result.exit_code == 1 and result.output.startswith("yiping: no MicroPython for the simulated chip (")


def test_signal_ends_a_terminal_without_prompt_cleanly(tmp_path):
    code = "from simulator.cli import sim; sim()"
    command = [sys.executable, "-c", code, "run", "--no-prompt", *idle(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert "Terminal YP-0001" in process.stdout.readline()
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert not (tmp_path / "port").is_symlink()
