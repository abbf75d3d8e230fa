"""Reads receiver.toml into frozen objects, or tells everything wrong with it at once (keys: docs/receiver.md)."""

import re
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import attrs

from host_agent import config_faults, toml_reader
from host_agent.config_model import BrokerSection
from host_agent.errors import ManyUserErrors, UserError
from host_agent.receiver.silence import MINUTE_MS, Hours, parse_hours

PAGE = "docs/receiver.md"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")
_CENTRE = re.compile(r"\+|[^/+#\s]{1,64}\Z")
_Fault = tuple[str, str, str]
_Section = TypeVar("_Section", bound=attrs.AttrsInstance)


@attrs.frozen(kw_only=True)
class ReceiverSection:
    """Say who this receiver is, which centres it serves, and where it keeps its data."""

    name: str
    data_dir: Path = Path("receiver-data")
    registry: Path = Path("registry.db")
    tag_tables: Path | None = None  # a folder; the built-in table is always known
    listen: str = "127.0.0.1:8472"
    centre: str = "+"  # one centre, or all of them
    shared: bool = True  # false for a broker that cannot do shared subscriptions well


@attrs.frozen(kw_only=True)
class ForwardSection:
    """Say where records go: an HTTP address, or a file of JSON lines."""

    url: str | None = None
    file: Path | None = None
    token_file: Path | None = None  # sent as a bearer token
    ca_file: Path | None = None


@attrs.frozen(kw_only=True)
class SilenceSection:
    """Say when the halls are open and how long a terminal may be silent then."""

    hours: str = "09:00-17:00"
    days: list[int] = attrs.field(factory=lambda: [1, 2, 3, 4, 5])
    utc_offset_minutes: int = 480
    after_minutes: int = 130

    def limits(self) -> Hours:
        """Return the hours as numbers; they were checked when the file was read."""
        opens, closes = parse_hours(self.hours) or (0, 24 * 60)
        return Hours(opens, closes, tuple(self.days), self.utc_offset_minutes, self.after_minutes * MINUTE_MS)


@attrs.frozen(kw_only=True)
class RolloutSection:
    """Say with which key bundles must be signed to be rolled out."""

    key: Path | None = None


@attrs.frozen(kw_only=True)
class Config:
    """Hold the whole of receiver.toml, with paths made absolute."""

    receiver: ReceiverSection
    broker: BrokerSection = attrs.field(factory=BrokerSection)
    forward: ForwardSection
    silence: SilenceSection = attrs.field(factory=SilenceSection)
    rollout: RolloutSection = attrs.field(factory=RolloutSection)

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port of the status API."""
        host, _, port = self.receiver.listen.rpartition(":")
        return host.strip("[]"), int(port)


def load(path: Path) -> Config:
    """Read and check the file; raises UserError (several at once) naming file and key of each fault."""
    parsed = toml_reader.read(path, Config, PAGE)
    config = _resolve(path, parsed)
    faults = [UserError(what, f"{path}: {key}", cure) for what, key, cure in _faults(config)]
    if faults:
        raise ManyUserErrors(faults)
    return config


def _resolve(path: Path, parsed: Config) -> Config:
    """Make relative paths relative to the file."""
    base = path.resolve().parent

    def files(section: _Section, *names: str) -> _Section:
        given = {name: base / value for name in names if (value := getattr(section, name)) is not None}
        return attrs.evolve(section, **given)

    return Config(
        receiver=files(parsed.receiver, "data_dir", "registry", "tag_tables"),
        broker=files(parsed.broker, "password_file", "ca_file", "cert_file", "key_file"),
        forward=files(parsed.forward, "file", "token_file", "ca_file"),
        silence=parsed.silence,
        rollout=files(parsed.rollout, "key"),
    )


def _faults(config: Config) -> list[_Fault]:
    return [
        *_receiver_faults(config.receiver),
        *config_faults.broker_faults(config.broker),
        *_forward_faults(config.forward),
        *_silence_faults(config.silence),
        *_rollout_faults(config.rollout),
    ]


def _receiver_faults(receiver: ReceiverSection) -> list[_Fault]:
    faults = []
    if not _NAME.match(receiver.name):
        cure = "use at most 40 letters, digits, dots, dashes and underscores"
        faults.append((f"receiver.name {receiver.name!r} is no name", "receiver.name", cure))
    host, _, port = receiver.listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        cure = 'write "127.0.0.1:8472"'
        faults.append((f"receiver.listen {receiver.listen!r} is no host:port", "receiver.listen", cure))
    if receiver.tag_tables is not None and not receiver.tag_tables.is_dir():
        cure = "make the folder, or correct its path, relative to the configuration"
        faults.append((f"no such folder {receiver.tag_tables}", "receiver.tag_tables", cure))
    if not _CENTRE.match(receiver.centre):
        cure = 'name one centre, or write "+" for all'
        faults.append((f"receiver.centre {receiver.centre!r} is no centre", "receiver.centre", cure))
    return faults


def _forward_faults(forward: ForwardSection) -> list[_Fault]:
    if (forward.url is None) == (forward.file is None):
        return [("forward needs either url or file", "forward", "give one of them")]
    faults = []
    if forward.url is not None:
        parts = urlsplit(forward.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            cure = 'write "http://host:port/path", or https'
            faults.append((f"forward.url {forward.url!r} is no web address", "forward.url", cure))
    for name in ("token_file", "ca_file"):
        file = getattr(forward, name)
        if file is not None and not file.is_file():
            faults.append(
                (f"no such file {file}", f"forward.{name}", "correct the path, relative to the configuration")
            )
    return faults


def _rollout_faults(rollout: RolloutSection) -> list[_Fault]:
    if rollout.key is None or rollout.key.is_file():
        return []
    cure = "name the bundle.key that the terminals were flashed with, relative to the configuration"
    return [(f"no such file {rollout.key}", "rollout.key", cure)]


def _silence_faults(silence: SilenceSection) -> list[_Fault]:
    faults = []
    if parse_hours(silence.hours) is None:
        faults.append((f"silence.hours {silence.hours!r} is no span", "silence.hours", 'write "09:00-17:00"'))
    if not all(1 <= day <= 7 for day in silence.days):
        faults.append(("silence.days holds what is no weekday", "silence.days", "list days from 1 (Monday) to 7"))
    if not -24 * 60 < silence.utc_offset_minutes < 24 * 60:
        key = "silence.utc_offset_minutes"
        faults.append((f"{key} is no time zone", key, "write 480 for China"))
    if not 1 <= silence.after_minutes <= 24 * 60:
        faults.append(("silence.after_minutes must be 1 to 1440", "silence.after_minutes", "correct the number"))
    return faults
