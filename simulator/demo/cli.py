"""The command `yiping demo`: the whole chain on this machine, with a page to press keys on or a headless run."""

import contextlib
import os
import random
import shutil
import socket
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from simulator.demo.chain import CENTRE, PREFIX, Chain
from simulator.demo.faults import AGENT, BROKER, CABLE, POWER, Fault
from simulator.demo.parts import exit_on_signals
from simulator.demo.report import Report
from simulator.demo.run import HeadlessRun, RunOptions
from simulator.demo.watch import BrokerWatch
from simulator.errors import UserError

PAGE_PORT = 8470
NUMBER = click.IntRange(1)
BOARDS = ("k5", "t35")
BROKERS = ("auto", "mosquitto", "iotcore")


@click.command(name="demo")
@click.option("--headless", is_flag=True, help="Press by program instead of showing the page.")
@click.option("--ratings", type=NUMBER, default=200, show_default=True, help="Ratings of a headless run.")
@click.option("--json", "as_json", is_flag=True, help="End a headless run with one JSON line and say nothing else.")
@click.option("--seed", type=int, help="Seed of keys, bounce and power cuts; without it a new one, which is printed.")
@click.option(
    "--changes", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Raters who change their mind."
)
@click.option("--broker-down-at", type=NUMBER, multiple=True, help="Kill the broker at the N-th rating.")
@click.option("--unplug-at", type=NUMBER, multiple=True, help="Pull the data cable at the N-th rating.")
@click.option("--power-cut-at", type=NUMBER, multiple=True, help="Cut the terminal's power with the N-th press.")
@click.option("--kill-agent-at", type=NUMBER, multiple=True, help="Kill the agent (kill -9) after the N-th press.")
@click.option(
    "--fault-seconds", type=click.FloatRange(0.1, 60), default=3.0, show_default=True, help="How long each lasts."
)
@click.option(
    "--board",
    "board_names",
    type=click.Choice(BOARDS),
    multiple=True,
    help="Terminal of a window: five keys or a glass; a page shows both without it, a headless run k5.",
)
@click.option("--detail", is_flag=True, help="Let the raters of a headless run say more: sub-levels and tags.")
@click.option("--broker", type=click.Choice(BROKERS), default="auto", show_default=True, help="Which broker to use.")
@click.option("--port", type=click.IntRange(1, 65535), help=f"Port of the page (default {PAGE_PORT}, or a free one).")
@click.option("--no-browser", is_flag=True, help="Only print the page's address.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder for all files and logs; kept.")
def demo(
    headless: bool,
    ratings: int,
    as_json: bool,
    seed: int | None,
    changes: float,
    broker_down_at: tuple[int, ...],
    unplug_at: tuple[int, ...],
    power_cut_at: tuple[int, ...],
    kill_agent_at: tuple[int, ...],
    fault_seconds: float,
    board_names: tuple[str, ...],
    detail: bool,
    broker: str,
    port: int | None,
    no_browser: bool,
    keep: Path | None,
) -> None:
    """Run terminal, agent, broker, receiver and city on this machine; nothing leaves 127.0.0.1."""
    exit_on_signals()
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    wanted = None if broker == "auto" else broker
    if not headless:
        _show(board_names or BOARDS, seed, wanted, port, no_browser, keep)
        return
    if len(board_names) > 1:
        raise click.UsageError("a headless run has one terminal: name one --board")
    times = {BROKER: broker_down_at, CABLE: unplug_at, POWER: power_cut_at, AGENT: kill_agent_at}
    faults = [Fault(kind, at) for kind, numbers in times.items() for at in numbers]
    beyond = [fault for fault in faults if fault.at > ratings]
    if beyond:
        raise click.UsageError(f"there is no rating {beyond[0].at} in a run of {ratings}")
    options = RunOptions(ratings, seed, changes, faults, fault_seconds, detail)
    _play(options, (board_names or BOARDS)[0], wanted, as_json, keep)


class NotDelivered(click.ClickException):
    """The run ended and something did not arrive as pressed; the figures have been printed."""

    def show(self, file: object = None) -> None:
        """Print one line that points at the figures."""
        click.echo("yiping: not every rating arrived once, as pressed (demo): see the figures and the logs", err=True)


def _play(options: RunOptions, board: str, broker: str | None, as_json: bool, keep: Path | None) -> None:
    """Run headless. Raise NotDelivered when the verdict is bad."""
    started_s = time.monotonic()
    report = Report(options.ratings, quiet=as_json)
    with _folder(keep) as folder:
        report.say(f"seed {options.seed}, files in {folder}")
        chain = Chain(folder, options.policy, options.seed, broker, report.say, [board])
        with chain, _watch(chain) as watch:
            result = HeadlessRun(chain, watch, options, report.say, report.progress).run(started_s)
        report.end(result)
        if not result.ok:
            raise NotDelivered("not delivered")


def _show(
    board_names: Sequence[str], seed: int, broker: str | None, port: int | None, no_browser: bool, keep: Path | None
) -> None:
    """Serve the page until Ctrl-C."""
    import uvicorn

    from simulator.bench.app import build
    from simulator.bench.desk import Desk

    with _listener(port) as listener, _folder(keep) as folder:
        click.echo(f"seed {seed}, files in {folder}")
        with Chain(folder, None, seed, broker, click.echo, board_names) as chain, _watch(chain) as watch:
            page_port = listener.getsockname()[1]
            url = f"http://127.0.0.1:{page_port}/"
            click.echo(f"the page: {url}   (Ctrl-C ends)")
            if not no_browser and _has_display():
                webbrowser.open(url)
            app = build(Desk(chain, watch), page_port)
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
            with contextlib.suppress(KeyboardInterrupt):  # the usual way to end it
                server.run([listener])


def _watch(chain: Chain) -> BrokerWatch:
    return BrokerWatch(chain.broker.port, PREFIX, CENTRE)


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give the demo's folder; without --keep it goes with the demo, unless something failed."""
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise UserError("the folder is not empty", str(keep), "name a new one")
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="yiping-demo-"))
    try:
        yield folder
    except Exception:
        click.echo(f"yiping: the logs are in {folder}", err=True)
        raise
    except BaseException:  # told to end, by a signal or Ctrl-C
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _listener(port: int | None) -> socket.socket:
    """Return the page's listening socket: on `port`, else on the usual one or a free one. Raise UserError if taken."""
    wanted = [port] if port is not None else [PAGE_PORT, 0]
    for number in wanted:
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", number))
    raise UserError("the port is in use", f"127.0.0.1:{port}", "choose another with --port")


def _has_display() -> bool:
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
