"""The built package carries every file that the commands need, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.lint.sources import ROOT, name, our_files

PACKAGES = ("protocol", "host_agent", "simulator", "firmware")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """Build the wheel without network and open it."""
    folder: Path = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("yiping-*-py3-none-any.whl")))


def test_wheel_holds_the_files_of_its_packages_and_no_other(wheel):
    packed = {entry for entry in wheel.namelist() if ".dist-info/" not in entry}
    ours = {
        name(path) for package in PACKAGES for path in our_files(under=package) if path.suffix not in (".pyc", ".mpy")
    }
    assert packed == ours


def test_wheel_brings_the_command(wheel):
    points = next(entry for entry in wheel.namelist() if entry.endswith("entry_points.txt"))
    assert "yiping = host_agent.cli:main" in wheel.read(points).decode()
