"""The page for integrators tells what works: its curl lines and its Python program are run as they stand there."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from tests.dialects.hall import TOKEN, WAIT_S, Posting
from tests.unit.agent_support import ROOT

PAGE = ROOT / "docs" / "zh" / "integrator.md"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


@pytest.fixture
def run(hall, tmp_path):
    """Return a function that runs a program of the page at this hall, and gives what it printed."""
    (tmp_path / "counter.token").write_text(TOKEN, encoding="ascii")

    def runs(command, text):
        assert "127.0.0.1:8471" in text
        program = text.replace("127.0.0.1:8471", f"127.0.0.1:{hall.agent.port}")
        done = subprocess.run(
            [*command, program], cwd=tmp_path, capture_output=True, text=True, timeout=2 * WAIT_S, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return runs


@needs_curl
def test_integrator_page_curl_lines_take_a_case_to_its_invite(hall, run):
    lines = blocks("sh")[0]
    text = run(["sh", "-c"], lines.replace("\ncurl", "\necho; curl"))
    login, serve, invite, window = (json.loads(line) for line in text.split("\n") if line)
    assert login["clerk"]["number"] == "007" and serve["ticket"] == "A012"
    assert invite["state"] == "open" and window["invite"] == invite
    assert hall.t1.open_invite.hex() == invite["invite"]


@needs_curl
def test_integrator_page_gwq_line_is_answered_after_the_rating(hall, run):
    posting = Posting(lambda: run(["sh", "-c"], blocks("sh")[1]))
    hall.invited(hall.t1)
    hall.t1.press(2)
    answer = json.loads(posting.answer())
    assert (answer["ErrorCode"], answer["json"]["satisfaction"]) == (0, "2")


def test_integrator_page_python_program_prints_the_outcome(hall, run):
    posting = Posting(lambda: run([sys.executable, "-c"], blocks("python")[0]))
    hall.invited(hall.t1)
    hall.t1.press(1)
    assert posting.answer() == "rated\n"


def test_integrator_page_browser_client_is_the_one_of_the_examples():
    source = (ROOT / "docs" / "examples" / "yiping-window.js").read_text(encoding="utf-8")
    (snippet,) = blocks("js")
    called = set(re.findall(r"\bw\.(\w+)\(", snippet))
    assert called and all(re.search(rf"^  (async )?{name}\(", source, re.M) for name in called)


def test_integrator_page_names_only_codes_that_the_api_page_names():
    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    section = PAGE.read_text(encoding="utf-8").partition("## 四")[2].partition("## 五")[0]
    codes = set(re.findall(r"`([a-z_]+)`", "".join(line.split("|")[2] for line in section.splitlines() if "|" in line)))
    codes -= {"code"}
    assert len(codes) > 15 and not [code for code in codes if f"`{code}`" not in api]
