"""Provisions one terminal: the settings that go to it alone, and the sealed record that goes to the city.

Promise: before the settings leave `provision`, the station holds durably what tells the city of them; the secret is in
the settings and nowhere else. Whether a terminal tells levels to the PC (`reveal_level`) is decided here and nowhere
else.
"""

import json
import secrets

import attrs

from host_agent import qr_codes
from host_agent.errors import UserError
from host_agent.provision import identity
from host_agent.provision.registry import EPOCH_MAX, PLACE_FORM
from host_agent.provision.sealed import SECRET_BYTES
from host_agent.provision.station import WRITTEN, Place, Station

BOARDS = ("k5", "t35")
LINK_UART = "uart"
LINKS = ("usb", LINK_UART)
JOURNAL_ID_BYTES = 8
SETTINGS_PATH = "settings.json"  # on the terminal, see firmware/store/settings.py
JOURNAL_NEW = "new"  # in the settings of a terminal that never began a journal with them


@attrs.frozen
class Provisioned:
    """What came of it: bytes of settings.json for the terminal, and what of them may be shown."""

    settings: bytes = attrs.field(repr=False)
    entry: Place
    window_address: str | None  # what the static code says, for the label on the housing too


def provision(
    station: Station,
    terminal: str,
    board: str,
    centre: str,
    window: str,
    reveal_level: bool = False,
    *,
    link: str = "usb",
    after_epoch: int = 0,
) -> Provisioned:
    """Give a terminal a new secret, journal and key epoch, above every one the station knows and `after_epoch`.

    `after_epoch` is what the terminal itself said its epoch is. Write the settings to the terminal at once, keep them
    in no file, then call `station.written`.
    :raises UserError: a value is wrong, or the terminal's present epoch has not ended.
    """
    _check(terminal, board, centre, window, link)
    with station.transaction():
        return _made(station, terminal, board, (centre, window), reveal_level, link, after_epoch)


def _made(
    station: Station, terminal: str, board: str, place: tuple[str, str], reveal_level: bool, link: str,
    after_epoch: int,
) -> Provisioned:  # fmt: skip
    centre, window = place
    newest = station.newest(terminal)
    if newest is not None and newest.state == WRITTEN:
        cure = "seal its last event and fetch its queue first (yiping terminal end), or `yiping terminal lost`"
        raise UserError(f"terminal {terminal} is in use, in epoch {newest.epoch}", str(station.path), cure)
    epoch = max(after_epoch, newest.epoch if newest else 0) + 1
    if epoch > EPOCH_MAX:
        raise UserError(f"terminal {terminal} has used all its epochs", str(station.path), "give it a new id")
    codes = station.codes(centre)
    address = codes.window(window) if codes is not None else None
    secret = secrets.token_bytes(SECRET_BYTES)
    entry = Place(terminal, epoch, centre, window, board, link, reveal_level, made_utc_ms=station.utc_ms())
    settings = _settings(entry, secret, address)
    station.add(entry, secret)
    return Provisioned(settings, entry, address)


def _settings(entry: Place, secret: bytes, address: str | None) -> bytes:
    values = {
        "terminal": entry.terminal, "secret": secret.hex(), "epoch": entry.epoch,
        "journal_id": secrets.token_hex(JOURNAL_ID_BYTES), "journal": JOURNAL_NEW, "board": entry.board,
        "window": entry.window, "reveal_level": entry.reveal_level, "link": entry.link,
    }  # fmt: skip
    if address is not None:
        code = qr_codes.packed(address)
        if code is None:
            cure = "give the station a shorter address of codes"
            raise UserError("the code of the window is too large for the terminal's screen", address, cure)
        values["qr"] = code
    return json.dumps(values, ensure_ascii=False).encode()


def _check(terminal: str, board: str, centre: str, window: str, link: str) -> None:
    identity.check(terminal)
    for name, value in (("centre", centre), ("window", window)):
        if not PLACE_FORM.fullmatch(value):
            raise UserError(f"{name} {value!r} cannot be", terminal, "give 1 to 64 characters without / + #")
    for name, value, known in (("board", board, BOARDS), ("link", link, LINKS)):
        if value not in known:
            raise UserError(f"there is no {name} {value!r}", terminal, f"give one of: {', '.join(known)}")
