"""`yiping update offer | remove | status | retry`: what terminals of this PC may be updated to, and how it goes."""

import json
from pathlib import Path
from typing import Any

import click

from host_agent import config as agent_config
from host_agent.agent_client import AgentClient
from host_agent.config_model import Config
from host_agent.config_option import config_option
from host_agent.errors import UserError

_HEAD = ("WINDOW", "TERMINAL", "FIRMWARE", "UPDATE", "DONE", "MESSAGE")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
@config_option
def offer(bundle: Path, config_path: Path) -> None:
    """Check BUNDLE's signature and let the agent offer it; works without network, and while the agent is stopped."""
    config = agent_config.load(config_path)
    shelf = _shelf(config)
    firmware = shelf.examine(bundle)
    _refuse_a_foreign_board(config, firmware.board, bundle)
    newest = shelf.newest(firmware.board)
    if newest is not None and newest.release > firmware.release:
        cure = f"remove that one first with `yiping update remove {newest.version}`; terminals refuse what is older"
        raise UserError(f"{firmware.version} is older than {newest.version}, which is offered", str(bundle), cure)
    shelf.put(bundle)
    click.echo(f"firmware {firmware.version} for {firmware.board} is offered, {firmware.size_bytes:,} bytes")
    click.echo(
        "terminals get it when the city's roll-out reaches them"
        if config.update.by_city
        else f"terminals get it one after the other while they rest, and switch within {config.update.hours}"
    )


@click.command()
@click.argument("version")
@config_option
def remove(version: str, config_path: Path) -> None:
    """Offer the bundles of VERSION no longer."""
    shelf = _shelf(agent_config.load(config_path))
    found = [one for one in shelf.all() if one.version == version]
    if not found:
        held = ", ".join(sorted({one.version for one in shelf.all()})) or "nothing"
        raise UserError(f"no bundle of {version}", str(shelf.folder), f"offered: {held}")
    try:
        for one in found:
            shelf.remove(one)
    except OSError as error:
        cure = "close what has it open, check the rights of the folder, and try again"
        raise UserError(f"cannot remove the bundle: {error.strerror or error}", str(shelf.folder), cure) from None
    click.echo(f"{version} is no longer offered")


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(config_path: Path, as_json: bool) -> None:
    """Say what is offered, and how each terminal's update stands; exit code 1 when one has failed."""
    whole = AgentClient(agent_config.load(config_path)).get("/api/v1/status")
    rows = [
        {"window": item["window"], "terminal": item["terminal"], "firmware": item["firmware"], **item["update"]}
        for item in whole["terminals"]
        if item["update"] is not None
    ]
    if as_json:
        click.echo(json.dumps({**whole["update"], "terminals": rows}, ensure_ascii=False))
    else:
        _tell(whole["update"], rows)
    if any(row["state"] == "failed" for row in rows):
        click.get_current_context().exit(1)


@click.command()
@click.argument("terminal")
@config_option
def retry(terminal: str, config_path: Path) -> None:
    """Let TERMINAL try again the update that failed."""
    AgentClient(agent_config.load(config_path)).order("POST", f"/api/v1/updates/{terminal}/retry", {})
    click.echo(f"terminal {terminal} may try again")


def _shelf(config: Config) -> Any:
    from host_agent.update import shelf

    if config.update.key is None:
        cure = "name the bundle.key that the terminals were flashed with"
        raise UserError("no key to check bundles with", f"{config.path}: update.key", cure)
    made = shelf.Shelf(config.agent.data_dir, shelf.read_key(config.update.key))
    made.refresh()
    return made


def _refuse_a_foreign_board(config: Config, board: str, bundle: Path) -> None:
    """Refuse a bundle that no terminal here can run, as far as a running agent knows its terminals."""
    try:
        terminals = AgentClient(config).get("/api/v1/status")["terminals"]
    except UserError:
        return
    boards = {item["board"] for item in terminals}
    if None not in boards and board not in boards:
        what = f"no window of this agent has board {board}"
        raise UserError(what, str(bundle), f"offer the bundle for {', '.join(sorted(boards)) or 'its terminals'}")


def _tell(update: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    if update["by"] is None:
        click.echo("terminals are not updated: agent.toml has no update.key")
    for one in update["bundles"]:
        click.echo(f"offered: {one['version']} for {one['board']} ({one['manifest'][:8]}), {one['bytes']:,} bytes")
    if update["rollout"] is not None:
        click.echo(f"the city's roll-out {update['rollout']} is under way here")
    table = [_HEAD, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD) - 1)]
    for row in table:
        click.echo("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    done = "-" if row["percent"] is None else f"{row['percent']} %"
    return row["window"], row["terminal"], row["firmware"] or "-", row["state"], done, row["message"]
