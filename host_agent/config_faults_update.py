"""Checks the part of agent.toml that says how terminals are updated: [update]."""

from host_agent.config_model import Config
from host_agent.config_update import GO_CHOICES, parse_span
from host_agent.update import shelf

_Fault = tuple[str, str, str]
_SOURCES = ("http://", "https://")


def find(config: Config) -> list[_Fault]:
    """Return what, key and cure of each fault."""
    section = config.update
    faults: list[_Fault] = []
    if parse_span(section.hours) is None:
        cure = 'write "18:00-07:30", or "00:00-24:00" for any time'
        faults.append((f"update.hours {section.hours!r} is no span of the day", "update.hours", cure))
    if section.go not in GO_CHOICES:
        cure = f"choose one of {', '.join(GO_CHOICES)}"
        faults.append((f"unknown update.go {section.go!r}", "update.go", cure))
    if section.source is not None and not section.source.startswith(_SOURCES):
        cure = 'write the beginning of an address: "https://files.city.example/"'
        faults.append((f"update.source {section.source!r} is no web address", "update.source", cure))
    if section.key is not None:
        try:
            shelf.read_key(section.key)
        except OSError as error:
            what = f"cannot read the bundle key {section.key}: {error.strerror or error}"
            faults.append((what, "update.key", "correct the path, relative to agent.toml"))
        except ValueError as error:
            cure = "take the bundle.key that the terminals were flashed with"
            faults.append((f"{section.key} is no bundle key: {error}", "update.key", cure))
    return faults
