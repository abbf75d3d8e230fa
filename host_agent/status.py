"""Tells how the agent fares: numbers for programs, and one sentence that names the worst fault and its cure."""

from typing import Any

from host_agent import delivery as rule
from host_agent.config_model import Config
from host_agent.delivery import Delivery
from host_agent.store import Store
from host_agent.store_rows import InviteRow
from host_agent.topics import Topics
from host_agent.uplink import Uplink
from host_agent.window import Window
from host_agent.writer import FULL, OK, Writer

Fault = dict[str, str]

ALL_WELL = "everything works"
# What the terminal shows → condition code; the others are states of ordinary service.
_SHOWN_CONDITIONS = {"fault": "fault", "full": "full", "paused": "paused"}
_SHOWN_SENTENCES = {
    "fault": "terminal {terminal} of window {window} reports a fault: read its screen, switch it off and on once",
    "full": "terminal {terminal} of window {window} is full: keep it connected until its events are taken",
}


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
    ) -> None:
        """Keep the parts."""
        self._config = config
        self._version = version
        self._store = store
        self._writer = writer
        self._delivery = delivery
        self._uplink = uplink
        self._windows = windows

    def whole(self) -> dict[str, Any]:
        """Return what GET /api/v1/status answers."""
        counts = self._store.counts()
        faults, broker = self.faults(counts), self._broker_fault()
        return {
            "agent": self._config.agent.id,
            "centre": self._config.agent.centre,
            "version": self._version,
            "ok": not faults,
            "message": faults[0]["message"] if faults else ALL_WELL,
            "faults": faults,
            "broker": {"connected": self._uplink.connected, "message": broker["message"] if broker else "connected"},
            "store": {**counts, **self._delivery_counts(counts), "state": self._writer.state},
            "terminals": [window_terminal(window) for window in self._windows.values()],
        }

    def faults(self, counts: dict[str, int]) -> list[Fault]:
        """Return every fault, worst first."""
        found = [self._store_fault(), self._broker_fault(), self._delivery_fault()]
        found += [terminal_fault(window) for window in self._windows.values()]
        if self._delivery.backlog.postponed:
            names = ", ".join(self._delivery.backlog.postponed)
            found.append(
                fault(
                    "unknown_terminal",
                    f"the city does not know terminal {names}: register it there with `yiping registry add`",
                )
            )
        if counts["refused"]:
            found.append(
                fault(
                    "refused",
                    f"the city refused {counts['refused']} events: see /api/v1/refused and ask the city's operator",
                )
            )
        return [one for one in found if one is not None]

    def health(self) -> dict[str, Any]:
        """Return the message for the city, one for all terminals."""
        counts = self._store.counts()
        faults = self.faults(counts)
        oldest = self._store.waiting(0, 1 << 62, 1)
        return {
            "version": self._version,
            "ok": not faults,
            "message": faults[0]["message"] if faults else ALL_WELL,
            "store": {**counts, **self._delivery_counts(counts)},
            "oldest_waiting_utc_ms": oldest[0].stored_utc_ms if oldest else None,
            "free_bytes": self._writer.free_bytes(),
            "terminals": [
                {
                    "terminal": window.section.terminal,
                    "window": window.section.id,
                    "connected": window.connected,
                    "state": window.shown,
                    "clock_offset_ms": window.clock_offset_ms,
                    "link": window.link_status(),
                    "status": window.terminal_counters,
                }
                for window in self._windows.values()
            ],
        }

    def _delivery_counts(self, counts: dict[str, int]) -> dict[str, int]:
        published = counts["receipted_total"] + counts["refused"] + self._delivery.reached
        return {"unreceipted": self._delivery.unreceipted, "published_total": published}

    def _store_fault(self) -> Fault | None:
        if self._writer.state == OK:
            return None
        if self._writer.state == FULL:
            return fault(
                "disk_full",
                f"the disk is full ({self._store.path.parent}): free some room; terminals keep their events until then",
            )
        return fault(
            "store_fault",
            f"the store takes nothing ({self._store.path}: {self._writer.error}): check the folder"
            " and its disk; terminals keep their events until then",
        )

    def _broker_fault(self) -> Fault | None:
        if self._uplink.connected:
            return None
        told = self._uplink.fault
        return fault("broker", told.message if told else "the broker is not connected yet: wait a moment")

    def _delivery_fault(self) -> Fault | None:
        state, waiting = self._delivery.state, self._delivery.unreceipted
        if not self._uplink.connected or state == rule.FLOWING:
            return None
        if state == rule.NO_SUBSCRIBER:
            return fault(
                state,
                f"nobody at the city takes the events ({waiting} wait): start the receiver, or check broker.prefix",
            )
        if state == rule.NO_RECEIPTS:
            return fault(
                state, f"the city sends no receipts ({waiting} events published without): check that its receiver runs"
            )
        topics = Topics(self._config.broker.prefix, self._config.agent.centre, self._config.agent.id)
        return fault(
            state,
            f"the broker refuses this agent's events (0x{self._delivery.refusal:02x}): allow it to write"
            f" {topics.event('+')} in the broker's access rules",
        )


def fault(code: str, message: str) -> Fault:
    """Return a fault of the whole agent."""
    return {"code": code, "message": message}


def terminal_fault(window: Window) -> Fault | None:
    """Return what somebody must do something about at this window."""
    condition = terminal_condition(window)
    if condition in ("ready", "paused"):
        return None
    return {"code": condition, "message": terminal_sentence(window), "window": window.section.id}


def terminal_condition(window: Window) -> str:
    """Return a code for how the window's terminal fares: "ready", or what is in the way."""
    if window.connected and window.fault is None:
        return _SHOWN_CONDITIONS.get(window.shown or "", "paused" if window.paused else "ready")
    return getattr(window.fault, "condition", "connecting")


def terminal_sentence(window: Window) -> str:
    """Return how the window's terminal fares, in one sentence."""
    if window.fault is not None:
        return window.fault.message
    if not window.connected:
        return f"terminal {window.section.terminal} of window {window.section.id} is not connected yet: wait a moment"
    sentence = _SHOWN_SENTENCES.get(window.shown or "")
    if sentence:
        return sentence.format(terminal=window.section.terminal, window=window.section.id)
    return "paused" if window.paused else "ready"


def window_terminal(window: Window) -> dict[str, Any]:
    """Return a terminal as GET /api/v1/status lists it."""
    return _present(window) | {
        "port": window.port or window.section.port,
        "firmware": window.hello["firmware"] if window.hello else None,
        "connections": window.connections,
        "link": window.link_status(),
        "status": window.terminal_counters,
    }


def window_view(window: Window) -> dict[str, Any]:
    """Return a window as GET /api/v1/windows/{window} shows it; no level, ever."""
    return _present(window) | {
        "name": window.section.name or window.section.id,
        "ticket": window.ticket,
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
