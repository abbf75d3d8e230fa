"""How the update of one terminal stands, and every cause with its cure: one table for status, page and city.

Codes cross the wire and stand in the store; sentences are made here, for people.

    none ─ a bundle for it ─▶ waiting ─▶ sending ─▶ ready ─▶ switching ─▶ trial ─ confirmed ─▶ done
                                  ▲________│ an invite, a lost link │         └─ old firmware again ─▶ failed
"""

from protocol.reason_texts import NAMES

NONE, UNABLE, WAITING, SENDING, READY = "none", "unable", "waiting", "sending", "ready"
SWITCHING, TRIAL, DONE, FAILED = "switching", "trial", "done", "failed"
UNDER_WAY = (SENDING, READY, SWITCHING, TRIAL)

# Why a terminal waits …
NO_GO, NO_BUNDLE, TURN, HOURS, REST, NOT_HERE = "no_go", "no_bundle", "turn", "hours", "rest", "not_here"
HALTED = "halted"
NO_STORE = "no_store"
# … and why an update failed, beside the terminal's own reasons.
ROLLED_BACK, NOT_SWITCHED, NOT_BACK = "rolled_back", "not_switched", "not_back"

WAITS = {
    NO_GO: "waits for the city's roll-out to reach it",
    NO_BUNDLE: "the city asks for a bundle that is not here: `yiping update offer FILE`, or set update.source",
    TURN: "waits until another terminal of this agent is done",
    HALTED: "another terminal failed with this bundle: see that one, then `yiping update retry`",
    HOURS: "everything is there; it switches within update.hours",
    REST: "waits until nobody needs the terminal",
    NOT_HERE: "the terminal is not connected",
    NO_STORE: "the agent's store takes nothing: nothing is switched until it does",
}
CAUSES = {
    "bad_signature": "the terminal does not accept the signature: the bundle is altered, or was made for terminals with"
    " another key; offer the bundle that was signed with the key of this city's terminals",
    "wrong_board": "the bundle is for another board: offer the one for this board",
    "too_old": "the bundle is older than what the terminal may run: offer a newer one",
    "needs_bootstrap": "the terminal's bootstrap is too old for this bundle: flash it once at the bench"
    " (`yiping flash`), with the maintenance jumper set",
    "full": "the terminal's flash has no room for it: flash it at the bench (`yiping flash`)",
    "bad_message": "the terminal cannot read the bundle's manifest: check the file with `yiping bundle verify`",
    "bad_hash": "what arrived is again and again not what was sent: change the USB cable or the port",
    "not_complete": "files are missing or wrong on the terminal again and again: its flash may be worn; exchange it",
    "fault": "the terminal reports a fault while it writes: its flash may be worn; exchange it",
    "unsupported": "the terminal's firmware cannot be updated over the link: flash it at the bench",
    ROLLED_BACK: "the new firmware did not prove itself, the terminal went back to the old one by itself and works:"
    " report the version to the maker; `yiping update retry` tries once more",
    NOT_SWITCHED: "the terminal was told to switch three times and still runs the old firmware: switch it off and on,"
    " then `yiping update retry`",
    NOT_BACK: "the terminal has not come back since it switched: check its cable and screen; if it stays dark, exchange"
    " it and flash it at the bench",
}
# Reasons of the terminal that end the update at once; others are tried again.
FINAL = ("bad_signature", "wrong_board", "too_old", "needs_bootstrap", "full", "bad_message", "unsupported")


def name_of(reason: int) -> str:
    """Return the name of a terminal's reason code."""
    return NAMES.get(reason, f"reason_{reason}")


def sentence(state: str, why: str | None, version: str) -> str:
    """Return how an update stands, with the cure where there is one to tell."""
    if state == FAILED:
        return f"{version} failed: {CAUSES.get(why or '', f'the terminal answered {why}: ask the maker')}"
    text = WAITS.get(why or "", "waits") if state == WAITING else _TEXTS[state]
    return f"{version}: {text}" if version else text


_TEXTS = {
    NONE: "no update for it",
    UNABLE: "its firmware cannot be updated over the link: flash it at the bench",
    SENDING: "is being sent",
    READY: "is on the terminal whole",
    SWITCHING: "the terminal restarts into it",
    TRIAL: "runs on trial",
    DONE: "runs and is confirmed",
}
