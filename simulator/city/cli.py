"""`yiping city run`: the small municipal system as a process of its own."""

import contextlib
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import click
import uvicorn

from simulator.city.app import application
from simulator.errors import UserError

CLOSE_S = 2  # how long a stop waits for pages that hang on the stream


@click.group()
def city() -> None:
    """Run a small municipal system that takes what the receiver hands on."""


@city.command()
@click.option("--listen", default="127.0.0.1:8473", show_default=True, help="Address of the page and of the interface.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("city-data"),
    show_default=True,
    help="Folder of its database.",
)
@click.option(
    "--tag-tables",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of tag tables (*.cbor) beside the built-in one, for their texts.",
)
def run(listen: str, data: Path, tag_tables: Path | None) -> None:
    """Serve until stopped."""
    host, port = _address(listen)
    with _bound(host, port, listen) as door:
        try:
            app = application(data / "city.db", tag_tables)
        except (sqlite3.Error, OSError) as error:
            raise UserError(
                f"cannot open the city's database: {error}", str(data), "give a folder with --data that can be written"
            ) from error
        click.echo(f"city: http://{listen}/", err=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=CLOSE_S)
        uvicorn.Server(config).run(sockets=[door])


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UserError("--listen is no address", listen, "write it as 127.0.0.1:8473")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def _bound(host: str, port: int, listen: str) -> Iterator[socket.socket]:
    """Hold the port before anything else is begun, so that a taken port is told in one line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            raise UserError(
                f"cannot listen: {error.strerror}", listen, "stop the program that holds it, or give another --listen"
            ) from error
        yield door
