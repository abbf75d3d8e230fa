"""`yiping notice set | clear`: what the terminals show while nobody serves at their windows, by the running agent."""

from pathlib import Path

import click

from host_agent import config as agent_config
from host_agent import refusal
from host_agent.agent_client import AgentClient
from host_agent.config_model import Config
from host_agent.config_option import config_option
from host_agent.errors import UserError

_window_option = click.option("--window", help="A window; default all of this agent.")


@click.command(name="set")
@click.argument("text")
@config_option
@_window_option
def set_(text: str, config_path: Path, window: str | None) -> None:
    r"""Show TEXT, of at most 200 characters, while nobody serves there; \n in it begins a new line."""
    if not text:
        raise UserError("there is no text", "TEXT", "take a notice away with `yiping notice clear`")
    _order(agent_config.load(config_path), window, text.replace("\\n", "\n"))


@click.command()
@config_option
@_window_option
def clear(config_path: Path, window: str | None) -> None:
    """Take the notice away."""
    _order(agent_config.load(config_path), window, "")


def _order(config: Config, window: str | None, text: str) -> None:
    known = [section.id for section in config.windows]
    if window is not None and window not in known:
        raise UserError("no such window", window, f"this agent has {', '.join(known)}; nothing was changed")
    client, body = AgentClient(config), {"text": text}
    if window is None:
        items = client.order("POST", "/api/v1/notice", body)["items"]
        late = {item["window"]: item["code"] for item in items}
    else:
        told = client.order("POST", f"/api/v1/windows/{window}/notice", body)["connected"]
        late = {window: None if told else refusal.TERMINAL_ABSENT}
    done = "taken away" if not text else "shown while nobody serves"
    for name, code in late.items():
        click.echo(f"window {name}: {done}" if code is None else f"window {name}: kept, not told yet ({code})")
