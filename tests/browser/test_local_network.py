"""Chromium's permission for pages from elsewhere to reach 127.0.0.1, reproduced; and the doctor's policies against it.

`--ip-address-space-overrides` makes the page's port count as a public or private address (Web Platform Tests' RFC 72),
`--host-resolver-rules` gives it a name. Policies are read from /etc only: a private mount puts the doctor's file there
for one browser, and leaves the machine as it is.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_agent.doctor import policies
from simulator.demo.parts import listens
from tests.browser.chromium import chromium, launched
from tests.browser.hall_page import served
from tests.unit.agent_support import AgentProcess, wait_until

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_MS = 60_000
TOKEN = "network-0123456789abcdef"
NAMED, NAMED_PLAIN = "http://hall.example", "http://plain.example"
MIN_MAJOR = 147  # older ones ask for less
POLICY_FOLDERS = {"chromium": "/etc/chromium", "google-chrome": "/etc/opt/chrome"}
ASK = """async ([address, token]) => {
  const told = { secure: isSecureContext };
  const headers = { Authorization: `Bearer ${token}` };
  told.request = await fetch(`${address}/api/v1/windows`, { headers }).then((answer) => answer.status, () => "blocked");
  told.stream = await new Promise((done) => {
    const socket = new WebSocket(`${address.replace("http", "ws")}/api/v1/stream`);
    socket.onopen = () => done("open");
    socket.onerror = () => done("blocked");
  });
  return told;
}"""
Pages = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    with served({}) as port:
        yield port


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, site: int) -> Iterator[AgentProcess]:
    folder = tmp_path_factory.mktemp("network")
    (folder / "hall.token").write_text(TOKEN, encoding="ascii")
    origins = json.dumps([NAMED, NAMED_PLAIN, f"http://127.0.0.1:{site}"])
    integration = f'[[integration]]\nname = "hall"\ntoken_file = "hall.token"\norigins = {origins}\n'
    process = AgentProcess(folder, 1, [("W01", "YP-0001", folder / "none")], policy=integration)
    process.start("--wait", ready=False)
    wait_until("the agent listens", lambda: listens(process.port))
    yield process
    process.stop()


@pytest.fixture
def asked(driver: "playwright.Playwright", agent: AgentProcess, site: int) -> Pages:
    """Return what opens a page in a Chromium of its own and tells what it could ask of the agent."""

    def ask(
        space: str, url: str, *more: str, granted: tuple[str, ...] = (), executable: str | None = None
    ) -> dict[str, Any]:
        names = ("hall.example", "plain.example")
        arguments = [
            f"--ip-address-space-overrides=127.0.0.1:{site}={space}",
            "--host-resolver-rules=" + ",".join(f"MAP {name} 127.0.0.1:{site}" for name in names),
            *more,
        ]
        browser = launched(driver, *arguments, executable=executable)
        try:
            if int(browser.version.partition(".")[0]) < MIN_MAJOR:
                pytest.skip(f"Chromium is older than {MIN_MAJOR}")
            context = browser.new_context()
            if granted:  # no permission at all would take back what a policy gives
                context.grant_permissions(list(granted))
            page = context.new_page()
            page.set_default_timeout(WAIT_MS)
            page.goto(url or f"http://127.0.0.1:{site}/")
            return page.evaluate(ASK, [f"http://127.0.0.1:{agent.port}", TOKEN])
        finally:
            browser.close()

    return ask


BLOCKED = {"request": "blocked", "stream": "blocked"}
THROUGH = {"request": 200, "stream": "open"}


def test_public_page_without_the_permission_reaches_nothing(asked: Pages) -> None:
    assert asked("public", "") == {"secure": True, **BLOCKED}


def test_public_page_with_the_permission_reaches_what_its_integration_names(asked: Pages) -> None:
    assert asked("public", "", granted=("local-network-access",)) == {"secure": True, **THROUGH}


def test_public_page_without_tls_is_blocked_even_with_the_permission(asked: Pages) -> None:
    assert asked("public", NAMED_PLAIN, granted=("local-network-access",)) == {"secure": False, **BLOCKED}


def test_private_page_is_let_through_as_the_documents_say(asked: Pages) -> None:
    assert asked("local", NAMED_PLAIN) == {"secure": False, **THROUGH}


@pytest.fixture
def under_policy(tmp_path: Path) -> Callable[[list[str]], str]:
    """Return what makes a program that starts Chromium under the doctor's policy for some origins."""
    folder = next((place for name, place in POLICY_FOLDERS.items() if Path(chromium()).name.startswith(name)), None)
    if folder is None or not Path(folder).is_dir() or shutil.which("unshare") is None:
        pytest.skip("this Chromium's policies cannot be put before it alone")
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no private mounts here")

    def make(origins: list[str]) -> str:
        text = next(file.text for file in policies.files(origins) if file.name == "yiping.json")
        managed = tmp_path / "etc" / "policies" / "managed"
        managed.mkdir(parents=True)
        (managed / "yiping.json").write_text(text, encoding="utf-8")
        command = f'mount --bind {shlex.quote(str(tmp_path / "etc"))} {folder} && exec {chromium()} "$@"'
        program = tmp_path / "chromium-under-policy"
        program.write_text(f'#!/bin/sh\nexec {" ".join(unshare)} sh -c {shlex.quote(command)} sh "$@"\n')
        program.chmod(0o755)
        return str(program)

    return make


def test_doctors_policy_lets_the_named_page_through_and_no_other(
    asked: Pages, under_policy: Callable[[list[str]], str]
) -> None:
    program = under_policy([NAMED])
    assert asked("public", NAMED, executable=program) == {"secure": True, **THROUGH}
    assert asked("public", NAMED_PLAIN, executable=program) == {"secure": False, **BLOCKED}
