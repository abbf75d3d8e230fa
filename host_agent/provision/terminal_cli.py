"""`yiping terminal end | swap | lost`: the end of a terminal's epoch, and another terminal in its place."""

import json
from pathlib import Path
from typing import Any

import click

from host_agent.provision import agent_file, identity
from host_agent.provision.ending import Ended
from host_agent.provision.station import LOST, Station
from host_agent.provision.station_cli import station_option
from host_agent.provision.swap import Swapped

_archives = click.option(
    "--archives",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("rescued"),
    show_default=True,
    help="Folder for what was on the queue chips.",
)
_port = click.option("--port", required=True, help="The board's port; its maintenance jumper is set.")
_damage = click.option("--accept-damage", is_flag=True, help="Go on although events cannot be read from the chip.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.command()
@station_option
@_port
@_archives
@_damage
@_json
def end(path: Path, port: str, archives: Path, accept_damage: bool, as_json: bool) -> None:
    """Seal a terminal's last event, and archive its queue: it may then be provisioned anew. May be repeated."""
    from host_agent.board.caller import at_port, tell_sectors
    from host_agent.provision import ending

    station = Station(path)
    try:
        with at_port(port) as caller:
            ended = ending.end(caller, station, archives, accept_damage, tell_sectors)
    finally:
        station.close()
    if as_json:
        click.echo(json.dumps(_ended(ended)))
        return
    _tell_ended(ended)


@click.command()
@station_option
@click.argument("terminal")
def lost(path: Path, terminal: str) -> None:
    """Note that TERMINAL is broken or gone, and tell the city with the next export."""
    identity.check(terminal, "TERMINAL")
    station = Station(path)
    try:
        newest = station.newest(terminal)
        station.lost(terminal, newest.epoch if newest is not None else 0)
    finally:
        station.close()
    click.echo(f"{terminal} is lost; the city learns it with the next `yiping registry export`")
    click.echo("its queue chip, if you have it: `yiping terminal rescue`")


@click.command()
@station_option
@_port
@_archives
@_damage
@click.option("--centre", required=True, help="The service centre.")
@click.option("--window", required=True, help="The window that gets this board.")
@click.option("--terminal", help="Its id; without it, the one it has, or a new one.")
@click.option("--old-lost", is_flag=True, help="The old terminal is broken or gone: its last event cannot be sealed.")
@click.option(
    "--reveal-level/--no-reveal-level", default=None, help="Tell levels to the PC; without it, as the old terminal did."
)
@click.option("--link", type=click.Choice(["usb", "uart"]), help="Without it, as the old terminal.")
@click.option(
    "--agent", type=click.Path(path_type=Path, dir_okay=False), help="The agent's configuration, to be changed here."
)
@_json
def swap(path: Path, port: str, archives: Path, as_json: bool, agent: Path | None, **options: Any) -> None:
    """Make the board at PORT the terminal of a window, in place of the one that stood there."""
    from host_agent.board.caller import at_port, tell_sectors
    from host_agent.provision.swap import swap as exchange

    if options["terminal"] is not None:
        identity.check(options["terminal"], "--terminal")
    place = options.pop("centre"), options.pop("window")
    station = Station(path)
    try:
        with at_port(port) as caller:
            new = options.pop("terminal")
            done = exchange(caller, station, archives, place, new=new, progress=tell_sectors, **options)
    finally:
        station.close()
    before = agent_file.put_terminal(agent, place[1], done.made.entry.terminal) if agent is not None else None
    if as_json:
        click.echo(json.dumps(_swapped(done), ensure_ascii=False))
        return
    _tell_swapped(done, agent, before)


def _ended(ended: Ended) -> dict[str, Any]:
    return {
        "terminal": ended.about.terminal,
        "epoch": ended.about.epoch,
        "last_seq": ended.last_seq,
        "events": ended.events,
        "archive": None if ended.archive is None else str(ended.archive),
    }


def _swapped(done: Swapped) -> dict[str, Any]:
    entry = done.made.entry
    return {
        "terminal": entry.terminal,
        "epoch": entry.epoch,
        "centre": entry.centre,
        "window": entry.window,
        "reveal_level": entry.reveal_level,
        "old": None if done.old is None else {"terminal": done.old.terminal, "state": done.old_state},
        "was": _ended(done.ended),
    }


def _tell_ended(ended: Ended) -> None:
    if ended.about.terminal is None:
        click.echo("the board has no settings that name a terminal: no epoch can be ended")
    else:
        click.echo(f"{ended.about.terminal} epoch {ended.about.epoch} has ended with event {ended.last_seq}")
    if ended.archive is not None:
        click.echo(f"{ended.events} events of its chip are in {ended.archive}")
        click.echo(f"bring them to the city: yiping terminal rescue --archive {ended.archive} --deliver agent.toml")


def _tell_swapped(done: Swapped, agent: Path | None, before: str | None) -> None:
    entry = done.made.entry
    if done.ended.about.terminal is not None or done.ended.archive is not None:
        _tell_ended(done.ended)
    if done.old is not None:
        lost_or_ended = "is told to be lost" if done.old_state == LOST else "has ended"
        click.echo(f"old: {done.old.terminal} epoch {done.old.epoch} {lost_or_ended}")
    reveal = ", tells levels to the PC" if entry.reveal_level else ""
    click.echo(f"new: {entry.terminal} epoch {entry.epoch} for {entry.centre}/{entry.window}{reveal}")
    click.echo("the code on housing and sign stays: it names the window")
    line = agent_file.line_of(entry.terminal)
    if agent is None:
        click.echo(f"in the agent's configuration, in the [[window]] of {entry.window}: {line}; then restart the agent")
    elif before is None:
        click.echo(f"{agent} says so already")
    else:
        click.echo(f"{agent}: window {entry.window} now has {line} (before: {before}); restart the agent")
    click.echo("tell the city before the terminal works: yiping registry export")
