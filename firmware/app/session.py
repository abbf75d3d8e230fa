"""Decide what a terminal does. Pure: events and the time in, effects and a deadline out.

    NO_CLERK ⇄ IDLE → SERVING          a clerk logs in and out, a ticket is called
        └───────┴────────┴─ invite ─▶ INVITED ─ press ────▶ CHOSEN ⟲ change ─ expiry ─▶ details.py ─▶ THANKS ─▶ IDLE
                                       ├─ function ─▶ THANKS (declined)
                                       ├─ timeout ──▶ UNRATED ─▶ IDLE
                                       └─ cancel ───▶ IDLE
    a press without invite ─▶ NOT_INVITED ─▶ back;  PAUSED, FULL and FAULT stand in for NO_CLERK, IDLE and SERVING

Promises: a press, an outcome and an invite are durable before anything shows or answers them (effects are carried out
in order, "seal" and "record_invite" first). An invite has one outcome and is never opened again. Nothing that comes
over the link discards a press, not even one that was told a moment before it.

Events: ("key_down"|"key_up", key, at_ms) · ("tapped", key, at_ms), ("felt", at_ms), ("lain_on"|"taken_off", key)
    of a glass · ("started",) · ("linked",) · ("unlinked",) · ("room_changed", events) · ("unrecorded",) ·
    ("faulted", why) · ("updating", on) · ("ticked",) and, each with its request id first,
    ("invited", id, invite, age_ms, ttl_ms, timeout_ms, origin, qr) · ("cancelled", id, invite) ·
    ("clerk_set", id, clerk) · ("served", id, ticket) · ("paused", id, flag) · ("noticed", id, text) ·
    ("configured", id, values) · ("queried", id, rated)
Effects: ("seal", kind, invite, fields) · ("record_invite", invite, origin) · ("reply", id, reason, detail) ·
    ("lamps", bits) · ("tone", name) · ("show", state, view) · ("state", state, invite) · ("language", name) ·
    ("say", prompt, language)
"""

from app import fields, keys, states
from app.details import CHANGES_MAX, Details
from protocol import codes, reasons
from protocol.uninvited import Uninvited

HIDE_MS = 2_000  # the next in the queue must not read the level off the screen
DEFERRED_MAX = 8  # requests that wait, at most keys.CHORD_MS, for a press that came first
STUCK_REPORT_MS = 3_600_000
LANGUAGE_MS = 60_000


class Session(Details):
    """Be the state machine of one terminal; `new_invite` makes ids for the clerk's key."""

    def __init__(
        self, policy: object, known: object, now_ms: int, new_invite: object | None = None, tags: object | None = None
    ) -> None:
        super().__init__(policy, known, now_ms, tags)
        self.uninvited = Uninvited()
        self._keys = keys.KeyRules()
        self._deferred = []
        self._new_invite = new_invite
        self._stuck_at = {}

    def held(self, key: int, now_ms: int) -> None:
        """Note a key found down at start; it makes no press."""
        self._keys.held(key, now_ms)

    def handle(self, event: tuple, now_ms: int) -> list:
        """Take one event; return the effects to carry out, in order."""
        self._out = []
        name = event[0]
        if name == "key_down" or name == "key_up":
            # As of its edge, however late it is told: one more edge may follow that makes it no press. A tick decides.
            self._advance(event[2])
            found = self._keys.down(event[1], event[2]) if name == "key_down" else self._keys.up(event[1], event[2])
            self._contact(found, now_ms)
            return self._out
        self._advance(now_ms)
        if name != "ticked":
            if self._keys.waiting_since() is not None and len(self._deferred) < DEFERRED_MAX:
                self._deferred.append(event)
            else:
                self._apply(event, now_ms)
            self._advance(now_ms)
        return self._out

    def deadline_ms(self) -> int | None:
        """Return when ("ticked",) has something to do, ms, or None."""
        by_keys, by_state = self._keys.deadline_ms(), self._timer()
        if by_keys is None or (by_state is not None and by_state < by_keys):
            waiting = self._keys.waiting_since()
            # A press whose edge came before the timer is decided first.
            return by_state if waiting is None or by_state is None or waiting > by_state else by_keys
        return by_keys

    def _apply(self, event: tuple, now_ms: int) -> None:
        getattr(self, "_on_" + event[0])(now_ms, *event[1:])

    def _advance(self, now_ms: int) -> None:
        """Carry out all that became due, in the order in which it happened."""
        while True:
            due, pressed_at = self._timer(), self._keys.waiting_since()
            if pressed_at is not None and (due is None or pressed_at <= due):
                if now_ms < pressed_at + keys.CHORD_MS:
                    return
            elif due is not None and due <= now_ms:
                self._expire(now_ms)
                continue
            found = self._keys.due(now_ms)
            if not found:
                return
            self._contact(found, now_ms)

    def _timer(self) -> int | None:
        first = self._until
        for at in (self._hide_at, self._say_at):
            if at is not None and (first is None or at < first):
                first = at
        return first

    def _expire(self, now_ms: int) -> None:
        """Say the request again, hide the level or leave the state, whichever is due."""
        if self._say_at is not None and self._timer() == self._say_at:
            self._say_at = None
            self._say("invite")
        elif self._hide_at is not None and self._timer() == self._hide_at:
            self._hide_at = None
            self._level_hidden = True
            self._show()
        elif self.state == states.INVITED:
            self._end(codes.TIMED_OUT)
            self._enter(states.UNRATED, now_ms, "unrated_ms")
        elif self.state == states.CHOSEN:
            self._after_choice(now_ms)
        elif self.state in states.OPTIONAL:
            self._detail_expired(now_ms)
        else:
            self._rest(now_ms)

    def _contact(self, found: list, now_ms: int) -> None:
        """Act on what the key rules found, then on the requests that waited for it."""
        for item in found:
            name = item[0]
            if name == "pressed":
                self._pressed(item[1], item[2], now_ms)
            elif name == "function":
                self._function(item[1], now_ms)
            elif name == "clerk":
                self._invited_by_key(now_ms)
            elif name == "stuck":
                self._stuck(item[1], now_ms)
            elif name == "freed":
                self._freed(item[1])
            elif name == "searching":
                self._searched(item[1])
            else:
                self._touched(item[1])
        while self._deferred and self._keys.waiting_since() is None:
            self._apply(self._deferred.pop(0), now_ms)

    def _on_tapped(self, now_ms: int, key: int, at_ms: int) -> None:
        """Take a tap on the glass: certain when it is told, unlike a key."""
        self._input = codes.INPUT_TOUCH
        self._pressed(key, at_ms, now_ms)
        self._input = codes.INPUT_KEY

    def _on_felt(self, now_ms: int, at_ms: int) -> None:
        self._touched(at_ms)

    def _on_lain_on(self, now_ms: int, key: int) -> None:
        self._stuck(key, now_ms)

    def _on_taken_off(self, now_ms: int, key: int) -> None:
        self._freed(key)

    def _guarded(self, at_ms: int) -> bool:
        """Return whether a press at `at_ms` was aimed at the page before."""
        return at_ms < self._entered_at + self.policy.ms("guard_ms")

    def _pressed(self, key: int, at_ms: int, now_ms: int) -> None:
        """Take a press of a level key."""
        if self.state == states.CHOSEN:
            if self._changes < CHANGES_MAX:
                self._choose(key, at_ms, now_ms)
        elif self.state == states.INVITED:
            if self._guarded(at_ms):
                self._touched(at_ms)
            else:
                self._dwell = at_ms - self._opened_at
                self._choose(key, at_ms, now_ms)
        elif self.state in states.OPTIONAL:
            self._detail_pressed(key, at_ms, now_ms)
        elif not (self.state in (states.THANKS, states.UNRATED) and self._guarded(at_ms)):
            self._pressed_uninvited(at_ms, now_ms)

    def _choose(self, key: int, at_ms: int, now_ms: int) -> None:
        """Seal the level, then show it: the first press and each change alike."""
        self._level = codes.level_of_key(key)
        self._seal_rating()
        change_ms = self.policy.ms("change_ms")
        if change_ms == 0:
            self._after_choice(now_ms)
            return
        self._until, self._hide_at = at_ms + change_ms, at_ms + HIDE_MS
        self._level_hidden = False
        if self.state == states.CHOSEN:
            self._show()
        else:
            self._enter(states.CHOSEN, now_ms)

    def _function(self, at_ms: int, now_ms: int) -> None:
        """Take the function control: before the first press it declines, after it goes on."""
        if self.state in states.OPTIONAL:
            if not self._guarded(at_ms):
                self._go_on(now_ms)
            return
        if self.state in states.RESTING:
            self._change_language(now_ms)
        if self.state != states.INVITED:
            return
        if self._guarded(at_ms):
            self._touched(at_ms)
            return
        self._end(codes.DECLINED)
        self._out.append(("tone", "press"))
        self._enter(states.THANKS, now_ms, "thanks_ms")

    def _change_language(self, now_ms: int) -> None:
        """Speak the next language until the service ends, or nobody came for LANGUAGE_MS."""
        index = states.LANGUAGES.index(self._language) + 1
        self._speak(states.LANGUAGES[index % len(states.LANGUAGES)])
        self._until = now_ms + LANGUAGE_MS
        self._show()

    def _searched(self, at_ms: int) -> None:
        """Read the labels aloud to who holds the function control: nothing is rated."""
        self._touched(at_ms)
        if self.state in states.OPEN or self.state in states.SUB:
            self._say("labels")

    def _touched(self, at_ms: int) -> None:
        """Extend an open invite, once: somebody is there and slow."""
        if self.state == states.INVITED and not self._extended:
            self._extended = True
            self._until = at_ms + self._timeout_ms
            self._show()

    def _pressed_uninvited(self, at_ms: int, now_ms: int) -> None:
        if self.state == states.FAULT:
            return
        count = self.uninvited.pressed(at_ms)
        if count:
            self._out.append(("seal", codes.UNINVITED, None, {fields.N: count}))
        if self.state in states.RESTING or self.state == states.NOT_INVITED:
            self._enter(states.NOT_INVITED, now_ms, "not_invited_ms")

    def _invited_by_key(self, now_ms: int) -> None:
        """Open an invite of the terminal's own, where the policy allows it."""
        policy = self.policy["local_invite"]
        allowed = policy == "always" or (policy == "offline" and not self._linked)
        if not allowed or self._new_invite is None or self.state == states.INVITED or self._refusal() != reasons.OK:
            self._out.append(("tone", "refused"))
            return
        self._open(self._new_invite(), codes.ORIGIN_CLERK_KEY, self.policy.ms("invite_ms"), None, None, now_ms)

    def _stuck(self, key: int, now_ms: int) -> None:
        """Say so while it is stuck; report it at most once an hour."""
        if self.state == states.FAULT:
            return
        if key not in self._stuck_keys:
            self._stuck_keys.append(key)
        if self.state == states.INVITED:
            self._show()
        reported = self._stuck_at.get(key)
        if reported is None or now_ms - reported >= STUCK_REPORT_MS:
            self._stuck_at[key] = now_ms
            self._out.append(("seal", codes.FAULT, None, {fields.WHY: reasons.WHY_KEY_STUCK, fields.N: key}))

    def _freed(self, key: int) -> None:
        """Count on a key again that was stuck."""
        if key in self._stuck_keys:
            self._stuck_keys.remove(key)
            if self.state == states.INVITED:
                self._show()
