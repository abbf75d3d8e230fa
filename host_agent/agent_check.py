"""Tries, one after the other, what `agent run` needs, and says of each in one line how it is. Changes nothing."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import attrs

from host_agent import ports
from host_agent.config_dialects import FF68_RATER, RATESERVICE, DialectSection
from host_agent.config_legacy import FF68_BAUD, LEGACY_PORT
from host_agent.config_model import Config, WindowSection
from host_agent.errors import UserError
from host_agent.mqtt_connection import BrokerConnection
from host_agent.topics import agent_client_id

# SQLite's write-ahead log needs shared memory, which these file systems do not give between machines.
_NETWORK_FILE_SYSTEMS = frozenset(("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph"))
_MOUNTS = Path("/proc/mounts")


@attrs.frozen
class Finding:
    """Say how one part is."""

    part: str
    ok: bool
    message: str

    def line(self) -> str:
        """Return the line for people."""
        return f"{'ok  ' if self.ok else 'FAIL'} {self.part}: {self.message}"

    def as_dict(self) -> dict[str, Any]:
        """Return the object for programs."""
        return attrs.asdict(self)


async def check_all(config: Config) -> list[Finding]:
    """Return a finding for the configuration, the data folder, each window's port and the broker."""
    findings = [Finding("configuration", True, str(config.path)), _check_folder(config.agent.data_dir)]
    findings += await asyncio.gather(*(_check_port(window) for window in config.windows if window.port != LEGACY_PORT))
    findings += await asyncio.gather(*(_check_line(config, port) for port in {one.port: None for one in config.legacy}))
    findings += await asyncio.gather(*(_check_dialect(section) for section in config.dialects))
    findings.append(await _check_broker(config))
    return findings


def _check_folder(folder: Path) -> Finding:
    kind = file_system_of(folder)
    if kind in _NETWORK_FILE_SYSTEMS:
        return Finding("data folder", False, f"a network share ({folder}, {kind}) can lose events: use a local disk")
    return Finding("data folder", True, str(folder))


def file_system_of(folder: Path) -> str | None:
    """Return the kind of file system a folder is on, None where it cannot be told."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    path = folder.resolve()
    best = ("", None)
    for line in lines:
        fields = line.split(" ")
        mount = fields[1].replace("\\040", " ")
        if len(mount) >= len(best[0]) and (path == Path(mount) or Path(mount) in path.parents):
            best = (mount, fields[2])
    return best[1]


async def _check_port(window: WindowSection) -> Finding:
    part = f"window {window.id}"
    if not window.has_terminal:
        return Finding(part, True, "no terminal: sign and paper form only")
    try:
        name = ports.find(window.port, window.terminal)
        transport = await ports.open_port(name)
    except UserError as error:
        return Finding(part, False, f"{error.message}; connected USB ports: {_connected()}")
    transport.close()
    return Finding(part, True, f"port {name} opens")


async def _check_line(config: Config, port: str) -> Finding:
    """Open the line of old raters once for all of its windows."""
    part = f"old raters of {', '.join(one.window for one in config.legacy if one.port == port)}"
    try:
        transport = await ports.open_port(port, FF68_BAUD)
    except UserError as error:
        return Finding(part, False, f"{error.message}; connected USB ports: {_connected()}")
    transport.close()
    return Finding(part, True, f"port {port} opens; whether a rater is there shows its first grade")


async def _check_dialect(section: DialectSection) -> Finding:
    """Open the line of old counter software, or its address; what others open is not tried."""
    part = f"dialect {section.kind} of {', '.join(section.served(())) or 'every window'}"
    try:
        if section.kind == FF68_RATER:
            (await ports.open_port(str(section.port), FF68_BAUD)).close()
            return Finding(part, True, f"port {section.port} opens")
        if section.kind == RATESERVICE and section.url is None:
            host, port = section.listen_at
            (await asyncio.start_server(lambda *_: None, host, port)).close()
            return Finding(part, True, f"{host}:{port} is free")
    except UserError as error:
        return Finding(part, False, error.message)
    except OSError as error:
        reason = error.strerror or str(error)
        return Finding(part, False, f"cannot listen on {section.listen_at}: {reason}: stop the program that does")
    return Finding(part, True, section.url or "at /dialects/gwq/ of the agent's own address")


def _connected() -> str:
    found = [f"{port.device} ({port.serial_number or port.description})" for port in ports.list_usb()]
    return ", ".join(found) or "none"


async def _check_broker(config: Config) -> Finding:
    where = f"{config.broker.host}:{config.broker.port}"
    # Under a name of its own: the running agent must not lose its session to a check.
    name = f"{agent_client_id(config.agent.centre, config.agent.id)}-check"
    connection = BrokerConnection(config.broker, name, None, lambda: None, lambda _: None)
    try:
        await connection.open()
    except UserError as error:
        return Finding("broker", False, error.message)
    finally:
        with contextlib.suppress(OSError):
            connection.close()
    return Finding("broker", True, f"{where} accepts this agent")
