"""Content pushed over the cable to the whole simulated terminal: taken when it rests, paused for a citizen, kept."""

from pathlib import Path
from random import Random

import pytest

from host_agent.content import card_file
from protocol import content, messages, rating, reasons
from tests.device.counter import Counter, invite_id
from tests.ui.gallery import sample_card

CARD = Random(3).randbytes(21_605)
LIMIT_MS = 30_000


def push(counter: Counter, data: bytes, name: str = "3017", kind: int = content.STAFF_CARD) -> None:
    """Begin a transfer."""
    counter.peer.link.bulk(kind, name, data, counter.now_ms)
    counter.peer.pump()


def ended(counter: Counter, since: int = 0) -> list[int | None]:
    """Return the reasons with which transfers ended after event `since` of this connection."""
    return [event[2] for _, event in counter.peer.events[since:] if event[0] == "bulk_done"]


def pushed(counter: Counter, data: bytes, name: str = "3017", kind: int = content.STAFF_CARD) -> int | None:
    """Push a file; return the reason of its end."""
    since = len(counter.peer.events)
    push(counter, data, name, kind)
    counter.until(lambda: bool(ended(counter, since)), "the transfer ends", LIMIT_MS)
    return ended(counter, since)[0]


def stored(counter: Counter, name: str = "3017", kind: int = content.STAFF_CARD) -> bytes | None:
    """Return what the terminal's file system holds under a name."""
    path = Path(counter.terminal.state.flash, "content", f"{kind}-{name.encode().hex()}")
    return path.read_bytes()[32:] if path.exists() else None


def part_bytes(counter: Counter) -> int:
    """Return how much of a file has arrived that is not complete."""
    path = Path(counter.terminal.state.flash, "content", "part")
    return path.stat().st_size - 32 if path.exists() else 0


def test_pushed_card_and_tag_table_are_told_at_the_next_hello_and_over_a_restart(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1) as counter:
        assert "bulk" in counter.hello["caps"] and "reveal" not in counter.hello["caps"]
        assert pushed(counter, CARD) == reasons.OK
        assert pushed(counter, b"table", content.TAG_TABLE_NAME, content.TAG_TABLE) == reasons.OK
        assert stored(counter) == CARD
        counter.connect()
        hello = counter.hello
        assert set(hello["assets"]) == {"fw", "glyphs", "1/3017", "3/tags"}
        assert len(hello["assets"]["1/3017"]) == content.HASH_DIGITS and len(hello["tagver"]) == 4
        counter.cut_power()
        counter.terminal.power_on()
        counter.connect()
        assert counter.hello["assets"] == hello["assets"] and counter.hello["tagver"] == hello["tagver"]
        assert pushed(counter, b"") == reasons.OK and stored(counter) is None


def test_transfer_waits_for_the_citizen_and_events_come_as_ever(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=2) as counter:
        counter.login()
        push(counter, CARD)
        counter.until(lambda: part_bytes(counter) > 2_000, "the transfer is under way", LIMIT_MS)
        counter.open_invite(1)
        before = part_bytes(counter)
        counter.run(10_000)
        assert part_bytes(counter) == before and not ended(counter)
        counter.press(4)
        counter.until(lambda: counter.levels(1) == [2], "the press is at the agent", 1_000)
        assert part_bytes(counter) == before
        counter.until_state("idle", 20_000)
        counter.until(lambda: ended(counter) == [reasons.OK], "the transfer ends", LIMIT_MS)
        assert stored(counter) == CARD
        assert counter.ask(messages.QUERY) == reasons.OK


def test_pushed_card_is_painted_as_soon_as_it_is_there_and_its_removal_too(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=8) as counter:
        counter.login()
        counter.run(1_000)
        drawn = counter.terminal.screenshot()
        card = sample_card(drawn.width)
        assert pushed(counter, card) == reasons.OK
        counter.run(1_000)
        shown = counter.terminal.screenshot()
        assert shown.getpixel((16, 76)) == card_file.shown(card_file.rgb565(0x4C73B0)), "the corner of the portrait"
        assert pushed(counter, b"") == reasons.OK
        counter.run(1_000)
        assert counter.terminal.screenshot().tobytes() == drawn.tobytes()


@pytest.mark.slow
def test_power_cuts_during_a_transfer_leave_the_old_card_or_the_new_one(tmp_path: Path) -> None:
    old, rng = CARD[:7_001], Random(4)
    with Counter(tmp_path, seed=3) as counter:
        assert pushed(counter, old) == reasons.OK
        resumed = 0
        for _ in range(8):
            push(counter, CARD)
            counter.run(rng.randrange(1, 120))
            counter.cut_power()
            assert stored(counter) in (old, CARD)
            kept = part_bytes(counter)
            counter.terminal.power_on()
            counter.connect()
            resumed += kept > 0
        assert pushed(counter, CARD) == reasons.OK and stored(counter) == CARD
        assert resumed, "no cut came in the middle"
        assert counter.told(rating.FAULT) == []


def test_terminal_provisioned_so_reveals_the_level_and_another_does_not(tmp_path: Path) -> None:
    for reveal in (False, True):
        with Counter(tmp_path / str(reveal), seed=6, reveal_level=reveal) as counter:
            assert ("reveal" in counter.hello["caps"]) == reveal
            counter.login()
            counter.open_invite(1)
            counter.press(2)
            counter.until_state("idle", 20_000)
            id_ = counter.send(messages.QUERY)
            counter.until(lambda id_=id_, counter=counter: id_ in counter.answers, "an answer", 3_000)
            expected = {"invite": invite_id(1), "level": 4, "final": True} if reveal else None
            assert counter.answers[id_][1].get("rated") == expected
            counter.settle()
            assert all(fields.get("reveal", False) == reveal for _, fields in counter.told(rating.RATED))


@pytest.mark.slow
def test_what_takes_content_leaves_the_memory_again(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=9) as counter:
        free = []
        for n in range(8):
            assert pushed(counter, CARD[n:]) == reasons.OK
            counter.run(40_000)  # the receiver goes 15 s after the last frame, the collector and a heartbeat follow
            free.append(counter.status["heap_free"])
        assert min(free[2:]) >= free[1] - 6_144, free  # a second copy of its code would be as much
