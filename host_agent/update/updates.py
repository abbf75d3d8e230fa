"""The updates of all terminals of one agent: which firmware each should run, whose turn it is, what is remembered.

Who gives the word is configured: the city's roll-out (a lease by terminal, permits.py), or this agent itself: then one
terminal at a time, and none after one that failed with the same bundle.
"""

import asyncio
import logging
import re
import sqlite3
from collections.abc import Callable
from typing import Any

from host_agent import local_day
from host_agent.config_model import Config
from host_agent.config_update import parse_span, within
from host_agent.faults import Fault, fault
from host_agent.store import Store
from host_agent.update import fetch, permits, records, shelf, states
from host_agent.update.permits import Permits
from host_agent.update.records import Record
from host_agent.update.shelf import Firmware, Shelf
from host_agent.update.window_update import WindowUpdate
from host_agent.window import Window
from host_agent.writer import Writer

LOOK_S = 5.0
# Transfers at a time: each is one more stream that the loop serves beside the events.
SENDING_MAX = 4
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_MINUTE_MS = 60_000

_log = logging.getLogger(__name__)


class Updates:
    """Own the updates of all windows; belongs to the event loop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        writer: Writer,
        windows: dict[str, Window],
        utc_ms: Callable[[], int],
        now_s: Callable[[], float],
        changed: Callable[[str], None],
    ) -> None:
        """Give each window its update; `now_s` is a clock that nobody sets."""
        self._section = config.update
        self._writer = writer
        self._windows = windows
        self._changed = changed
        self.utc_ms, self.now_s = utc_ms, now_s
        key = self._section.key
        self.shelf = Shelf(config.agent.data_dir, None if key is None else shelf.read_key(key))
        self.permits = Permits(now_s)
        self._fetcher = fetch.Fetcher(self.shelf, self._section.source)
        try:
            self._records = records.all_of(store)
        except sqlite3.Error as error:
            _log.error("what is known of updates cannot be read: %s", error)
            self._records = {}
        for window in windows.values():
            window.update = WindowUpdate(window, self)

    async def run(self) -> None:
        """Look every few seconds for bundles, hours and words that have ended; returns only by being cancelled."""
        if not self.shelf.may_offer:
            await asyncio.Event().wait()
        while True:
            await asyncio.to_thread(self.shelf.refresh)
            await self._fetch()
            for name in self._windows:
                self._changed(name)
            await asyncio.sleep(LOOK_S)

    def command(self, payload: bytes) -> None:
        """Take the city's word."""
        word = permits.read(payload)
        if word is None:
            _log.warning("a command to update cannot be read")
            return
        if not self._section.by_city or not self.shelf.may_offer:
            return
        self.permits.hear(word)
        for terminal in word.retry:
            self.retry(terminal)
        for name in self._windows:
            self._changed(name)

    def retry(self, terminal: str) -> bool:
        """Let a terminal try again what failed; return whether something had."""
        record = self._records.get(terminal)
        if record is None or record.state != records.FAILED:
            return False
        self.forget(terminal)
        for name, window in self._windows.items():
            if window.section.terminal == terminal:
                self._changed(name)
        return True

    async def _fetch(self) -> None:
        """Get the bundles that the city's word names and that are not here."""
        word = self.permits.word
        for offer in word.offers.values() if word is not None else ():
            if offer.url is not None and self.shelf.by_digest(offer.manifest) is None:
                await self._fetcher.get(offer.url, offer.manifest)

    # --- asked by the windows (plan.Plan)

    def firmware(self, terminal: str, hello: dict[str, Any]) -> tuple[Firmware | None, str | None]:
        """Return what the terminal should run, or None and why it waits for that (None: nothing is meant for it)."""
        if not self.shelf.may_offer:
            return None, None
        if not self._section.by_city:
            newest = self.shelf.newest(hello["board"])
            return (
                (newest, None) if newest is not None and newest.release > release(hello["firmware"]) else (None, None)
            )
        offer = self.permits.offer(terminal, hello["board"])
        if offer is None:
            return None, None
        found = self.shelf.by_digest(offer.manifest)
        return found, None if found is not None else states.NO_BUNDLE

    def may_send(self, terminal: str) -> str | None:
        """Return None, or why nothing may be sent now."""
        others = [window for window in self._windows.values() if window.section.terminal != terminal]
        busy = sum(window.update is not None and window.update.under_way for window in others)
        if not self._section.by_city:
            if any(self._failed_with_newest(window) for window in others):
                return states.HALTED
            return states.TURN if busy else None
        return states.TURN if busy >= SENDING_MAX else None

    def may_switch(self, terminal: str) -> str | None:
        """Return None, or why the terminal may not switch now."""
        span = parse_span(self._section.hours)
        local_ms = self.utc_ms() + local_day.utc_offset_min(self.utc_ms()) * _MINUTE_MS
        minute = local_ms // _MINUTE_MS % (24 * 60)
        return None if span is None or within(span, minute) else states.HOURS

    def record(self, terminal: str) -> Record | None:
        """Return what is remembered."""
        return self._records.get(terminal)

    async def keep(self, record: Record) -> None:
        """Remember durably; raises StoreFullError, StoreFaultError."""
        await self._writer.write(records.put(record))
        self._records[record.terminal] = record

    def note(self, record: Record) -> None:
        """Remember, durably soon."""
        self._records[record.terminal] = record
        self._writer.note(records.put(record))

    def forget(self, terminal: str) -> None:
        """Remember nothing of a terminal any more."""
        if self._records.pop(terminal, None) is not None:
            self._writer.note(records.forget(terminal))

    def changed(self, window: str) -> None:
        """Hear that a window's view has changed."""
        self._changed(window)

    def _failed_with_newest(self, window: Window) -> bool:
        record = self._records.get(window.section.terminal)
        board = (window.hello or {}).get("board")
        newest = self.shelf.newest(board) if board is not None else None
        if record is None or newest is None:
            return False
        return record.state == records.FAILED and record.manifest == newest.digest.hex()

    # --- told (status.Part)

    def faults(self) -> list[Fault]:
        """Return none: a terminal whose update failed serves on with its old firmware; one that is gone is told."""
        return []

    def warnings(self) -> list[Fault]:
        """Return failed updates, bundles that are not offered, and what is asked for and missing."""
        found = []
        for window in self._windows.values():
            if window.update is not None and window.update.state == states.FAILED:
                where = f"terminal {window.section.terminal} of window {window.section.id}"
                found.append(fault("update_failed", f"{where}: {window.update.view()['message']}"))
        found += [
            fault("bundle", f"{self.shelf.folder / name}: {why}: remove it, or offer the right one")
            for name, why in self.shelf.faults.items()
        ]
        waiting = [window.update for window in self._windows.values() if window.update is not None]
        if any(update.state == states.WAITING and update.why == states.NO_BUNDLE for update in waiting):
            told = f" ({self._fetcher.fault})" if self._fetcher.fault else ""
            found.append(fault("no_bundle", f"{states.WAITS[states.NO_BUNDLE]}{told}"))
        return found

    def view(self) -> dict[str, Any]:
        """Return what GET /api/v1/status shows."""
        word = self.permits.word
        return {
            "by": self._section.go if self.shelf.may_offer else None,
            "hours": self._section.hours,
            "rollout": word.rollout if word is not None else None,
            "bundles": [
                {"board": one.board, "version": one.version, "manifest": one.digest.hex(), "bytes": one.size_bytes}
                for one in self.shelf.all()
            ],
        }


def release(version: str) -> int:
    """Return the number by which versions are compared, 0 for one that has none."""
    match = _VERSION.match(version)
    return int(match[1]) * 1_000_000 + int(match[2]) * 1_000 + int(match[3]) if match else 0
