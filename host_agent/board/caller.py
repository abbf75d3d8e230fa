"""Calls the functions of firmware/bench.py at a board's prompt and puts files there; what fails is told to people."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from host_agent.board.files import BoardFiles
from host_agent.board.ports import console_of
from host_agent.board.prompt import Prompt, PromptError
from host_agent.errors import UserError

CALL_S = 120.0  # looking at every sector of the chip, or reading eight of them
_NO_FIRMWARE = "no module named 'bench'"
CURE = "set the maintenance jumper, plug the board in anew, and repeat the command"


class Caller:
    """A prompt at which reading a chip and provisioning find what they need."""

    def __init__(self, prompt: Prompt, cure: str = CURE) -> None:
        """Keep what a person is to do when a call fails on the board."""
        self._prompt = prompt
        self._cure = cure

    def run(self, code: str) -> str:
        """Carry out code and return what it printed.

        :raises UserError: it failed on the board, or the board is gone.
        """
        try:
            return self._prompt.run(f"import gc\ngc.collect()\n{code}", CALL_S)
        except PromptError as error:
            what, cure = f"the board says: {error}", self._cure
            if _NO_FIRMWARE in str(error):
                what = "our firmware is not on this board"
                cure = "is it the right port? Else flash the board with `yiping flash`"
            raise UserError(what, self._prompt.port, cure) from None

    def write(self, path: str, data: bytes) -> None:
        """Put a file in the path's place on the board: written new, read back, then renamed.

        :raises UserError: it failed on the board, or the board is gone.
        """
        BoardFiles(self._prompt).replace(path, data)


@contextmanager
def at_port(port: str) -> Iterator[Caller]:
    """Call a board at a port while this is used as a context; a program that fills its memory leaves it first.

    :raises UserError: no board answers there with a prompt.
    """
    with Prompt(port) as prompt:
        prompt.make_room(console_of(port))
        yield Caller(prompt)


def tell_sectors(done: int, of: int) -> None:
    """Say to a person at a terminal window how many sectors of a chip were read."""
    if sys.stderr.isatty():
        click.echo(f"\rread {done} of {of} sectors in use", err=True, nl=done == of)
