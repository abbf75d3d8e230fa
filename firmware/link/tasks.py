"""The tasks beside link and screen: they bring contacts, time and the journal's own work to the desk."""

import gc
import time
from asyncio import sleep_ms

from link.alarm import LONGEST_MS
from protocol import codes, reasons
from store.faults import JournalError

_STEP_MS = 10  # between two pieces of the journal's work: screen and link come first
_LATER_MS = 300  # after an append, so that neither the work nor the collector delays what shows the press
_WHY, _N = 14, 12  # keys of the sealed plaintext


async def serve_keys(contacts: object, desk: object) -> None:
    """Bring every edge to the desk. Waits without limit: nothing is to do until a contact moves."""
    while True:
        await contacts.flag.wait()
        wait_ms = 1
        while wait_ms:
            now_ticks = time.ticks_ms()
            number = contacts.scan(now_ticks)
            while number:
                desk.key(number, contacts.is_down(number), contacts.edge_ticks)
                number = contacts.scan(now_ticks)
            wait_ms = contacts.sample_ms()
            await sleep_ms(wait_ms)


async def serve_time(desk: object, clock: object, alarm: object) -> None:
    """Let the desk do what is due."""
    while True:
        due = desk.tick()
        await alarm.wait(due - clock.now_ms())


async def tend_journal(journal: object | None, desk: object, clock: object, alarm: object) -> None:
    """Let the journal erase ahead, report lost sectors, and collect garbage while nobody waits for anything."""
    while True:
        more = False
        try:
            if journal is not None:
                more = journal.idle(clock.now_ms())
                _report_lost(journal, desk)
        except JournalError as error:
            journal = None
            desk.fail(error.why)
        if more:
            await sleep_ms(_STEP_MS)
        else:
            gc.collect()
            await alarm.wait(LONGEST_MS)
            await sleep_ms(_LATER_MS)


def _report_lost(journal: object, desk: object) -> None:
    """Seal a fault for each sector that is lost, once; not while it would have to wait in memory for a rating's end."""
    if desk.session.choosing():
        return
    for number in list(journal.faults):
        if desk.note(codes.FAULT, {_WHY: reasons.WHY_SECTOR_UNREADABLE, _N: 1}):
            journal.fault_reported(number)


async def watch(supervisor: object, every_ms: int) -> str:
    """Return the name of the first task that died."""
    while True:
        dead = supervisor.check()
        if dead is not None:
            return dead
        await sleep_ms(every_ms)
