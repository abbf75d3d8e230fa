"""`yiping receiver run` and `yiping receiver status`."""

import asyncio
import http.client
import json
from pathlib import Path

import click

from host_agent import logs
from host_agent.errors import UserError
from host_agent.receiver.api import application
from host_agent.receiver.config import load
from host_agent.receiver.service import serve

TIMEOUT_S = 5.0
_CONFIG = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("receiver.toml"),
    show_default=True,
    help="The receiver's configuration.",
)


@click.group()
def receiver() -> None:
    """Run the city's side: open, check, store and receipt events, and hand them on."""


@receiver.command()
@_CONFIG
@click.option("--wait", is_flag=True, help="Keep trying when the broker does not answer at the start.")
@click.option("--verbose", is_flag=True, help="Log more.")
def run(path: Path, wait: bool, verbose: bool) -> None:
    """Receive until stopped."""
    config = load(path)
    logs.set_up(config.receiver.data_dir, verbose, "receiver")
    asyncio.run(
        serve(config, application, wait, lambda: click.echo(f"receiver: http://{config.receiver.listen}/", err=True))
    )


@receiver.command()
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="The whole status as one JSON object.")
def status(path: Path, as_json: bool) -> None:
    """Say how a running receiver is; exit code 1 when it reports a fault of its own."""
    config = load(path)
    found = _get(*config.address, "/api/v1/status")
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo(found["message"])
        for item in [*found["faults"], *found["attention"]]:
            if item["text"] != found["message"]:
                click.echo(f"- {item['text']}")
    if not found["ok"]:
        click.get_current_context().exit(1)


def _get(host: str, port: int, path: str) -> dict:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UserError(
            "the receiver does not answer",
            f"{host}:{port}",
            "start it with `yiping receiver run`, or correct receiver.listen",
        ) from error
    finally:
        connection.close()
