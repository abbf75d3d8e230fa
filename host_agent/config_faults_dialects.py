"""Checks the [[dialect]] sections of agent.toml and each window's `uploader`: what is vague, or wanted by two."""

from collections import Counter
from urllib.parse import urlsplit

from host_agent.config_dialects import (
    FF68_RATER,
    GWQ,
    KINDS,
    RATESERVICE,
    RATESERVICE_LISTEN,
    UPLOADER_COUNTER,
    UPLOADERS,
    DialectSection,
)
from host_agent.config_model import Config, is_loopback
from protocol import rating

MAX_ADDRESS = 0x7F
MAX_NUMBER_CHARACTERS = 40
# One digit: 0 to 4 are seen; 11 in an acknowledgement would be the order to begin.
GRADES = (0, 9)
SCORES = (1, 5)
_KEYS = {
    GWQ: ("windows",),
    RATESERVICE: ("listen", "url", "win_nums", "user_codes", "scores"),
    FF68_RATER: ("port", "addresses", "bare_address", "grades"),
}
_Fault = tuple[str, str, str]


def find(config: Config) -> list[_Fault]:
    """Return what, key and cure of each fault."""
    faults: list[_Fault] = []
    windows = {window.id for window in config.windows}
    for index, section in enumerate(config.dialects):
        key = f"dialect[{index}]"
        if section.kind not in KINDS:
            faults.append((f"{key}.kind {section.kind!r} is unknown", f"{key}.kind", f"choose {', '.join(KINDS)}"))
            continue
        faults += _key_faults(section, key)
        faults += _window_faults(section, key, windows)
        if section.kind == RATESERVICE:
            faults += [*_rateservice_faults(section, key), *_table_faults("scores", section.scores, SCORES, key)]
        elif section.kind == FF68_RATER:
            faults += [*_ff68_faults(section, key), *_table_faults("grades", section.grades, GRADES, key)]
    return faults + _shared_faults(config) + _uploader_faults(config)


def _key_faults(section: DialectSection, key: str) -> list[_Fault]:
    """Name keys of another kind of dialect: they would be ignored."""
    mine = _KEYS[section.kind]
    return [
        (f"{key}.{name} has no meaning for kind {section.kind!r}", f"{key}.{name}", "remove it, or correct kind")
        for name in dict.fromkeys(name for names in _KEYS.values() for name in names)
        if name not in mine and getattr(section, name)
    ]


def _window_faults(section: DialectSection, key: str, windows: set[str]) -> list[_Fault]:
    name = {GWQ: "windows", RATESERVICE: "win_nums", FF68_RATER: "addresses"}[section.kind]
    where, named, faults = f"{key}.{name}", section.served(()), []
    if not named and section.kind != GWQ:
        faults.append((f"{where} names no window", where, 'write { "1" = "W01" }: the number there, the window here'))
    for window in sorted(set(named) - windows):
        faults.append((f"{where} names {window!r}, which is no [[window]]", where, "correct the id"))
    for window, count in Counter(named).items():
        if count > 1:
            faults.append((f"{where} names {window!r} {count} times", where, "name each window once"))
    return faults


def _rateservice_faults(section: DialectSection, key: str) -> list[_Fault]:
    faults: list[_Fault] = []
    if section.url is not None and section.listen is not None:
        what = f"{key} has both url and listen"
        faults.append((what, key, "give url to log in at the hall's RateService, or listen to be one"))
    if section.url is not None and not _is_websocket(section.url):
        faults.append((f"{key}.url {section.url!r} is no WebSocket's address", f"{key}.url", 'write "ws://host:3348/"'))
    if section.listen is not None:
        host, _, port = section.listen.rpartition(":")
        if not port.isdecimal() or not 0 < int(port) < 65536 or not is_loopback(host.strip("[]")):
            what = f"{key}.listen {section.listen!r} is no port of this machine alone"
            cure = f'write "{RATESERVICE_LISTEN}": this dialect knows no token, so other machines must not reach it'
            faults.append((what, f"{key}.listen", cure))
    for name in ("win_nums", "user_codes"):
        for number in getattr(section, name):
            if not 0 < len(number) <= MAX_NUMBER_CHARACTERS:
                faults.append((f"{key}.{name} has {number!r}, which is no number", f"{key}.{name}", "correct it"))
    clerks = Counter(section.user_codes.values())
    for clerk, count in clerks.items():
        if count > 1 and section.url is not None:
            what = f"{key}.user_codes names clerk {clerk!r} {count} times"
            faults.append((what, f"{key}.user_codes", "the agent logs in as one user a clerk: name each once"))
    return faults


def _ff68_faults(section: DialectSection, key: str) -> list[_Fault]:
    faults: list[_Fault] = []
    if not section.port or section.port == "auto":
        what = f"{key}.port {section.port or ''!r} names no port"
        faults.append((what, f"{key}.port", 'name the line to the old software: "COM3", "socket://10.0.0.9:4001"'))
    for address in section.addresses:
        if not _is_number(address) or not 1 <= int(address) <= MAX_ADDRESS:
            what = f"{key}.addresses has {address!r}, which is no address from 1 to {MAX_ADDRESS}"
            faults.append((what, f"{key}.addresses", 'write { "1" = "W01" }: the bus address, and its window'))
    return faults


def _table_faults(name: str, table: dict[str, int], limits: tuple[int, int], key: str) -> list[_Fault]:
    """Judge a written table from levels to another scale: whole, or one would vanish; in order, or one would lie."""
    where, faults = f"{key}.{name}", []
    if not table:
        return []
    if set(table) != {str(level) for level in rating.LEVELS}:
        cure = "write each level from 1 (非常不满意) to 5 (非常满意) once: none may be withheld"
        faults.append((f"{where} does not name exactly the levels 1 to 5", where, cure))
    for value in table.values():
        if not limits[0] <= value <= limits[1]:
            what = f"{where} has {value}, which is not from {limits[0]} to {limits[1]}"
            faults.append((what, where, "correct the number"))
    values = [table[level] for level in sorted(table)]
    if values not in (sorted(values), sorted(values, reverse=True)) or values[0] == values[-1]:
        cure = "a better level must never get a worse number, and the best and the worst must differ"
        faults.append((f"{where} does not keep the order of the levels", where, cure))
    return faults


def _shared_faults(config: Config) -> list[_Fault]:
    """Find ports and addresses that two things want."""
    faults: list[_Fault] = []
    taken = {("port", window.port): f"window[{index}]" for index, window in enumerate(config.windows)}
    taken |= {("port", one.port): f"legacy[{index}]" for index, one in enumerate(config.legacy)}
    taken |= {("listen", _listen_port(config.agent.listen)): "agent"}
    for index, section in enumerate(config.dialects):
        for name, value in _wanted(section):
            key = f"dialect[{index}]"
            first = taken.setdefault((name, value), key)
            if first != key:
                what = f"{key}.{name} {value} is taken by {first}.{name}"
                faults.append((what, f"{key}.{name}", "give each its own"))
    return faults


def _wanted(section: DialectSection) -> list[tuple[str, str]]:
    """Return what this dialect needs for itself alone."""
    if section.kind == FF68_RATER and section.port:
        return [("port", section.port)]
    if section.kind == RATESERVICE and section.url is None:
        return [("listen", _listen_port(section.listen or RATESERVICE_LISTEN))]
    if section.kind == RATESERVICE:
        return [("url", f"{section.url} winNum {number}") for number in section.win_nums]
    return []


def _uploader_faults(config: Config) -> list[_Fault]:
    faults: list[_Fault] = []
    every = tuple(window.id for window in config.windows)
    for index, window in enumerate(config.windows):
        key = f"window[{index}].uploader"
        if window.uploader not in UPLOADERS:
            faults.append((f"{key} {window.uploader!r} is unknown", key, f"choose {' or '.join(UPLOADERS)}"))
        if window.uploader != UPLOADER_COUNTER:
            continue
        serving = [section for section in config.dialects if window.id in section.served(every)]
        if len(serving) > 1:
            what = f"{key} is {UPLOADER_COUNTER!r} and {len(serving)} dialects serve the window: both would upload"
            faults.append((what, key, "leave the window to one [[dialect]]"))
        elif not serving or not serving[0].tells_levels:
            what = f"{key} is {UPLOADER_COUNTER!r}, but no [[dialect]] could tell the counter software a level"
            cure = 'add one that serves the window (with its scores or grades), or write uploader = "agent"'
            faults.append((what, key, cure))
    return faults


def _listen_port(listen: str) -> str:
    return listen.rpartition(":")[2]


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and str(int(text)) == text


def _is_websocket(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("ws", "wss") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
