"""The command line: what the user can cure is one line with what, where and cure, exit code 1, and nothing is lost."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from host_agent import cli
from tests.unit.agent_support import MOSQUITTO, ROOT, WAIT_S, AgentProcess, Broker, free_port, wait_until
from tests.unit.fake_terminal import FakeTerminal
from tests.unit.tls_files import Authority


def yiping(*words):
    done = subprocess.run(
        [sys.executable, "-c", "from host_agent.cli import main; main()", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * WAIT_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    started = Broker(tmp_path_factory.mktemp("broker")).start()
    yield started
    started.stop()


@pytest.fixture
def terminal(tmp_path):
    started = FakeTerminal(tmp_path / "port").start()
    yield started
    started.close()


def one_line(result, what, where, cure):
    code, out, error = result
    lines = [line for line in error.splitlines() if line.startswith("yiping: ")]
    assert code == 1 and out == "" and len(lines) == 1, error
    assert lines[0].startswith(f"yiping: {what}") and where in lines[0] and cure in lines[0], lines[0]
    assert "Traceback" not in error


_made = []


@pytest.fixture(autouse=True)
def leave_no_agent():
    """End what a test that failed has left running."""
    yield
    while _made:
        _made.pop().stop(signal.SIGKILL)


def agent(tmp_path, broker_port, **options):
    made = AgentProcess(tmp_path, broker_port, [("W01", "YP-0001", tmp_path / "port")], **options)
    _made.append(made)
    return made


def test_cli_version_and_help_import_no_command():
    code, out, _ = yiping("--version")
    assert code == 0 and out.startswith("yiping ")
    code, out, _ = yiping("--help")
    assert code == 0 and all(name in out for name in ("agent", "receiver", "registry", "sim", "city", "demo", "decode"))


def test_cli_unknown_word_is_a_usage_error():
    assert yiping("agent", "fly")[0] == 2


def test_cli_table_names_only_what_exists():
    def leaves(table):
        for entry in table.values():
            if isinstance(entry, dict):
                yield from leaves(entry)
            else:
                yield entry[0]

    for target in leaves(cli.COMMANDS):
        module, _, attribute = target.partition(":")
        path = ROOT / (module.replace(".", "/") + ".py")
        assert path.exists() or (path.with_suffix("") / "__init__.py").exists(), target
        assert attribute.isidentifier()


def test_cli_unknown_key_names_file_and_key(tmp_path, broker):
    made = agent(tmp_path, broker.port, extra_agent="colour = 1")
    one_line(
        yiping("agent", "run", "--config", made.config), "unknown key", "agent.toml: agent.colour", "docs/agent.md"
    )


def test_cli_no_such_port(tmp_path, broker):
    made = agent(tmp_path, broker.port)
    one_line(yiping("agent", "run", "--config", made.config), "no such port", str(tmp_path / "port"), "agent check")


def test_cli_port_held_by_another_program(tmp_path, broker, terminal):
    other = os.open(tmp_path / "port", os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        result = yiping("agent", "run", "--config", agent(tmp_path, broker.port).config)
    finally:
        os.close(other)
    one_line(result, "the port is held by another program", str(tmp_path / "port"), "close that program")


def test_cli_broker_refused(tmp_path, terminal):
    port = free_port()
    one_line(
        yiping("agent", "run", "--config", agent(tmp_path, port).config),
        "no connection to the broker",
        f"127.0.0.1:{port}",
        "check broker.url",
    )


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
def test_cli_wrong_certificate(tmp_path, terminal):
    authority = Authority(tmp_path)
    cert_file, key_file = authority.server("broker", -9, -1)
    broker = Broker(tmp_path)
    broker.extra = f"listener {broker.port} 127.0.0.1\ncertfile {cert_file}\nkeyfile {key_file}\nallow_anonymous true\n"
    broker.start()
    made = agent(tmp_path, broker.port, extra_broker=f'ca_file = "{authority.ca_file}"')
    made.config.write_text(made.config.read_text(encoding="utf-8").replace("mqtt://", "mqtts://"), encoding="utf-8")
    try:
        result = yiping("agent", "run", "--config", made.config)
    finally:
        broker.stop()
    one_line(result, "the broker's certificate does not verify", f"127.0.0.1:{broker.port}", "check ca_file")


def test_cli_several_faults_at_the_start_are_all_told(tmp_path):
    code, _, error = yiping("agent", "run", "--config", agent(tmp_path, free_port()).config)
    assert code == 1
    assert "yiping: no such port" in error and "yiping: no connection to the broker" in error


def test_cli_wait_starts_with_everything_missing_and_says_so(tmp_path):
    made = agent(tmp_path, free_port())
    made.start("--wait")
    wait_until("both faults", lambda: len(made.status()["faults"]) == 2)
    status = made.status()
    assert status["ok"] is False and status["message"].startswith("no connection to the broker")
    assert made.stop() == 0


def test_cli_second_agent_in_the_same_folder_is_refused(tmp_path, broker, terminal):
    made = agent(tmp_path, broker.port).start()
    try:
        one_line(
            yiping("agent", "run", "--config", made.config),
            "another agent already uses this data folder",
            str(tmp_path / "data"),
            "agent.data_dir",
        )
    finally:
        assert made.stop() == 0


def test_cli_api_address_in_use(tmp_path, broker, terminal):
    made = agent(tmp_path, broker.port)
    made.config.write_text(
        made.config.read_text(encoding="utf-8").replace(str(made.port), str(broker.port), 1), "utf-8"
    )
    one_line(
        yiping("agent", "run", "--config", made.config), "cannot listen", f"127.0.0.1:{broker.port}", "agent.listen"
    )


def test_cli_check_says_of_each_part_how_it_is(tmp_path, broker, terminal):
    made = agent(tmp_path, broker.port)
    code, out, _ = yiping("agent", "check", "--config", made.config)
    assert code == 0 and out.count("ok  ") == 4, out
    terminal.unplug()
    code, out, _ = yiping("agent", "check", "--config", made.config, "--json")
    found = {item["part"]: item["ok"] for item in json.loads(out)}
    assert code == 1 and found == {"configuration": True, "data folder": True, "window W01": False, "broker": True}


def test_cli_status_asks_the_running_agent(tmp_path, broker, terminal):
    made = agent(tmp_path, broker.port)
    one_line(yiping("agent", "status", "--config", made.config), "no agent answers", str(made.port), "yiping agent run")
    made.start()
    code, out, _ = yiping("agent", "status", "--config", made.config)
    assert code == 0 and "YP-0001" in out and "everything works" in out
    head, row = out.splitlines()[-2:]
    assert head.split() == ["WINDOW", "TERMINAL", "FIRMWARE", "STATE", "RTT", "IN", "OUT", "BAD", "AGAIN", "MESSAGE"]
    assert re.fullmatch(r"W01 +YP-0001 +\S+ +\S+ +(\d+ ms|-) +[1-9]\d* +[1-9]\d* +0 +\d+ +ready", row), row
    code, out, _ = yiping("agent", "status", "--config", made.config, "--json")
    assert code == 0 and json.loads(out)["agent"] == "pc-01"
    assert made.stop() == 0


def test_cli_log_is_json_lines_and_holds_no_level(tmp_path, broker, terminal):
    made = agent(tmp_path, broker.port).start()
    made.call("POST", "/api/v1/windows/W01/login", {"number": "007"})
    made.call("POST", "/api/v1/windows/W01/invites", {})
    terminal.rate(1)
    wait_until("the service and the event", lambda: made.status()["store"]["stored_total"] == 2)
    made.stop()
    lines = (tmp_path / "data" / "agent.log").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert records and all({"t", "severity", "part", "message"} <= record.keys() for record in records)
    assert not any("rated" in line or "satis" in line for line in lines)
