"""Settings of one terminal in a JSON file on the internal file system, written at provisioning.

{"terminal": id, "secret": 64 hex digits, "epoch": 1 … 65535, "journal_id": 16 hex digits, "journal": "new" | "ready",
 "board": name, "window": text, "reveal_level": false, "link": "usb" | "uart" (without it, usb),
 "qr": the window's own code as ui/qr.py reads it (without it, none)}
"journal" is "new" until the journal was formatted once; from then on a journal without this id is a fault.
The file is never rewritten in place: a new one is written and flushed, then takes its name.
"""

import json
import os

PATH = "settings.json"
JOURNAL_NEW = "new"
JOURNAL_READY = "ready"
LINK_USB = "usb"
LINK_UART = "uart"

_DEFAULT_BOARD = "k5"
_DEFAULT_SERIAL = "unprovisioned"


class SettingsError(Exception):
    """The terminal is not provisioned, or its settings are damaged; the text says which."""


class Settings:
    """What the file says, with secret and journal id as bytes."""

    def __init__(self, values: dict) -> None:
        self._values = values
        self.terminal = values["terminal"]
        self.secret = bytes.fromhex(values["secret"])
        self.epoch = values["epoch"]
        self.journal_id = bytes.fromhex(values["journal_id"])
        self.journal = values["journal"]
        self.board = values["board"]
        self.window = values["window"]
        self.reveal_level = values["reveal_level"]
        self.link = values.get("link", LINK_USB)
        self.qr = values.get("qr")

    def journal_ready(self, path: str) -> None:
        """Note durably that the journal was formatted; OSError when the file system fails."""
        self._values["journal"] = self.journal = JOURNAL_READY
        _write(path, self._values)


def load(path: str) -> Settings:
    """Return the settings; SettingsError when there are none or they do not check."""
    try:
        with open(path) as file:
            values = json.load(file)
    except OSError:
        raise SettingsError("no settings: the terminal is not provisioned")
    except ValueError:
        raise SettingsError("settings are not JSON")
    try:
        settings = Settings(values)
        if not _is_valid(settings):
            settings = None
    except (KeyError, TypeError, ValueError):
        settings = None
    if settings is None:
        raise SettingsError("settings are incomplete or wrong")
    return settings


def identity(path: str) -> tuple:
    """Return (board, terminal id) for boot.py, with defaults where the settings do not load."""
    try:
        settings = load(path)
    except SettingsError:
        return _DEFAULT_BOARD, _DEFAULT_SERIAL
    return settings.board, settings.terminal


def uses_uart(path: str) -> bool:
    """Return whether the link goes over the UART; false without settings."""
    try:
        return load(path).link == LINK_UART
    except SettingsError:
        return False


def _is_valid(settings: Settings) -> bool:
    return (
        isinstance(settings.terminal, str)
        and 1 <= len(settings.terminal) <= 20
        and len(settings.secret) == 32
        and 1 <= settings.epoch <= 0xFFFF
        and len(settings.journal_id) == 8
        and settings.journal in (JOURNAL_NEW, JOURNAL_READY)
        and isinstance(settings.reveal_level, bool)
        and settings.link in (LINK_USB, LINK_UART)
        and (settings.qr is None or isinstance(settings.qr, str))
    )


def _write(path: str, values: dict) -> None:
    """Write new, flush, rename."""
    new = path + ".new"
    with open(new, "w") as file:
        json.dump(values, file)
        file.flush()
    os.rename(new, path)
