"""`yiping station init | list`: a provisioning station's file, which holds no terminal's secret."""

import json
from pathlib import Path

import attrs
import click

from host_agent import qr_codes
from host_agent.errors import UserError
from host_agent.provision import city_key
from host_agent.provision.station import DEFAULT_FILE, Station
from host_agent.provision.station import init as init_station

_PASSPHRASE_LIMIT_BYTES = 1024

station_option = click.option(
    "--station",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_FILE,
    show_default=True,
    help="The station's file.",
)
passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="First line is the passphrase of the key that signs exports; without it, it is asked for.",
)


@click.command()
@station_option
@passphrase_option
@click.option("--name", required=True, help="What the city calls this station.")
@click.option(
    "--city",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The city's public key (yiping registry keygen).",
)
@click.option("--first", type=click.IntRange(1), default=1, show_default=True, help="Number of its first terminal.")
@click.option("--qr-base-url", help="Address of the windows' pages, in upper case, as qr.base_url of the agents.")
@click.option(
    "--qr-key", type=click.Path(path_type=Path, dir_okay=False), help="Its key, as qr.key_file of the agents."
)
def init(
    path: Path, passphrase_file: Path | None, name: str, city: Path, first: int, qr_base_url: str | None,
    qr_key: Path | None,
) -> None:  # fmt: skip
    """Make the file of a provisioning station."""
    from host_agent.provision import signing

    pem, key = city_key.read(city, "--city")
    if (qr_base_url is None) != (qr_key is None):
        raise UserError("only half of what codes need was given", "--qr-base-url, --qr-key", "give both or neither")
    if qr_base_url is not None and not (qr_codes.ADDRESS.match(qr_base_url) and qr_codes.fits(qr_base_url)):
        cure = "give a short address in upper case that begins with HTTPS://"
        raise UserError("the address does not make codes that a terminal can draw", "--qr-base-url", cure)
    keys = signing.make(passphrase(passphrase_file, new=True))
    init_station(path, name, pem, keys, first, (qr_base_url, qr_key) if qr_base_url and qr_key else None)
    click.echo(f"{path}: keep it on this machine; it holds no secret of a terminal")
    click.echo(f"sealed to the city's key {key.fingerprint}")
    click.echo(f"station {signing.fingerprint(keys[0])}: tell the city this, by another way than the exports")
    if qr_base_url is None:
        click.echo("without --qr-base-url no terminal gets a code of its window")


@click.command(name="list")
@station_option
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_(path: Path, as_json: bool) -> None:
    """List the terminals of a station in their newest epoch."""
    station = Station(path)
    try:
        places = station.places()
    finally:
        station.close()
    if as_json:
        click.echo(json.dumps([attrs.asdict(place) for place in places], ensure_ascii=False))
        return
    if not places:
        click.echo("no terminals yet")
    for place in places:
        reveal = "  tells levels to the PC" if place.reveal_level else ""
        where = f"{place.centre}/{place.window}"
        click.echo(f"{place.terminal}  epoch {place.epoch}  {place.state:7}  {where}  {place.board}{reveal}")


def passphrase(file: Path | None, new: bool = False) -> bytes:
    """Return the passphrase, from a file or asked for without showing it.

    :raises UserError: there is none, or a new one is too short.
    """
    from host_agent.provision.signing import PASSPHRASE_MIN

    if file is None:
        text = click.prompt("passphrase of the station", hide_input=True, confirmation_prompt=new, err=True)
    else:
        try:
            with file.open("rb") as opened:
                text = opened.readline(_PASSPHRASE_LIMIT_BYTES).decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            cure = "give a text file whose first line it is"
            raise UserError(f"cannot read the passphrase: {error}", str(file), cure) from None
    if new and len(text) < PASSPHRASE_MIN:
        raise UserError(
            "the passphrase is too short", str(file or "prompt"), f"take {PASSPHRASE_MIN} characters or more"
        )
    return text.encode()
