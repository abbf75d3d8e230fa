"""The agent's errors: one root, and one kind that a person can cure and reads as a single line.

Promise: whatever the user can mend is told as `yiping: <what> (<where>): <cure>` on stderr with exit code 1,
never as a traceback.
"""

from typing import IO, Any

import click


class AgentError(Exception):
    """Stand at the root of everything this package raises."""


class StoreFullError(AgentError):
    """Say that the disk took no more: nothing of the batch is durable, nothing of it may be acknowledged."""


class StoreFaultError(AgentError):
    """Say that the store failed for another reason than room: nothing of the batch is durable."""


class UserError(click.ClickException, AgentError):
    """Carry what happened, where, and what to do about it."""

    exit_code = 1

    def __init__(self, what: str, where: str, cure: str) -> None:
        """Keep the three parts; `where` names a file, a key, a port or a device."""
        super().__init__(f"{what} ({where}): {cure}")
        self.what = what
        self.where = where
        self.cure = cure

    def lines(self) -> list[str]:
        """Return the text to print, one line for each fault."""
        return [f"yiping: {self.message}"]

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the fault to stderr (or `file`)."""
        for line in self.lines():
            click.echo(line, file=file, err=file is None)


class ManyUserErrors(UserError):
    """Carry several faults found in one pass, so that nobody has to mend and retry one by one."""

    def __init__(self, faults: list[UserError]) -> None:
        """Keep `faults`, which holds at least one."""
        first = faults[0]
        super().__init__(first.what, first.where, first.cure)
        self.faults = faults

    def lines(self) -> list[str]:
        """Return one line a fault, in the order found."""
        return [line for fault in self.faults for line in fault.lines()]
