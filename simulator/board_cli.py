"""`yiping sim board`: bare boards at ports and drives of this computer, to try `yiping flash` without hardware."""

import json
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simulator.board_faults import KINDS, plan
from simulator.chips.rp2_chip import CHIPS
from simulator.errors import SimError, UserError
from simulator.prompt import Prompt, either, end, number

if TYPE_CHECKING:
    from simulator.bare_board import BareBoard

_HELP = """\
plug N [bootsel]   put in the cable of board N, with BOOTSEL held
unplug N           pull it
jumper N on|off    fit the maintenance jumper, remove it
press N KEY [MS]   press a key
uf2 FILE           write a UF2 that simulated boards take for MicroPython
status             what state each board is in
console N          the end of what board N printed
help               this list
quit               end"""


@click.command()
@click.option("--folder", required=True, type=click.Path(file_okay=False), help="Where the boards keep their memory.")
@click.option("--ports", required=True, type=click.Path(file_okay=False), help="Folder in which their ports appear.")
@click.option("--drives", type=click.Path(file_okay=False), help="Folder of the boot drives  [default: FOLDER/drives]")
@click.option("--count", default=1, show_default=True, type=click.IntRange(1, 64), help="How many boards.")
@click.option("--board", default="k5", show_default=True, help="Board whose chips are simulated: k5 or t35.")
@click.option("--chip", default="rp2350", show_default=True, type=click.Choice(sorted(CHIPS)), help="Its chip.")
@click.option("--micropython/--blank", default=True, show_default=True, help="With MicroPython, or as boot drives.")
@click.option("--fault", "faults", multiple=True, help=f"N:KIND for board N: {', '.join(KINDS)}, with @NUMBER.")
@click.option("--seed", default=0, show_default=True, help="Makes the boards different, and a run repeatable.")
@click.option("--prompt/--no-prompt", default=True, help="Read commands, or only run until terminated.")
@click.option("--json", "as_json", is_flag=True, help="Write the boards' status as one line of JSON when it changes.")
def board(
    folder: str, ports: str, drives: str | None, count: int, board: str, chip: str, micropython: bool,
    faults: tuple[str, ...], seed: int, prompt: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run bare boards until `quit`, end of input or a signal; what is flashed on them stays in the folder."""
    from simulator.bare_board import BareBoard

    signal.signal(signal.SIGTERM, end)
    boards: list[BareBoard] = []
    try:
        plans = _plans(faults, count)
        for n in range(1, count + 1):
            made = BareBoard(
                Path(folder, f"board-{n}"), board, seed + n, ports=ports, drives=drives or Path(folder, "drives"),
                chip=chip, micropython=micropython, faults=plan(plans[n]),
            )  # fmt: skip
            boards.append(made.start())
        _live(boards, prompt, as_json)
    except SimError as error:
        raise UserError(str(error), folder, "see the console.log of the board") from error
    except KeyboardInterrupt:
        click.echo()
    finally:
        for made in boards:
            made.close()


def _plans(words: tuple[str, ...], count: int) -> dict[int, list[str]]:
    """Return the words of each board's plan. Raises UserError."""
    plans: dict[int, list[str]] = {n: [] for n in range(1, count + 1)}
    for word in words:
        which, _, fault = word.partition(":")
        if not which.isdigit() or int(which) not in plans:
            raise UserError("a fault names no board", word, f"write 1:silent to {count}:silent")
        plans[int(which)].append(fault)
    return plans


def _live(boards: list, prompt: bool, as_json: bool) -> None:
    if as_json:
        threading.Thread(target=_tell_changes, args=(boards,), daemon=True).start()
    if prompt:
        Prompt(Hands(boards).commands, _HELP).run()
    else:
        threading.Event().wait()


def _tell_changes(boards: list) -> None:
    told = None
    while True:
        found = [made.status() for made in boards]
        states = [(one["state"], one["port"], one["data_port"], one["drive"]) for one in found]
        if states != told:
            told = states
            click.echo(json.dumps(found))
        time.sleep(0.1)


class Hands:
    """What the prompt does to the boards."""

    def __init__(self, boards: "list[BareBoard]") -> None:
        self._boards = boards
        self.commands = {
            "plug": (self._plug, 1, 2),
            "unplug": (lambda n: self._at(n).unplug(), 1, 1),
            "jumper": (lambda n, state: self._at(n).set_jumper(either(state, "on", "off")), 2, 2),
            "press": (self._press, 2, 3),
            "uf2": (_write_uf2, 1, 1),
            "status": (self._status, 0, 0),
            "console": (lambda n: click.echo(self._at(n).console()), 1, 1),
        }

    def _at(self, word: str) -> "BareBoard":
        if not word.isdigit() or not 1 <= int(word) <= len(self._boards):
            raise click.UsageError(f"no board {word}: there are 1 to {len(self._boards)}")
        return self._boards[int(word) - 1]

    def _plug(self, n: str, how: str = "") -> None:
        if how not in ("", "bootsel"):
            raise click.UsageError(f"{how}: say bootsel or nothing")
        self._at(n).plug(bool(how))

    def _press(self, n: str, key: str, hold_ms: str = "120") -> None:
        self._at(n).press(int(key) if key.isdigit() else key, number(hold_ms))

    def _status(self) -> None:
        for n, made in enumerate(self._boards, 1):
            about = made.status()
            seen = [str(about[name]) for name in ("drive", "port", "data_port") if about[name]]
            click.echo(f"{n}: {about['state']} {' '.join(seen)}".rstrip())


def _write_uf2(file: str) -> None:
    from simulator import uf2

    try:
        Path(file).write_bytes(uf2.micropython())
    except OSError as error:
        raise click.UsageError(f"cannot write {file}: {error.strerror}") from error
    click.echo(f"{file} written")
