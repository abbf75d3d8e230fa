"""Say in one sentence how the receiver is, and what people should look at. Pure.

`faults` are the receiver's own troubles (ok is then false); `attention` is what it found about terminals and agents.
Every finding has a code, so that the page can say it in another language.
"""

import attrs

from host_agent import certificates as certs
from host_agent.clock_watch import clock_sentence
from host_agent.receiver.checks import ALARMS, WAITING_CODES

RECENT_MS = 86_400_000  # alarms older than a day no longer make the sentence


@attrs.frozen
class Finding:
    """One thing to say: a code, how often, and the English sentence."""

    code: str
    count: int
    text: str


@attrs.frozen
class Numbers:
    """What the database holds."""

    waiting: int = 0
    parked: int = 0
    shelf: dict[str, int] = attrs.field(factory=dict)
    recent_alarms: dict[str, int] = attrs.field(factory=dict)
    terminals: list[dict] = attrs.field(factory=list)
    totals: dict[str, int] = attrs.field(factory=dict)

    @property
    def stored(self) -> int:
        """Return how many events were stored."""
        return self.totals.get("stored", 0)


@attrs.frozen
class Facts:
    """What the sentence is made of."""

    broker_connected: bool
    broker_fault: str | None
    store_fault: str | None
    registry_fault: str | None
    forward_fault: str | None
    receipts_refused: int | None
    numbers: Numbers
    certificates: list[certs.Finding] = attrs.field(factory=list)
    clock_jumped_ms: int | None = None
    registry_path: str = ""
    centres: list[dict] = attrs.field(factory=list)


def faults(facts: Facts) -> list[Finding]:
    """Return what keeps the receiver from its work, the gravest first."""
    found = []
    if facts.store_fault is not None:
        text = f"the database takes nothing, {facts.store_fault}; events stay with the agents until then"
        found.append(Finding("store", 1, text))
    found += [Finding(certs.CODE, 1, one.text) for one in facts.certificates if one.expired]
    if not facts.broker_connected:
        text = facts.broker_fault or "the broker is not connected yet: wait a moment"
        found.append(Finding("broker", 1, text))
    if facts.receipts_refused is not None:
        text = f"the broker refuses receipts (0x{facts.receipts_refused:02x}): allow this client to write them"
        found.append(Finding("receipts_refused", 1, text))
    if facts.registry_fault is not None:
        cure = f"check {facts.registry_path} and its rights; new terminals are unknown until then"
        text = f"the registry cannot be read ({facts.registry_fault}): {cure}"
        found.append(Finding("registry", 1, text))
    if facts.forward_fault is not None:
        cure = f"see that it runs, or correct [forward]; {_many(facts.numbers.waiting, 'record')} wait here until then"
        text = f"the municipal system takes no records ({facts.forward_fault}): {cure}"
        found.append(Finding("forward", facts.numbers.waiting, text))
    if facts.numbers.parked:
        text = f"the municipal system refuses {_many(facts.numbers.parked, 'record')}; see the log for its answer"
        found.append(Finding("parked", facts.numbers.parked, text))
    return found


def attention(facts: Facts) -> list[Finding]:
    """Return what people should look at, the gravest first."""
    numbers, found = facts.numbers, []
    if facts.clock_jumped_ms is not None:  # first: it explains what looks odd below
        found.append(Finding("clock", 1, clock_sentence(facts.clock_jumped_ms)))
    found += [
        Finding(code, numbers.recent_alarms[code], f"{ALARMS[code]} ({numbers.recent_alarms[code]} in 24 h)")
        for code in ALARMS
        if code in numbers.recent_alarms and code not in WAITING_CODES
    ]
    silent = [row for row in numbers.terminals if row["silent_min"] is not None]
    if silent:
        names = ", ".join(row["terminal"] for row in silent[:3])
        text = f"{_many(len(silent), 'terminal')} silent in opening hours ({names}{', …' if len(silent) > 3 else ''})"
        found.append(Finding("silent", len(silent), text))
    missing = sum(row["unexplained"] for row in numbers.terminals)
    if missing:
        text = f"{_many(missing, 'event')} missing between events that came: held back, or not sent yet"
        found.append(Finding("gaps", missing, text))
    unended = [row["terminal"] for row in numbers.terminals if row["unended"]]
    if unended:
        what = f"{_many(len(unended), 'epoch')} stopped without a last event ({', '.join(unended[:3])})"
        text = f"{what}: the terminal was provisioned anew before its queue was fetched"
        found.append(Finding("unended", len(unended), text))
    found += _of_self_tests(numbers.terminals)
    unknown = sum(numbers.shelf.get(code, 0) for code in WAITING_CODES)
    if unknown:
        text = f"{_many(unknown, 'event')} of terminals that the registry does not know: use `yiping registry import`"
        found.append(Finding("unknown", unknown, text))
    found += _of_versions(facts.centres)
    found += [Finding(certs.CODE, 1, one.text) for one in facts.certificates if not one.expired]
    return found


def _of_self_tests(terminals: list[dict]) -> list[Finding]:
    """Return the terminals whose newest self-test found a broken part."""
    broken = [row["terminal"] for row in terminals if row.get("current") and (row.get("self_test") or {}).get("failed")]
    if not broken:
        return []
    names = ", ".join(broken[:3]) + (", …" if broken[3:] else "")
    return [Finding("self_test", len(broken), f"the self-test of {_many(len(broken), 'terminal')} failed ({names})")]


def _of_versions(centres: list[dict]) -> list[Finding]:
    """Return halted roll-outs, and centres that run two versions although none is under way."""
    found = []
    for row in centres:
        state = (row["rollout"] or {}).get("state")
        if state == "halted":
            found.append(Finding("rollout_halted", 1, row["message"]))
        elif row["mixed"] and state != "running":
            found.append(Finding("mixed_versions", 1, row["message"]))
    return found


def message(own: list[Finding], seen: list[Finding], facts: Facts) -> str:
    """Return the one sentence."""
    numbers = facts.numbers
    for finding in (*own, *seen):
        return finding.text
    if not numbers.stored:
        return "ready: no event has come yet"
    waiting = f", {_many(numbers.waiting, 'record')} on the way to the municipal system" if numbers.waiting else ""
    return f"all is well: {_many(numbers.stored, 'event')} stored and receipted{waiting}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
