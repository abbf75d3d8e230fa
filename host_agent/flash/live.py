"""Shows what happens to the boards: a table with bars where a person watches, plain lines elsewhere.

A row of the table answers three questions at a glance: which board, how far it is, what to do with it now. It is the
board's, not its port's. It goes when a finished board is unplugged; that of a failed one, and of one that
shows no port any more, stays until the board is back or another one stands at its port or for its window.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from host_agent.flash import ledger
from host_agent.flash.base_image import BASE
from host_agent.flash.stages_bench import BENCH, ORDER
from host_agent.flash.stages_end import TAKE_OFF
from host_agent.flash.worker import FINISHED, NAMES, PROVISIONING, Line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

LEAVE, UNPLUG, FAILED = "leave it plugged in", "✓ unplug", "✗ failed"
_NEXT = "plug boards in · Ctrl-C stops, the same command goes on where it was"
_CYAN, _GREEN, _RED, _YELLOW = "cyan", "green", "red", "yellow"
_ONE_LINE = 110  # columns from which on a board takes one line
_BAR, _BAR_WIDE = 8, 12
_WHO, _WHO_WIDE = 22, 42  # columns at most for which board it is


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
            if not line.text or line.gone or self._said.get(_key(line)) == news:
                return
            self._said[_key(line)] = news
            who = "  ".join(filter(None, (line.port, line.window, line.terminal)))
            stopped = line.result == ledger.STOPPED  # the text begins so
            said = ": ".join(filter(None, ("" if stopped else line.result or line.stage, line.text, line.cure)))
            self._echo(f"{who}: {said}")


class TableView:
    """A live table, one row a board, redrawn a few times a second."""

    def __init__(self, console: "Console", windows: int, done: Iterable[str] = ()) -> None:
        """Draw on a console for a run over so many windows; `done` names those that were done before."""
        self._lines: dict[str, Line] = {}
        self._lock = threading.Lock()
        self._windows = windows
        self._done = set(done)
        self._console = console
        self._live: Live | None = None

    def show(self, line: Line) -> None:
        """Take news of a board."""
        key = _key(line)
        with self._lock:
            known = self._lines.get(key)
            if line.gone:
                if known is not None and (known.result == ledger.STAGE_FAILED or known.silent):
                    known.gone = True
                else:
                    self._lines.pop(key, None)
                return
            self._lines[key] = attrs.evolve(line)
            if _is_done(line):
                self._done.add(line.window)
            self._forget_replaced(key, line)

    def _forget_replaced(self, key: str, line: Line) -> None:
        """Drop boards that stay and are gone when this one is at their port or for their window."""
        for other, old in list(self._lines.items()):
            if other != key and old.gone and (old.port == line.port or old.window == line.window != ""):
                del self._lines[other]

    def refresh(self) -> None:
        """Draw what is known now."""
        if self._live is not None:
            self._live.update(self.table())

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Show the table for as long as the block runs."""
        from rich.live import Live

        with Live(self.table(), console=self._console, refresh_per_second=4) as self._live:
            yield
            self.refresh()
        self._live = None

    def table(self) -> "Table":
        """Return the table as it is now; boards that wait for a hand come first when not all have room."""
        with self._lock:
            lines = [attrs.evolve(line) for line in self._lines.values()]
            done = len(self._done)
        table = self._drawn(lines, lines, done)
        if not self._fits(table):
            ordered = sorted(lines, key=lambda line: not _needs_hand(line))
            while ordered and not self._fits(table):
                ordered.pop()
                table = self._drawn(lines, ordered, done)
        return table

    def _fits(self, table: "Table") -> bool:
        return len(self._console.render_lines(table, pad=False)) < self._console.height

    def _drawn(self, lines: list[Line], shown: list[Line], done: int) -> "Table":
        from rich import box
        from rich.table import Table

        wide = self._console.width >= _ONE_LINE
        failed = sum(line.result == ledger.STAGE_FAILED for line in lines)
        at_work = sum(not line.result for line in lines)
        table = Table(
            title=f"{done} of {self._windows} windows done · {at_work} at work · {failed} failed",
            title_style="bold",
            caption=_NEXT if done < self._windows else "every window has its terminal",
            caption_justify="left",
            expand=True,
            box=box.SIMPLE_HEAD,
        )
        table.add_column("board", overflow="fold", max_width=_WHO_WIDE if wide else _WHO)
        table.add_column("stage", no_wrap=True)
        table.add_column("what to do now", overflow="fold", ratio=1)
        for line in shown:
            table.add_row(_who(line, wide), _stage(line, wide), _now(line))
        if not lines:
            table.add_row("none yet", "", "plug a board in")
        elif len(shown) < len(lines):
            table.add_row("…", "", f"{len(lines) - len(shown)} boards more, which need no hand now")
        return table


def percent(line: Line) -> float:
    """Return how far a board is, the stages counted alike."""
    if _is_done(line):
        return 100.0
    stage = PROVISIONING[0].name if line.stage == BENCH else line.stage
    at = NAMES.index(stage) if stage in NAMES else 0
    within = line.done / line.total if line.total else 0.0
    return 100 * (at + within) / len(NAMES)


def _key(line: Line) -> str:
    """Return what tells a board from others: never the name of its port where there is more."""
    return line.group or line.port


def _is_done(line: Line) -> bool:
    return line.result == ledger.OK and line.stage == FINISHED


def _needs_hand(line: Line) -> bool:
    return (line.result != "" and not line.gone) or line.text.startswith(ORDER)


def _who(line: Line, wide: bool) -> "Text":
    from rich.text import Text

    port = line.port.removeprefix("/dev/")
    rest = "  ".join(filter(None, (line.terminal, port)))
    text = Text(line.window or "new board", style="bold" if line.window else "")
    return text.append("  " if wide else "\n").append(rest, style="not bold dim")


def _stage(line: Line, wide: bool) -> "Text":
    from rich.text import Text

    colour = {"": _CYAN, ledger.OK: _GREEN, ledger.STAGE_FAILED: _RED}.get(line.result, _YELLOW)
    part, length = percent(line), _BAR_WIDE if wide else _BAR
    full = int(length * part / 100)
    text = Text(f"{line.stage:10}" if wide else f"{line.stage}\n").append("━" * full, style=colour)
    return text.append("━" * (length - full), style="bright_black").append(f" {part:3.0f} %")


def _now(line: Line) -> "Text":
    """Return what to do with a board, and why."""
    from rich.text import Text

    if line.result == ledger.STAGE_FAILED:
        text = Text(FAILED, style="bold red").append(f": {line.text}", style="not bold")
        if line.cure:
            text.append(f"\n→ {line.cure}", style="not bold default")
        return text.append(" (it is unplugged)", style="not bold dim") if line.gone else text
    if _is_done(line):
        text = Text(UNPLUG, style="bold green").append(f" and stick its label on: {line.terminal}", style="not bold")
        return text.append(f"\n{TAKE_OFF}", style="bold yellow") if line.text.endswith(TAKE_OFF) else text
    if line.result == ledger.STOPPED:
        return Text(line.text, style=_YELLOW)
    if line.text.startswith(ORDER):
        return Text(line.text, style="bold yellow")
    only_looked_at = line.result == ledger.OK and line.stage != BASE
    text = Text(UNPLUG, style=_GREEN) if only_looked_at else Text(LEAVE, style=_CYAN)
    return text.append(f": {line.text}", style="default") if line.text else text


def stderr_is_watched() -> bool:
    """Say whether a person sees the standard error stream, and rich is installed."""
    import importlib.util

    return sys.stderr.isatty() and importlib.util.find_spec("rich") is not None
