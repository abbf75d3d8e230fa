"""The verdict of a headless run: what was pressed beside what each station has, in one JSON line.

A rating is one invite with at least one press that the terminal showed (tone); its last shown press counts, with all
that the rating says from it on: the level, and what was said beyond it. A press that was durable but not yet shown when
the power went may arrive: then it must be a press that was made. Nothing else may.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass
from itertools import combinations

from simulator.demo.ledger import NOTHING_MORE, Details, Ledger, Press, details_of
from simulator.demo.outbox_reader import OutboxEvent
from simulator.demo.watch import ACCEPTED

RATED = "rated"


@dataclass(frozen=True)
class ChipEvent:
    """One event found on the terminal's NOR chip."""

    seq: int
    kind: str
    invite: str | None
    acknowledged: bool


@dataclass(frozen=True)
class Evidence:
    """What each station holds at the end of a run, each read where it lies."""

    chip: Iterable[ChipEvent]
    published: Iterable[OutboxEvent]
    """What the agent has published, by its own books."""
    city: list[dict]
    receipts: Mapping[str, tuple[float, str]]
    """Event id → (monotonic second of the first receipt, status) as seen on the broker."""
    settled: Set[str] = frozenset()
    """Ids of the events that the agent's store holds as receipted: the ear may have missed one with the broker down."""


@dataclass(frozen=True)
class Result:
    """The figures of one run; a count is of ratings unless its name says otherwise."""

    pressed: int
    journalled: int
    acknowledged: int
    published: int
    received: int
    receipted: int
    wrong_level: int
    wrong_detail: int
    """Right level, but other sub-levels or tags than those tapped."""
    duplicates: int
    gaps: int
    not_pressed: int
    presses: int
    presses_unshown: int
    detailed: int
    """Ratings that said more than the level."""
    tags: int
    """Tags chosen in them."""
    seconds: float
    press_to_receipt_ms_p50: float | None
    press_to_receipt_ms_p99: float | None
    seed: int

    @property
    def ok(self) -> bool:
        """Tell whether every shown rating arrived once, as pressed, and nothing else did."""
        stations = (self.journalled, self.acknowledged, self.published, self.received, self.receipted)
        faults = self.wrong_level + self.wrong_detail + self.duplicates + self.gaps + self.not_pressed
        return self.pressed > 0 and faults == 0 and all(count == self.pressed for count in stations)

    def to_json(self) -> str:
        """Return the one line that ends a run."""
        return json.dumps(asdict(self))


def judge(ledger: Ledger, evidence: Evidence, seconds: float, seed: int) -> Result:
    """Compare what was pressed with what every station holds."""
    city = _rated_of(evidence.city)
    chip = _chip_counts(evidence.chip)
    receipted = evidence.settled | {event for event, (_, status) in evidence.receipts.items() if status in ACCEPTED}
    published = _published_counts(evidence.published)
    count = dict.fromkeys(
        ("pressed", "journalled", "acknowledged", "published", "received", "receipted", "wrong_level", "wrong_detail"),
        0,
    )
    said: list[Details] = []
    not_pressed = 0
    latencies: list[float] = []
    invites = ledger.by_invite()
    for invite, presses in invites.items():
        items = city.get(invite, [])
        pairs, alien = _match(presses, items)
        not_pressed += alien
        shown = [press for press in presses if press.shown]
        if not shown:
            continue
        arrived = {id(press) for press, _ in pairs}
        latencies += _latencies(pairs, evidence.receipts)
        count["pressed"] += 1
        count["journalled"] += chip.get(invite, (0, 0))[0] >= len(shown)
        count["acknowledged"] += chip.get(invite, (0, 0))[1] >= len(shown)
        count["published"] += published[invite] >= len(shown)
        count["received"] += all(id(press) in arrived for press in shown)
        count["receipted"] += all(_receipted(press, pairs, receipted) for press in shown)
        wrong = _wrong_end(presses, items[-1]) if items else None
        count["wrong_level"] += wrong == "level"
        count["wrong_detail"] += wrong == "detail"
        said.append(shown[-1].details)
    not_pressed += sum(len(items) for invite, items in city.items() if invite not in invites)
    return Result(
        **count, duplicates=_duplicates(evidence.city), gaps=_gaps(evidence.city), not_pressed=not_pressed,
        presses=sum(press.shown for press in ledger.presses),
        presses_unshown=sum(not press.shown for press in ledger.presses),
        detailed=sum(details != NOTHING_MORE for details in said), tags=sum(len(details.tags) for details in said),
        seconds=round(seconds, 1),
        press_to_receipt_ms_p50=percentile(latencies, 50), press_to_receipt_ms_p99=percentile(latencies, 99), seed=seed,
    )  # fmt: skip


def percentile(values: list[float], percent: float) -> float | None:
    """Return the nearest-rank percentile, rounded to 0.1; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 1)


def _rated_of(items: list[dict]) -> dict[str, list[dict]]:
    """Return the city's rated records of each invite in order of seq, each id once."""
    grouped: dict[str, dict[str, dict]] = {}
    for item in items:
        if item["kind"] == RATED:
            grouped.setdefault(str(item["invite"]), {})[item["id"]] = item
    return {invite: sorted(found.values(), key=lambda item: item["seq"]) for invite, found in grouped.items()}


def _match(presses: list[Press], items: list[dict]) -> tuple[list[tuple[Press, dict]], int]:
    """Pair as many records as possible with presses in order, shown ones first; return pairs and records left over."""
    for size in range(min(len(presses), len(items)), 0, -1):
        fits = [
            list(zip(made, found, strict=True))
            for made in combinations(presses, size)
            for found in combinations(items, size)
            if all(press.agrees(item) for press, item in zip(made, found, strict=True))
        ]
        if fits:
            return max(fits, key=lambda pairs: sum(press.shown for press, _ in pairs)), len(items) - size
    return [], len(items)


def _receipted(press: Press, pairs: list[tuple[Press, dict]], receipted: Set[str]) -> bool:
    return any(paired is press and item["id"] in receipted for paired, item in pairs)


def _wrong_end(presses: list[Press], last: dict) -> str | None:
    """Tell what is wrong with the record that counts: "level", "detail", or nothing.

    It must be the last shown press, or one made after it that the power cut hid.
    """
    final = max(index for index, press in enumerate(presses) if press.shown)
    level_right = [press for press in presses[final:] if press.level == last["level"]]
    if not level_right:
        return "level"
    return None if any(press.details == details_of(last) for press in level_right) else "detail"


def _latencies(pairs: list[tuple[Press, dict]], receipts: Mapping[str, tuple[float, str]]) -> list[float]:
    return [
        (receipts[item["id"]][0] - press.edge_s) * 1000
        for press, item in pairs
        if press.shown and item["id"] in receipts
    ]


def _chip_counts(events: Iterable[ChipEvent]) -> dict[str, tuple[int, int]]:
    """Return invite → (rated events, acknowledged ones), each seq once."""
    counts: dict[str, tuple[int, int]] = {}
    for event in {event.seq: event for event in events if event.kind == RATED}.values():
        stored, acknowledged = counts.get(str(event.invite), (0, 0))
        counts[str(event.invite)] = (stored + 1, acknowledged + event.acknowledged)
    return counts


def _published_counts(published: Iterable[OutboxEvent]) -> Counter[str]:
    """Return invite → rated events that were published."""
    return Counter(str(event.invite) for event in published if event.kind == RATED)


def _duplicates(items: list[dict]) -> int:
    """Return how many records repeat an identity that is there already."""
    return len(items) - len({(item["terminal"], item["epoch"], item["seq"]) for item in items})


def _gaps(items: list[dict]) -> int:
    """Return how many sequence numbers below the highest never arrived, over all epochs."""
    seen: dict[tuple[str, int], set[int]] = {}
    for item in items:
        seen.setdefault((item["terminal"], item["epoch"]), set()).add(item["seq"])
    return sum(max(numbers) - len(numbers) for numbers in seen.values())
