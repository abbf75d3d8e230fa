"""Checks what a well-formed agent.toml means: ids, addresses, files, and what must not stand twice."""

import re
from urllib.parse import urlsplit

from host_agent import (
    config_faults_api,
    config_faults_content,
    config_faults_dialects,
    config_faults_legacy,
    config_faults_policy,
    config_faults_privacy,
    config_faults_qr,
    config_faults_update,
)
from host_agent.config_legacy import LEGACY_PORT
from host_agent.config_model import (
    AUTO_PORT,
    DEFAULT_PORTS,
    NO_PORT,
    AgentSection,
    BrokerSection,
    Config,
    WindowSection,
)

# Ids stand in MQTT topics and CloudEvents ids: no separators, no wildcards. 20 bytes is the limit of the event's kid.
ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}\Z")
PREFIX_PATTERN = re.compile(r"[^+#\s/]+(/[^+#\s/]+)*\Z")
HOTKEY_PATTERN = re.compile(r"F([1-9]|1[0-2])\Z")
RECEIPTS_MODES = ("city", "puback")
WINDOW_CHANNELS = ("window", "kiosk")
MAX_WINDOWS = 64
_Fault = tuple[str, str, str]


def find(config: Config) -> list[_Fault]:
    """Return what, key and cure of each fault."""
    return [
        *_agent_faults(config.agent),
        *broker_faults(config.broker),
        *_window_faults(config.windows),
        *config_faults_policy.find(config),
        *config_faults_api.find(config),
        *config_faults_legacy.find(config),
        *config_faults_dialects.find(config),
        *config_faults_content.find(config),
        *config_faults_privacy.find(config),
        *config_faults_qr.find(config),
        *config_faults_update.find(config),
    ]


def _agent_faults(agent: AgentSection) -> list[_Fault]:
    faults = [_id_fault(f"agent.{name}", value) for name, value in (("id", agent.id), ("centre", agent.centre))]
    host, _, port = agent.listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        faults.append((f"agent.listen {agent.listen!r} is no host:port", "agent.listen", 'write "127.0.0.1:8471"'))
    if not 1 <= agent.retention_days <= 3650:
        faults.append(("agent.retention_days must be 1 to 3650", "agent.retention_days", "correct the number"))
    if not HOTKEY_PATTERN.match(agent.hotkey):
        faults.append((f"agent.hotkey {agent.hotkey!r} is no function key", "agent.hotkey", "choose F1 to F12"))
    if not 1 <= agent.shift_idle_h <= 24:
        faults.append(("agent.shift_idle_h must be 1 to 24", "agent.shift_idle_h", "correct the number"))
    return [fault for fault in faults if fault is not None]


def broker_faults(broker: BrokerSection) -> list[_Fault]:
    """Return what is wrong with a [broker] section; the receiver has one too."""
    faults: list[_Fault] = []
    try:
        parts = urlsplit(broker.url)
        sound = parts.scheme in DEFAULT_PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound:
        return [
            (
                f"broker.url {broker.url!r} is no broker's address",
                "broker.url",
                "write mqtt://host:1883, or mqtts://host:8883 for TLS",
            )
        ]
    if not PREFIX_PATTERN.match(broker.prefix):
        faults.append((f"broker.prefix {broker.prefix!r} is no topic", "broker.prefix", 'write "yiping/v1"'))
    if broker.receipts not in RECEIPTS_MODES:
        faults.append(
            (f"broker.receipts {broker.receipts!r} is unknown", "broker.receipts", 'choose "city" or "puback"')
        )
    if broker.password_file is not None and broker.username is None:
        faults.append(("broker.password_file without broker.username", "broker.username", "add the user's name"))
    if (broker.cert_file is None) != (broker.key_file is None):
        faults.append(("broker.cert_file and broker.key_file belong together", "broker.cert_file", "give both"))
    for name in ("password_file", "ca_file", "cert_file", "key_file"):
        file = getattr(broker, name)
        if file is None:
            continue
        if not file.is_file():
            faults.append((f"no such file {file}", f"broker.{name}", "correct the path, relative to agent.toml"))
        if not broker.tls and name != "password_file":
            faults.append((f"broker.{name} without TLS", f"broker.{name}", "use an mqtts:// address in broker.url"))
    return faults


def _window_faults(windows: tuple[WindowSection, ...]) -> list[_Fault]:
    faults: list[_Fault | None] = []
    if not windows:
        faults.append(("no window is configured", "window", "add a [[window]] with id, terminal and port"))
    if len(windows) > MAX_WINDOWS:
        faults.append((f"{len(windows)} windows are more than {MAX_WINDOWS}", "window", "use a second agent"))
    seen: dict[tuple[str, str], str] = {}
    for index, window in enumerate(windows):
        key = f"window[{index}]"
        faults.append(_id_fault(f"{key}.id", window.id))
        if window.has_terminal:
            faults.append(_id_fault(f"{key}.terminal", window.terminal))
        elif window.terminal:
            what = f'{key}.terminal {window.terminal!r} at a window whose port is "none"'
            faults.append((what, f"{key}.terminal", "remove it, or name its port"))
        if window.channel not in WINDOW_CHANNELS:
            what = f"{key}.channel {window.channel!r} is unknown"
            faults.append((what, f"{key}.channel", f"choose {', '.join(WINDOW_CHANNELS)}"))
        if not window.port:
            faults.append((f"{key}.port is empty", f"{key}.port", 'name the port, or write "auto"'))
        for name in ("id", "terminal", "port"):
            value = getattr(window, name)
            if (name == "port" and value in (AUTO_PORT, LEGACY_PORT, NO_PORT)) or not value:
                continue
            first = seen.setdefault((name, value), f"{key}.{name}")
            if first != f"{key}.{name}":
                faults.append((f"{key}.{name} {value!r} is taken by {first}", f"{key}.{name}", "give each its own"))
    return [fault for fault in faults if fault is not None]


def _id_fault(key: str, value: str) -> _Fault | None:
    if ID_PATTERN.match(value):
        return None
    return (f"{key} {value!r} is no id", key, "use at most 20 letters, digits, dots, dashes and underscores")
