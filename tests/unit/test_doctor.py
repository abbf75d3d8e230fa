"""`yiping doctor browser`: what it says of a running agent, of origins and browsers, and the policies it writes."""

import http.server
import json
import re
import threading

import pytest
from click.testing import CliRunner

from host_agent.cli import main
from host_agent.doctor import browsers, origins, policies
from host_agent.doctor.browsers import Browser
from simulator.demo.parts import listens
from tests.unit.agent_support import AgentProcess, wait_until

HALL, OTHER = "https://hall.example", "https://other.example"
INTEGRATION = f'[[integration]]\nname = "hall"\ntoken_file = "hall.token"\norigins = ["{HALL}"]\n'


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor")
    (folder / "hall.token").write_text("doctor-0123456789abcdef", encoding="ascii")
    process = AgentProcess(folder, 1, [("W01", "YP-0001", folder / "none")], policy=INTEGRATION)
    process.start("--wait", ready=False)
    wait_until("the agent listens", lambda: listens(process.port))
    yield process
    process.stop()


@pytest.fixture(autouse=True)
def no_browsers(monkeypatch):
    monkeypatch.setattr(browsers, "find", lambda: [Browser("chrome", "/usr/bin/google-chrome", "156.0.1.2")])


def run(agent, *options):
    return CliRunner().invoke(main, ["doctor", "browser", "--config", str(agent.config), *options])


def test_doctor_of_a_sound_agent_finds_every_step_of_the_page_well(agent):
    result = run(agent, "--json")
    told = json.loads(result.output)
    assert result.exit_code == 0, told["findings"]
    assert {item["part"].replace(f"{HALL} ", "") for item in told["findings"]} == {
        "agent", "other host names", "other pages", HALL, "address", "preflight", "request", "stream",
    }  # fmt: skip
    assert all(item["ok"] for item in told["findings"])
    assert any("no mixed content" in note for note in told["notes"])
    assert "asks the clerk once" in told["browsers"][0]["asks"]
    assert "doctor-0123456789abcdef" not in result.output


def test_doctor_of_a_page_that_no_integration_names_says_how_to_name_it(agent):
    result = run(agent, "--origin", OTHER)
    assert result.exit_code == 1
    assert f"FAIL {OTHER}: no [[integration]] names it: add it to the origins" in result.output
    assert HALL not in result.output


def test_doctor_prints_policies_to_paste_and_says_what_to_click(agent, tmp_path):
    result = run(agent, "--write", str(tmp_path / "policies"))
    assert result.exit_code == 0, result.output
    assert f'"1"="{HALL}"' in result.output and "/etc/chromium/policies/managed/yiping.json" in result.output
    assert "允许" in result.output and "chrome://version" in result.output
    written = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "policies").iterdir()}
    assert written.keys() == {"yiping.reg", "yiping.json", "policies.json"}
    assert json.loads(written["yiping.json"])["LoopbackNetworkAllowedForUrls"] == [HALL]


def test_doctor_without_an_agent_says_that_and_gives_the_policies_all_the_same(tmp_path):
    (tmp_path / "hall.token").write_text("doctor-0123456789abcdef", encoding="ascii")
    absent = AgentProcess(tmp_path, 1, [("W01", "YP-0001", tmp_path / "none")], policy=INTEGRATION)
    result = run(absent)
    assert result.exit_code == 1 and "no agent answers" in result.output and "yiping agent run" in result.output
    assert f'"1"="{HALL}"' in result.output


class Stranger(http.server.BaseHTTPRequestHandler):
    """Answer at the agent's port as another program: everything is allowed to everybody."""

    def answer(self):
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_OPTIONS = answer

    def log_message(self, *_):
        """Say nothing."""


def test_doctor_finds_another_program_in_the_agents_place(tmp_path):
    (tmp_path / "hall.token").write_text("doctor-0123456789abcdef", encoding="ascii")
    agent = AgentProcess(tmp_path, 1, [("W01", "YP-0001", tmp_path / "none")], policy=INTEGRATION)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", agent.port), Stranger)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        found = {item["part"]: item for item in json.loads(run(agent, "--json").output)["findings"]}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    for part in ("other host names", "other pages", f"{HALL} preflight", f"{HALL} request", f"{HALL} stream"):
        assert not found[part]["ok"], part


@pytest.mark.parametrize(
    ("address", "space"),
    [
        ("127.0.0.1", "loopback"), ("::1", "loopback"), ("::ffff:127.0.0.1", "loopback"), ("10.1.2.3", "local"),
        ("192.168.1.9", "local"), ("172.31.0.1", "local"), ("169.254.1.1", "local"), ("100.64.0.1", "local"),
        ("fd00::1", "local"), ("fe80::1%eth0", "local"), ("8.8.8.8", "public"), ("2400:3200::1", "public"),
        ("nonsense", "unknown"),
    ],
)  # fmt: skip
def test_address_space_is_that_of_the_specification(address, space):
    assert origins.space_of(address) == space


@pytest.mark.parametrize(
    ("text", "space", "fine", "words"),
    [
        ("https://hall.example", "public", True, "asked once"),
        ("https://hall.example", "unknown", True, "asked once"),
        ("http://hall.example", "public", False, "blocks them without asking"),
        ("http://hall.example", "unknown", False, "unless their address is a private one"),
        ("http://10.0.0.5:8080", "local", True, "the specification does not"),
        ("http://localhost:3000", "loopback", True, "ask nothing"),
    ],
)
def test_origin_tells_whether_its_pages_can_reach_this_machine(text, space, fine, words):
    verdict = origins.Origin(text, space).verdict()
    assert verdict[0] is fine and words in verdict[1]


def test_policies_hold_the_origins_for_each_browser_and_trust_only_pages_without_tls():
    told = policies.files([HALL, "http://10.0.0.5:8080"])
    reg, linux, firefox = (file.text for file in told)
    assert reg.startswith("Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Google")
    keys = re.findall(r"^\[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\(.+)\]\r$", reg, re.M)
    names = ["LoopbackNetworkAllowedForUrls", "LocalNetworkAccessAllowedForUrls", policies.AS_SECURE]
    assert keys == [f"{maker}\\{name}" for maker in (r"Google\Chrome", r"Microsoft\Edge") for name in names]
    assert reg.count('"2"="http://10.0.0.5:8080"\r\n') == 4 and reg.count('"1"="http://10.0.0.5:8080"\r\n') == 2
    assert json.loads(linux)[policies.AS_SECURE] == ["http://10.0.0.5:8080"]
    assert json.loads(firefox) == {"policies": {"LocalNetworkAccess": {"SkipDomains": ["hall.example", "10.0.0.5"]}}}
    assert policies.AS_SECURE not in policies.files([HALL])[0].text and policies.files([]) == []


@pytest.mark.parametrize(
    ("family", "version", "words"),
    [
        ("chrome", "141.0.0.0", "asks nothing yet"),
        ("chrome", "142.0.0.0", "for requests, not yet for WebSockets"),
        ("edge", "142.0.0.0", "asks nothing yet"),
        ("edge", "147.0.0.0", "requests and WebSockets"),
        ("chromium", "156.0.1.2", "requests and WebSockets"),
        ("chrome", None, "chrome://version"),
        ("360", "15.3.1", "chrome://version"),
        ("firefox", "151.0", "device apps and services"),
    ],
)
def test_browser_tells_what_it_asks(family, version, words):
    assert words in Browser(family, "/x", version).asks()


def test_browsers_of_windows_are_found_with_the_version_of_their_folder(tmp_path):
    chrome = tmp_path / "Google" / "Chrome" / "Application"
    (chrome / "99.0.1.1").mkdir(parents=True)
    (chrome / "142.0.7444.60").mkdir()
    (chrome / "SetupMetrics").mkdir()
    (chrome / "chrome.exe").touch()
    (tmp_path / "360se6" / "Application").mkdir(parents=True)
    (tmp_path / "360se6" / "Application" / "360se.exe").touch()
    found = browsers.on_windows([tmp_path, tmp_path / "absent", tmp_path])
    assert [(one.family, one.version) for one in found] == [("chrome", "142.0.7444.60"), ("360", None)]
