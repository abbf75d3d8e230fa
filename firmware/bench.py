"""What a provisioning station does with a terminal at its prompt; loaded for nothing else.

Each function prints lines and returns nothing, since the other side reads what is printed; no secret is among it.
"""

import json
import time

import cryptolib

import boards
from drivers import nor_w25q
from protocol import sealing
from store import closing, settings
from store.faults import JournalError
from store.journal import Journal


def about() -> None:
    """Print who this is, as JSON: board, terminal, epoch, window; null where there are no settings."""
    board, own = _own()
    said = {"board": board, "terminal": None, "epoch": None, "window": None}
    if own is not None:
        said.update({"terminal": own.terminal, "epoch": own.epoch, "window": own.window, "journal": own.journal})
    print(json.dumps(said))


def end_epoch() -> None:
    """Seal the last event of the terminal's epoch and print {"last_seq": n}, or {"why": code} when that cannot be.

    To be repeated after a power cut. A terminal whose journal was never begun has nothing to end: {"last_seq": 0}.
    """
    board, own = _own()
    if own is None or own.journal == settings.JOURNAL_NEW:
        print('{"last_seq": 0}')
        return
    nor, rtc = boards.at_the_bench(boards.load(board))
    key = sealing.event_key(own.secret, own.epoch)
    sealer = sealing.Sealer(lambda secret: cryptolib.aes(secret, 1), key, own.terminal, own.epoch)
    try:
        nor.start()
        journal = Journal(nor, own.journal_id)
        journal.mount()
        found = {"last_seq": closing.end(journal, sealer, time.ticks_ms(), _utc_ms(rtc))}
    except nor_w25q.NorError as error:
        found = {"error": str(error)}
    except JournalError as error:
        found = {"why": error.why}
    print(json.dumps(found))


def _own() -> tuple:
    """Return (board, settings or None)."""
    board, _ = settings.identity(settings.PATH)
    try:
        return board, settings.load(settings.PATH)
    except settings.SettingsError:
        return board, None


def _utc_ms(rtc: object) -> "int | None":
    try:
        utc_s = rtc.utc_s()
    except OSError:
        return None
    return None if utc_s is None else utc_s * 1000
