"""A terminal whose epoch has ended at the bench: it hands out its queue, and never seals again."""

import json
import shutil

from protocol import evidence, rating, reasons, record, record_scan
from simulator.chips.nor_array import NorArray
from simulator.stage import FIRMWARE
from store import closing
from store.journal import Journal
from tests.both.support import aes
from tests.device.bench import terminal
from tests.device.counter import Counter
from tests.power_cut.nor import ArrayNor

# The first start, as the firmware does it, and then the bench.
LIFE = """
import bench
from drivers import nor_w25q
from store import opening, settings
bench.about()
bench.end_epoch()
found, why = opening.open_journal(hw.nor, settings.load(settings.PATH), settings.PATH, nor_w25q.NorError)
found.append_invite(b"i" * 16, 1)
bench.end_epoch()
bench.end_epoch()
bench.about()
"""


def end_epoch(counter: Counter) -> int:
    """Do what the bench does at the prompt, on the chip of a terminal without power; return the last seq."""
    state = counter.terminal.state
    own = json.loads(state.settings.read_text())
    journal = Journal(ArrayNor(NorArray(counter.terminal.wiring.nor.array.image)), bytes.fromhex(own["journal_id"]))
    journal.mount()
    key = evidence.event_key(bytes.fromhex(own["secret"]), own["epoch"])
    return closing.end(journal, evidence.Sealer(aes, key, own["terminal"], own["epoch"]), 7, None)


def test_terminal_of_an_ended_epoch_hands_out_its_queue_and_seals_no_more(tmp_path):
    with Counter(tmp_path, seed=3) as counter:
        counter.login()
        counter.acknowledges = False
        counter.open_invite(1)
        counter.press(2)
        counter.run(30_000)
        counter.cut_power()
        last = end_epoch(counter)
        assert counter.unacknowledged()
        counter.acknowledges = True
        for _ in range(2):  # and again after another power cut
            counter.terminal.power_on()
            counter.connect()
            counter.settle()
            assert counter.invite(2) == reasons.FAULT and counter.state == "fault"
            counter.cut_power()
        assert max(counter.events) == last and counter.levels(1) == [4]
        assert counter.kinds()[-1] == "last_of_epoch" and counter.kinds().count("last_of_epoch") == 1
        counter.check_chain()


def test_bench_ends_the_epoch_at_the_prompt(tmp_path):
    with_bench = terminal(tmp_path, LIFE, seed=4)
    shutil.copy(FIRMWARE / "bench.py", tmp_path / "firmware" / "bench.py")
    with with_bench as running:
        running.run_for(3_000)
        lines = running.console(200_000).splitlines()
        image = bytes(running.wiring.nor.array.image)
        own = json.loads(running.state.settings.read_text())
        assert running.violations == []
    said = [json.loads(lines[at]) for at in range(5)]
    assert said[0]["terminal"] == own["terminal"] and (said[0]["journal"], said[4]["journal"]) == ("new", "ready")
    assert said[1:4] == [{"last_seq": 0}, {"last_seq": 2}, {"last_seq": 2}]
    assert own["secret"] not in "\n".join(lines)
    key = evidence.event_key(bytes.fromhex(own["secret"]), own["epoch"])
    sealed = [one.payload for one in record_scan.scan(image) if one.type == record.EVENT]
    opened = [evidence.open_event(aes, key, event) for event in sealed]
    assert [clear.kind for clear, _ in opened] == [rating.INTERRUPTED, rating.LAST_OF_EPOCH]
    assert opened[1][1][5] == evidence.prev_hash(sealed[0])
    assert opened[1][1][2] == 1 and opened[1][1][1] > 1_700_000_000_000  # by the clock chip
