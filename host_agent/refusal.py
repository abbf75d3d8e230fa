"""Holds what the API answers when it refuses: a code for programs, a sentence and a cure for people."""

from host_agent.errors import AgentError
from protocol import reason_texts, reasons

TERMINAL_ABSENT = "terminal_absent"
NO_ANSWER = "no_answer"
NO_TERMINAL = "no_terminal"
STORE_FULL = "store_full"
STORE_FAULT = "store_fault"


class Refusal(AgentError):
    """Carry the HTTP status, a code, what happened, and what to do."""

    def __init__(self, status: int, code: str, message: str, cure: str) -> None:
        """Keep the four."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.cure = cure


_CURES = {
    reasons.BUSY: "try again in a moment",
    reasons.VERSION: "update the older of the two",
    reasons.UNKNOWN_MESSAGE: "update the terminal's firmware",
    reasons.NO_CLERK: "log the clerk in first",
    reasons.INVITE_OPEN: "wait for its outcome, or cancel it",
    reasons.INVITE_ENDED: "invite again",
    reasons.INVITE_EXPIRED: "invite again",
    reasons.RATED: "nothing is to be done",
    reasons.NO_INVITE: "nothing is to be done",
    reasons.PAUSED: "resume the window first",
    reasons.FULL: "keep the terminal connected until its events are taken",
    reasons.FAULT: "look at the terminal's screen; switch it off and on once",
    reasons.NOT_STORED: "invite again; if it recurs, have the terminal examined",
}
# The other requests failed on what was sent, not on the state of the window.
_UNPROCESSABLE = (reasons.OUT_OF_RANGE, reasons.BAD_MESSAGE, reasons.UNSUPPORTED, reasons.UNKNOWN_MESSAGE)


def no_terminal(window: str) -> Refusal:
    """Return the refusal for a window at which no terminal stands."""
    what = f"no terminal stands at window {window}"
    return Refusal(409, NO_TERMINAL, what, "offer the code on its sign, or print a paper form")


def from_reason(reason: int) -> Refusal:
    """Return the refusal for a terminal's reason code."""
    return Refusal(
        422 if reason in _UNPROCESSABLE else 409,
        reason_code(reason),
        reason_texts.text_en(reason),
        _CURES.get(reason, "look at the terminal's screen"),
    )


def from_reason_code(code: str) -> Refusal:
    """Return the refusal for the code that an invite was refused with."""
    known = {reason_code(reason): reason for reason in range(256)}
    return from_reason(known.get(code, reasons.FAULT))


def reason_code(reason: int) -> str:
    """Return the code for programs of a reason."""
    return reason_texts.NAMES.get(reason, f"reason_{reason}")


def absent(window: str) -> Refusal:
    """Return the refusal for a window whose terminal is not there."""
    return Refusal(
        503,
        TERMINAL_ABSENT,
        f"the terminal of window {window} is not connected",
        "check its cable and power; until then offer the printed QR code or paper",
    )


def no_answer(window: str) -> Refusal:
    """Return the refusal for a terminal that is there and does not answer in time."""
    return Refusal(503, NO_ANSWER, f"the terminal of window {window} does not answer", "try again in a moment")


def shift_over(number: str) -> Refusal:
    """Return the refusal for the clerk's page of a window whose clerk has not said today that it is still they."""
    cure = "log in again on the page: the same clerk, or another"
    return Refusal(409, "shift_over", f"the shift of clerk {number} has ended", cure)


def bad_request(message: str, cure: str) -> Refusal:
    """Return the refusal for a request that cannot be understood."""
    return Refusal(400, "bad_request", message, cure)
