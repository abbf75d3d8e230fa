"""What people see of versions and roll-outs: one row a centre, and sentences with what to do."""

from typing import Any

import attrs

from host_agent.rollout import model, step
from host_agent.rollout.model import Report, Rollout
from host_agent.rollout.store import RolloutStore

WHYS = {
    "rolled_back": "went back to the old firmware, and works with it",
    "not_back": "has not come back since it switched",
    "not_switched": "does not switch",
    "fault_after": "reports a fault since it runs the new firmware",
    "current": "runs it already",
    "unable": "its firmware cannot be updated over the link",
}


def centres(store: RolloutStore, now_ms: int) -> list[dict[str, Any]]:
    """Return a row for each centre: which versions run there, and its newest roll-out."""
    newest = {rollout.centre: rollout for rollout in store.newest()}
    return [centre(name, store.reports(name), newest.get(name), now_ms) for name in sorted({*store.centres(), *newest})]


def centre(name: str, reports: dict[str, Report], rollout: Rollout | None, now_ms: int) -> dict[str, Any]:
    """Return one centre's row."""
    versions: dict[str, dict[str, int]] = {}
    for report in reports.values():
        if report.firmware:
            of_board = versions.setdefault(report.board, {})
            of_board[report.firmware] = of_board.get(report.firmware, 0) + 1
    row = {"centre": name, "versions": versions, "rollout": None if rollout is None else view(rollout, reports, now_ms)}
    return row | {"mixed": any(len(found) > 1 for found in versions.values()), "message": sentence(row)}


def view(rollout: Rollout, reports: dict[str, Report], now_ms: int) -> dict[str, Any]:
    """Return a roll-out with its members."""
    total = sum(member.state != model.SKIPPED for member in rollout.members.values())
    return {
        "id": rollout.id,
        "centre": rollout.centre,
        "version": rollout.version,
        "state": rollout.state,
        "why": rollout.why,
        "cleared": step.is_cleared(rollout),
        "wave": rollout.wave + 1,
        "waves": list(rollout.limits.waves),
        "observe_left_s": step.left_s(rollout, now_ms),
        "started_utc_ms": rollout.started_ms,
        "total": total,
        **{state: rollout.count(state) for state in (model.PLANNED, model.GO, model.DONE, model.FAILED, model.SKIPPED)},
        "members": [attrs.asdict(member) | _now(reports.get(member.terminal)) for member in rollout.members.values()],
    }


def _now(report: Report | None) -> dict[str, Any]:
    """Return how a member's terminal stands at this moment."""
    if report is None:
        return {"window": "", "firmware": "", "now": None, "now_why": None, "terminal_state": "lost"}
    return {
        "window": report.window,
        "firmware": report.firmware,
        "now": report.update_state,
        "now_why": report.update_why,
        "terminal_state": report.state,
    }


def sentence(row: dict[str, Any]) -> str:
    """Return how a centre stands, in one sentence with what to do."""
    name, told = row["centre"], row["rollout"]
    mix = "; ".join(
        f"{board} " + " and ".join(f"{version} ({count})" for version, count in sorted(found.items()))
        for board, found in sorted(row["versions"].items())
    )
    if told is not None and told["state"] == model.HALTED and told["cleared"]:
        halt = f"the roll-out of {told['version']} was halted, {told['why']}, but what had failed runs it now"
        return f"centre {name}: {halt}: `yiping rollout resume --centre {name}` goes on"
    if told is not None and told["state"] == model.HALTED:
        cure = f"see `yiping rollout status --centre {name}`, then resume or abort it"
        return f"centre {name}: the roll-out of {told['version']} is halted, {told['why']}: {cure}"
    if told is not None and told["state"] == model.RUNNING:
        return (
            f"centre {name}: {told['version']} is rolled out, wave {told['wave']} of {len(told['waves'])},"
            f" {told['done']} of {told['total']} done, {told['failed']} failed"
        )
    if any(len(found) > 1 for found in row["versions"].values()):
        return f"centre {name} runs two versions at once: {mix}: roll one out to all with `yiping rollout start`"
    return f"centre {name}: {mix or 'no terminal was heard of'}"
