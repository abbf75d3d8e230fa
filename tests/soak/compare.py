"""Lay what the city has beside what was shown. Pure: visits and records in, counts and sentences out.

A record answers a press when it belongs to the same invite, bears the same level and keeps the order of the presses. A
press that was made and not shown (the power went between) may arrive or not. Every shown press must arrive:

lost      shown, and no record answers it
altered   shown, and in its place stands a record with another level
doubled   an identity (terminal, epoch, seq) twice, or one press answered by two records
invented  a record that no press explains

Invites that the terminal made itself have no id that the soak knows: per terminal they come in the order of the visits.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from tests.soak.visits import Visit

RATED, DECLINED = "rated", "declined"
OUTCOMES = (RATED, "timed_out", DECLINED, "cancelled", "interrupted")
ORIGIN_CLERK_KEY = 3
SHOWN_WEIGHT = 1_000
BAND = 64
"""How far a terminal's own invites and the visits may be out of step."""
DETAILS_MAX = 40


@dataclass
class Verdict:
    """The counts of one comparison; `details` says which, for people."""

    visits: int = 0
    presses: int = 0
    pressed: int = 0
    received: int = 0
    lost: int = 0
    doubled: int = 0
    altered: int = 0
    invented: int = 0
    without_outcome: int = 0
    two_outcomes: int = 0
    missing_numbers: int = 0
    details: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Tell whether everything shown arrived once, unaltered, and nothing else did."""
        bad = self.lost + self.doubled + self.altered + self.invented
        return bad + self.without_outcome + self.two_outcomes + self.missing_numbers == 0

    def add(self, other: "Verdict") -> None:
        """Take another comparison's counts in."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))
        del self.details[DETAILS_MAX:]


def compare(visits: Iterable[Visit], records: Iterable[dict]) -> Verdict:
    """Judge a whole run; a record has terminal, epoch, seq, kind, invite, level and origin, as the city's have."""
    visits, records = list(visits), list(records)
    verdict = Verdict(visits=len(visits), presses=sum(len(visit.presses) for visit in visits))
    once = _once(records, verdict)
    verdict.missing_numbers = _missing(once, verdict)
    groups = _by_invite(once)
    known = {visit.invite: visit for visit in visits if visit.invite}
    for invite, visit in known.items():
        _judge(visit, groups.get(invite, []), verdict)
        _judge_outcome(visit, groups.get(invite, []), verdict)
    strange = [group for invite, group in groups.items() if invite not in known]
    own = [group for group in strange if group[0].get("origin") == ORIGIN_CLERK_KEY]
    for terminal in sorted({visit.terminal for visit in visits} | {group[0]["terminal"] for group in own}):
        _judge_own(
            [visit for visit in visits if visit.terminal == terminal and not visit.invite],
            [group for group in own if group[0]["terminal"] == terminal],
            verdict,
        )
    for group in strange:
        if group not in own:
            _judge(Visit(group[0]["terminal"], str(group[0]["invite"])), group, verdict)
    return verdict


def _once(records: list[dict], verdict: Verdict) -> list[dict]:
    """Return each identity once, in its order; count what repeats one."""
    found: dict[tuple, dict] = {}
    for record in records:
        place = (record["terminal"], record["epoch"], record["seq"])
        if place in found:
            verdict.doubled += 1
            _tell(verdict, f"doubled: {place} came twice")
        else:
            found[place] = record
    return [found[place] for place in sorted(found)]


def _missing(records: list[dict], verdict: Verdict) -> int:
    """Count the sequence numbers below the highest that never came."""
    seen: dict[tuple, set[int]] = {}
    for record in records:
        seen.setdefault((record["terminal"], record["epoch"]), set()).add(record["seq"])
    missing = 0
    for place, numbers in seen.items():
        gaps = sorted(set(range(1, max(numbers) + 1)) - numbers)
        missing += len(gaps)
        if gaps:
            _tell(verdict, f"missing: {place} lacks seq {gaps[:10]}")
    return missing


def _by_invite(records: list[dict]) -> dict[str, list[dict]]:
    """Return the outcomes of each invite in order; all ids of one invite come from one terminal in good order."""
    groups: dict[str, list[dict]] = {}
    for record in records:
        if record["kind"] in OUTCOMES:
            groups.setdefault(str(record["invite"]), []).append(record)
    return groups


def _answers(group: list[dict]) -> list[int]:
    """Return what people chose, in order: a level, or 0 for a refusal."""
    return [
        record["level"] if record["kind"] == RATED else 0 for record in group if record["kind"] in (RATED, DECLINED)
    ]


def _judge(visit: Visit, group: list[dict], verdict: Verdict) -> None:
    """Count what became of one visit's presses."""
    counts = match(visit, _answers(group))
    shown = visit.shown
    verdict.pressed += shown
    verdict.received += shown - counts["lost"] - counts["altered"]
    for name, count in counts.items():
        setattr(verdict, name, getattr(verdict, name) + count)
        if count:
            made = [(press.level, press.shown) for press in visit.presses]
            _tell(
                verdict,
                f"{name} {count}: {visit.terminal} invite {visit.invite or 'of its own'}: pressed {made}, heard"
                f" {visit.heard}, the city has {[(r['seq'], r['kind'], r['level']) for r in group]}",
            )


def _judge_outcome(visit: Visit, group: list[dict], verdict: Verdict) -> None:
    """Hold that an invite which was open has one outcome, of one kind."""
    kinds = {record["kind"] for record in group}
    if visit.opened and not kinds:
        verdict.without_outcome += 1
        _tell(verdict, f"without outcome: {visit.terminal} invite {visit.invite}")
    if len(kinds) > 1:
        verdict.two_outcomes += 1
        _tell(verdict, f"two outcomes: {visit.terminal} invite {visit.invite}: {sorted(kinds)}")


def match(visit: Visit, answers: list[int]) -> dict[str, int]:
    """Return lost, altered, doubled and invented of one visit against what the city has of it, in order."""
    taken, paired = _pair(visit, answers)
    unanswered = sum(press.shown for index, press in enumerate(visit.presses) if index not in paired)
    lost = max(unanswered, visit.heard - len(paired), 0)
    left = [answer for index, answer in enumerate(answers) if index not in taken]
    altered = min(lost, len(left))
    arrived = Counter(answers[index] for index in taken)
    doubled = sum(arrived[answer] > 0 for answer in left[altered:])
    invented = len(left) - altered - doubled
    return {"lost": lost - altered, "altered": altered, "doubled": doubled, "invented": invented}


def _pair(visit: Visit, answers: list[int]) -> tuple[set[int], set[int]]:
    """Pair presses with records in order, as many shown ones as possible; return indexes of records and presses."""
    presses = visit.presses
    rows, columns = len(presses), len(answers)
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            if presses[i].level == answers[j]:
                best[i][j] = max(best[i][j], best[i + 1][j + 1] + (SHOWN_WEIGHT if presses[i].shown else 1))
    taken: set[int] = set()
    paired: set[int] = set()
    i = j = 0
    while i < rows and j < columns:
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            paired.add(i)
            taken.add(j)
            i, j = i + 1, j + 1
    return taken, paired


def _judge_own(visits: list[Visit], groups: list[list[dict]], verdict: Verdict) -> None:
    """Align a terminal's own invites with the visits, in order, at the least cost; then judge each pair."""
    answers = [_answers(group) for group in groups]
    unended = max(0, sum(visit.opened for visit in visits) - len(groups))
    verdict.without_outcome += unended
    if unended:
        _tell(verdict, f"without outcome: {unended} of the own invites of {visits[0].terminal}")
    for visit_at, group_at in _align(visits, answers):
        visit = Visit(groups[group_at][0]["terminal"], "") if visit_at is None else visits[visit_at]
        group = [] if group_at is None else groups[group_at]
        _judge(visit, group, verdict)
        if group:
            _judge_outcome(visit, group, verdict)


def _align(visits: list[Visit], answers: list[list[int]]) -> list[tuple[int | None, int | None]]:
    """Return (visit, group) pairs in order, None where one stands alone, with the least lost, altered and invented."""
    rows, columns = len(visits), len(answers)
    band = BAND + abs(rows - columns)
    both = {
        (i, j): sum(match(visits[i], answers[j]).values())
        for i in range(rows)
        for j in range(max(0, i - band), min(columns, i + band + 1))
    }
    far = sum(visit.shown for visit in visits) + sum(map(len, answers)) + 1
    cost = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        for j in range(columns, -1, -1):
            if i < rows and j < columns:
                pair = cost[i + 1][j + 1] + both.get((i, j), far)
                cost[i][j] = min(pair, cost[i + 1][j] + visits[i].shown, cost[i][j + 1] + len(answers[j]))
            elif i < rows:
                cost[i][j] = cost[i + 1][j] + visits[i].shown
            elif j < columns:
                cost[i][j] = cost[i][j + 1] + len(answers[j])
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < rows or j < columns:
        if i < rows and j < columns and cost[i][j] == cost[i + 1][j + 1] + both.get((i, j), far):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif i < rows and cost[i][j] == cost[i + 1][j] + visits[i].shown:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return pairs


def _tell(verdict: Verdict, text: str) -> None:
    if len(verdict.details) < DETAILS_MAX:
        verdict.details.append(text)
