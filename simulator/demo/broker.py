"""The demo's message broker: mosquitto when installed, else the wheel `iotcore`; one listener on 127.0.0.1.

`kill()` is as hard as a pulled plug, so that a run can show what a forgetful broker costs (nothing).
"""

import importlib.util
import os
import pwd
import shutil
import sys
from pathlib import Path

from simulator.demo.parts import Part, listens
from simulator.errors import UserError

# Debian puts the daemon where an ordinary user's PATH does not look.
EXTRA_PATH = os.pathsep.join(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/local/opt/mosquitto/sbin"])
MAX_PAYLOAD_BYTES = 262_144

MOSQUITTO_CONF = """\
user {user}
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 5
max_queued_messages 100000
max_packet_size {limit}
log_dest stderr
log_type error
log_type warning
log_type notice
"""

RUMQTTD_CONF = """\
id = 0

[router]
id = 0
max_connections = 200
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = {limit}
    max_inflight_count = 200
    dynamic_filters = true
"""

# The wheel can be run only from its own process: it has no way to stop a listener.
IOTCORE_RUN = "import sys; from iotcore import Broker; Broker(config_path=sys.argv[1]).run_forever()"


class BrokerPart(Part):
    """Run one broker on a free port; `kind` says which."""

    def __init__(self, folder: Path, port: int, prefer: str | None = None) -> None:
        """Write the configuration into `folder`; `prefer` names a kind. Raise UserError if there is none."""
        self.port = port
        self.kind, argv = _choose(folder, port, prefer)
        super().__init__("broker", argv, folder, ready=self._answers)

    @property
    def url(self) -> str:
        """Return the address as the agent's and receiver's configuration want it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def _answers(self) -> bool:
        return listens(self.port)


def find_mosquitto() -> str | None:
    """Return mosquitto's path, or None."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=EXTRA_PATH)


def _choose(folder: Path, port: int, prefer: str | None) -> tuple[str, list[str]]:
    mosquitto = find_mosquitto()
    if mosquitto and prefer != "iotcore":
        return "mosquitto", _mosquitto(mosquitto, folder, port)
    if importlib.util.find_spec("iotcore") and prefer != "mosquitto":
        return "iotcore", _iotcore(folder, port)
    raise UserError("no message broker found", "demo", "install mosquitto, or the Python package iotcore")


def _mosquitto(path: str, folder: Path, port: int) -> list[str]:
    store = folder / "broker"
    store.mkdir(parents=True, exist_ok=True)
    conf = folder / "mosquitto.conf"
    # Started by root, it would change to a user who may not write here.
    user = pwd.getpwuid(os.geteuid()).pw_name
    conf.write_text(MOSQUITTO_CONF.format(user=user, port=port, folder=store, limit=MAX_PAYLOAD_BYTES))
    return [path, "-c", str(conf)]


def _iotcore(folder: Path, port: int) -> list[str]:
    conf = folder / "rumqttd.toml"
    conf.write_text(RUMQTTD_CONF.format(port=port, limit=MAX_PAYLOAD_BYTES))
    return [sys.executable, "-c", IOTCORE_RUN, str(conf)]
