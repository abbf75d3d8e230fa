"""Reads agent.toml into frozen objects, or tells everything that is wrong with it at once.

Promise: an unknown key is an error; a wrong type is an error, never a conversion; every fault names file and key.
"""

from pathlib import Path
from typing import TypeVar

import attrs

from host_agent import config_faults, toml_reader
from host_agent.config_dialects import DialectSection
from host_agent.config_legacy import LegacySection
from host_agent.config_model import (
    AgentSection,
    ApiSection,
    BrokerSection,
    Config,
    ContentSection,
    IntegrationSection,
    PrivacySection,
    QrSection,
    WindowSection,
)
from host_agent.config_policy import PolicySection
from host_agent.config_update import UpdateSection
from host_agent.errors import ManyUserErrors, UserError

_Section = TypeVar(
    "_Section",
    BrokerSection,
    ApiSection,
    IntegrationSection,
    ContentSection,
    PrivacySection,
    LegacySection,
    QrSection,
    UpdateSection,
)


@attrs.frozen(kw_only=True)
class _File:
    """Mirror the file's own shape, with its key names."""

    agent: AgentSection
    broker: BrokerSection = attrs.field(factory=BrokerSection)
    window: list[WindowSection] = attrs.field(factory=list)
    policy: PolicySection = attrs.field(factory=PolicySection)
    api: ApiSection = attrs.field(factory=ApiSection)
    integration: list[IntegrationSection] = attrs.field(factory=list)
    content: ContentSection = attrs.field(factory=ContentSection)
    privacy: PrivacySection = attrs.field(factory=PrivacySection)
    qr: QrSection = attrs.field(factory=QrSection)
    update: UpdateSection = attrs.field(factory=UpdateSection)
    legacy: list[LegacySection] = attrs.field(factory=list)
    dialect: list[DialectSection] = attrs.field(factory=list)


def load(path: str | Path) -> Config:
    """Read and check the file at `path`.

    :raises UserError: (ManyUserErrors when there are several) naming file and key of each fault.
    """
    path = Path(path)
    parsed = toml_reader.read(path, _File, "docs/agent.md")
    config = _resolve(path, parsed)
    faults = [UserError(what, f"{path}: {key}", cure) for what, key, cure in config_faults.find(config)]
    if faults:
        raise ManyUserErrors(faults)
    return config


def _resolve(path: Path, parsed: _File) -> Config:
    """Make relative paths relative to the file."""
    base = path.resolve().parent
    pair = ("cert_file", "key_file")
    return Config(
        path=path,
        agent=attrs.evolve(parsed.agent, data_dir=base / parsed.agent.data_dir),
        broker=_based(parsed.broker, base, ("password_file", "ca_file", *pair)),
        windows=tuple(parsed.window),
        policy=parsed.policy,
        api=_based(parsed.api, base, pair),
        integrations=tuple(_based(integration, base, ("token_file",)) for integration in parsed.integration),
        content=_based(parsed.content, base, ("tag_table",)),
        privacy=_based(parsed.privacy, base, ("identity_key_file",)),
        qr=_based(parsed.qr, base, ("key_file",)),
        update=_based(parsed.update, base, ("key",)),
        legacy=tuple(_based(section, base, ("key_file",)) for section in parsed.legacy),
        dialects=tuple(parsed.dialect),
    )


def _based(section: _Section, base: Path, names: tuple[str, ...]) -> _Section:
    """Return a section whose named paths, where given, are relative to `base`."""
    given = {name: base / value for name in names if (value := getattr(section, name)) is not None}
    return attrs.evolve(section, **given)
