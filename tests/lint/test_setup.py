"""The set-up behind `make`: says what is missing on a machine that cannot carry the project, and does nothing twice."""

import ast
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.lint.sources import ROOT
from tools import setup_venv

PROGRAM = ROOT / "tools" / "setup_venv.py"
PYTHONS_THAT_MUST_PARSE_IT = ((3, 7), (3, 8), (3, 11))


@pytest.mark.parametrize("version", PYTHONS_THAT_MUST_PARSE_IT)
def test_old_pythons_can_parse_the_set_up(version):
    ast.parse(PROGRAM.read_text(encoding="utf-8"), feature_version=version)


def test_old_python_is_told_what_to_do(monkeypatch):
    class Version(tuple):
        pass

    monkeypatch.setattr(
        setup_venv, "sys", SimpleNamespace(version_info=Version((3, 9, 2)), executable="/usr/bin/python3")
    )
    with pytest.raises(
        setup_venv.SetupError, match=r"3\.11 or newer is needed, /usr/bin/python3 is 3\.9.*make PYTHON="
    ):
        setup_venv.check_interpreter()


def test_python_without_venv_is_told_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(setup_venv.SetupError, match="install the package python3-venv"):
        setup_venv.check_interpreter()


def test_failed_installation_ends_in_one_sentence_with_pips_reason(tmp_path):
    # Stands for an environment whose pip finds nothing.
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho Collecting sand\necho 'ERROR: no sand in the index'\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(setup_venv.SetupError, match=r"\(ERROR: no sand in the index\): .*PIP_INDEX_URL"):
        setup_venv.run_pip(str(tmp_path), ["--require-hashes", "-r", "some.lock"], total=1)


def test_finished_environment_is_left_alone(tmp_path):
    lock = tmp_path / "empty.lock"
    lock.write_text("# nothing\n")
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    setup_venv.write_stamp(str(folder), setup_venv.fingerprint(str(lock)), "-")
    done = subprocess.run([sys.executable, PROGRAM, folder, lock], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_interrupted_environment_counts_as_none(tmp_path):
    assert setup_venv.read_stamp(str(tmp_path)) == ("", "")
