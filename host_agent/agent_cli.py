"""The commands `yiping agent run | check | status`."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click

from host_agent import config as agent_config
from host_agent.agent_client import AgentClient
from host_agent.config_option import config_option

_TERMINAL_HEAD = ("WINDOW", "TERMINAL", "FIRMWARE", "STATE", "RTT", "IN", "OUT", "BAD", "AGAIN", "MESSAGE")


@click.command()
@config_option
@click.option("--wait", is_flag=True, help="For a service: wait for what is missing at the start instead of ending.")
@click.option("--verbose", is_flag=True, help="Tell more.")
def run(config_path: Path, wait: bool, verbose: bool) -> None:
    """Run the agent of this PC until it is told to end."""
    config = agent_config.load(config_path)
    from host_agent import logs
    from host_agent.agent import Agent
    from host_agent.cli import program_version

    async def serve() -> None:
        asyncio.get_running_loop().set_exception_handler(logs.loop_failed)
        agent = Agent(config, program_version())
        await agent.run(wait, lambda address: click.echo(f"yiping agent {config.agent.id}: {address}", err=True))

    logs.set_up(config.agent.data_dir, verbose)
    _run_loop(serve())


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(config_path: Path, as_json: bool) -> None:
    """Try configuration, ports and broker, and say what is wrong; nothing is changed."""
    config = agent_config.load(config_path)
    from host_agent.agent_check import check_all

    findings = _run_loop(check_all(config))
    if as_json:
        click.echo(json.dumps([finding.as_dict() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(finding.line())
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(config_path: Path, as_json: bool) -> None:
    """Ask the running agent how it fares."""
    config = agent_config.load(config_path)
    whole = AgentClient(config).get("/api/v1/status")
    if as_json:
        click.echo(json.dumps(whole, ensure_ascii=False))
    else:
        click.echo(_status_text(whole))
    sys.exit(0 if whole["ok"] else 1)


def _run_loop(work: Any) -> Any:
    """Run the event loop that serial descriptors and paho's sockets need (on Windows not the default one)."""
    factory = asyncio.SelectorEventLoop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def _status_text(whole: dict[str, Any]) -> str:
    store, broker = whole["store"], whole["broker"]
    oldest_s, days = store["oldest_waiting_s"], broker["certificate_days"]
    lines = [
        f"agent {whole['agent']} in {whole['centre']}, version {whole['version']}: {whole['message']}",
        *(
            f"- {item['message']}"
            for item in [*whole["faults"], *whole["warnings"]]
            if item["message"] != whole["message"] and "window" not in item
        ),
        f"broker: {broker['message']}" + ("" if days is None else f", certificates: {days} days left"),
        f"store: {store['waiting']} waiting"
        + ("" if oldest_s is None else f" (the oldest for {oldest_s} s)")
        + f", {store['unreceipted']} unreceipted, {store['refused']} refused,"
        f" {store['receipted_total']} of {store['stored_total']} receipted",
    ]
    rows = [_TERMINAL_HEAD, *map(_terminal_cells, whole["terminals"])]
    last = len(_TERMINAL_HEAD) - 1
    widths = [max(len(row[column]) for row in rows) for column in range(last)]
    lines += ["  ".join([*(row[column].ljust(widths[column]) for column in range(last)), row[last]]) for row in rows]
    return "\n".join([*lines, *(line for item in whole["terminals"] for line in _content_lines(item))])


def _content_lines(item: dict[str, Any]) -> list[str]:
    """Return what a window's terminal lacks, has to forget, or does not take, and how its update stands."""
    found, update = item["content"] or {}, item["update"] or {}
    told = (("pending", "to be sent or taken off"), ("removing", "removal not confirmed"), ("refused", "refused"))
    lines = [f"window {item['window']}: {text}: {', '.join(found[key])}" for key, text in told if found.get(key)]
    if update.get("state") not in (None, "none", "done"):
        percent = "" if update["percent"] is None else f" ({update['percent']} %)"
        lines.append(f"window {item['window']}: firmware {item['firmware']}, update to {update['message']}{percent}")
    return lines


def _terminal_cells(item: dict[str, Any]) -> tuple[str, ...]:
    """Return a terminal's row: round trip, frames in and out, damaged ones, and what had to be sent again."""
    link, rtt_ms = item["link"], item["link"].get("rtt_ms")
    bad = sum(link.get(name, 0) for name in ("bad_crc", "bad_length", "bad_cobs"))
    again = link.get("requests_resent", 0) + (item["status"].get("resent") or 0)
    counts = (link.get("frames", 0), link.get("frames_sent", 0), bad, again)
    rtt = "-" if rtt_ms is None else f"{rtt_ms} ms"
    return (
        item["window"],
        item["terminal"],
        item["firmware"] or "-",
        item["state"] or "-",
        rtt,
        *map(str, counts),
        item["message"],
    )
