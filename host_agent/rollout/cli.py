"""`yiping rollout start | status | halt | resume | abort`: an administrator's word at the city's receiver.

The commands change `rollout.db` beside the receiver's database; the running receiver acts within a second.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from host_agent.errors import UserError
from host_agent.receiver.config import Config, load
from host_agent.rollout import model, overview, step
from host_agent.rollout.model import Limits, Offer, Rollout
from host_agent.rollout.store import RolloutStore

_HEAD = ("TERMINAL", "AGENT", "WINDOW", "WAVE", "STATE", "NOW", "FIRMWARE", "WHY")

_config = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("receiver.toml"),
    show_default=True,
    help="The receiver's configuration.",
)
_centre = click.option("--centre", required=True, help="The service centre.")


@click.command()
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@_config
@_centre
@click.option("--url", "urls", multiple=True, help="Where agents may fetch the bundles, in the order of BUNDLES.")
@click.option("--waves", default="1,10%,100%", show_default=True, help="Terminals reached by the end of each wave.")
@click.option("--observe-min", default=30, show_default=True, type=click.IntRange(0, 10_080), help="After each wave.")
@click.option("--canary-failures", default=1, show_default=True, type=click.IntRange(1), help="Halt the first wave.")
@click.option(
    "--failure-percent", default=2.0, show_default=True, type=click.FloatRange(0, 100), help="Halt later ones."
)
def start(
    bundles: tuple[Path, ...],
    path: Path,
    centre: str,
    urls: tuple[str, ...],
    waves: str,
    observe_min: int,
    canary_failures: int,
    failure_percent: float,
) -> None:
    """Roll BUNDLES, one for each board and of one version, out to the terminals of a centre."""
    config = load(path)
    limits = Limits(
        tuple(part.strip() for part in waves.split(",")), 60 * observe_min, canary_failures, failure_percent
    )
    wrong = model.check_waves(limits.waves)
    if wrong is not None:
        raise UserError(wrong, "--waves", "for example 1,10%,100%")
    if urls and len(urls) != len(bundles):
        raise UserError(
            f"{len(urls)} addresses for {len(bundles)} bundles", "--url", "give one for each bundle, or none"
        )
    version, offers = _offers(config, bundles, urls)
    now_ms = _now_ms()
    rollout = Rollout(
        f"{centre}-{version}-{now_ms // 1000}", centre, version, offers, limits, started_ms=now_ms, changed_ms=now_ms
    )
    with _store(config) as store, store.change():
        _refuse_a_second(store, centre)
        _refuse_nobody(store, centre, offers)
        store.put(rollout)
    click.echo(f"roll-out {rollout.id} begins: waves {waves}, each observed for {observe_min} min")
    click.echo(f"follow it with `yiping rollout status --centre {centre}`")


@click.command()
@_config
@click.option("--centre", help="One centre, with every terminal; default all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(path: Path, centre: str | None, as_json: bool) -> None:
    """Say which versions run and how the roll-outs stand; exit code 1 while one is halted."""
    with _store(load(path)) as store:
        rows = [row for row in overview.centres(store, _now_ms()) if centre in (None, row["centre"])]
    if centre is not None and not rows:
        raise UserError("nothing was heard of this centre", centre, "check the name, and that the receiver runs")
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
    else:
        for row in rows:
            click.echo(row["message"])
            if row["rollout"] is not None:
                _tell(row["rollout"], centre is not None)
    if any((row["rollout"] or {}).get("state") == model.HALTED for row in rows):
        click.get_current_context().exit(1)


@click.command()
@_config
@_centre
def halt(path: Path, centre: str) -> None:
    """Stop a roll-out: no terminal begins or switches any more, within 90 s even where the network is down."""
    with _one(load(path), centre, model.RUNNING) as rollout:
        rollout.state, rollout.why, rollout.changed_ms = model.HALTED, model.BY_ADMINISTRATOR, _now_ms()
    click.echo(f"the roll-out of {rollout.version} in {centre} is halted")


@click.command()
@_config
@_centre
@click.option("--retry-failed", is_flag=True, help="Let terminals that failed try this bundle again.")
def resume(path: Path, centre: str, retry_failed: bool) -> None:
    """Go on after a halt; what failed so far halts no more."""
    with _one(load(path), centre, model.HALTED) as rollout:
        failed = rollout.count(model.FAILED)
        step.resume(rollout, retry_failed, _now_ms())
    again = f"{failed} that failed " + ("try again" if retry_failed else "stay as they are")
    click.echo(f"the roll-out of {rollout.version} in {centre} goes on; {again if failed else 'none has failed'}")


@click.command()
@_config
@_centre
def abort(path: Path, centre: str) -> None:
    """End a roll-out; terminals keep what they run, so the centre may be left with two versions."""
    with _one(load(path), centre, *model.OPEN_STATES) as rollout:
        rollout.state, rollout.why, rollout.changed_ms = model.ABORTED, model.BY_ADMINISTRATOR, _now_ms()
    done, total = rollout.count(model.DONE), rollout.count(model.DONE, model.PLANNED, model.GO, model.FAILED)
    click.echo(f"the roll-out of {rollout.version} in {centre} is aborted; {done} of {total} terminals run it")


def _offers(config: Config, bundles: tuple[Path, ...], urls: tuple[str, ...]) -> tuple[str, dict[str, Offer]]:
    """Return version and offers by board; raises UserError for bundles that are refused or do not belong together."""
    from host_agent.update import shelf

    if config.rollout.key is None:
        raise UserError(
            "no key to check bundles with", "rollout.key", "name the terminals' bundle.key in receiver.toml"
        )
    try:
        key = shelf.read_key(config.rollout.key)
    except (OSError, ValueError) as error:
        raise UserError(f"no bundle key: {error}", str(config.rollout.key), "take the terminals' bundle.key") from None
    offers: dict[str, Offer] = {}
    versions = set()
    for at, bundle in enumerate(bundles):
        firmware = shelf.check(bundle, key)
        if firmware.board in offers:
            raise UserError(f"two bundles for board {firmware.board}", str(bundle), "give one for each board")
        offers[firmware.board] = Offer(firmware.board, firmware.digest.hex(), urls[at] if urls else None)
        versions.add(firmware.version)
    if len(versions) > 1:
        raise UserError(f"bundles of {len(versions)} versions", ", ".join(sorted(versions)), "roll out one version")
    return versions.pop(), offers


def _refuse_a_second(store: RolloutStore, centre: str) -> None:
    found = next((one for one in store.open_ones() if one.centre == centre), None)
    if found is not None:
        cure = f"`yiping rollout abort --centre {centre}` first, or let it end"
        what = f"a roll-out of {found.version} is {found.state} there, and two at once would mix three versions"
        raise UserError(what, centre, cure)


def _refuse_nobody(store: RolloutStore, centre: str, offers: dict[str, Offer]) -> None:
    reports = store.reports(centre).values()
    if not reports:
        cure = "check the name of the centre, and that receiver and agents run"
        raise UserError("no terminal of this centre was heard of", centre, cure)
    if not any(report.board in offers and report.running != offers[report.board].short for report in reports):
        boards = ", ".join(sorted({report.board or "unknown" for report in reports}))
        what = f"no terminal there needs it: its boards are {boards}, bundles are for {', '.join(sorted(offers))}"
        raise UserError(what, centre, "roll out bundles for its boards; those that run it already need none")


def _tell(told: dict[str, Any], whole: bool) -> None:
    shares = [f"{told[state]} {state}" for state in ("done", "go", "planned", "failed", "skipped") if told[state]]
    left_s = told["observe_left_s"]
    click.echo(
        f"  {told['state']}, wave {told['wave']} of {len(told['waves'])} ({', '.join(told['waves'])}): {_bar(told)}"
        f" {', '.join(shares) or 'nobody yet'}" + ("" if left_s is None else f"; observed for {left_s} s more")
    )
    if not whole:
        return
    rows = [_HEAD, *map(_cells, told["members"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    for row in rows:
        click.echo("  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]))


def _bar(told: dict[str, Any]) -> str:
    full = 20 * told["done"] // max(1, told["total"])
    return f"[{'#' * full}{'.' * (20 - full)}] {told['done']}/{told['total']}"


def _cells(member: dict[str, Any]) -> tuple[str, ...]:
    wave = "-" if member["wave"] is None else str(member["wave"] + 1)
    why = member["why"] or member["now_why"] or ""
    now = member["terminal_state"] if member["terminal_state"] == model.LOST else member["now"] or "-"
    told = (
        member["terminal"],
        member["agent"],
        member["window"],
        wave,
        member["state"],
        now,
        member["firmware"] or "-",
    )
    return *told, overview.WHYS.get(why, why)


@contextmanager
def _one(config: Config, centre: str, *states: str) -> Iterator[Rollout]:
    """Yield a centre's open roll-out to be changed; raises UserError when it is in none of the states."""
    with _store(config) as store, store.change():
        rollout = store.of_centre(centre)
        if rollout is None or rollout.state not in states:
            found = "has none" if rollout is None else f"is {rollout.state}"
            what = f"the centre's roll-out must be {' or '.join(states)} for this, and it {found}"
            raise UserError(what, centre, "see `yiping rollout status`")
        yield rollout
        store.put(rollout)


@contextmanager
def _store(config: Config) -> Iterator[RolloutStore]:
    store = RolloutStore(config.receiver.data_dir)
    try:
        yield store
    except sqlite3.Error as error:
        raise UserError(f"the roll-outs cannot be read or kept: {error}", str(store.path), "check its disk") from None
    finally:
        store.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
