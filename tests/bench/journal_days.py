"""Days at one window, as the store of a terminal sees them: the same steps for the journal and for its peers.

60 ratings a day from 08:30 to 17:30. One citizen in seven changes their mind, and with every rating go 0.25 invites
that end without one (time-out, refusal, cancel). The terminal is switched on in the morning, its boot is an event; a
mark is sealed every hour of all 24; a pause at noon, three bursts of uninvited presses. The agent acknowledges each
event after 150 ms; one day in ten its PC comes an hour late and acknowledges what waited, one after the other.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

RATINGS_A_DAY = 60
BOOT, INVITE, EVENT, ACKNOWLEDGE = "boot", "invite", "event", "acknowledge"

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_ON_MS = 28_200_000  # 07:50
_OPEN_MS = 30_600_000  # 08:30
_LATE_MS = _OPEN_MS + _HOUR_MS
_OPEN_FOR_MS = 9 * _HOUR_MS
_NOON_MS, _AFTER_NOON_MS = 43_200_000, 46_800_000
_ACKNOWLEDGE_MS = 150
_BACKLOG_MS = 12  # from one acknowledgement of a backlog to the next
_LATE_EACH = 10
_WITHOUT_RATING = 0.25
_CHANGES = (0,) * 60 + (1,) * 7 + (2,) * 2 + (4,)
_BURSTS_A_DAY = 3


class Step(NamedTuple):
    """One thing that happens; `rating` marks the first press of an invite."""

    at_ms: int
    what: str
    invite: bytes | None = None
    rating: bool = False
    number: int = 0  # of the event to acknowledge, from 1 in the order of the events


def steps(rng: random.Random, days: int, first_event: int = 1) -> Iterator[Step]:
    """Yield the steps of some days in order; the first event has the number `first_event`."""
    number = first_event
    for day in range(days):
        late = day % _LATE_EACH == _LATE_EACH - 1
        waiting: list[tuple[int, int]] = []  # (due, number) of acknowledgements
        free_ms = 0
        for step in sorted(_day(rng, day * _DAY_MS), key=lambda step: step.at_ms):
            while waiting and waiting[0][0] <= step.at_ms:
                due_ms, event = waiting.pop(0)
                yield Step(due_ms, ACKNOWLEDGE, number=event)
            yield step
            if step.what in (BOOT, EVENT):
                due_ms = step.at_ms + _ACKNOWLEDGE_MS
                if late:
                    due_ms = max(due_ms, day * _DAY_MS + _LATE_MS)
                free_ms = max(due_ms, free_ms + _BACKLOG_MS)
                waiting.append((free_ms, number))
                number += 1
        for due_ms, event in waiting:
            yield Step(due_ms, ACKNOWLEDGE, number=event)


def _day(rng: random.Random, start_ms: int) -> Iterator[Step]:
    """Yield what one day brings, in no order; a boot stands for its event too."""
    yield Step(start_ms + _ON_MS, BOOT)
    for hour in range(24):
        yield Step(start_ms + hour * _HOUR_MS + rng.randrange(1000), EVENT)
    yield Step(start_ms + _NOON_MS, EVENT)
    yield Step(start_ms + _AFTER_NOON_MS, EVENT)
    for _ in range(_BURSTS_A_DAY):
        yield Step(start_ms + _OPEN_MS + rng.randrange(_OPEN_FOR_MS), EVENT)
    slot_ms = _OPEN_FOR_MS // RATINGS_A_DAY
    for rating in range(RATINGS_A_DAY):
        at_ms = start_ms + _OPEN_MS + rating * slot_ms + rng.randrange(slot_ms // 3)
        yield from _rated(rng, at_ms)
        if rng.random() < _WITHOUT_RATING:
            yield from _unrated(rng, at_ms + slot_ms // 2)


def _rated(rng: random.Random, at_ms: int) -> Iterator[Step]:
    invite = rng.randbytes(16)
    yield Step(at_ms, INVITE, invite)
    at_ms += rng.randrange(1_500, 20_000)
    yield Step(at_ms, EVENT, invite, rating=True)
    for _ in range(rng.choice(_CHANGES)):
        at_ms += rng.randrange(300, 4_000)
        yield Step(at_ms, EVENT, invite)


def _unrated(rng: random.Random, at_ms: int) -> Iterator[Step]:
    invite = rng.randbytes(16)
    yield Step(at_ms, INVITE, invite)
    yield Step(at_ms + rng.randrange(5_000, 60_000), EVENT, invite)
