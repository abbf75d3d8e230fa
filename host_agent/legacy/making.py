"""Makes the terminal of one `[[legacy]]` section: key, journal, number of this start, and the parts around them."""

import logging
import sqlite3
from collections.abc import Callable

import attrs

from host_agent.config_model import Config, LegacySection
from host_agent.errors import AgentError, UserError
from host_agent.legacy import key_file
from host_agent.legacy.key_file import Key
from host_agent.legacy.pc_clock import PcClock
from host_agent.legacy.recorder import Recorder
from host_agent.legacy.session import FAULT, RaterSession
from host_agent.legacy.store import JournalMismatch, RaterStore
from host_agent.legacy.terminal import RaterTerminal
from host_agent.receiver import aes
from protocol.sealing import Sealer, event_key

# Numbers of starts follow the calendar where they can: a data folder put back from a copy then does not use one twice.
_BOOT_EPOCH_S = 1_735_689_600  # 2025-01-01

_log = logging.getLogger(__name__)


def make_terminal(
    config: Config, section: LegacySection, version: str, now_ms: Callable[[], int], utc_ms: int
) -> tuple[RaterTerminal, RaterStore | None]:
    """Return the terminal and its journal; None when the journal cannot be trusted: the terminal is then in FAULT.

    :raises UserError: the key or the data folder cannot be used.
    """
    key = key_file.read(section.key_file)
    store, boot = _open_journal(config, section, key, utc_ms)
    clock = PcClock(now_ms, utc_ms)
    recorder = Recorder(store, Sealer(aes.Aes, event_key(key.secret, key.epoch), key.terminal, key.epoch), clock, boot)
    session = RaterSession(section.grade_table(), section.guard_ms, recorder.known)
    identity = {"firmware": f"agent {version}"[:40], "epoch": key.epoch, "journal_id": key.journal_id}
    terminal = RaterTerminal(key.terminal, section.address, session, recorder, clock, identity)
    if store is None:
        session.handle(("stopped", FAULT), now_ms())
    terminal.start(store.open_invite if store is not None else None)
    return terminal, store


def _open_journal(config: Config, section: LegacySection, key: Key, utc_ms: int) -> tuple[RaterStore | None, int]:
    folder = config.agent.data_dir
    try:
        store = RaterStore(folder, key.terminal, key.epoch, key.journal_id, make=key.journal == key_file.NEW)
        try:
            if key.journal == key_file.NEW:
                key_file.write(section.key_file, attrs.evolve(key, journal=key_file.MADE))
            return store, store.begin_boot(utc_ms // 1000 - _BOOT_EPOCH_S)
        except BaseException:
            store.close()
            raise
    except JournalMismatch as error:
        _log.error("terminal %s: %s; provision it anew with a higher epoch", key.terminal, error)
        return None, 0
    except (OSError, sqlite3.Error, AgentError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"cannot keep the journal of {key.terminal}: {reason}",
            f"{section.key_file} and {folder}",
            "check both folders, their rights and room",
        ) from None
