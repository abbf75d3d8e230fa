"""The daily self-test from the terminal's chips to the city: sealed, carried by agent and broker, opened, once each."""

import asyncio
import json
from pathlib import Path
from random import Random

from protocol import messages, rating, reasons
from protocol import self_test_parts as parts
from simulator.state import State
from tests.city.live import handed_on
from tests.device.counter import Counter
from tests.faults.fault_hall import opened
from tests.unit.fake_terminal import SECRET

MINUTE_MS = 60_000
FIRST_MS = 5 * MINUTE_MS
TEST_MS = 10_000
AT_MIN = 500  # 08:20 in Shanghai, where the clock chip says 08:00 at the start of virtual time
AT_MS = 20 * MINUTE_MS


def sealed(folder: Path) -> list[bytes]:
    """Return the events of a terminal, in virtual time: a sound test after the start, and the daily one of a worse day.

    By then the voice module is dead and the clock does not run.
    """
    state = State(folder / "state")
    state.make("k5", "YP-0001", "C01", "W-YP-0001", Random(1))
    for path in (state.settings, state.provision):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"secret": SECRET.hex()}))
    with Counter(folder, seed=1) as counter:
        assert counter.ask(messages.CONFIG, policy={"self_test_min": AT_MIN}) == reasons.OK
        counter.run(FIRST_MS + TEST_MS)
        del counter.terminal.engine.soc.uart[1]
        counter.terminal.wiring.rtc.run_at(-1_000_000, counter.terminal.now_us)
        counter.run(AT_MS - FIRST_MS)
        counter.settle()
        found = [fields["n"] for _, fields in counter.told(rating.SELF_TEST)]
        assert found == [0, parts.VOICE | parts.TICKING], found
        return [counter.events[seq] for seq in sorted(counter.events)]


async def carry(folder: Path, events: list[bytes]) -> tuple[list[dict], dict]:
    """Bring the events to the city by agent, broker and receiver, and all once more; return records and row."""
    async with opened(folder) as hall:
        (terminal,) = hall.terminals
        for event in events:
            await asyncio.to_thread(terminal.add_raw, event)
        await hall.everything_arrived()
        await asyncio.to_thread(terminal.unplug)
        terminal.outbox.first_unacked = 1
        await asyncio.to_thread(terminal.restart)
        await asyncio.to_thread(terminal.plug)
        await hall.everything_arrived()
        (row,) = await hall.receiver.terminals()
        return handed_on(hall.folder / "ratings.jsonl"), row


def test_daily_self_test_is_at_the_city_once_with_the_parts_that_failed(tmp_path: Path) -> None:
    events = sealed(tmp_path / "terminal")
    (tmp_path / "hall").mkdir()
    records, row = asyncio.run(carry(tmp_path / "hall", events))
    tests = [(record["why"], record["count"]) for record in records if record["kind"] == "self_test"]
    assert tests == [(parts.WHY_DAILY, 0), (parts.WHY_DAILY, parts.VOICE | parts.TICKING)]
    assert row["self_test"]["failed"] == ["ticking", "voice"]
