"""Holds what agent.toml says as frozen objects.

Promise: secrets stand in files of their own and never show in a repr or a log.
"""

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from host_agent.config_dialects import UPLOADER_AGENT, DialectSection
from host_agent.config_legacy import LegacySection
from host_agent.config_policy import PolicySection
from host_agent.config_update import UpdateSection

AUTO_PORT = "auto"
NO_PORT = "none"  # a window without terminal: sign and paper form only
DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


def is_loopback(host: str) -> bool:
    """Say whether an address or name is this machine's own loopback."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Secret:
    """Hold a secret text that prints as stars."""

    def __init__(self, text: str) -> None:
        """Keep `text`."""
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself; only for the call that needs it."""
        return self._text

    def __repr__(self) -> str:
        """Return stars."""
        return "***"


@attrs.frozen(kw_only=True)
class AgentSection:
    """Say who this agent is and where it keeps its data."""

    id: str
    centre: str
    data_dir: Path = Path("data")
    listen: str = "127.0.0.1:8471"
    retention_days: int = 30
    hotkey: str = "F9"
    shift_idle_h: int = 12


@attrs.frozen(kw_only=True)
class BrokerSection:
    """Say which broker to use and how to be known there."""

    url: str = "mqtt://127.0.0.1:1883"
    prefix: str = "yiping/v1"
    receipts: str = "city"
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def host(self) -> str:
        """Return the broker's host name."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Return the broker's TCP port."""
        parts = urlsplit(self.url)
        return parts.port or DEFAULT_PORTS[parts.scheme]

    @property
    def tls(self) -> bool:
        """Say whether the link to the broker is encrypted."""
        return urlsplit(self.url).scheme == "mqtts"

    def password(self) -> Secret | None:
        """Read the password's file.

        :raises OSError: the file cannot be read.
        """
        if self.password_file is None:
            return None
        return Secret(self.password_file.read_text(encoding="utf-8").strip())


@attrs.frozen(kw_only=True)
class WindowSection:
    """Say which terminal stands at a window, at which port, who uploads its ratings, and over what it invites."""

    id: str
    terminal: str = ""
    name: str = ""
    port: str = AUTO_PORT
    uploader: str = UPLOADER_AGENT
    channel: str = "window"

    @property
    def has_terminal(self) -> bool:
        """Say whether a terminal stands here at all."""
        return self.port != NO_PORT

    @property
    def is_kiosk(self) -> bool:
        """Say whether this is a self-service terminal, where no clerk sits."""
        return self.channel == "kiosk"


@attrs.frozen(kw_only=True)
class ApiSection:
    """Say how the local API is reached from outside this PC, and how much one caller may ask."""

    cert_file: Path | None = None
    key_file: Path | None = None
    hosts: list[str] = attrs.field(factory=list)
    rate_per_s: int = 300


@attrs.frozen(kw_only=True)
class IntegrationSection:
    """Say who may call the API with which token, for which windows (none named: all), from which pages."""

    name: str
    token_file: Path
    windows: list[str] = attrs.field(factory=list)
    origins: list[str] = attrs.field(factory=list)

    def token(self) -> Secret:
        """Read the token's file.

        :raises OSError: the file cannot be read.
        """
        return Secret(self.token_file.read_text(encoding="utf-8").strip())


@attrs.frozen(kw_only=True)
class ContentSection:
    """Say what is put on the terminals beside the clerks' cards; None is the built-in tag table."""

    tag_table: Path | None = None


@attrs.frozen(kw_only=True)
class PrivacySection:
    """Say with which key of the city identities of citizens are sealed; None: they are dropped."""

    identity_key_file: Path | None = None


@attrs.frozen(kw_only=True)
class QrSection:
    """Say at which address of the city tokens count, and with which key they are made; None: no codes of invites."""

    base_url: str | None = None
    key_file: Path | None = None


@attrs.frozen(kw_only=True)
class Config:
    """Hold the whole of agent.toml; `path` is where it was read."""

    path: Path
    agent: AgentSection
    broker: BrokerSection
    windows: tuple[WindowSection, ...]
    policy: PolicySection
    api: ApiSection
    integrations: tuple[IntegrationSection, ...]
    qr: QrSection = attrs.field(factory=QrSection)
    legacy: tuple[LegacySection, ...] = ()
    content: ContentSection
    privacy: PrivacySection = PrivacySection()
    dialects: tuple[DialectSection, ...] = ()
    update: UpdateSection = UpdateSection()

    @property
    def listen_host(self) -> str:
        """Return the host to listen on."""
        return self.agent.listen.rpartition(":")[0].strip("[]")

    @property
    def listen_port(self) -> int:
        """Return the port to listen on."""
        return int(self.agent.listen.rpartition(":")[2])

    @property
    def api_scheme(self) -> str:
        """Return how the API is spoken to."""
        return "https" if self.api.cert_file else "http"

    @property
    def listen_local(self) -> bool:
        """Say whether only this machine can reach the API."""
        return is_loopback(self.listen_host)
