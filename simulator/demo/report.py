"""What a headless run tells while it goes and at its end: lines and a table for people, or one JSON line."""

import sys
import time

import click

from simulator.demo.result import Result

LINE_EVERY = 20
"""Ratings between two progress lines where the last line cannot be written over."""


class Report:
    """Tell one run; `quiet` leaves only the JSON line."""

    def __init__(self, ratings: int, quiet: bool) -> None:
        self._ratings = ratings
        self._quiet = quiet
        self._started_s = time.monotonic()
        self._over = sys.stdout.isatty()

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        if not self._quiet:
            self._line(f"{self._elapsed():6.1f} s  {text}")

    def progress(self, number: int) -> None:
        """Tell how many ratings are pressed."""
        if self._quiet:
            return
        text = f"{self._elapsed():6.1f} s  {number} of {self._ratings} ratings pressed"
        if self._over:
            click.echo(f"\r\x1b[K{text}", nl=number == self._ratings)
        elif number % LINE_EVERY == 0 or number == self._ratings:
            click.echo(text)

    def end(self, result: Result) -> None:
        """Tell the verdict."""
        if self._quiet:
            click.echo(result.to_json())
        else:
            click.echo(table(result))

    def _line(self, text: str) -> None:
        click.echo(f"\r\x1b[K{text}" if self._over else text)

    def _elapsed(self) -> float:
        return time.monotonic() - self._started_s


def table(result: Result) -> str:
    """Return the verdict as lines for people."""
    stations = [
        ("pressed and heard at the terminal", result.pressed),
        ("in the journal on its NOR chip", result.journalled),
        ("acknowledged there", result.acknowledged),
        ("published by the agent", result.published),
        ("received by the city", result.received),
        ("receipted by the city", result.receipted),
    ]
    faults = [
        ("with a wrong level", result.wrong_level),
        ("with other sub-levels or tags", result.wrong_detail),
        ("received twice", result.duplicates),
        ("sequence numbers missing", result.gaps),
        ("received but never pressed", result.not_pressed),
    ]
    rows = [f"  {name:<36}{count:>6}" for name, count in stations]
    rows += [f"  {name:<36}{count:>6}" for name, count in faults]
    latency = f"{result.press_to_receipt_ms_p50} ms, p99 {result.press_to_receipt_ms_p99} ms"
    verdict = "every rating arrived once, as pressed" if result.ok else "NOT every rating arrived once, as pressed"
    heard = f"{result.presses} presses heard, {result.presses_unshown} not heard"
    if result.detailed:
        heard += f"; {result.detailed} ratings said more, with {result.tags} tags"
    tail = [f"  press to receipt p50 {latency}; {heard}", f"  {verdict} ({result.seconds} s, seed {result.seed})"]
    return "\n".join(["", *rows, "", *tail])
