"""`yiping flash`: from a box of bare boards to working windows."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from host_agent.board import prompt
from host_agent.board.ports import PortFinder
from host_agent.bundle import archive, shipped
from host_agent.bundle.contents import Bundle
from host_agent.errors import ManyUserErrors, UserError
from host_agent.flash import (
    base_image,
    batch,
    boot_drive,
    fleet_table,
    label,
    ledger,
    live,
    orders,
    owner,
    report,
    uf2,
)
from host_agent.flash.fleet_table import FleetRow
from host_agent.flash.job import Bench
from host_agent.flash.ledger import Ledger
from host_agent.flash.rows import Rows
from host_agent.provision.station import DEFAULT_FILE as STATION_FILE
from host_agent.provision.station import Station

_LOOK_S = 0.2
_file = click.Path(path_type=Path, dir_okay=False)
_folder = click.Path(path_type=Path, file_okay=False)
_ledger = click.option(
    "--ledger", "book_path", type=_file, default=ledger.DEFAULT_FILE, show_default=True, help="The ledger's file."
)
_bundles = click.option(
    "--bundle", "bundles", type=_file, multiple=True, help="Bundle of a board; those of this yiping without."
)
_drives = click.option("--drives", help="Where boot drives appear, as a pattern; all drives of this PC without.")
_ports = click.option("--ports", "patterns", multiple=True, help="Ports to work at, as a pattern; all boards without.")


@click.group(invoke_without_command=True)
@click.option("--fleet", type=_file, help="The fleet table: which window gets which board.")
@_bundles
@click.option("--key", type=_file, help="Public key that must have signed the bundles; the shipped one without.")
@click.option("--station", type=_file, default=STATION_FILE, show_default=True, help="The station's file.")
@_ledger
@click.option("--archive", "kept", type=_folder, default=Path("archive"), show_default=True, help="Queues taken off.")
@click.option("--labels", type=_folder, default=Path("labels"), show_default=True, help="Folder of the labels.")
@click.option("--uf2", "image", type=_file, help="Base image for boards in boot mode.")
@_drives
@_ports
@click.option("--only", type=click.Choice(("failed", "outdated")), help="Only these windows.")
@click.option("--wait", "wait_s", type=float, help="End when no board was at work for so many seconds.")
@click.option("--bench", "with_person", is_flag=True, help="A person tests keys, panel and voice of each board.")
@click.option("--dry-run", is_flag=True, help="Look at the boards that are plugged in and change nothing.")
@click.option("--report", "report_path", type=_file, help="Write the report as .csv, .html or .json.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def flash(
    ctx: click.Context, fleet: Path | None, bundles: tuple[Path, ...], key: Path | None, station: Path,
    book_path: Path, kept: Path, labels: Path, image: Path | None, drives: str | None, patterns: tuple[str, ...],
    only: str | None, wait_s: float | None, with_person: bool, dry_run: bool, report_path: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Flash and provision the boards of a fleet, many at once; run it again and it goes on where it was."""
    if ctx.invoked_subcommand is not None:
        return
    if fleet is None:
        raise UserError("no fleet table", "--fleet", "write one (yiping flash template) and name it")
    prompt.require()
    if report_path is not None and report_path.suffix not in report.SUFFIXES:
        raise UserError("a report is CSV, HTML or JSON", str(report_path), "end its name so")
    rows = fleet_table.read(fleet)
    images = _images(bundles, key, {row.board for row in rows})
    if key is None and shipped.is_development():
        click.echo(orders.DEVELOPMENT_KEY, err=True)
    options = batch.Options(wait_s, dry_run, uf2.read(image) if image else None, drives)
    versions = {name: found.version for name, found in images.items()}
    with contextlib.closing(Station(station)) as opened, _book(book_path, dry_run) as book:
        chosen = _chosen(book, rows, versions, only)
        before = report.entries(book, rows, versions)
        finder = PortFinder(patterns)
        run = book.begin_run(", ".join(f"{name} {version}" for name, version in sorted(versions.items())))
        windows = Rows(chosen, book, finder.serials)
        bench = Bench(book, run, opened, images, kept, labels, windows, finder.of_terminal, with_person=with_person)
        kept_before = orders.archives(kept)
        done = _run(bench, chosen, finder, options)
        book.end_run(run)
        fault = None if dry_run else _sheet(book, rows, labels)
        found = before if dry_run else report.entries(book, rows, versions)
        left = orders.after(book, run, orders.archives(kept) - kept_before)
    if report_path is not None:
        report.write(report_path, found)
    click.echo(report.as_json(found) if as_json else report.text(found))
    for order in left:
        click.echo(order, err=as_json)
    if fault is not None:
        click.echo(f"yiping: {fault}", err=True)
    ctx.exit(0 if done or dry_run else 1)


@flash.command()
@click.option("--uf2", "image", type=_file, required=True, help="Stock image of MicroPython 1.29 or newer.")
@click.option("--board", type=click.Choice(("k5", "t35")), help="Refuse boards whose chip does not fit this one.")
@_drives
@_ports
def base(image: Path, board: str | None, drives: str | None, patterns: tuple[str, ...]) -> None:
    """Put MicroPython on the boards in boot mode, and see that it answers."""
    prompt.require()
    checked = uf2.read(image)
    finder = PortFinder(patterns)
    faults: list[UserError] = []
    for drive in boot_drive.require_one(drives):
        try:
            boot_drive.require_fitting(drive, board)
            before = {port.group for port in finder.look()}
            click.echo(f"{drive.path}: {image.name} goes onto it", err=True)
            boot_drive.put(drive, checked)
            click.echo(f"{drive.path}: it starts", err=True)
            port = _new_port(finder, before, drive)
            click.echo(f"{drive.path}: MicroPython {base_image.answer(port)} answers at {port}")
        except UserError as error:
            faults.append(error)
        except KeyboardInterrupt:
            faults.append(UserError("stopped", str(drive.path), "run the same command again"))
            break
    if faults:
        raise ManyUserErrors(faults)


@flash.command()
@click.argument("out", type=_file, default=Path("fleet.csv"))
def template(out: Path) -> None:
    """Write a fleet table to begin with to OUT."""
    if out.exists():
        raise UserError("there is such a file already", str(out), "name another one")
    try:
        out.write_text(fleet_table.TEMPLATE, encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot write the table: {error.strerror or error}", str(out), "name another place") from None
    click.echo(f"{out}: fill it in, save it as CSV, then yiping flash --fleet {out}")


@flash.command(name="report")
@click.option("--fleet", type=_file, required=True, help="The fleet table.")
@_ledger
@_bundles
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def report_(fleet: Path, book_path: Path, bundles: tuple[Path, ...], as_json: bool) -> None:
    """Show from the ledger what became of each window."""
    if not book_path.is_file():
        raise UserError("there is no ledger", str(book_path), "name it with --ledger; `yiping flash --fleet` makes it")
    wanted = [archive.read(path) for path in bundles] or shipped.images()
    book = Ledger(book_path)
    try:
        found = report.entries(book, fleet_table.read(fleet), {image.board: image.version for image in wanted})
    finally:
        book.close()
    click.echo(report.as_json(found) if as_json else report.text(found))


@contextlib.contextmanager
def _book(path: Path, dry: bool) -> Iterator[Ledger]:
    """Own and open the ledger for a block; for a run that changes nothing a copy of it."""
    with contextlib.ExitStack() as stack:
        if dry:
            copy = Path(stack.enter_context(tempfile.TemporaryDirectory())) / path.name
            if path.is_file():
                ledger.copy(path, copy)
            path = copy
        else:
            stack.enter_context(owner.owning(path))
        yield stack.enter_context(contextlib.closing(Ledger(path)))


def _run(bench: Bench, rows: list[FleetRow], finder: PortFinder, options: batch.Options) -> bool:
    """Work through the rows, shown as suits who watches."""
    if not live.stderr_is_watched():
        view = live.PlainView(lambda line: click.echo(line, err=True))
        return batch.Batch(bench, rows, finder, options, view.show).run()
    from rich.console import Console

    done = {f"{row.centre}/{row.window}" for row in rows if batch.is_done(bench, row)}
    table = live.TableView(Console(stderr=True), len(rows), done)
    with table.running():
        return batch.Batch(bench, rows, finder, options, table.show).run(table.refresh)


def _images(paths: tuple[Path, ...], key: Path | None, boards: set[str]) -> Mapping[str, Bundle]:
    """Return the verified bundle of each board of the fleet. Raises UserError."""
    found: dict[str, Bundle] = {}
    for path in paths or shipped.paths():
        one = archive.read(path)
        if one.board in boards:
            one.verify(shipped.key(key))
            found[one.board] = one
    missing = sorted(boards - found.keys())
    if missing:
        raise UserError(f"no bundle for board {missing[0]}", "--bundle", "name one for each board of the fleet")
    return found


def _chosen(book: Ledger, rows: list[FleetRow], versions: Mapping[str, str], only: str | None) -> list[FleetRow]:
    """Return the rows that this run is for."""
    if only is None:
        return rows
    wanted = {"failed": (ledger.FAILED, ledger.WORKING), "outdated": (report.OUTDATED,)}[only]
    states = [entry.state for entry in report.entries(book, rows, versions)]
    return [row for row, state in zip(rows, states, strict=True) if state in wanted]


def _sheet(book: Ledger, rows: list[FleetRow], labels: Path) -> UserError | None:
    """Write the sheet with the labels of all working terminals of the fleet, if there is any; return why it cannot."""
    boards = [board for row in rows if (board := book.at(row.place)) and board.state == ledger.DONE]
    try:
        if boards:
            texts = [label.Label(b.terminal or "", b.centre, b.window, b.board, b.version or "") for b in boards]
            label.write_sheet(labels, texts)
    except UserError as error:
        return error
    return None


def _new_port(finder: PortFinder, before: set[str], drive: boot_drive.BootDrive) -> str:
    """Return the port that appears. Raises UserError."""
    deadline = time.monotonic() + base_image.PORT_S
    while time.monotonic() < deadline:
        new = [port for port in finder.look() if port.group not in before]
        if new:
            return new[0].devices[0]
        time.sleep(_LOOK_S)
    where = str(drive.path)
    raise base_image.not_taken(where) if drive.is_there() else base_image.no_port(where)
