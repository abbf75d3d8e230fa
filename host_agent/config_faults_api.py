"""Checks the parts of agent.toml that say who may reach the local API: [api] and [[integration]]."""

import re
from urllib.parse import urlsplit

from host_agent.config_model import Config, IntegrationSection

MIN_TOKEN_CHARACTERS = 20
MAX_RATE_PER_S = 1_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")
_TOKEN = re.compile(r"[\x21-\x7e]+\Z")
_Fault = tuple[str, str, str]


def find(config: Config) -> list[_Fault]:
    """Return what, key and cure of each fault."""
    faults = _reach_faults(config)
    windows = {window.id for window in config.windows}
    seen: dict[str, str] = {}
    for index, integration in enumerate(config.integrations):
        faults += _integration_faults(integration, f"integration[{index}]", windows, seen)
    return faults


def _reach_faults(config: Config) -> list[_Fault]:
    api, faults = config.api, []
    if (api.cert_file is None) != (api.key_file is None):
        faults.append(("api.cert_file and api.key_file belong together", "api.cert_file", "give both"))
    for name in ("cert_file", "key_file"):
        file = getattr(api, name)
        if file is not None and not file.is_file():
            faults.append((f"no such file {file}", f"api.{name}", "correct the path, relative to agent.toml"))
    if not 1 <= api.rate_per_s <= MAX_RATE_PER_S:
        faults.append((f"api.rate_per_s must be 1 to {MAX_RATE_PER_S}", "api.rate_per_s", "correct the number"))
    if config.listen_local or not config.listen_host:
        return faults
    where = f"agent.listen {config.agent.listen} can be reached from other machines"
    if api.cert_file is None:
        faults.append((f"{where} without TLS", "api.cert_file", "give it and api.key_file, or listen on 127.0.0.1"))
    if not config.integrations:
        faults.append((f"{where} without a token", "integration", "add an [[integration]], or listen on 127.0.0.1"))
    return faults


def _integration_faults(
    integration: IntegrationSection, key: str, windows: set[str], seen: dict[str, str]
) -> list[_Fault]:
    faults = []
    if not _NAME.match(integration.name):
        faults.append((f"{key}.name {integration.name!r} is no name", f"{key}.name", "use letters, digits and dashes"))
    try:
        token = integration.token().reveal()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        faults.append((f"cannot read the token: {reason}", f"{key}.token_file", "make a file with a long random text"))
    else:
        if len(token) < MIN_TOKEN_CHARACTERS or not _TOKEN.match(token):
            what = f"the token is no text of at least {MIN_TOKEN_CHARACTERS} visible ASCII characters"
            faults.append((what, f"{key}.token_file", "write a long random text into the file, e.g. 32 hex digits"))
        for value in (integration.name, token):
            if seen.setdefault(value, key) != key:
                faults.append((f"{key} has the name or token of {seen[value]}", key, "give each its own"))
                break
    for window in sorted(set(integration.windows) - windows):
        faults.append((f"{key}.windows names {window!r}, which is no [[window]]", f"{key}.windows", "correct the id"))
    for origin in integration.origins:
        if not _is_origin(origin):
            what = f"{key}.origins has {origin!r}, which is no origin of a page"
            faults.append((what, f"{key}.origins", 'write it as "https://hall.example", without a path'))
    return faults


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and text == f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        return False
