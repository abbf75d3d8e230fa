"""The built package carries every file that the commands need, and nothing else."""

import re
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from tests.lint.sources import ROOT, name, our_files
from tests.lint.test_locks import project
from tools import wheel_bundles

SHIPPED = "host_agent/bundle/shipped/"
PACKAGES = ("protocol", "host_agent", "simulator", "firmware")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """Build the wheel without network and open it."""
    folder: Path = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("yiping-*-py3-none-any.whl")))


def test_wheel_holds_the_files_of_its_packages_and_no_other_but_the_bundles(wheel):
    packed = {entry for entry in wheel.namelist() if ".dist-info/" not in entry and not entry.startswith(SHIPPED)}
    ours = {
        name(path) for package in PACKAGES for path in our_files(under=package) if path.suffix not in (".pyc", ".mpy")
    }
    assert packed == ours


def test_wheel_brings_the_bundle_of_each_board_with_its_key_and_an_installed_one_accepts_them_offline(wheel, tmp_path):
    names = sorted(entry.removeprefix(SHIPPED) for entry in wheel.namelist() if entry.startswith(SHIPPED))
    version = project()["version"]
    assert names == ["bundle.key", "signer.json", *(f"yiping-{board}-{version}.zip" for board in ("k5", "t35"))]
    wheel.extractall(tmp_path)  # what an installation does with a wheel of pure Python
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import host_agent.cli as c; sys.argv[0] = 'yiping'; "
    # Without the library that makes keys: checking needs none.
    program += "print(c.__file__); sys.modules['cryptography'] = None; c.main()"
    command = [sys.executable, "-c", program, "bundle", "verify"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(str(tmp_path))
    assert [line.split(":")[0] for line in lines[1:3]] == names[2:] and "development key" in lines[3]
    assert all("whole, signed by" in line for line in lines[1:3])


def test_wheel_brings_the_command(wheel):
    points = next(entry for entry in wheel.namelist() if entry.endswith("entry_points.txt"))
    assert "yiping = host_agent.cli:main" in wheel.read(points).decode()


def test_bundles_for_the_wheel_are_built_by_one_process_at_a_time(tmp_path, monkeypatch):
    both = threading.Barrier(2)
    alone = []

    def build() -> bool:
        try:
            both.wait(timeout=0.1)  # the other one cannot be here
        except threading.BrokenBarrierError:
            alone.append(True)
        return True

    monkeypatch.setattr(wheel_bundles, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(wheel_bundles, "_make", build)
    threads = [threading.Thread(target=wheel_bundles.make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert alone == [True, True]


def test_every_released_version_has_an_image_that_later_ones_must_open():
    heading = re.compile(r"^## \[(\d+\.\d+\.\d+)\]", re.M)
    assert heading.findall("## [Unreleased]\n\n## [1.2.3] - 2026-01-01\n## [0.1.0]\n") == ["1.2.3", "0.1.0"]
    released = heading.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    images = {path.stem for path in (ROOT / "tests" / "upgrade" / "images").glob("*.zip")}
    assert sorted({*released} - images) == [], "python -m tests.upgrade.make"
