"""Shows what happens at the ports: a table with bars where a person watches, plain lines elsewhere."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from host_agent.flash import ledger
from host_agent.flash.worker import NAMES, Line

_MARKS = {"": ("…", "cyan"), ledger.OK: ("✓ unplug", "green"), ledger.STAGE_FAILED: ("✗ failed", "red")}
_STOPPED_MARK = ("stopped", "yellow")


class PlainView:
    """Print a line whenever a stage begins or a board ends; nothing for progress within a stage."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        """Print by `echo`."""
        self._echo = echo
        self._lock = threading.Lock()
        self._said: dict[str, tuple[str, str, str]] = {}

    def show(self, line: Line) -> None:
        """Take news of a board."""
        with self._lock:
            news = (line.stage, line.result, line.text)
            if not line.text or self._said.get(line.port) == news:
                return
            self._said[line.port] = news
            who = "  ".join(filter(None, (line.port, line.window, line.terminal)))
            self._echo(f"{who}: {line.result or line.stage}: {line.text}")

    def refresh(self) -> None:
        """Nothing moves in plain lines."""


class TableView:
    """A live table, one row a port, redrawn a few times a second."""

    def __init__(self, console: Any, title: str) -> None:
        """Draw on a rich console."""
        self._lines: dict[str, Line] = {}
        self._lock = threading.Lock()
        self._title = title
        self.console = console
        self._live: Any = None

    def show(self, line: Line) -> None:
        """Take news of a board."""
        with self._lock:
            self._lines[line.port] = attrs.evolve(line)

    def refresh(self) -> None:
        """Draw what is known now."""
        if self._live is not None:
            self._live.update(self.table())

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Show the table for as long as the block runs."""
        from rich.live import Live

        with Live(self.table(), console=self.console, refresh_per_second=4) as self._live:
            yield
            self.refresh()
        self._live = None

    def table(self) -> Any:
        """Return the table as it is now."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table(title=self._title, expand=True)
        for name in ("port", "window", "terminal", "stage", "progress", ""):
            table.add_column(name, overflow="fold", ratio=3 if not name else None)
        with self._lock:
            lines = [attrs.evolve(line) for line in self._lines.values()]
        for line in lines:
            mark, colour = _MARKS.get(line.result, _STOPPED_MARK)
            bar = ProgressBar(total=100, completed=percent(line), width=20, complete_style=colour)
            said = f"[{colour}]{mark}[/] {_escaped(line.text)}" if line.text else f"[{colour}]{mark}[/]"
            table.add_row(_escaped(line.port), _escaped(line.window), line.terminal, line.stage, bar, said)
        return table


def percent(line: Line) -> float:
    """Return how far a board is, the stages counted alike."""
    if line.result == ledger.OK:
        return 100.0
    at = NAMES.index(line.stage) if line.stage in NAMES else 0
    within = line.done / line.total if line.total else 0.0
    return 100 * (at + within) / len(NAMES)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def stderr_is_watched() -> bool:
    """Say whether a person sees the standard error stream, and rich is installed."""
    import importlib.util

    return sys.stderr.isatty() and importlib.util.find_spec("rich") is not None
