"""The parts of a roll-out: what is brought, in which waves, who takes part, and what each terminal says of itself.

member   planned ─ its wave ─▶ go ─▶ done │ failed        skipped: cannot be updated over the link, or needs not
roll-out running ◀─ resume ─ halted;  running │ halted ─ abort ─▶ aborted;  running ─ all ended, observed ─▶ done
"""

import re
from typing import Any

import attrs

from protocol import content

RUNNING, HALTED, ENDED, ABORTED = "running", "halted", "done", "aborted"
OPEN_STATES = (RUNNING, HALTED)
PLANNED, GO, DONE, FAILED, SKIPPED = "planned", "go", "done", "failed", "skipped"
OVER = (DONE, FAILED, SKIPPED)
READY = ("ready", "paused")
LOST = "lost"
BY_ADMINISTRATOR = "by an administrator"  # why a roll-out was halted or aborted, if not by the rule

_WAVE = re.compile(r"([1-9]\d{0,5})(%?)\Z")


@attrs.frozen
class Offer:
    """The firmware for one board: SHA-256 of its manifest (hex), and where an agent may fetch the bundle."""

    board: str
    manifest: str
    url: str | None

    @property
    def short(self) -> str:
        """Return the digits by which a terminal names it."""
        return self.manifest[: content.HASH_DIGITS]


@attrs.frozen
class Limits:
    """How careful a roll-out is: waves ("1", "10%", …; how many terminals in all), and what halts it."""

    waves: tuple[str, ...] = ("1", "10%", "100%")
    observe_s: int = 1800
    canary_failures: int = 1
    failure_percent: float = 2.0

    def size(self, wave: int, total: int) -> int:
        """Return how many terminals are to be reached by the end of a wave: each wave has at least one more."""
        reached = 0
        for text in self.waves[: wave + 1]:
            number, percent = _parsed(text)
            wanted = -(-total * number // 100) if percent else number
            reached = min(total, max(wanted, reached + 1))
        return total if wave >= len(self.waves) - 1 else reached


@attrs.frozen
class Report:
    """What a terminal's agent tells of it."""

    terminal: str
    agent: str
    window: str
    board: str
    firmware: str
    running: str | None  # first digits of the running manifest's hash
    state: str
    update_state: str | None
    update_why: str | None
    update_manifest: str | None
    heard_ms: int


@attrs.define
class Member:
    """One terminal's part; `retry`: its agent is told that it may try again what failed."""

    terminal: str
    agent: str
    board: str
    wave: int | None = None
    state: str = PLANNED
    why: str | None = None
    since_ms: int = 0
    retry: bool = False


@attrs.define
class Rollout:
    """One firmware on its way through one centre."""

    id: str
    centre: str
    version: str
    offers: dict[str, Offer]
    limits: Limits
    state: str = RUNNING
    why: str | None = None
    wave: int = 0
    forgiven: int = 0  # failures that an administrator has seen and resumed after
    started_ms: int = 0
    changed_ms: int = 0
    settled_ms: int | None = None  # since when everyone of the wave has ended
    members: dict[str, Member] = attrs.field(factory=dict)

    def count(self, *wanted: str) -> int:
        """Return how many members are in one of these states."""
        return sum(member.state in wanted for member in self.members.values())


def check_waves(waves: tuple[str, ...]) -> str | None:
    """Return what is wrong with a list of waves."""
    for text in waves:
        if not _WAVE.match(text) or (_parsed(text)[1] and _parsed(text)[0] > 100):
            return f"{text!r} is no wave: write a number of terminals, or a share such as 10%"
    return None if waves else "there is no wave"


def _parsed(text: str) -> tuple[int, bool]:
    match = _WAVE.match(text)
    return (int(match[1]), bool(match[2])) if match else (0, False)


def read_report(terminal: str, told: Any, now_ms: int) -> Report | None:
    """Return what a terminal's state message says, None for one that says too little."""
    if not isinstance(told, dict):
        return None
    update = told.get("update")
    if not isinstance(update, dict):
        update = {}
    texts = [_text(told.get(name)) for name in ("agent", "window", "board", "firmware", "manifest", "state")]
    agent, window, board, firmware, running, state = texts
    if agent is None or state is None:
        return None
    return Report(
        terminal,
        agent,
        window or "",
        board or "",
        firmware or "",
        running,
        state,
        _text(update.get("state")),
        _text(update.get("why")),
        _text(update.get("manifest")),
        now_ms,
    )


def _text(value: object) -> str | None:
    return value[:80] if isinstance(value, str) and value.isprintable() else None
