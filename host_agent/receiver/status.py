"""Say in one sentence how the receiver is, and what people should look at. Pure.

`faults` are the receiver's own troubles (ok is then false); `attention` is what it found about terminals and agents.
Every finding has a code, so that the page can say it in another language.
"""

import attrs

from host_agent.receiver.checks import ALARMS, WAITING_CODES

RECENT_MS = 86_400_000  # alarms older than a day no longer make the sentence


@attrs.frozen
class Finding:
    """One thing to say: a code, how often, and the English sentence."""

    code: str
    count: int
    text: str


@attrs.frozen
class Facts:
    """What the sentence is made of."""

    broker_connected: bool
    broker_fault: str | None
    store_fault: str | None
    registry_fault: str | None
    forward_fault: str | None
    receipts_refused: int | None
    waiting: int
    parked: int
    shelf: dict[str, int]
    recent_alarms: dict[str, int]
    terminals: list[dict]
    stored: int


def faults(facts: Facts) -> list[Finding]:
    """Return what keeps the receiver from its work, the gravest first."""
    found = []
    if facts.store_fault is not None:
        text = f"the database takes nothing ({facts.store_fault}); events stay with the agents until it does"
        found.append(Finding("store", 1, text))
    if not facts.broker_connected:
        text = facts.broker_fault or "no connection to the broker yet"
        found.append(Finding("broker", 1, text))
    if facts.receipts_refused is not None:
        text = f"the broker refuses receipts (0x{facts.receipts_refused:02x}): allow this client to write them"
        found.append(Finding("receipts_refused", 1, text))
    if facts.registry_fault is not None:
        text = f"the registry cannot be read ({facts.registry_fault}); new terminals are not known until it can"
        found.append(Finding("registry", 1, text))
    if facts.forward_fault is not None:
        text = f"the municipal system takes no records ({facts.forward_fault}); {facts.waiting} wait here"
        found.append(Finding("forward", facts.waiting, text))
    if facts.parked:
        text = f"the municipal system refuses {_many(facts.parked, 'record')}; see the log for its answer"
        found.append(Finding("parked", facts.parked, text))
    return found


def attention(facts: Facts) -> list[Finding]:
    """Return what people should look at, the gravest first."""
    found = [
        Finding(code, facts.recent_alarms[code], f"{ALARMS[code]} ({facts.recent_alarms[code]} in 24 h)")
        for code in ALARMS
        if code in facts.recent_alarms and code not in WAITING_CODES
    ]
    silent = [row for row in facts.terminals if row["silent_min"] is not None]
    if silent:
        names = ", ".join(row["terminal"] for row in silent[:3])
        text = f"{_many(len(silent), 'terminal')} silent in opening hours ({names}{', …' if len(silent) > 3 else ''})"
        found.append(Finding("silent", len(silent), text))
    missing = sum(row["unexplained"] for row in facts.terminals)
    if missing:
        text = f"{_many(missing, 'event')} missing between events that came: held back, or not sent yet"
        found.append(Finding("gaps", missing, text))
    unknown = sum(facts.shelf.get(code, 0) for code in WAITING_CODES)
    if unknown:
        text = f"{_many(unknown, 'event')} of terminals that the registry does not know: use `yiping registry add`"
        found.append(Finding("unknown", unknown, text))
    return found


def message(own: list[Finding], seen: list[Finding], facts: Facts) -> str:
    """Return the one sentence."""
    for finding in (*own, *seen):
        return finding.text
    if not facts.stored:
        return "ready: no event has come yet"
    waiting = f", {_many(facts.waiting, 'record')} on the way to the municipal system" if facts.waiting else ""
    return f"all is well: {_many(facts.stored, 'event')} stored and receipted{waiting}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
