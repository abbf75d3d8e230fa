"""Checks the [[legacy]] sections of agent.toml: old FF68 raters, each the terminal of one window."""

import re

from host_agent.config_legacy import ACK_ECHO, ACK_SHORT, FORM_ADDED, FORM_BARE, LEGACY_PORT, LegacySection
from host_agent.config_model import Config
from host_agent.errors import UserError
from protocol import rating

MAX_ADDRESS = 0x7F
GUARD_MS = (500, 10_000)
# One digit: 0 to 4 are seen; 11 in an acknowledgement would be the order to begin.
_GRADE = re.compile(r"[0-9]\Z")
_Fault = tuple[str, str, str]


def find(config: Config) -> list[_Fault]:
    """Return what, key and cure of each fault."""
    faults: list[_Fault] = []
    windows = {window.id: window for window in config.windows}
    seen: dict[tuple, str] = {}
    for index, section in enumerate(config.legacy):
        key = f"legacy[{index}]"
        window = windows.get(section.window)
        if window is None or window.port != LEGACY_PORT:
            what = f"{key}.window {section.window!r} is no [[window]] with port {LEGACY_PORT!r}"
            faults.append((what, f"{key}.window", f'name a window, and write port = "{LEGACY_PORT}" there'))
        else:
            faults += _key_faults(section, key, window.terminal)
        faults += [*_line_faults(section, key, config), *_grade_faults(section, key)]
        for name, value in (("window", section.window), ("address", (section.port, section.address))):
            first = seen.setdefault((name, value), key)
            if first != key:
                faults.append((f"{key}.{name} is taken by {first}", f"{key}.{name}", "give each its own"))
    named = {section.window for section in config.legacy}
    for index, window in enumerate(config.windows):
        if window.port == LEGACY_PORT and window.id not in named:
            what = f"window {window.id} has port {LEGACY_PORT!r} and no [[legacy]]"
            faults.append((what, f"window[{index}].port", "add a [[legacy]] that names the window"))
    return faults + _extra_faults(config)


def _line_faults(section: LegacySection, key: str, config: Config) -> list[_Fault]:
    faults = []
    if not section.port or section.port in ("auto", LEGACY_PORT):
        faults.append((f"{key}.port {section.port!r} names no port", f"{key}.port", "name the bus's serial port"))
    if any(window.port == section.port != LEGACY_PORT for window in config.windows):
        faults.append((f"{key}.port is a terminal's port", f"{key}.port", "give the bus a port of its own"))
    if not 1 <= section.address <= MAX_ADDRESS:
        faults.append((f"{key}.address must be 1 to {MAX_ADDRESS}", f"{key}.address", "see the rater's switches"))
    for name, value, allowed in (
        ("form", section.form, (FORM_ADDED, FORM_BARE)),
        ("ack", section.ack, (ACK_SHORT, ACK_ECHO)),
    ):
        if value not in allowed:
            faults.append((f"{key}.{name} {value!r} is unknown", f"{key}.{name}", f"choose {' or '.join(allowed)}"))
    if not GUARD_MS[0] <= section.guard_ms <= GUARD_MS[1]:
        what = f"{key}.guard_ms must be {GUARD_MS[0]} to {GUARD_MS[1]} ms"
        faults.append((what, f"{key}.guard_ms", "correct the number"))
    return faults


def _grade_faults(section: LegacySection, key: str) -> list[_Fault]:
    """Judge the written table: nobody but the hall knows what its rater's grades mean, and a slip credits wrongly."""
    faults = []
    where, cure = f"{key}.grades", 'write each grade of the rater, as { "0" = 1, "1" = 2, … }'
    if len(section.grades) < 2:
        faults.append((f"{where} names {len(section.grades)} grades", where, cure))
    for grade, level in section.grades.items():
        if not _GRADE.match(grade):
            faults.append((f"{where} has {grade!r}, which is no grade from 0 to 9", where, cure))
        if level not in rating.LEVELS:
            faults.append((f"{where} has {level}, which is no level from 1 to 5", where, cure))
    if len(set(section.grades.values())) != len(section.grades):
        faults.append((f"{where} gives two grades one level", where, "give each grade a level of its own"))
    return faults


def _key_faults(section: LegacySection, key: str, terminal: str) -> list[_Fault]:
    from host_agent.legacy import key_file

    try:
        found = key_file.read(section.key_file)
    except UserError as error:
        return [(f"{error.what} {error.where}", f"{key}.key_file", error.cure)]
    if found.terminal != terminal:
        what = f"{key}.key_file is the key of {found.terminal}, not of {terminal}"
        return [(what, f"{key}.key_file", "name that terminal's key, or correct window.terminal")]
    return []


def _extra_faults(config: Config) -> list[_Fault]:
    if not config.legacy:
        return []
    from host_agent.receiver import aes

    try:
        aes.require()
    except UserError:
        what = "the package cryptography is not installed, so no event of an old rater can be sealed"
        return [(what, "legacy", 'install the extra legacy: pip install "yiping[legacy]"')]
    return []
