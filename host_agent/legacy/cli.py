"""`yiping legacy provision`: make the key with which the agent seals for one old rater."""

import os
import secrets
from pathlib import Path

import click

from host_agent import folders
from host_agent.config_faults import ID_PATTERN
from host_agent.errors import UserError
from host_agent.legacy import key_file
from host_agent.legacy.key_file import JOURNAL_ID_BYTES, Key
from host_agent.provision.registry import EPOCH_MAX, LEGACY_BOARD, SECRET_BYTES


@click.command()
@click.option("--terminal", required=True, help="Terminal id for the rater, such as YP-L001.")
@click.option("--centre", required=True, help="The service centre, as in agent.centre.")
@click.option("--window", required=True, help="The window that the rater stands at.")
@click.option(
    "--epoch",
    type=click.IntRange(1, EPOCH_MAX),
    default=1,
    show_default=True,
    help="Key epoch; each new key of the same terminal needs a higher one.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    show_default=True,
    help="Where both files go.",
)
def provision(terminal: str, centre: str, window: str, epoch: int, folder: Path) -> None:
    """Make TERMINAL.key for legacy.key_file, and TERMINAL.provision.json for `yiping registry add` at the city.

    Both hold the secret and can be read by their owner only; nothing of it is printed. Remove the second one here once
    the city has it.
    """
    _check_ids({"--terminal": terminal, "--centre": centre, "--window": window})
    path = folder / f"{terminal}.key"
    _check_epoch(path, epoch)
    key = Key(terminal, epoch, secrets.token_bytes(SECRET_BYTES), secrets.token_bytes(JOURNAL_ID_BYTES))
    registry = {
        "terminal": terminal,
        "epoch": epoch,
        "secret": key.secret.hex(),
        "centre": centre,
        "window": window,
        "board": LEGACY_BOARD,
    }
    city = folder / f"{terminal}.provision.json"
    try:
        folders.make(folder)
        # The city's part first: a key that nobody at the city can know must not come into use.
        key_file.write_private(city, registry)
        key_file.write(path, key)
    except OSError as error:
        raise UserError(
            f"cannot write the key: {error.strerror or error}", str(folder), "check the folder and its rights"
        ) from None
    click.echo(f"{path}: for legacy.key_file of window {window}")
    click.echo(f"{city}: for the city's `yiping registry add`, over a safe way; then remove it here")
    if os.name == "nt":
        click.echo("see that no other user of this PC may read the folder")


def _check_ids(values: dict[str, str]) -> None:
    for option, value in values.items():
        if not ID_PATTERN.match(value):
            cure = "use at most 20 letters, digits, dots, dashes and underscores"
            raise UserError(f"{value!r} is no id", option, cure)


def _check_epoch(path: Path, epoch: int) -> None:
    """Refuse to put a key in the place of one that may be in use."""
    if not path.exists():
        return
    known = key_file.read(path)
    if epoch <= known.epoch:
        raise UserError(
            f"there is a key of epoch {known.epoch} already",
            str(path),
            f"give --epoch {known.epoch + 1} or more, once no event of the old key waits (yiping agent status)",
        )
