"""Checks the part of agent.toml that says to whom identities are sealed: [privacy]."""

from host_agent import public_key
from host_agent.config_model import Config
from host_agent.errors import UserError

KEY = "privacy.identity_key_file"
_Fault = tuple[str, str, str]


def find(config: Config) -> list[_Fault]:
    """Return what, key and cure of each fault."""
    path = config.privacy.identity_key_file
    if path is None:
        return []
    try:
        public_key.read(path, KEY)
    except UserError as error:
        return [(error.what, KEY, error.cure)]
    return []
