"""Sets logging up: JSON lines into a rotating file, plain lines to the console; no level, no citizen's data.

What a request or a terminal said may stand in the text of an exception and in the debugging lines of a library. So of
an exception the places in the code and its type are told, its text only where this package or the system wrote it; and
libraries are heard from warnings upwards.
"""

import asyncio
import contextlib
import json
import logging
import logging.handlers
import sqlite3
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from host_agent.errors import AgentError

FILE_BYTES = 5 * 1024 * 1024
FILES = 5
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


_TOLD = (AgentError, OSError, sqlite3.Error)
_Raised = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]  # as sys.exc_info()
)

_log = logging.getLogger(__name__)


class TextFormatter(logging.Formatter):
    """Write a line, and an exception without the texts that may hold what somebody sent."""

    def formatException(self, ei: _Raised) -> str:  # noqa: N802, the library's name
        """Return the trace."""
        return trace(ei[1]) if ei[1] is not None else ""


class JsonFormatter(TextFormatter):
    """Write one JSON object a record, with what was passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "t": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "severity": record.levelname.lower(),
            "part": record.name.rpartition(".")[2],
            "message": record.getMessage(),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class QuietRotatingHandler(logging.handlers.RotatingFileHandler):
    """Go on when the disk is full: a log line is worth less than an event."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, the library's name
        """Drop the line."""


class QuietStreamHandler(logging.StreamHandler):
    """Go on when the console is gone; the library would tell the line's arguments instead."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, the library's name
        """Drop the line."""


class OwnOrGrave(logging.Filter):
    """Let through what this package says, and what libraries warn of."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is written."""
        own = record.name.partition(".")[0] == "host_agent" and not record.name.endswith(".websockets")
        return own or record.levelno >= logging.WARNING


def trace(error: BaseException) -> str:
    """Return where an exception was raised and of which type it is, then the same of what it came from."""
    parts: list[str] = []
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        text = f": {one}" if isinstance(one, _TOLD) else ""
        parts.append("".join(traceback.format_tb(one.__traceback__)) + type(one).__qualname__ + text)
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        waiting.append(one.__cause__ or (None if one.__suppress_context__ else one.__context__))
    return "\ncame from\n".join(parts)


def loop_failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody awaited; asyncio's own handler would write the results and arguments as well."""
    error = context.get("exception")
    _log.error("%s", context["message"], exc_info=(type(error), error, error.__traceback__) if error else None)


def set_up(folder: Path, verbose: bool, who: str = "agent") -> None:
    """Send this program's records to `folder`/<who>.log and to the console."""
    root = logging.getLogger()
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    console = QuietStreamHandler(sys.stderr)
    console.setFormatter(TextFormatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    root.addHandler(console)
    with contextlib.suppress(OSError):  # whoever opens the data folder next tells what is wrong with it
        folder.mkdir(parents=True, exist_ok=True)
    file = QuietRotatingHandler(
        folder / f"{who}.log", maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8", delay=True
    )
    file.setFormatter(JsonFormatter())
    root.addHandler(file)
    for handler in (console, file):
        handler.addFilter(OwnOrGrave())
    # Nobody writes down who asked for what; the libraries need not make up lines that are not written either.
    for name in ("uvicorn", "websockets", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
