"""The command `yiping terminal test`."""

import json
import sys
from pathlib import Path

import click

from host_agent import config as agent_config
from host_agent.agent_client import AgentClient
from host_agent.config_option import config_option


@click.command()
@click.argument("window")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(window: str, config_path: Path, as_json: bool) -> None:
    """Have the terminal of WINDOW test its parts now, through the running agent; an invite comes first."""
    client = AgentClient(agent_config.load(config_path))
    found = client.order("POST", f"/api/v1/windows/{window}/self-test", {})
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    elif not found["failed"]:
        click.echo(f"terminal {found['terminal']} of window {found['window']}: all parts are well")
    for part in [] if as_json else found["failed"]:
        click.echo(f"terminal {found['terminal']} of window {found['window']}: {part['message']}: {part['cure']}")
    sys.exit(1 if found["failed"] else 0)
