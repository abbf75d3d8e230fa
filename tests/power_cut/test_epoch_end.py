"""The power fails at every operation by which a terminal ends its epoch: nothing is lost, the end is sealed once."""

import json
import random
from pathlib import Path

from protocol import evidence, rating, reasons, record, record_scan
from protocol.sealing import Sealer
from simulator.chips.nor_array import NorArray
from store import closing, opening, settings
from store import journal as journals
from tests.both.support import aes
from tests.power_cut.cutting import TEARS, Cut, Images
from tests.power_cut.test_first_start import CHIP_BYTES, NEW, Chip, NoChip

OWN = NEW | {"journal": "ready"}
KEY = evidence.event_key(bytes.fromhex(OWN["secret"]), 1)
JOURNAL_ID = bytes.fromhex(OWN["journal_id"])
SEED = 20261124


def sealer() -> Sealer:
    return Sealer(aes, KEY, OWN["terminal"], 1)


def mounted(image: bytearray, log: list | None = None) -> journals.Journal:
    found = journals.Journal(Chip(NorArray(image, log)), JOURNAL_ID)
    found.mount()
    return found


def used(ratings: int, leave_open: bool) -> bytearray:
    """Return the chip of a terminal that has worked; some events are acknowledged, the newest are not."""
    rng = random.Random(f"{SEED}:{ratings}")
    image = bytearray(b"\xff" * CHIP_BYTES)
    journals.format_chip(Chip(NorArray(image)), JOURNAL_ID)
    found, own = mounted(image), sealer()
    for n in range(ratings):
        invite = rng.randbytes(16)
        found.append_invite(invite, 1)
        if leave_open and n == ratings - 1:
            break
        seq = found.last_seq + 1
        fields = {2: 0, 4: n, 5: found.prev_hash, 6: 1 + n % 5}
        found.append_event(seq, own.seal(rating.RATED, invite, found.boot, seq, fields))
        if seq > 5:
            found.acknowledge(seq - 5)
        for step in range(40):
            if not found.idle(step * 10):
                break
    return image


def opened(image: bytearray) -> list[tuple[int, int, dict]]:
    """Return (seq, kind, fields) of every event on the chip, opened, in the order of the chip."""
    found = []
    for one in record_scan.scan(image, JOURNAL_ID):
        if one.type == record.EVENT:
            clear, fields = evidence.open_event(aes, KEY, one.payload)
            found.append((clear.seq, clear.kind, fields))
    return found


def check(image: bytearray, before: list, tag: str) -> None:
    """The end is there once, as the newest; what was there before still is; the chain holds."""
    events = opened(image)
    kinds = [kind for _, kind, _ in events]
    assert [event[:2] for event in events[: len(before)]] == [event[:2] for event in before], tag
    assert kinds.count(rating.LAST_OF_EPOCH) == 1 and kinds[-1] == rating.LAST_OF_EPOCH, tag
    assert [seq for seq, _, _ in events] == list(range(events[0][0], events[0][0] + len(events))), tag
    raw = [one.payload for one in record_scan.scan(image, JOURNAL_ID) if one.type == record.EVENT]
    for earlier, (_, _, fields) in zip(raw, events[1:], strict=False):
        assert fields[5] == evidence.prev_hash(earlier), tag


def test_every_cut_while_the_epoch_ends_leaves_all_events_and_one_end(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    cuts = 0
    for ratings, leave_open in ((0, False), (3, False), (3, True), (60, True)):
        start = used(ratings, leave_open)
        before = opened(start)
        log: list = []
        image = bytearray(start)
        closing.end(mounted(image, log), sealer(), 7, None)
        check(image, before, "uncut")
        interrupted = int(leave_open)
        assert len(opened(image)) == len(before) + 1 + interrupted
        images = Images(bytearray(start), log)
        for operation in range(len(log)):
            images.go_to(operation)
            for tear in TEARS:
                case = images.cut(Cut("epoch_end", SEED, operation, tear))
                tag = f"{ratings} {leave_open} {case.cut}"
                again: list = []
                closing.end(mounted(case.image, again), sealer(), 9, None)
                case.fade_in(again)
                check(case.image, before, tag)
                path.write_text(json.dumps(OWN))
                found, why = opening.open_journal(
                    Chip(NorArray(case.image)), settings.load(str(path)), str(path), NoChip
                )
                assert found is not None and why == reasons.WHY_EPOCH_ENDED, tag
                cuts += 1
    assert cuts >= 4 * 2 * len(TEARS)


def test_boot_numbers_rise_over_cuts_so_that_no_nonce_comes_twice() -> None:
    image = used(3, False)
    boots = [mounted(image).boot for _ in range(3)]
    assert boots == sorted(set(boots))
    first = mounted(image)
    closing.end(first, sealer(), 1, None)
    last = evidence.parse(first.read(first.last_seq))
    assert last.boot == first.boot > boots[-1]
