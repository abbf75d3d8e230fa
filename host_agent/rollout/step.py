"""The rule of a roll-out, pure: what terminals report in, who may go now and when to halt out.

Promise: a terminal gets the word only while the roll-out runs and its wave is reached; a halt is decided before the
next word is given; who has failed is not asked again without an administrator.
"""

import math

from host_agent.rollout.model import (
    BY_ADMINISTRATOR,
    DONE,
    ENDED,
    FAILED,
    GO,
    HALTED,
    LOST,
    OVER,
    PLANNED,
    READY,
    RUNNING,
    SKIPPED,
    Member,
    Report,
    Rollout,
)

# A terminal that is not there when its turn comes gives it to another one.
ABSENT_MS = 600_000
RETRY_MS = 60_000
_BETWEEN = ("switching", "trial")
_CANARY = 0

Reports = dict[str, Report]


def step(rollout: Rollout, reports: Reports, now_ms: int) -> None:
    """Move a roll-out on by what its terminals report."""
    if rollout.state not in (RUNNING, HALTED):
        return
    _adopt(rollout, reports, now_ms)
    for member in rollout.members.values():
        report = reports.get(member.terminal)
        if report is not None:
            _judge(rollout, member, report, now_ms)
    if rollout.state != RUNNING:
        return
    why = _too_many(rollout)
    if why is not None:
        rollout.state, rollout.why, rollout.changed_ms = HALTED, why, now_ms
        return
    _fill(rollout, reports, now_ms)
    _advance(rollout, now_ms)


def words(rollout: Rollout) -> dict[str, list[Member]]:
    """Return by agent who may go now; an agent without any is told to stop."""
    found: dict[str, list[Member]] = {
        member.agent: [] for member in rollout.members.values() if member.wave is not None
    }
    if rollout.state == RUNNING:
        for member in rollout.members.values():
            if member.state == GO:
                found.setdefault(member.agent, []).append(member)
    return found


def is_cleared(rollout: Rollout) -> bool:
    """Say whether the failures that halted a roll-out turned out to be none, or few enough."""
    by_rule = rollout.state == HALTED and rollout.why != BY_ADMINISTRATOR
    return by_rule and _too_many(rollout) is None


def resume(rollout: Rollout, retry_failed: bool, now_ms: int) -> None:
    """Go on after a halt: what failed so far halts no more, and with `retry_failed` is tried again."""
    if retry_failed:
        for member in rollout.members.values():
            if member.state == FAILED:
                member.state, member.why, member.retry, member.since_ms = GO, None, True, now_ms
    rollout.forgiven = rollout.count(FAILED)
    rollout.state, rollout.why, rollout.changed_ms, rollout.settled_ms = RUNNING, None, now_ms, None


def _adopt(rollout: Rollout, reports: Reports, now_ms: int) -> None:
    """Take in terminals that need this firmware; those that came later go with a later wave."""
    for report in reports.values():
        member = rollout.members.get(report.terminal)
        offer = rollout.offers.get(report.board)
        if member is not None:
            member.agent = report.agent
        elif offer is not None and report.running != offer.short:
            rollout.members[report.terminal] = Member(report.terminal, report.agent, report.board, since_ms=now_ms)


def _judge(rollout: Rollout, member: Member, report: Report, now_ms: int) -> None:
    """Note how far a terminal is by what it reports."""
    offer = rollout.offers.get(report.board)
    if offer is None:
        return
    runs = report.running == offer.short and report.update_state not in _BETWEEN
    failed = report.update_manifest == offer.manifest and report.update_state == "failed"
    if member.retry and (not failed or now_ms - member.since_ms > RETRY_MS):
        member.retry = False  # heard; or refused again so soon that nothing between was told
    if member.state == PLANNED and runs and report.update_manifest == offer.manifest:
        member.wave = rollout.wave  # it had its turn, went away and came back with it
        _end(member, DONE, None, now_ms)
    elif member.state == PLANNED and runs:
        _end(member, SKIPPED, "current", now_ms)
    elif member.state in (PLANNED, GO) and report.update_state == "unable":
        _end(member, SKIPPED, "unable", now_ms)
    elif member.state == GO and runs:
        _end(member, DONE, None, now_ms)
    elif member.state == GO and failed and not member.retry:
        _end(member, FAILED, report.update_why, now_ms)
    elif member.state == GO and report.state == LOST and not _is_between(report):
        if now_ms - member.since_ms > ABSENT_MS and rollout.wave < len(rollout.limits.waves) - 1:
            member.state, member.wave, member.since_ms = PLANNED, None, now_ms
    elif member.state == DONE and report.state == "fault":
        _end(member, FAILED, "fault_after", now_ms)
    elif member.state == DONE and report.state != LOST and report.running not in (offer.short, None):
        _end(member, FAILED, "rolled_back", now_ms)
    elif member.state == FAILED and runs and report.state in READY:
        _end(member, DONE, None, now_ms)  # it came back in the end
        rollout.forgiven = max(0, rollout.forgiven - 1)  # else another failure would be forgiven in its place


def _is_between(report: Report) -> bool:
    return report.update_state in _BETWEEN


def _end(member: Member, state: str, why: str | None, now_ms: int) -> None:
    member.state, member.why, member.since_ms = state, why, now_ms


def _too_many(rollout: Rollout) -> str | None:
    """Return why the roll-out must halt, None when it need not."""
    failed = rollout.count(FAILED) - rollout.forgiven
    limits = rollout.limits
    if rollout.wave == _CANARY:
        return f"{failed} failed in the first wave" if failed >= limits.canary_failures else None
    tried = sum(member.wave is not None for member in rollout.members.values())
    if failed * 100 > limits.failure_percent * tried:
        return f"{failed} of {tried} failed, more than {limits.failure_percent:g} %"
    return None


def _fill(rollout: Rollout, reports: Reports, now_ms: int) -> None:
    """Give the word to as many terminals as the wave has room for: those that are there first, over all agents."""
    total = sum(member.state != SKIPPED for member in rollout.members.values())
    chosen = [member for member in rollout.members.values() if member.wave is not None and member.state != SKIPPED]
    room = rollout.limits.size(rollout.wave, total) - len(chosen)
    if room <= 0:
        return
    last = rollout.wave >= len(rollout.limits.waves) - 1
    by_agent: dict[str, int] = {}
    for member in chosen:
        by_agent[member.agent] = by_agent.get(member.agent, 0) + 1
    waiting = [member for member in rollout.members.values() if member.state == PLANNED]
    while room > 0 and waiting:
        best = min(waiting, key=lambda one: (not _is_there(reports, one), by_agent.get(one.agent, 0), one.terminal))
        if not last and not _is_there(reports, best):
            return
        waiting.remove(best)
        best.wave, best.state, best.since_ms = rollout.wave, GO, now_ms
        by_agent[best.agent] = by_agent.get(best.agent, 0) + 1
        room -= 1
        rollout.settled_ms = None


def _is_there(reports: Reports, member: Member) -> bool:
    report = reports.get(member.terminal)
    return report is not None and report.state in READY


def _advance(rollout: Rollout, now_ms: int) -> None:
    """Begin the next wave when everyone of this one has ended and nothing happened for the time to observe."""
    mine = [member for member in rollout.members.values() if member.wave is not None]
    wanted = rollout.limits.size(rollout.wave, sum(member.state != SKIPPED for member in rollout.members.values()))
    chosen = sum(member.state != SKIPPED for member in mine)
    if not mine or chosen < wanted or any(member.state not in OVER for member in mine):
        rollout.settled_ms = None
        return
    if rollout.settled_ms is None:
        rollout.settled_ms = now_ms
    if now_ms - rollout.settled_ms < rollout.limits.observe_s * 1000:
        return
    rollout.changed_ms, rollout.settled_ms = now_ms, None
    if rollout.wave < len(rollout.limits.waves) - 1 and rollout.count(PLANNED):
        rollout.wave += 1
    else:
        rollout.state = ENDED


def left_s(rollout: Rollout, now_ms: int) -> int | None:
    """Return how long the wave is still observed, None while it has not ended."""
    if rollout.state != RUNNING or rollout.settled_ms is None:
        return None
    return max(0, math.ceil((rollout.settled_ms + rollout.limits.observe_s * 1000 - now_ms) / 1000))
