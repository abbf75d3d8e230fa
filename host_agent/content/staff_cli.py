"""`yiping staff import | list | remove | give-up`: the clerks whom the terminals show."""

import contextlib
import importlib.util
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from host_agent import config as agent_config
from host_agent.api_staff import CHANGED, NEW, UNCHANGED
from host_agent.config_option import config_option
from host_agent.content import staff_desk, staff_table
from host_agent.errors import ManyUserErrors, UserError

if TYPE_CHECKING:
    from host_agent.content.staff import Staff

# A progress bar for fewer would be gone before it is seen.
_SOON = 10


@click.command()
@click.argument("table", type=click.Path(path_type=Path))
@config_option
@click.option("--photos", type=click.Path(path_type=Path), help="Folder of the photos; default the table's own.")
@click.option("--font", "fonts", type=click.Path(path_type=Path), multiple=True, help="A font for rare characters.")
@click.option("--preview", type=click.Path(path_type=Path), help="Put a picture of each card into this folder.")
@click.option("--dry-run", is_flag=True, help="Check everything and change nothing.")
def import_(
    table: Path, config_path: Path, photos: Path | None, fonts: tuple[Path, ...], preview: Path | None, dry_run: bool
) -> None:
    """Read clerks and photos from TABLE (CSV) and put their cards on the terminals.

    Columns: number (工号), name (姓名), post (岗位), stars (星级), photo (照片). Clerks who are not in the table
    stay as they are; photos are not kept.
    """
    config = agent_config.load(config_path)
    rows = staff_table.read(table)
    if photos is not None and not photos.is_dir():
        raise UserError("no such folder of photos", str(photos), "correct --photos")
    if importlib.util.find_spec("PIL") is None:
        raise UserError("Pillow is not installed", "yiping staff import", "install the extra yiping[content]")
    from host_agent.content import staff_cards

    found = staff_cards.fonts(list(fonts))
    with _progress("cards", len(rows)) as done:
        people = staff_cards.make(rows, table, photos, found, done)
    if preview is not None:
        _write_previews(people, preview)
    if dry_run:
        click.echo(f"{_clerks(len(people))} could be imported; nothing was changed")
        return
    with staff_desk.opened(config) as desk, _progress("clerks", len(people)) as done:
        counts = Counter(desk.put(people, done))
    click.echo(f"{_clerks(len(people))}: {counts[NEW]} new, {counts[CHANGED]} changed, {counts[UNCHANGED]} unchanged")
    click.echo(_what_follows(desk.runs, "their cards go to the terminals while these rest"))


@click.command()
@config_option
def list_(config_path: Path) -> None:
    """List the imported clerks, and removals that a terminal has not confirmed."""
    with staff_desk.opened(agent_config.load(config_path)) as desk:
        listing = desk.listing()
    for item in listing["items"]:
        stars = "-" if item["stars"] is None else str(item["stars"])
        boards = ", ".join(item["boards"]) or "no card"
        click.echo("  ".join((item["number"], item["name"], item["post"] or "-", stars, boards)))
    click.echo(_clerks(len(listing["items"])))
    _tell_removals(listing)


@click.command()
@click.argument("numbers", nargs=-1, required=True)
@config_option
def remove(numbers: tuple[str, ...], config_path: Path) -> None:
    """Forget clerks by NUMBERS: name and card leave this PC now, and each terminal as soon as it is reached."""
    numbers = tuple(dict.fromkeys(numbers))
    with staff_desk.opened(agent_config.load(config_path)) as desk:
        known = {item["number"] for item in desk.listing()["items"]}
        unknown = [number for number in numbers if number not in known]
        if unknown:
            cure = "see `yiping staff list`; nothing was changed"
            raise ManyUserErrors([UserError("no such clerk", number, cure) for number in unknown])
        wiped = desk.remove(list(numbers))
        listing = desk.listing()
    click.echo(f"{_clerks(len(numbers))} removed from this PC")
    if not wiped:
        click.echo("another program reads the store: the log is emptied as soon as it ends")
    _tell_removals(listing)
    click.echo(_what_follows(desk.runs, "the terminals are told while they rest"))


@click.command()
@click.argument("terminal")
@config_option
def give_up(terminal: str, config_path: Path) -> None:
    """Wait no longer for TERMINAL to confirm removals: it was destroyed, or erased by other means."""
    with staff_desk.opened(agent_config.load(config_path)) as desk:
        waiting = {item["terminal"]: item["numbers"] for item in desk.listing()["removals"]}
        if terminal not in waiting:
            raise UserError("this terminal has nothing to confirm", terminal, "see `yiping staff list`")
        desk.give_up(terminal)
    click.echo(f"no longer waiting for {terminal} to remove {', '.join(waiting[terminal])}")


def _tell_removals(listing: dict) -> None:
    for item in listing["removals"]:
        click.echo(f"terminal {item['terminal']} still has to remove {', '.join(item['numbers'])}")


def _what_follows(runs: bool, what: str) -> str:
    return f"the agent runs: {what}" if runs else f"the agent does not run: once it does, {what}"


def _clerks(count: int) -> str:
    return "1 clerk" if count == 1 else f"{count} clerks"


@contextlib.contextmanager
def _progress(what: str, length: int) -> Iterator[Callable[[], None]]:
    """Yield what to call at each step; a bar is shown to people who watch, where there is much to do."""
    if length < _SOON:
        yield lambda: None
        return
    with click.progressbar(length=length, label=what, file=sys.stderr) as bar:
        yield lambda: bar.update(1)


def _write_previews(people: "list[Staff]", folder: Path) -> None:
    from host_agent.content import card_render
    from host_agent.content.card_boards import BOARDS

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in people:
            for board, card in one.cards.items():
                path = folder / f"{one.clerk.number}-{board}.png"
                path.touch(0o600)
                card_render.picture(card, BOARDS[board]).save(path)
    except OSError as error:
        raise UserError(
            f"cannot write the pictures: {error.strerror or error}", str(folder), "check folder and rights"
        ) from None
