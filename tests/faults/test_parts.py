"""Processes of the demo: ready only when they answer, and never left behind."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from simulator.demo.broker import BrokerPart, find_mosquitto
from simulator.demo.parts import Part, free_port, listens, run_once
from simulator.demo.watch import BrokerWatch
from simulator.errors import UserError

WAIT_S = 60.0
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def _until(true: object, what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come within {WAIT_S} s"
        time.sleep(0.01)


def _python(name: str, code: str, folder: Path, ready: object = None) -> Part:
    return Part(name, [sys.executable, "-c", code], folder, ready)


def test_part_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    part = _python("short", "import sys; sys.exit('yiping: no such port')", tmp_path)
    part.start(wait=False)
    _until(lambda: not part.alive, "the end")
    with pytest.raises(UserError, match="no such port"):
        part.wait_ready()
    part.stop()


def test_part_that_stays_mute_is_reported(tmp_path: Path) -> None:
    part = _python("mute", "import time; time.sleep(600)", tmp_path, ready=lambda: False)
    part.start(wait=False)
    with pytest.raises(UserError, match="does not answer"):
        part.wait_ready(timeout_s=0.2)
    part.stop()
    assert not part.alive


def test_part_deaf_to_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.demo.parts.TERM_S", 0.2)
    part = _python("deaf", DEAF, tmp_path, ready=lambda: "deaf" in (tmp_path / "deaf.log").read_text())
    part.start()
    assert part.process is not None
    pid = part.process.pid
    part.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_run_once_failing_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="registry add failed: unreadable"):
        run_once("registry add", [sys.executable, "-c", "import sys; sys.exit('unreadable')"], tmp_path)


def test_broker_without_any_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.demo.broker.find_mosquitto", lambda: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match="iotcore"):
        BrokerPart(tmp_path, free_port())


@pytest.fixture(params=["mosquitto", "iotcore"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BrokerPart]:
    """Run one broker of each kind."""
    if request.param == "mosquitto" and not find_mosquitto():
        pytest.skip("mosquitto is not installed")
    part = BrokerPart(tmp_path, free_port(), request.param)
    assert part.kind == request.param
    part.start()
    yield part
    part.stop()


def test_broker_killed_and_started_again_carries_receipts_to_the_watch(broker: BrokerPart) -> None:
    with BrokerWatch(broker.port, "yiping/v1", "C01") as watch:
        broker.kill()
        assert not listens(broker.port)
        broker.start()
        publisher = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        publisher.connect("127.0.0.1", broker.port)
        publisher.loop_start()

        def seen() -> bool:
            publisher.publish("yiping/v1/C01/agent/A/receipt", b'[{"id": "T-1-1", "status": "stored"}]', qos=1)
            return "T-1-1" in watch.receipts()

        _until(seen, "the receipt")
        assert watch.receipts()["T-1-1"][1] == "stored"
        publisher.disconnect()
        publisher.loop_stop()


def test_part_of_a_program_ended_by_sigterm_ends_too(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom simulator.demo.parts import Part, exit_on_signals\n"
        "exit_on_signals()\npart = Part('child', [sys.executable, '-c', 'import time; time.sleep(600)'], Path('.'))\n"
        "part.start()\ntry:\n    print(part.process.pid, flush=True)\n    time.sleep(600)\nfinally:\n    part.stop()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as program:
        assert program.stdout is not None
        try:
            child = int(program.stdout.readline())
            program.send_signal(signal.SIGTERM)
            assert program.wait(WAIT_S) == 128 + signal.SIGTERM
        finally:
            program.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
