"""`yiping sim rater` as a technician uses it, and the model of a rater byte for byte."""

import os
import subprocess
import sys

from click.testing import CliRunner

from simulator.legacy_rater import RaterBus, frame, frames_in
from simulator.rater_cli import rater
from tests.unit.agent_support import wait_until

BEGIN = bytes.fromhex("FF 68 03 03 68 01 01 0B 0D 16")


def test_prompt_carries_out_commands_and_explains_wrong_ones(tmp_path):
    lines = [
        "help", "press 1", "open on", "press 1", "press 9", "press 1 5", "grade 300", "dance", "deaf maybe", "late 20",
        "deaf on", "double on", "checksum wrong", "echo on", "noise", "stranger", "unplug", "plug", "status", "quit",
    ]  # fmt: skip
    result = CliRunner().invoke(
        rater, ["--link", str(tmp_path / "bus"), "--address", "1", "--address", "2"], input="\n".join(lines) + "\n"
    )
    assert result.exit_code == 0, result.output
    for text in (
        "no evaluation is open",
        "sent",
        "no key 9",
        "no rater 5",
        "no grade 300",
        "no command dance",
        "say on",
    ):
        assert text in result.output
    assert "rater 2: evaluates, begun 0, acknowledged 0, no stars" in result.output
    assert not (tmp_path / "bus").is_symlink()


def test_signal_ends_raters_without_prompt_cleanly(tmp_path):
    code = "from simulator.rater_cli import rater; rater()"
    command = [sys.executable, "-c", code, "--no-prompt", "--link", str(tmp_path / "bus")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert "Raters 1" in process.stdout.readline()
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert not (tmp_path / "bus").is_symlink()


def test_model_speaks_the_fields_frames_and_stops_at_either_acknowledgement(tmp_path):
    for bare, grade, ack in (
        (False, "FF 68 03 03 68 81 11 03 95 16", "68 02 02 68 81 01 82 16"),
        (True, "FF 68 03 03 68 01 11 03 15 16", "FF 68 03 03 68 01 01 03 05 16"),
    ):
        bus = RaterBus(tmp_path / "bus", bare=bare).start()
        try:
            fd = os.open(tmp_path / "bus", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            assert not bus.press(2), "nobody asked"
            os.write(fd, BEGIN)
            wait_until("the evaluation", lambda bus=bus: bus.rater().evaluates)
            assert bus.press(2) and not bus.press(2), "one press an evaluation"
            heard = bytearray()
            wait_until("the grade", lambda fd=fd, heard=heard: len(read(fd, heard)) >= 10)
            assert heard == bytes.fromhex(grade)
            os.write(fd, bytes.fromhex(ack))
            wait_until("the end of it", lambda bus=bus: not bus.rater().waits and bus.rater().acknowledged == 1)
            os.close(fd)
        finally:
            bus.close()


def test_frames_are_found_in_rubbish_and_false_ones_are_not():
    held = bytearray(b"\x68\x68\x00" + frame(1, 2, b"\x05") + b"\x68\x02" + BEGIN[:-2] + b"\x00\x16" + BEGIN + b"\xff")
    assert frames_in(held) == [(1, 2, b"\x05"), (1, 1, b"\x0b")]


def read(fd: int, heard: bytearray) -> bytearray:
    """Add what has come, if anything."""
    try:
        heard.extend(os.read(fd, 100))
    except BlockingIOError:
        return heard
    return heard
