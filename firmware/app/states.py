"""Name the states of a terminal and hold what every change of state has in common."""

from app import fields as f
from protocol import codes, reasons

NO_CLERK = "no_clerk"
IDLE = "idle"
SERVING = "serving"
INVITED = "invited"
CHOSEN = "chosen"
OFFER = "offer"
BUSINESS = "business"
SERVICE = "service"
TAGS = "tags"
THANKS = "thanks"
UNRATED = "unrated"
NOT_INVITED = "not_invited"
PAUSED = "paused"
FAULT = "fault"
FULL = "full"
UPDATING = "updating"

OPEN = (INVITED, CHOSEN)  # the overall level can be pressed
SUB = (BUSINESS, SERVICE)
OPTIONAL = (OFFER, BUSINESS, SERVICE, TAGS)  # what follows the overall level
RESTING = (NO_CLERK, IDLE, SERVING)

ALL_KEYS = 0x1F  # lamps, bit 0 for key 1
LANGUAGES = ("zh", "en", "ko")  # the first one is the default


class States:
    """Hold the state, the invite, and what the clerk's side asked for; write effects to `_out`."""

    def __init__(self, policy: object, now_ms: int) -> None:
        self.policy = policy
        self.state = NO_CLERK
        self.invite = None
        self.clerk = None
        self._out = []
        self._ticket = self._notice = self._qr = None
        self._linked = self._paused = self._pause_wanted = self._full = self._updating = False
        self._why = 0
        self._entered_at = now_ms
        self._until = self._hide_at = self._say_at = None
        self._origin = self._timeout_ms = self._opened_at = 0
        self._changes = self._level = self._dwell = 0
        self._extended = self._level_hidden = False
        self._lit = 0
        self._input = codes.INPUT_KEY
        self._language = LANGUAGES[0]
        self._stuck_keys = []
        self._code_until = now_ms  # the code for a text stays that long beside the staff card
        self._code_shown = False
        self._last = (None, 0)  # the latest invite with an outcome, and that outcome

    def choosing(self) -> bool:
        """Return whether a rating may still change: an event of anything else would settle it."""
        return self.state == CHOSEN or self.state in OPTIONAL

    def _open(
        self, invite: bytes, origin: int, timeout_ms: int, qr: str | None, request: int | None, now_ms: int
    ) -> None:
        """Open an invite: durable, then answered, then shown."""
        self.invite, self._origin, self._qr = invite, origin, qr
        self._timeout_ms, self._opened_at, self._until = timeout_ms, now_ms, now_ms + timeout_ms
        self._changes = self._level = self._dwell = 0
        self._forget_details()
        self._extended = self._code_shown = False
        self._code_until = now_ms
        self._hide_at = None
        self._say_at = now_ms + timeout_ms // 2
        self._out.append(("record_invite", invite, origin))
        if request is not None:
            self._reply(request, reasons.OK)
        self._enter(INVITED, now_ms)
        self._say("invite")

    def _end(self, outcome: int) -> None:
        """Seal the one outcome of an invite that was not rated."""
        self._seal(outcome, {})

    def _seal(self, kind: int, fields: dict) -> None:
        """Seal an event of the invite with what is known of it."""
        fields[f.INPUT] = self._input
        fields[f.LANG] = self._language
        fields[f.ORIGIN] = self._origin
        self._last = (self.invite, kind)
        self._out.append(("seal", kind, self.invite, fields))

    def _reply(self, request: int, reason: int, detail: dict | None = None) -> None:
        self._out.append(("reply", request, reason, detail))

    def _enter(self, state: str, now_ms: int, time_key: str | None = None) -> None:
        """Change the state; `time_key` names the policy's time after which it ends by itself."""
        self.state = state
        self._entered_at = now_ms
        if state != INVITED:
            self._say_at = None
        if state not in OPEN:
            self._hide_at = None
            self._until = None if time_key is None else now_ms + self.policy.ms(time_key)
        if state in (THANKS, UNRATED):
            self._ticket = None
        elif state not in OPEN and state not in OPTIONAL:
            self.invite = None
        self._light()
        self._show()
        self._tell()

    def _light(self) -> None:
        """Light the keys that count now."""
        lamps = self._usable()
        if lamps != self._lit:
            self._lit = lamps
            self._out.append(("lamps", lamps))

    def _rest(self, now_ms: int) -> None:
        """Go to the state that holds when nothing is going on, in the default language."""
        self._settle_pause()
        self._speak(LANGUAGES[0])
        state = self._resting()
        self._code_shown = state == IDLE and self._qr is not None and now_ms < self._code_until
        self._enter(state, now_ms)
        if self._code_shown:
            self._until = self._code_until

    def _speak(self, language: str) -> None:
        if language != self._language:
            self._language = language
            self._out.append(("language", language))

    def _resting(self) -> str:
        if self._why:
            return FAULT
        if self._updating:
            return UPDATING
        if self._paused:
            return PAUSED
        if self._full:
            return FULL
        if self.clerk is None:
            return NO_CLERK
        return SERVING if self._ticket is not None else IDLE

    def _say(self, prompt: str) -> None:
        self._out.append(("say", prompt, self._language))

    def _keep_code(self, now_ms: int) -> None:
        """Let the code for a text stay for a while after the rating."""
        self._code_until = now_ms + self.policy.ms("unrated_ms")

    def _settle_pause(self) -> None:
        """Make the wanted pause or resumption true, once, with its event."""
        if self._pause_wanted != self._paused and not self._why:
            self._paused = self._pause_wanted
            self._out.append(("seal", codes.PAUSED if self._paused else codes.RESUMED, None, {}))

    def _tell(self) -> None:
        self._out.append(("state", self.state, self.invite))

    def _show(self) -> None:
        self._out.append(("show", self.state, self._view()))

    def _view(self) -> dict:
        """Return what the screen of the present state needs to know."""
        if self.state == INVITED:
            return {"until_ms": self._until, "stuck": bool(self._stuck_keys)}
        if self.state == CHOSEN:
            return {"until_ms": self._until, "level": 0 if self._level_hidden else self._level}
        if self.state in OPTIONAL:
            return self._detail_view()
        if self.state == THANKS:
            declined = self._last[1] == codes.DECLINED
            return {"declined": declined, "qr": None if declined else self._qr}
        if self.state in (IDLE, SERVING):
            return {"clerk": self.clerk, "ticket": self._ticket, "qr": self._qr if self._code_shown else None}
        if self.state == NO_CLERK:
            return {"notice": self._notice}
        if self.state == UNRATED:
            return {"qr": self._qr or self.policy["qr"]}
        return {"qr": self.policy["qr"], "why": self._why}
