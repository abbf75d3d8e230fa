"""Where records go: an HTTP address that takes JSON arrays, or a file of JSON lines."""

import http.client
import json
import os
import ssl
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from host_agent import folders
from host_agent.errors import AgentError, UserError
from host_agent.receiver.config import ForwardSection

TIMEOUT_S = 30.0
ANSWER_LIMIT_BYTES = 4096
# Answers that blame the content: sending the same again is of no use (RFC 9110 section 15.5).
_REFUSALS = (400, 409, 413, 415, 422)


class TargetError(AgentError):
    """Say why the other side did not take a batch; it is tried again."""


class Refused(AgentError):
    """Say that the other side will not take this content."""


class Target(Protocol):
    """Take batches of records durably; called from one thread at a time."""

    def send(self, records: list[str]) -> None:
        """Return when all are durable there; raises TargetError or Refused."""


class HttpTarget:
    """POST batches over one kept connection; follows no redirect."""

    def __init__(self, url: str, token: str | None, ca_file: Path | None) -> None:
        """Prepare; nothing is connected yet."""
        self._parts = urlsplit(url)
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._tls = ssl.create_default_context(cafile=ca_file) if self._parts.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def send(self, records: list[str]) -> None:
        """POST one JSON array; raises TargetError or Refused."""
        body = ("[" + ",".join(records) + "]").encode()
        try:
            status, text = self._post(body)
        except (OSError, http.client.HTTPException) as error:
            self._drop()
            raise TargetError(f"{self._parts.netloc}: {error or type(error).__name__}") from error
        if status in _REFUSALS:
            raise Refused(f"HTTP {status} {text}".strip())
        if not 200 <= status < 300:
            self._drop()
            raise TargetError(f"{self._parts.netloc} answers HTTP {status} {text}".strip())

    def _post(self, body: bytes) -> tuple[int, str]:
        fresh = self._connection is None
        if self._connection is None:
            self._connection = self._connect()
        path = self._parts.path or "/"
        target = f"{path}?{self._parts.query}" if self._parts.query else path
        try:
            self._connection.request("POST", target, body, self._headers)
            answer = self._connection.getresponse()
        except (ConnectionError, http.client.BadStatusLine):
            # A kept connection may have been closed by the other side meanwhile; a fresh one may not.
            self._drop()
            if fresh:
                raise
            return self._post(body)
        text = answer.read(ANSWER_LIMIT_BYTES)
        if answer.read(1) or answer.will_close:
            self._drop()
        return answer.status, _reason(text)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class FileTarget:
    """Append JSON lines, each batch with one fsync; a line cut off by a power cut is removed before the next.

    A file that was moved away or emptied from outside (log rotation) is begun anew.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises OSError."""
        folders.make(path.parent)
        self._path = path
        self._open()

    def send(self, records: list[str]) -> None:
        """Append the records durably; raises TargetError."""
        data = "".join(f"{record}\n" for record in records).encode()
        try:
            self._follow()
            self._file.truncate(self._end)
            self._file.seek(self._end)
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise TargetError(f"{self._path}: {error.strerror}") from error
        self._end += len(data)

    def _open(self) -> None:
        # Unbuffered: what a failed write left in a buffer would come out later, in the wrong place.
        file = self._path.open("r+b" if self._path.exists() else "w+b", buffering=0)
        folders.sync(self._path.parent)
        self._file, self._end = file, _whole_lines(file)

    def _follow(self) -> None:
        here = os.fstat(self._file.fileno())
        try:
            there = os.stat(self._path)
            moved = (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)
        except FileNotFoundError:
            moved = True
        if moved or here.st_size < self._end:
            old = self._file
            self._open()
            old.close()  # not before: while no new one can be opened, the old one is looked at again


def make_target(forward: ForwardSection) -> Target:
    """Return the target that the configuration names; raises UserError when its files cannot be used."""
    try:
        if forward.file is not None:
            return FileTarget(forward.file)
        token = None if forward.token_file is None else forward.token_file.read_text(encoding="utf-8").strip()
        return HttpTarget(forward.url or "", token, forward.ca_file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"cannot use the forward target: {reason}", "forward", "check the files named there") from None


def _whole_lines(file: BinaryIO) -> int:
    """Return the offset after the last whole line."""
    size = file.seek(0, os.SEEK_END)
    position, chunk = size, 4096
    while position > 0:
        start = max(0, position - chunk)
        file.seek(start)
        newline = file.read(position - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        position = start
    return 0


def _reason(text: bytes) -> str:
    """Return the message of an error answer, cut short."""
    try:
        return str(json.loads(text)["error"]["message"])[:200]
    except (ValueError, KeyError, TypeError):
        return ""
