"""Reads commands from standard input and carries them out."""

import sys
from collections.abc import Callable, Mapping

import click

from simulator.errors import SimError

Command = tuple[Callable[..., object], int, int]


class Prompt:
    """Know commands by name: what to call, and how many words it takes at least and at most."""

    def __init__(self, commands: Mapping[str, Command], help_text: str) -> None:
        self._commands = {**commands, "help": (lambda: click.echo(help_text), 0, 0)}

    def run(self) -> None:
        """Carry out lines until `quit` or the end of the input; a wrong line is explained and changes nothing."""
        ask = sys.stdin.isatty()
        if ask:
            click.echo("Type help for the commands.")
        while True:
            if ask:
                click.echo("> ", nl=False)
            line = sys.stdin.readline()
            if not line or line.strip() in ("quit", "exit"):
                return
            try:
                self.carry_out(line)
            except (SimError, click.UsageError) as error:
                click.echo(error.format_message() if isinstance(error, click.UsageError) else str(error), err=True)

    def carry_out(self, line: str) -> None:
        """Carry out one line. Raises click.UsageError for a wrong one, SimError."""
        words = line.split()
        if not words:
            return
        name, *arguments = words
        if name not in self._commands:
            raise click.UsageError(f"no command {name}: type help for the list")
        call, least, most = self._commands[name]
        if not least <= len(arguments) <= most:
            raise click.UsageError(f"{name} takes {least}{f' to {most}' if most > least else ''} words: type help")
        call(*arguments)


def number(word: str) -> int:
    """Return a number as it was typed; raises click.UsageError."""
    if not word.isdigit():
        raise click.UsageError(f"{word} is not a number of ms")
    return int(word)


def pixels(word: str) -> int:
    """Return a place of the picture as it was typed; raises click.UsageError."""
    if not word.isdigit():
        raise click.UsageError(f"{word} is not a number of px")
    return int(word)


def either(word: str, yes: str, no: str) -> bool:
    """Return which of two words was typed; raises click.UsageError."""
    if word not in (yes, no):
        raise click.UsageError(f"{word}: say {yes} or {no}")
    return word == yes


def end(number: int, frame: object) -> None:
    """End in good order on a signal."""
    raise SystemExit(0)
