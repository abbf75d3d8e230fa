"""Load the settings and open the journal that belongs to them, or say why not. Nothing is formatted by itself."""

from protocol import reasons
from store import closing, settings
from store.faults import JournalError
from store.journal import Journal, format_chip


def load_settings(path: str) -> settings.Settings | None:
    """Return the settings, None before provisioning or when they are damaged."""
    try:
        return settings.load(path)
    except settings.SettingsError:
        return None


def open_journal(flash: object, own: settings.Settings | None, path: str, broken: type) -> tuple:
    """Return (journal, 0), (None, why), or of an epoch that has ended (journal, why): it is only read any more.

    `flash` is not started yet, `broken` is what its start raises.
    """
    if own is None:
        return None, reasons.WHY_JOURNAL_BLANK
    try:
        flash.start()
        if own.journal == settings.JOURNAL_NEW:
            format_chip(flash, own.journal_id)
            own.journal_ready(path)
        found = Journal(flash, own.journal_id)
        found.mount()
    except broken:
        return None, reasons.WHY_NOR_MISSING
    except JournalError as error:
        return None, error.why
    return found, reasons.WHY_EPOCH_ENDED if closing.is_ended(found) else 0
