"""Gets a bundle that is missing from the address the city names, if it lies below update.source; then the shelf
checks it like any other: what counts is the signature.
"""

import asyncio
import logging
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from host_agent.errors import UserError
from host_agent.update.shelf import FILE_LIMIT_BYTES, Shelf

ANSWER_S = 30.0
AGAIN_S = 60.0
_BLOCK_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


class Fetcher:
    """Fetch one bundle at a time; belongs to the event loop."""

    def __init__(self, shelf: Shelf, source: str | None) -> None:
        """Note where bundles may come from; None: from nowhere."""
        self._shelf = shelf
        self._source = source
        self._tried_s: dict[str, float] = {}
        self.fault: str | None = None

    async def get(self, url: str, manifest: str) -> None:
        """Fetch and shelve; a failure is told and tried again after a minute."""
        if time.monotonic() - self._tried_s.get(url, -AGAIN_S) < AGAIN_S:
            return
        self._tried_s[url] = time.monotonic()
        if self._source is None or not is_below(url, self._source):
            self.fault = f"{url} is not below update.source"
            return
        try:
            await asyncio.to_thread(self._get, url, manifest)
            self.fault = None
        except UserError as error:
            self.fault = error.message
            _log.error("a bundle cannot be fetched: %s", error.message)

    def _get(self, url: str, manifest: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bundle.zip"
            download(url, path)
            firmware = self._shelf.put(path)
        if firmware.digest.hex() != manifest:
            raise UserError("another bundle lies there than the city means", url, "ask the city's administrator")
        self._shelf.refresh()


def is_below(url: str, source: str) -> bool:
    """Say whether an address has scheme, host and port of another one and lies in its folder."""
    try:
        (origin, folders), (wanted, under) = _parts(url), _parts(source)
    except ValueError:
        return False
    return origin == wanted and folders[: len(under)] == under and not {".", ".."} & {*folders}


def _parts(url: str) -> tuple[tuple[object, ...], list[str]]:
    """Return what names the server, and the segments of the path; raises ValueError."""
    told = urllib.parse.urlsplit(url)
    port = told.port or {"http": 80, "https": 443}.get(told.scheme)
    path = urllib.parse.unquote(told.path).replace("\\", "/")
    return (told.scheme, told.username, told.password, told.hostname, port), [one for one in path.split("/") if one]


def download(url: str, path: Path) -> None:
    """Write what an address answers to a file.

    :raises UserError: it does not answer, or answers too much.
    """
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_S) as answer, path.open("wb") as file:
            size = 0
            while block := answer.read(_BLOCK_BYTES):
                size += len(block)
                if size > FILE_LIMIT_BYTES:
                    raise UserError("what lies there is too large for a bundle", url, "ask the city's administrator")
                file.write(block)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(f"the bundle does not come: {reason}", url, "check the address and the network") from None
