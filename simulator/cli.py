"""`yiping sim run`: one simulated terminal on a serial device file, with a small prompt for its keys and switches."""

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simulator.errors import SimError, UserError
from simulator.prompt import Prompt, either, end, number, pixels
from simulator.stage import FIRMWARE

if TYPE_CHECKING:
    from simulator.terminal import SimTerminal

_HELP = """\
press N [MS]      press key N (1 to 5, function, clerk) for MS ms, 120 when not given
hold N            press key N and keep it down
release N         let key N go
stick N, free N   make key N stick, loosen it
tap X Y [MS]      touch the glass at X, Y of the picture for MS ms, 80 when not given
touch X Y …       put a finger there, or move it; a second pair is a second finger
lift              take all fingers off the glass
unplug, plug      pull the USB cable, put it in
power off|on      cut the power, give it
case open|shut    open the case, shut it
jumper on|off     fit the maintenance jumper, remove it
screenshot FILE   write the display to a PNG file
wait MS           wait before the next command
status            what state the terminal is in
console           the end of what the firmware printed
help              this list
quit              end"""


@click.group()
def sim() -> None:
    """Simulated terminals: the real firmware on modelled chips."""


@sim.command()
@click.option("--board", default="k5", show_default=True, help="Board whose chips are simulated: k5 or t35.")
@click.option("--link", "link_path", required=True, type=click.Path(), help="Path of the serial device to make.")
@click.option("--state", type=click.Path(file_okay=False), help="Folder of its memory  [default: sim-data/TERMINAL]")
@click.option("--terminal", default="YP-0001", show_default=True, help="Terminal id, for a fresh state.")
@click.option("--window", default="W01", show_default=True, help="Window, for a fresh state.")
@click.option("--centre", default="C01", show_default=True, help="Centre, for a fresh state.")
@click.option("--firmware", type=click.Path(file_okay=False), help="Folder of other firmware  [default: the project's]")
@click.option("--prompt/--no-prompt", default=True, help="Read commands, or only run until terminated.")
def run(
    board: str, link_path: str, state: str | None, terminal: str, window: str, centre: str, firmware: str | None,
    prompt: bool,
) -> None:  # fmt: skip
    """Run one terminal until `quit`, end of input or a signal."""
    try:
        from simulator.terminal import SimTerminal
    except ImportError as error:
        cure = "pip install 'yiping[sim]'"
        raise UserError(f"the simulator needs {error.name}", sys.executable, cure) from error
    folder = Path(state) if state is not None else Path("sim-data") / terminal
    signal.signal(signal.SIGTERM, end)
    try:
        with SimTerminal(
            board, folder, link_path, terminal=terminal, window=window, centre=centre,
            firmware_dir=firmware if firmware is not None else FIRMWARE,
        ) as simulated:  # fmt: skip
            _greet(simulated, link_path)
            if prompt:
                Prompt(_Keys(simulated).commands, _HELP).run()
            else:
                threading.Event().wait()
    except SimError as error:
        raise UserError(str(error), str(folder), "see its console.log") from error
    except KeyboardInterrupt:
        click.echo()


def _greet(simulated: "SimTerminal", link_path: str) -> None:
    about = simulated.state.provisioned()
    click.echo(f"Terminal {about['terminal']} ({about['board']}) at window {about['window']} of {about['centre']}")
    click.echo(f"Serial device: {link_path} (there once the firmware has started)")
    click.echo(f"For the city's key registry: {simulated.state.provision}")


class _Keys:
    """What the prompt does to a simulated terminal."""

    def __init__(self, simulated: "SimTerminal") -> None:
        self._sim = simulated
        self.commands = {
            "press": (self._press, 1, 2),
            "hold": (lambda key: self._sim.key_down(_key(key)), 1, 1),
            "release": (lambda key: self._sim.key_up(_key(key)), 1, 1),
            "stick": (lambda key: self._sim.stick(_key(key)), 1, 1),
            "free": (lambda key: self._sim.free(_key(key)), 1, 1),
            "tap": (self._tap, 2, 3),
            "touch": (self._touch, 2, 4),
            "lift": (self._sim.touch, 0, 0),
            "unplug": (self._sim.unplug, 0, 0),
            "plug": (self._sim.plug, 0, 0),
            "power": (self._power, 1, 1),
            "case": (self._case, 1, 1),
            "jumper": (self._jumper, 1, 1),
            "screenshot": (self._screenshot, 1, 1),
            "wait": (lambda ms: threading.Event().wait(number(ms) / 1000), 1, 1),
            "status": (self._status, 0, 0),
            "console": (lambda: click.echo(self._sim.console()), 0, 0),
        }

    def _press(self, key: str, hold_ms: str = "120") -> None:
        self._sim.press(_key(key), number(hold_ms))

    def _tap(self, x: str, y: str, hold_ms: str = "80") -> None:
        self._sim.tap(pixels(x), pixels(y), number(hold_ms))

    def _touch(self, *places: str) -> None:
        if len(places) % 2:
            raise click.UsageError("touch takes X and Y of each finger: type help")
        found = [pixels(word) for word in places]
        self._sim.touch(*zip(found[::2], found[1::2], strict=True))

    def _power(self, state: str) -> None:
        (self._sim.power_on if either(state, "on", "off") else self._sim.power_off)()

    def _case(self, state: str) -> None:
        self._sim.set_case_open(either(state, "open", "shut"))

    def _jumper(self, state: str) -> None:
        self._sim.set_jumper(either(state, "on", "off"))

    def _screenshot(self, file: str) -> None:
        try:
            self._sim.screenshot().save(file)
        except (OSError, ValueError) as error:
            raise click.UsageError(f"cannot write {file}: {error}") from error
        click.echo(f"{file} written")

    def _status(self) -> None:
        for name, value in self._sim.status().items():
            click.echo(f"{name}: {_plain(value)}")
        for text in self._sim.violations:
            click.echo(f"violation: {text}")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(_plain(part) for part in value) or "-"
    return "-" if value is None else str(value)


def _key(word: str) -> int | str:
    return int(word) if word.isdigit() else word
