"""Sets logging up: JSON lines into a rotating file, plain lines to the console; no level, no citizen's data."""

import contextlib
import json
import logging
import logging.handlers
import sys
from pathlib import Path

FILE_BYTES = 5 * 1024 * 1024
FILES = 5
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Write one JSON object a record, with what was passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "t": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
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


def set_up(folder: Path, verbose: bool, who: str = "agent") -> None:
    """Send this program's records to `folder`/<who>.log and to the console."""
    root = logging.getLogger()
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    root.addHandler(console)
    with contextlib.suppress(OSError):  # whoever opens the data folder next tells what is wrong with it
        folder.mkdir(parents=True, exist_ok=True)
    file = QuietRotatingHandler(
        folder / f"{who}.log", maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8", delay=True
    )
    file.setFormatter(JsonFormatter())
    root.addHandler(file)
    # Requests are told by the access log of the API itself, not twice.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
