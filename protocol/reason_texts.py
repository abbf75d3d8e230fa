"""Names and English sentences for reasons.py. For the host: a terminal never loads this."""

from protocol import reasons

NAMES = {
    reasons.OK: "ok",
    reasons.BUSY: "busy",
    reasons.NO_SESSION: "no_session",
    reasons.UNKNOWN_MESSAGE: "unknown_message",
    reasons.BAD_MESSAGE: "bad_message",
    reasons.VERSION: "version",
    reasons.NO_CLERK: "no_clerk",
    reasons.INVITE_OPEN: "invite_open",
    reasons.INVITE_ENDED: "invite_ended",
    reasons.INVITE_EXPIRED: "invite_expired",
    reasons.RATED: "rated",
    reasons.NO_INVITE: "no_invite",
    reasons.PAUSED: "paused",
    reasons.FULL: "full",
    reasons.FAULT: "fault",
    reasons.NOT_STORED: "not_stored",
    reasons.UNSUPPORTED: "unsupported",
    reasons.OUT_OF_RANGE: "out_of_range",
    reasons.BAD_HASH: "bad_hash",
    reasons.NO_TRANSFER: "no_transfer",
    reasons.BAD_SIGNATURE: "bad_signature",
    reasons.WRONG_BOARD: "wrong_board",
    reasons.TOO_OLD: "too_old",
    reasons.NEEDS_BOOTSTRAP: "needs_bootstrap",
    reasons.NOT_COMPLETE: "not_complete",
}

REASONS = {
    reasons.OK: "done",
    reasons.BUSY: "the terminal is busy; try again in a moment",
    reasons.NO_SESSION: "the terminal has no session with this agent; a new HELLO is needed",
    reasons.UNKNOWN_MESSAGE: "the terminal does not know this message; update its firmware",
    reasons.BAD_MESSAGE: "the terminal could not read this message",
    reasons.VERSION: "agent and terminal speak protocol versions that do not meet",
    reasons.NO_CLERK: "no clerk is logged in at this window",
    reasons.INVITE_OPEN: "another invite is open at this window",
    reasons.INVITE_ENDED: "this invite already has its outcome",
    reasons.INVITE_EXPIRED: "the invite reached the terminal later than its time to live",
    reasons.RATED: "the citizen has already rated; the rating stands",
    reasons.NO_INVITE: "no such invite is open",
    reasons.PAUSED: "the window is paused",
    reasons.FULL: "the terminal's queue is full; connect it until its events are taken",
    reasons.FAULT: "the terminal reports a fault and takes no ratings",
    reasons.NOT_STORED: "the terminal could not store it",
    reasons.UNSUPPORTED: "this terminal cannot do that",
    reasons.OUT_OF_RANGE: "a value is outside its range",
    reasons.BAD_HASH: "the content that arrived is not what was announced; it is sent anew",
    reasons.NO_TRANSFER: "the terminal knows of no such transfer",
    reasons.BAD_SIGNATURE: "the firmware is not signed with the key that this terminal accepts",
    reasons.WRONG_BOARD: "the firmware is for another board",
    reasons.TOO_OLD: "the firmware is not newer than the terminal's, or older than the least that it may run",
    reasons.NEEDS_BOOTSTRAP: "the firmware needs a later bootstrap; flash the terminal through its maintenance jumper",
    reasons.NOT_COMPLETE: "a file of the new firmware is missing or damaged on the terminal; it is sent anew",
}

WHYS = {
    reasons.WHY_POWER_ON: "power came on",
    reasons.WHY_WATCHDOG: "the watchdog reset the terminal",
    reasons.WHY_RESET: "the terminal reset itself",
    reasons.WHY_UPDATED: "the terminal started another firmware",
    reasons.WHY_POWER_CUT: "power was cut while an invite was open",
    reasons.WHY_UPDATE: "a firmware update began while an invite was open",
    reasons.WHY_UNMAPPED_GRADE: "an old rater gave a grade that the written table does not name",
    reasons.WHY_RATER_LOST: "the line of an old rater was lost while an invite was open",
    reasons.WHY_JOURNAL_BLANK: "the journal is blank although it was in use",
    reasons.WHY_JOURNAL_MISMATCH: "the journal belongs to another provisioning",
    reasons.WHY_SECTOR_UNREADABLE: "sectors of the journal cannot be read",
    reasons.WHY_RTC_MISSING: "the clock chip does not answer",
    reasons.WHY_KEY_STUCK: "a key is stuck",
    reasons.WHY_SEQ_BEHIND: "the agent holds a higher sequence number than the terminal has",
    reasons.WHY_TASK_DIED: "a task of the firmware died",
    reasons.WHY_NOR_MISSING: "the journal's chip does not answer",
    reasons.WHY_JOURNAL_FULL: "the journal is full",
    reasons.WHY_DISPLAY: "the display does not answer",
    reasons.WHY_TOUCH_MISSING: "the touch panel does not answer",
    reasons.WHY_ROLLED_BACK: "a new firmware did not prove itself; the terminal went back to the one before",
    reasons.WHY_SELF_TEST: "the terminal failed its self-test",
    reasons.WHY_EPOCH_ENDED: "the key epoch has ended: the terminal waits to be provisioned anew",
}


def text_en(code: int) -> str:
    """Return one English sentence for a reply's reason code."""
    return REASONS.get(code, f"the terminal answered with the unknown reason {code}")


def why_text_en(code: int) -> str:
    """Return one English sentence for a `why` code."""
    return WHYS.get(code, f"unknown cause {code}")
