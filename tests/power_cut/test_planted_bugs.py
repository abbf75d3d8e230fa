"""The harness can fail: each of these bugs, planted into the journal, is found, with an id that repeats it."""

import re
from collections.abc import Callable

import pytest

from protocol import record
from store import journal, recovery, ring
from tests.power_cut.cutting import Cut, cut_everywhere, judge, one_case
from tests.power_cut.promise import Broken

Patch = pytest.MonkeyPatch


def checksum_is_not_checked(patch: Patch) -> None:
    def size_at(page: memoryview, at: int) -> int:
        if at >= record.PAGE_BYTES or page[at] == record.BLANK:
            return 0 if record.is_blank(page, min(at, record.PAGE_BYTES)) else -1
        size = page[at] + record.OVERHEAD_BYTES
        return size if at + size <= record.PAGE_BYTES else -1

    patch.setattr(record, "size_at", size_at)


def boot_number_is_not_durable(patch: Patch) -> None:
    def begin_boot(self: journal.Journal) -> None:
        self._boots += 1
        self.boot = self._boots

    patch.setattr(journal.Journal, "_begin_boot", begin_boot)


def record_is_written_after_the_call_returned(patch: Patch) -> None:
    late: list = []
    program, load = ring.Ring.program, ring.Ring.load

    def write(self: ring.Ring) -> None:
        while late:
            self.flash.program(*late.pop())

    def late_program(self: ring.Ring, address: int, data: bytes) -> bool:
        write(self)
        if data[1] != record.EVENT:
            return program(self, address, data)
        late.append((address, data))
        return True

    def late_load(self: ring.Ring, address: int) -> memoryview:
        write(self)
        return load(self, address)

    patch.setattr(ring.Ring, "program", late_program)
    patch.setattr(ring.Ring, "load", late_load)


def erased_sector_needs_no_header(patch: Patch) -> None:
    """A sector that reads blank is taken for erased and only gets its header."""
    real = ring.Ring.start_erase

    def start_erase(self: ring.Ring, number: int) -> None:
        if not self._is_blank(number):
            real(self, number)
            return
        self.oldest = max(self.oldest, number - self.sectors + 1)
        self.program(self.address(number), record.header(self.journal_id, number))
        self.newest = number

    patch.setattr(ring.Ring, "start_erase", start_erase)


def erase_is_not_announced(patch: Patch) -> None:
    def start_erase(self: journal.Journal, number: int) -> bool:
        self._ring.start_erase(number)
        return True

    patch.setattr(journal.Journal, "_start_erase", start_erase)


def sector_goes_before_it_is_acknowledged(patch: Patch) -> None:
    def next_to_prepare(self: journal.Journal) -> int:
        return self._ring.after(self._ring.newest)

    patch.setattr(journal.Journal, "_next_to_prepare", next_to_prepare)
    patch.setattr(journal.Journal, "_pages", lambda self: 100)


def known_invites_are_not_carried_forward(patch: Patch) -> None:
    patch.setattr(journal.Journal, "_carry", lambda self: False)
    patch.setattr("store.invites.KnownInvites.oldest_home", lambda self: 0)


def log_goes_on_in_the_page_of_a_torn_record(patch: Patch) -> None:
    def find_write(self: recovery.Recovery) -> None:
        used = self.ring.used_pages(self.ring.head)
        start = self.ring.address(self.ring.head)
        at = record.HEADER_BYTES if used <= 1 else 0
        page = self.ring.load(start + max(0, used - 1) * record.PAGE_BYTES)
        while record.size_at(page, at) > 0:
            at += record.size_at(page, at)
        self.ring.write = start + max(0, used - 1) * record.PAGE_BYTES + at

    patch.setattr(recovery.Recovery, "_find_write", find_write)


def log_goes_on_right_after_the_last_page(patch: Patch) -> None:
    """A program whose power failed may have left no trace yet: the page after the last one is not trusted."""

    def find_write(self: recovery.Recovery) -> None:
        used = self.ring.used_pages(self.ring.head)
        self.ring.write = self.ring.address(self.ring.head) + (used * record.PAGE_BYTES or record.HEADER_BYTES)

    patch.setattr(recovery.Recovery, "_find_write", find_write)


def only_a_clean_zero_is_an_acknowledgement(patch: Patch) -> None:
    patch.setattr(record, "is_acknowledged", lambda page, at: page[at + page[at] + record.OVERHEAD_BYTES - 1] == 0)


def acknowledgement_is_kept_in_ram(patch: Patch) -> None:
    def acknowledge(self: journal.Journal, seq: int) -> None:
        if seq == self.first_unacked:
            self.first_unacked += 1
            self._settle_unacked()

    patch.setattr(journal.Journal, "acknowledge", acknowledge)


def chain_begins_anew_at_a_start(patch: Patch) -> None:
    real = journal.Journal.mount

    def mount(self: journal.Journal) -> None:
        real(self)
        self.prev_hash = bytes(8)

    patch.setattr(journal.Journal, "mount", mount)


def sequence_begins_one_too_low(patch: Patch) -> None:
    real = recovery.Recovery.run

    def run(self: recovery.Recovery) -> None:
        real(self)
        self.last_seq = max(0, self.last_seq - 1)

    patch.setattr(recovery.Recovery, "run", run)


def half_erased_sector_counts_as_records(patch: Patch) -> None:
    def lowest(self: recovery.Recovery) -> int:
        return max(1, self.ring.newest - self.ring.sectors + 1)

    patch.setattr(recovery.Recovery, "_lowest", lowest)


def interrupted_invite_is_forgotten(patch: Patch) -> None:
    patch.setattr(recovery.Recovery, "_judge_invite", lambda self, invite, seen: None)


def outcome_does_not_end_the_invite(patch: Patch) -> None:
    real = recovery.Recovery._judge_invite
    patch.setattr(recovery.Recovery, "_judge_invite", lambda self, invite, seen: real(self, invite, b""))


BUGS = {
    checksum_is_not_checked: "first_lap",
    boot_number_is_not_durable: "first_lap",
    record_is_written_after_the_call_returned: "first_lap",
    erased_sector_needs_no_header: "starved",
    erase_is_not_announced: "wrap",
    sector_goes_before_it_is_acknowledged: "full",
    known_invites_are_not_carried_forward: "known",
    log_goes_on_in_the_page_of_a_torn_record: "first_lap",
    log_goes_on_right_after_the_last_page: "first_lap",
    only_a_clean_zero_is_an_acknowledgement: "first_lap",
    acknowledgement_is_kept_in_ram: "first_lap",
    chain_begins_anew_at_a_start: "first_lap",
    sequence_begins_one_too_low: "first_lap",
    half_erased_sector_counts_as_records: "wrap",
    interrupted_invite_is_forgotten: "first_lap",
    outcome_does_not_end_the_invite: "first_lap",
}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_planted_bug_is_found_and_its_id_repeats_it(bug: Callable[[Patch], None], monkeypatch: Patch) -> None:
    bug(monkeypatch)
    with pytest.raises(Broken) as caught:
        cut_everywhere(BUGS[bug], 1, again_every=0)
    found = re.search(r"replay (\S+)$", str(caught.value))
    assert found, caught.value
    with pytest.raises(Exception) as again:  # noqa: PT011 - whatever broke, it breaks again
        judge(one_case(Cut.parse(found[1])))
    assert repr(again.value) in str(caught.value)
