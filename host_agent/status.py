"""Tells how the agent fares: numbers for programs, and one sentence that names the worst fault and its cure."""

import sqlite3
from collections.abc import Callable
from typing import Any, Protocol

from host_agent.clock_watch import ClockWatch, steady_ms
from host_agent.config_model import Config
from host_agent.delivery import Delivery
from host_agent.faults import Fault, Faults
from host_agent.ports import NO_TERMINAL
from host_agent.self_test import parts as self_test
from host_agent.store import COUNTS, Store
from host_agent.store_rows import InviteRow
from host_agent.uplink import Uplink
from host_agent.window import Window
from host_agent.writer import Writer

ALL_WELL = "everything works"
# What the terminal shows → condition code; the others are states of ordinary service.
_SHOWN_CONDITIONS = {"fault": "fault", "full": "full", "paused": "paused"}
_SHOWN_SENTENCES = {
    "fault": "terminal {terminal} of window {window} reports a fault: read its screen, switch it off and on once",
    "full": "terminal {terminal} of window {window} is full: keep it connected until its events are taken",
    "unmapped_grade": "the rater of window {window} gave a grade that agent.toml does not name: complete its"
    " legacy.grades from the rater's manual, and restart the agent",
    "rater_silent": "the rater of window {window} was begun many times and never answered:"
    " check its cable, address and form",
}


class Part(Protocol):
    """Name what a part of the agent tells of itself."""

    def faults(self) -> list[Fault]:
        """Return what somebody must do something about now."""
        ...

    def warnings(self) -> list[Fault]:
        """Return what can wait."""
        ...

    def view(self) -> Any:
        """Return what GET /api/v1/status shows."""
        ...


class Status:
    """Read the parts; nothing here changes them."""

    def __init__(
        self,
        config: Config,
        version: str,
        store: Store,
        writer: Writer,
        delivery: Delivery,
        uplink: Uplink,
        windows: dict[str, Window],
        utc_ms: Callable[[], int],
    ) -> None:
        """Keep the parts; `utc_ms` is the wall clock."""
        self._config = config
        self._version = version
        self._store = store
        self._writer = writer
        self._delivery = delivery
        self._uplink = uplink
        self._windows = windows
        self._utc_ms = utc_ms
        self._faults = Faults(config, writer, delivery, uplink, ClockWatch(utc_ms, steady_ms))
        self._last_read: tuple[dict[str, int], int | None] = (dict.fromkeys(COUNTS, 0), None)
        self._unreadable: str | None = None
        self._more: dict[str, Part] = {}

    def also(self, name: str, part: Part) -> None:
        """Tell of one more part, under its own name."""
        self._more[name] = part

    def whole(self) -> dict[str, Any]:
        """Return what GET /api/v1/status answers."""
        counts, oldest_ms = self._read_store()
        broker = self._faults.of_broker()
        return {
            "agent": self._config.agent.id,
            "centre": self._config.agent.centre,
            "version": self._version,
            **self._verdict(counts, oldest_ms),
            "broker": {
                "connected": self._uplink.connected,
                "message": broker["message"] if broker else "connected",
                "certificate_days": self._uplink.certificates.days_left(),
            },
            "store": {
                **counts,
                **self._delivery_counts(counts),
                "oldest_waiting_s": self._age_s(oldest_ms),
                "state": self._writer.state,
            },
            "terminals": [window_terminal(window) for window in self._windows.values()],
            **{name: part.view() for name, part in self._more.items()},
        }

    def health(self) -> dict[str, Any]:
        """Return the message for the city, one for all terminals."""
        counts, oldest_ms = self._read_store()
        verdict = self._verdict(counts, oldest_ms)
        return {
            "version": self._version,
            "ok": verdict["ok"],
            "message": verdict["message"],
            "store": {**counts, **self._delivery_counts(counts)},
            "oldest_waiting_utc_ms": oldest_ms,
            "oldest_waiting_s": self._age_s(oldest_ms),
            "certificate_days": self._uplink.certificates.days_left(),
            "free_bytes": self._writer.free_bytes(),
            "terminals": [
                {
                    "terminal": window.section.terminal,
                    "window": window.section.id,
                    "connected": window.connected,
                    "state": window.shown,
                    "firmware": window.hello["firmware"] if window.hello else None,
                    "update": _progress(window),
                    "clock_offset_ms": window.clock_offset_ms,
                    "today": window.day.counts(),
                    "link": window.link_status(),
                    "status": window.terminal_counters,
                }
                for window in self._windows.values()
                if window.section.has_terminal
            ],
        }

    def _verdict(self, counts: dict[str, int], oldest_ms: int | None) -> dict[str, Any]:
        """Return whether all is well, every fault and warning, worst first, and the one sentence."""
        faults = self._faults.of_agent(counts["waiting"], self._unreadable)
        faults += [found for found in map(terminal_fault, self._windows.values()) if found is not None]
        faults += self._faults.of_events(counts["refused"])
        warnings = self._faults.warnings(self._age_s(oldest_ms))
        warnings += [found for found in map(self_test_warning, self._windows.values()) if found is not None]
        for part in self._more.values():
            faults += part.faults()
            warnings += part.warnings()
        first = [*faults, *warnings][:1]
        return {
            "ok": not faults,
            "message": first[0]["message"] if first else ALL_WELL,
            "faults": faults,
            "warnings": warnings,
        }

    def _read_store(self) -> tuple[dict[str, int], int | None]:
        """Return the store's counts and when its oldest event without receipt was stored; of old when unreadable."""
        try:
            oldest = self._store.waiting(0, 1 << 62, 1)
            self._last_read = self._store.counts(), oldest[0].stored_utc_ms if oldest else None
            self._unreadable = None
        except sqlite3.Error as error:
            self._unreadable = str(error)
        return self._last_read

    def _age_s(self, stored_ms: int | None) -> int | None:
        return None if stored_ms is None else max(0, self._utc_ms() - stored_ms) // 1000

    def _delivery_counts(self, counts: dict[str, int]) -> dict[str, int]:
        published = counts["receipted_total"] + counts["refused"] + self._delivery.reached
        return {"unreceipted": self._delivery.unreceipted, "published_total": published}


def _progress(window: Window) -> dict[str, Any] | None:
    """Return how the update of a window's terminal stands, for the city."""
    view = window.update.view() if window.update is not None else None
    return None if view is None else {name: view[name] for name in ("state", "why", "version", "percent")}


def terminal_fault(window: Window) -> Fault | None:
    """Return what somebody must do something about at this window."""
    condition = terminal_condition(window)
    if condition in ("ready", "paused", NO_TERMINAL):
        return None
    return {"code": condition, "message": terminal_sentence(window), "window": window.section.id}


def self_test_warning(window: Window) -> Fault | None:
    """Return what the last self-test of the terminal that is connected found wrong."""
    mask = _failed_parts(window)
    if not mask:
        return None
    cures = "; ".join(part.cure for part in self_test.failed(mask))
    terminal = f"terminal {window.section.terminal} of window {window.section.id}"
    message = f"the self-test of {terminal} found: {self_test.sentence(mask)}: {cures}"
    return {"code": "self_test", "message": message, "window": window.section.id}


def _failed_parts(window: Window) -> int:
    found = self_test.of_status(window.terminal_counters) if window.connected else None
    return 0 if found is None else found[1]


def terminal_condition(window: Window) -> str:
    """Return a code for how the window's terminal fares: "ready", or what is in the way."""
    if window.connected and window.fault is None:
        return window.noted or _SHOWN_CONDITIONS.get(window.shown or "", "paused" if window.paused else "ready")
    return getattr(window.fault, "condition", "connecting")


def terminal_sentence(window: Window) -> str:
    """Return how the window's terminal fares, in one sentence."""
    if window.fault is not None:
        return window.fault.message
    if not window.connected:
        return f"terminal {window.section.terminal} of window {window.section.id} is not connected yet: wait a moment"
    sentence = _SHOWN_SENTENCES.get(window.noted or window.shown or "")
    if sentence:
        return sentence.format(terminal=window.section.terminal, window=window.section.id)
    return "paused" if window.paused else "ready"


def window_terminal(window: Window) -> dict[str, Any]:
    """Return a terminal as GET /api/v1/status lists it."""
    return _present(window) | {
        "port": window.port or window.section.port,
        "firmware": window.hello["firmware"] if window.hello else None,
        "board": window.hello["board"] if window.hello else None,
        "connections": window.connections,
        "content": window.content.view() if window.content is not None else None,
        "update": window.update.view() if window.update is not None else None,
        "link": window.link_status(),
        "status": window.terminal_counters,
        "today": window.day.counts(),
    }


def window_view(window: Window) -> dict[str, Any]:
    """Return a window as GET /api/v1/windows/{window} shows it; no level, ever."""
    return _present(window) | {
        "name": window.section.name or window.section.id,
        "ticket": window.ticket,
        "notice": (window.notice.text if window.notice is not None else None) or "",
        "failed_parts": [part.code for part in self_test.failed(_failed_parts(window))],
        "shift_over": window.clerk is not None and window.shift.over,
        "filling": window.content is not None and window.content.pushing,
        "today": window.day.counts(),
    }


def _present(window: Window) -> dict[str, Any]:
    """Return what the views of a terminal and of its window have in common."""
    return {
        "window": window.section.id,
        "terminal": window.section.terminal,
        "connected": window.connected,
        "state": window.shown,
        "condition": terminal_condition(window),
        "message": terminal_sentence(window),
        "clerk": window.clerk,
        "paused": window.paused,
        "invite": invite_view(window.invites.current),
    }


def invite_view(row: InviteRow | None) -> dict[str, Any] | None:
    """Return an invite as the API shows it."""
    if row is None:
        return None
    return {"invite": row.invite.hex(), "state": row.state, "reason": row.reason}
