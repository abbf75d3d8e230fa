"""Reads agent.toml into frozen objects, or tells everything that is wrong with it at once.

Promise: an unknown key is an error; a wrong type is an error, never a conversion; every fault names file and key.
"""

from pathlib import Path

import attrs

from host_agent import config_faults, toml_reader
from host_agent.config_model import AgentSection, BrokerSection, Config, PolicySection, WindowSection
from host_agent.errors import ManyUserErrors, UserError


@attrs.frozen(kw_only=True)
class _File:
    """Mirror the file's own shape, with its key names."""

    agent: AgentSection
    broker: BrokerSection = attrs.field(factory=BrokerSection)
    window: list[WindowSection] = attrs.field(factory=list)
    policy: PolicySection = attrs.field(factory=PolicySection)


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
    broker = parsed.broker
    files = {
        name: base / value
        for name in ("password_file", "ca_file", "cert_file", "key_file")
        if (value := getattr(broker, name)) is not None
    }
    return Config(
        path=path,
        agent=attrs.evolve(parsed.agent, data_dir=base / parsed.agent.data_dir),
        broker=attrs.evolve(broker, **files),
        windows=tuple(parsed.window),
        policy=parsed.policy,
    )
