"""Sends one firmware to one terminal: its signed manifest, then each file by its index, one at a time.

Promise: what the terminal holds already does not travel: it answers at each file where to go on. A refusal is tried
again, the third one is the last; one that no repetition cures is the last at once.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from host_agent.update import states
from host_agent.update.shelf import Firmware
from protocol import content, reasons

TRIES = 3
RETRY_S = 10.0
# The terminal has another manifest than we think, or none: it is sent anew.
_FROM_THE_MANIFEST = ("no_transfer", "not_complete", "out_of_range")


class PushWindow(Protocol):
    """What this needs of a window."""

    def push(self, kind: int, name: str, data: bytes) -> "asyncio.Future[int] | None":
        """Begin to send a file; cancelling the future stops it."""
        ...


class Transfer:
    """Own what is sent to one terminal over one connection; belongs to the event loop."""

    def __init__(
        self, window: PushWindow, firmware: Firmware, assets: dict[str, Any], changed: Callable[[], None]
    ) -> None:
        """Begin where the terminal stands by its HELLO_REPLY; `changed` hears when there is something to look at."""
        self.firmware = firmware
        self.refusal: str | None = None  # the name of the reason that ended it
        self._window = window
        self._changed = changed
        held = assets.get(content.ASSET_FIRMWARE_NEXT) == firmware.digest.hex()[: content.HASH_DIGITS]
        self._step = 1 if held else 0  # 0 the manifest, then each file
        self._tries = 0
        self._pushing: asyncio.Future[int] | None = None
        self._retry: asyncio.TimerHandle | None = None

    @property
    def pushing(self) -> bool:
        """Say whether a file is on the way."""
        return self._pushing is not None

    @property
    def whole(self) -> bool:
        """Say whether every file has arrived."""
        return self._step > len(self.firmware.files)

    @property
    def percent(self) -> int:
        """Return how much of the bytes the terminal holds."""
        firmware = self.firmware
        head = len(firmware.manifest) + len(firmware.signature) if self._step else 0
        return 100 * (head + sum(map(len, firmware.files[: max(0, self._step - 1)]))) // firmware.size_bytes

    def go_on(self) -> None:
        """Send what comes next, unless something is on the way or a pause runs."""
        if self._pushing is not None or self._retry is not None or self.whole or self.refusal is not None:
            return
        firmware = self.firmware
        if self._step == 0:
            what = content.FIRMWARE_MANIFEST, firmware.version, firmware.signature + firmware.manifest
        else:
            what = content.FIRMWARE_FILE, str(self._step - 1), firmware.files[self._step - 1]
        self._pushing = self._window.push(*what)
        if self._pushing is not None:
            self._pushing.add_done_callback(self._sent)

    def stop(self) -> None:
        """Stop at once; the terminal keeps what it has of the file."""
        if self._pushing is not None:
            self._pushing.cancel()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        if self._retry is not None:
            self._retry.cancel()

    def again(self, name: str) -> None:
        """Take a refusal that may pass."""
        self._tries += 1
        if self._tries >= TRIES:
            self.refusal = name
            return
        if name in _FROM_THE_MANIFEST:
            self._step = 0
        self._pause()

    def _sent(self, future: "asyncio.Future[int]") -> None:
        self._pushing = None
        if not future.cancelled() and future.exception() is None:
            self._answered(future.result())
        # Not from inside the connection's own work, and after it has told of its end; content may be due first.
        asyncio.get_running_loop().call_soon(self._changed)

    def _answered(self, reason: int) -> None:
        name = states.name_of(reason)
        if reason == reasons.OK:
            self._step += 1
            self._tries = 0
        elif reason == reasons.BUSY:
            self._pause()
        elif name in states.FINAL:
            self.refusal = name
        else:
            self.again(name)

    def _pause(self) -> None:
        self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._paused)

    def _paused(self) -> None:
        self._retry = None
        self._changed()
