"""Every statement of every driver is executed against its chip model."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_statements_of_the_drivers_are_executed_by_the_device_tests() -> None:
    command = [sys.executable, "-m", "tests.device.driver_lines"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "\n0 statements of " in ended.stdout
