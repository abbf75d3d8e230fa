"""REQUIRE_ALL: a skip is a failure and names its reason; without it a skip stays one."""

import os
import subprocess
import sys

import pytest

from tests.lint.sources import ROOT

SKIPPING = """
import pytest

def test_here():
    pytest.skip("no such program")

@pytest.mark.skipif(True, reason="no display")
def test_marked(): pass

@pytest.mark.xfail(reason="known", strict=True)
def test_known(): assert False
"""


def run(folder, *options: str) -> subprocess.CompletedProcess:
    """Run pytest on the folder alone, without the project's settings and with no plugin that is not asked for."""
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "-p", "no:cacheprovider", *options, str(folder)]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=100)


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "1")], ids=["alone", "xdist"])
def test_skip_fails_when_everything_is_required(tmp_path, workers):
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    (tmp_path / "test_whole.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    done = run(tmp_path, "-p", "tests.plugins.no_skips", "--continue-on-collection-errors", *workers)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 xfailed, 2 errors" in done.stdout, done.stdout
    assert [reason for reason in ("no such program", "no display", "no_such_module") if reason not in done.stdout] == []


def test_skip_stays_a_skip_otherwise(tmp_path):
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    done = run(tmp_path)
    assert done.returncode == 0 and "2 skipped, 1 xfailed" in done.stdout, done.stdout
