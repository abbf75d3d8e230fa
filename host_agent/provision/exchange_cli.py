"""`yiping registry keygen | export | import` and `yiping station receipt`: terminals on their way to the city."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from host_agent import folders
from host_agent.errors import UserError
from host_agent.provision import city_key
from host_agent.provision.cli import open_registry, registry_option
from host_agent.provision.station import Station
from host_agent.provision.station_cli import passphrase, passphrase_option, station_option

if TYPE_CHECKING:
    from host_agent.provision.export import Export

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--out",
    "prefix",
    type=click.Path(path_type=Path),
    default=Path("city-registry"),
    show_default=True,
    help="Where: PREFIX.key is the private key, PREFIX.pub.pem the public one.",
)
def keygen(prefix: Path) -> None:
    """Make the city's key pair for terminals' secrets. Neither key is printed; existing files are never replaced."""
    from host_agent import public_key
    from host_agent.provision import identity_key

    private = prefix.with_name(f"{prefix.name}.key")
    public = prefix.with_name(f"{prefix.name}.pub.pem")
    fingerprint = identity_key.make(private, public, public_key.MIN_BITS)
    click.echo(f"{private}: stays at the city, readable by its owner alone; keep a copy in a safe")
    click.echo(f"{public}: for `yiping station init --city` at each provisioning station")
    click.echo(f"fingerprint {fingerprint}")


@click.command()
@station_option
@passphrase_option
@click.option("--to", "city", type=_FILE, required=True, help="The city's public key, as at the station's init.")
@click.option("--out", type=_FILE, default=Path("terminals.export"), show_default=True, help="The file to bring.")
@click.option("--all", "everything", is_flag=True, help="All terminals, also those that the city has.")
def export(path: Path, passphrase_file: Path | None, city: Path, out: Path, everything: bool) -> None:
    """Write what the city does not have yet into a file that only the city can open."""
    from host_agent.provision import export as exporting

    _, key = city_key.read(city, "--to")
    station = Station(path)
    try:
        if key.fingerprint != station.city.fingerprint:
            what = f"this station seals to the key {station.city.fingerprint[:16]}…, not to {key.fingerprint[:16]}…"
            cure = "give that key's file; for a new key make a new station, and provision its terminals anew"
            raise UserError(what, f"--to {city}", cure)
        made = exporting.make(station, passphrase(passphrase_file), everything)
    except ValueError:
        cure = "give the passphrase that was chosen at `yiping station init`"
        raise UserError("the passphrase is not the station's", str(path), cure) from None
    finally:
        station.close()
    if made is None:
        click.echo("nothing to export: the city has shown that it opened all of it")
        return
    data, first, last = made
    try:
        folders.write_private(out, data)
    except OSError as error:
        raise UserError(f"cannot write the export: {error.strerror or error}", str(out), "name another file") from None
    click.echo(f"{out}: records {first} to {last}; bring it to the city, and its receipt back (yiping station receipt)")


@click.command(name="import")
@registry_option
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--key", "private", type=_FILE, default=Path("city-registry.key"), show_default=True, help="Private key.")
@click.option("--trust", help="Fingerprint of a station that brings its first export.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array of what was done.")
def import_(path: Path, files: tuple[Path, ...], private: Path, trust: str | None, as_json: bool) -> None:
    """Merge exports of stations into the registry. Each file is taken whole or not at all, and may be given again."""
    from host_agent.provision import identity_key, importing

    key = identity_key.read_private(private)
    book = open_registry(path, create=True)
    done = []
    try:
        for file in files:
            found = _read(file)
            try:
                taken = importing.take(book, key, found, trust, time.time_ns() // 1_000_000)
            except importing.ImportRefused as refused:
                raise UserError(f"nothing was imported: {refused.what}", str(file), refused.cure) from None
            receipt = _write_receipt(file, taken.receipt)
            done.append({"file": str(file), "station": taken.station, "lost": taken.lost} | taken.outcomes)
            if not as_json:
                counts = ", ".join(f"{count} {outcome}" for outcome, count in taken.outcomes.items() if count)
                gone = f", {taken.lost} lost" if taken.lost else ""
                click.echo(
                    f"{file}: station {taken.station}: {counts or 'no new terminal'}{gone}; receipt in {receipt}"
                )
    finally:
        book.close()
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=False))


@click.command()
@registry_option
@click.argument("fingerprint")
def distrust(path: Path, fingerprint: str) -> None:
    """Take no more exports of the station with this FINGERPRINT, until it is trusted anew; what it brought stays."""
    book = open_registry(path, create=True)
    try:
        known = book.distrust(fingerprint)
    finally:
        book.close()
    if not known:
        cure = "give all 64 digits, as `yiping station init` and the imports show them"
        raise UserError("no such station is trusted here", fingerprint[:80], cure)
    click.echo("its exports are refused from now on; see with `yiping registry list` what it brought")


@click.command()
@station_option
@click.argument("file", type=_FILE)
def receipt(path: Path, file: Path) -> None:
    """Take the city's receipt of an export: what it has opened is not exported again."""
    from host_agent.provision import export as exporting
    from host_agent.provision import signing

    station = Station(path)
    cure = "give the file that `yiping registry import` wrote beside this station's export"
    try:
        proofs = exporting.read_receipt(_bytes(file, cure), signing.fingerprint(station.public_key))
        wrong = station.opened(proofs)
        if wrong:
            raise UserError(f"{wrong} of {len(proofs)} records were not opened by whoever wrote this", str(file), cure)
        following = station.first_not_held()
        click.echo(f"the city has opened {len(proofs)} records; the next export begins with record {following}")
    except exporting.ExportError as error:
        raise UserError(f"the receipt cannot be used: {error}", str(file), cure) from None
    finally:
        station.close()


def _read(file: Path) -> "Export":
    from host_agent.provision import export as exporting

    cure = "have the station export again, and bring the file as it is"
    try:
        return exporting.read(_bytes(file, cure))
    except exporting.ExportError as error:
        raise UserError(f"nothing was imported: {error}", str(file), cure) from None


def _bytes(file: Path, cure: str) -> bytes:
    from host_agent.provision.export import SIZE_LIMIT_BYTES

    try:
        with file.open("rb") as opened:
            return opened.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read the file: {error.strerror or error}", str(file), cure) from None


def _write_receipt(file: Path, data: bytes) -> Path:
    path = file.with_name(f"{file.name}.receipt")
    try:
        folders.write_private(path, data)
    except OSError as error:
        cure = "the terminals are registered; make the folder writable and import again for the receipt"
        raise UserError(f"cannot write the receipt: {error.strerror or error}", str(path), cure) from None
    return path
