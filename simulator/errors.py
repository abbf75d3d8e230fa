"""Errors of the simulator that its user can cure."""

import click


class SimError(Exception):
    """The simulated terminal cannot go on; the text says what happened and what to do."""


class UserError(click.ClickException):
    """A fault the user can cure, shown as one line on standard error with exit code 1: what (where): cure."""

    def __init__(self, what: str, where: str, cure: str) -> None:
        super().__init__(f"{what} ({where}): {cure}")

    def show(self, file: object = None) -> None:
        """Print the one line."""
        click.echo(f"yiping: {self.message}", err=True)
