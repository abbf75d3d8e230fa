"""Answer what the agent asks for, and take what else comes from outside. Handlers of session.py."""

from app import states
from app.policy import INVITE_LEAST_MS, INVITE_MOST_MS
from protocol import codes, reasons


class Requests(states.States):
    """Handle each event `name` in `_on_name`; `known` answers `invite in known`, who records invites keeps it."""

    def __init__(self, policy: object, known: object, now_ms: int) -> None:
        super().__init__(policy, now_ms)
        self._known = known

    def _on_linked(self, now_ms: int) -> None:
        self._linked = True
        self._tell()

    def _on_unlinked(self, now_ms: int) -> None:
        self._linked = False

    def _on_started(self, now_ms: int) -> None:
        self._rest(now_ms)

    def _on_faulted(self, now_ms: int, why: int) -> None:
        """Stop for good: only a power cycle leaves FAULT."""
        if not self._why:
            self._why = why
            self._enter(states.FAULT, now_ms)

    def _on_room_changed(self, now_ms: int, events: int) -> None:
        """Refuse invites while there is no room for a whole rating."""
        full = events <= 0
        if full != self._full:
            self._full = full
            if self.state in states.RESTING or self.state == states.FULL:
                self._rest(now_ms)

    def _on_updating(self, now_ms: int, on: bool) -> None:
        """Begin or end the exchange of the program; it begins only while nobody is served."""
        self._updating = on
        if self.state in states.RESTING or self.state in (states.PAUSED, states.UPDATING):
            self._rest(now_ms)

    def _on_unrecorded(self, now_ms: int) -> None:
        """Take back an invite for which there was no room after all: nobody has been told of it."""
        if self.state == states.INVITED:
            self._full = True
            self._until = None
            self.state = states.NO_CLERK
            self._rest(now_ms)

    def _on_invited(
        self, now_ms: int, request: int, invite: bytes, age_ms: int, ttl_ms: int, timeout_ms: int, origin: int, qr: str
    ) -> None:
        """Open an invite once; say why not otherwise."""
        if self.state == states.INVITED and invite == self.invite:
            self._reply(request, reasons.OK)
            return
        reason = reasons.INVITE_ENDED if invite in self._known else self._refusal()
        if reason == reasons.OK:
            reason = self._refusal_of(age_ms, ttl_ms, timeout_ms, origin)
        if reason == reasons.OK:
            self._open(invite, origin, timeout_ms or self.policy.ms("invite_ms"), qr, request, now_ms)
        else:
            self._reply(request, reason)

    def _refusal(self) -> int:
        """Return why no invite at all can be opened, or OK."""
        if self._why:
            return reasons.FAULT
        if self._updating:
            return reasons.BUSY
        if self._paused or self._pause_wanted:
            return reasons.PAUSED
        return reasons.FULL if self._full else reasons.OK

    def _refusal_of(self, age_ms: int, ttl_ms: int, timeout_ms: int, origin: int) -> int:
        """Return why this invite cannot be opened now, or OK."""
        if age_ms > ttl_ms:
            return reasons.INVITE_EXPIRED
        if self.state == states.INVITED:
            return reasons.INVITE_OPEN
        if self.clerk is None and self.policy["no_clerk"] == "refuse":
            return reasons.NO_CLERK
        if origin not in (codes.ORIGIN_COUNTER, codes.ORIGIN_CLERK_PAGE) or (
            timeout_ms and not INVITE_LEAST_MS <= timeout_ms <= INVITE_MOST_MS
        ):
            return reasons.OUT_OF_RANGE
        return reasons.OK

    def _on_cancelled(self, now_ms: int, request: int, invite: bytes) -> None:
        """End an open invite that nobody has rated; after the first press the answer is RATED."""
        if self.state == states.INVITED and invite == self.invite:
            self._end(codes.CANCELLED)
            self._ticket = None
            self._reply(request, reasons.OK)
            self._rest(now_ms)
            return
        last, outcome = self._last
        if invite == last and outcome == codes.RATED:
            self._reply(request, reasons.RATED)
        elif invite == last and outcome == codes.CANCELLED:
            self._reply(request, reasons.OK)
        else:
            self._reply(request, reasons.INVITE_ENDED if invite in self._known else reasons.NO_INVITE)

    def _on_clerk_set(self, now_ms: int, request: int, clerk: dict | None) -> None:
        """Log a clerk in, or out with None; an open invite stays with the citizen."""
        changed = clerk != self.clerk
        self.clerk = clerk
        self._reply(request, reasons.OK)
        if not changed:
            return
        self._ticket = None
        if self.choosing():
            self._enter(states.THANKS, now_ms, "thanks_ms")
        elif self.state in states.RESTING:
            self._rest(now_ms)

    def _on_served(self, now_ms: int, request: int, ticket: str) -> None:
        """Show the ticket that was called; it ends what the citizen before did not use."""
        reason = self._refusal()
        if reason == reasons.OK and self.state == states.INVITED:
            reason = reasons.INVITE_OPEN
        elif reason == reasons.OK and self.clerk is None:
            reason = reasons.NO_CLERK
        self._reply(request, reason)
        if reason == reasons.OK:
            self._ticket = ticket
            self._code_until = now_ms
            self._rest(now_ms)
            if self.policy["greeting"]:
                self._say("greeting")

    def _on_paused(self, now_ms: int, request: int, wanted: bool) -> None:
        """Pause or resume; an open invite is not taken from the citizen: the pause waits for its end."""
        self._pause_wanted = wanted
        waits = self.state in (states.INVITED, states.FAULT)
        if not waits:
            self._settle_pause()
        self._reply(request, reasons.OK)
        if not waits and wanted != (self.state == states.PAUSED):
            self._rest(now_ms)

    def _on_noticed(self, now_ms: int, request: int, text: str) -> None:
        self._notice = text
        self._reply(request, reasons.OK)
        if self.state == states.NO_CLERK:
            self._show()

    def _on_configured(self, now_ms: int, request: int, values: dict) -> None:
        self._reply(request, self.policy.change(values))

    def _on_queried(self, now_ms: int, request: int, rated: dict | None) -> None:
        """Tell the state; of a terminal that reveals, the last rating too, and whether it may still change."""
        detail = {"state": self.state, "paused": self._paused, "wanted": self._pause_wanted}
        if rated:
            detail["rated"] = dict(rated)
            detail["rated"]["final"] = not (self.choosing() and rated["invite"] == self.invite)
        self._reply(request, reasons.OK, detail)
