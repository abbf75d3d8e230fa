"""Checks the part of agent.toml that says what is put on the terminals: [content]."""

from host_agent.config_model import Config
from host_agent.content import tag_table
from host_agent.content.tag_table import TagTableError

_Fault = tuple[str, str, str]
_KEY = "content.tag_table"


def find(config: Config) -> list[_Fault]:
    """Return what, key and cure of each fault."""
    path = config.content.tag_table
    if path is None:
        return []
    try:
        tag_table.decode(path.read_bytes())
    except OSError as error:
        cure = "correct the path, relative to agent.toml"
        return [(f"cannot read the tag table {path}: {error.strerror or error}", _KEY, cure)]
    except TagTableError as error:
        return [(f"{path} is no tag table: {error}", _KEY, "build it with `yiping tags build`")]
    return []
