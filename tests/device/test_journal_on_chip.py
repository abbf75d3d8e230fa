"""The journal through the real driver on the whole 4 MiB chip: start-up time, memory, and what a press costs."""

import random

from protocol import record, record_scan
from simulator.chips.nor_array import NorArray
from simulator.chips.w25q import TYPICAL, WORST
from store.journal import Journal, format_chip
from tests.device.bench import printed, terminal
from tests.power_cut import events
from tests.power_cut.nor import ArrayNor

JOURNAL_ID = b"journal1"
CHIP_BYTES = 4_194_304

OPEN = """
from store.journal import Journal, format_chip
hw.nor.start()
"""


def used_chip(ratings: int, marks: int, acknowledged: bool) -> bytearray:
    """Return the image of a chip after this many ratings and then this many events without invite."""
    image = bytearray(b"\xff" * CHIP_BYTES)
    nor = ArrayNor(NorArray(image))
    format_chip(nor, JOURNAL_ID)
    journal = Journal(nor, JOURNAL_ID)
    journal.mount()
    rng = random.Random(1)
    for n in range(ratings + marks):
        invite = rng.randbytes(16) if n < ratings else None
        if invite is not None:
            journal.append_invite(invite, 1)
        seq = journal.last_seq + 1
        journal.append_event(seq, events.make(rng, journal.boot, seq, journal.prev_hash, invite))
        if acknowledged:
            journal.acknowledge(seq)
        for step in range(40):
            if not journal.idle(step * 10):
                break
    return image


MOUNT = (
    OPEN
    + """
journal = Journal(hw.nor, b"journal1")
gc.collect()
before = time.ticks_us()
journal.mount()
took = time.ticks_diff(time.ticks_us(), before)
gc.collect()
print(took // 1000, journal.last_seq, journal.first_unacked, journal.known_invites.count(), journal.room() > 100)
"""
)


def started_on(tmp_path, image: bytearray) -> list[int]:
    with terminal(tmp_path, MOUNT) as running:
        running.wiring.nor.array.image[:] = bytes(image)
        running.run_for(30_000)
        assert running.violations == [], running.console()
        return [int(word) if word.isdigit() else word for word in running.console().split()]


def test_start_on_a_long_used_chip_takes_little_bus_time(tmp_path):
    """20,000 events have wrapped the log; the bus time is a part of the start, the interpreter's own is not in it."""
    took_ms, *found = started_on(tmp_path, used_chip(20_000, 0, acknowledged=True))
    assert found == [20_000, 20_001, 256, "True"] and took_ms < 400


def test_start_with_months_of_unsent_events_reads_no_more(tmp_path):
    took_ms, *found = started_on(tmp_path, used_chip(300, 12_000, acknowledged=False))
    assert found == [12_300, 1, 256, "True"] and took_ms < 400


def test_memory_of_the_journal_fits_the_board(tmp_path):
    """The second of two is measured: the first also pays for what the interpreter keeps after a first use."""
    lines = printed(
        tmp_path,
        OPEN
        + """
format_chip(hw.nor, b"journal1")
for n in range(2):
    gc.collect()
    before = gc.mem_alloc()
    journal = Journal(hw.nor, b"journal1")
    journal.mount()
    gc.collect()
    after = gc.mem_alloc()
    journal = None
print(after - before)
""",
    )
    assert int(lines[0]) < 15_000  # on 64 bits; most of it is arrays, which are the same on the board


def appends(tmp_path, timing) -> list[int]:
    """Return the time of each of 200 appends, µs, with the sectors erased ahead between them."""
    main = (
        OPEN
        + """
format_chip(hw.nor, b"journal1")
journal = Journal(hw.nor, b"journal1")
journal.mount()
event = bytes(169)
for seq in range(1, 201):
    before = time.ticks_us()
    journal.append_event(seq, event)
    print(time.ticks_diff(time.ticks_us(), before))
    while journal.idle(time.ticks_ms()):
        time.sleep_ms(5)
"""
    )
    with terminal(tmp_path, main, timing=timing) as running:
        running.run_for(60_000)
        assert running.violations == []
        return [int(line) for line in running.console(1 << 20).splitlines()]


def test_append_stays_within_its_time(tmp_path):
    for timing, limit_us in ((TYPICAL, 800), (WORST, 3_500)):
        took = sorted(appends(tmp_path / str(limit_us), timing))
        assert len(took) == 200 and took[197] <= limit_us and took[-1] <= 2 * limit_us


def test_host_tools_read_the_chips_image(tmp_path):
    image = used_chip(50, 5, acknowledged=False)
    found = [one for one in record_scan.scan(image) if one.type == record.EVENT]
    assert [one.seq for one in found] == list(range(1, 56)) and not any(one.acknowledged for one in found)


def test_resting_journal_allocates_nothing(tmp_path):
    lines = printed(
        tmp_path,
        OPEN
        + """
format_chip(hw.nor, b"journal1")
journal = Journal(hw.nor, b"journal1")
journal.mount()
while journal.idle(time.ticks_ms()):
    time.sleep_ms(5)
print(spent(journal.idle, 1000), journal.idle(1000))
""",
        ms=10_000,
    )
    assert lines == ["0 False"]
