"""`yiping registry`: add provisioned terminals to the city's key registry and list them, never showing a secret."""

import json
import time
from pathlib import Path

import click

from host_agent.errors import UserError
from host_agent.provision.registry import Entry, Registry, RegistryError, entry_from

registry_option = click.option(
    "--registry",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("registry.db"),
    show_default=True,
    help="The registry file.",
)


@click.group()
def registry() -> None:
    """Keep the city's register of terminals and their secrets."""


@registry.command()
@registry_option
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def add(path: Path, files: tuple[Path, ...]) -> None:
    """Add the terminals described by FILES (provision.json as written at provisioning); nothing is added on error."""
    entries = [_entry_of(file) for file in files]
    book = open_registry(path, create=True)
    try:
        outcomes = book.add(entries)
    except RegistryError as error:
        raise UserError(
            f"nothing was added: {error}", str(path), "provision that terminal anew with a higher epoch"
        ) from error
    finally:
        book.close()
    for outcome, entry in zip(outcomes, entries, strict=True):
        click.echo(f"{outcome}: terminal {entry.terminal} epoch {entry.epoch} window {entry.window}")


@registry.command(name="list")
@registry_option
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_(path: Path, as_json: bool) -> None:
    """List the terminals of the registry, without their secrets."""
    book = open_registry(path, create=False)
    try:
        rows = [_public(entry) for entry in book.entries()]
    finally:
        book.close()
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        click.echo("no terminals yet")
    for row in rows:
        reveal = "  tells levels to the PC" if row["reveal_level"] else ""
        lost = "  lost" if row["lost_utc_ms"] else ""
        where = f"{row['centre']}/{row['window']}"
        click.echo(f"{row['terminal']}  epoch {row['epoch']}  {where}  {row['board']}{reveal}{lost}")


def _public(entry: Entry) -> dict[str, str | int | bool | None]:
    """Return what of an entry may be shown."""
    return {
        "terminal": entry.terminal,
        "epoch": entry.epoch,
        "centre": entry.centre,
        "window": entry.window,
        "board": entry.board,
        "reveal_level": entry.reveal_level,
        "added_utc_ms": entry.added_utc_ms,
        "lost_utc_ms": entry.lost_utc_ms or None,
    }


def _entry_of(file: Path) -> Entry:
    cure = "give the provision.json that was written when the terminal was provisioned"
    try:
        provision = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError("cannot read the file", f"{file}: {error.strerror}", cure) from error
    except ValueError as error:
        raise UserError("the file is no JSON", str(file), cure) from error
    try:
        return entry_from(provision, time.time_ns() // 1_000_000)
    except RegistryError as error:
        raise UserError(str(error), str(file), cure) from error


def open_registry(path: Path, create: bool) -> Registry:
    """Return the registry in a file.

    :raises UserError: it is not there, or is none.
    """
    try:
        return Registry(path, create=create)
    except RegistryError as error:
        raise UserError(
            f"cannot open the registry: {error}",
            str(path),
            "give the file with --registry; `yiping registry add` makes it",
        ) from error
