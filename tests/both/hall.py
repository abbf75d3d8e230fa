"""A hall for the session machine: a citizen, an agent and a journal that only remembers. No clock of its own."""

from app import fields
from app.policy import Policy
from app.session import Session
from protocol import rating, reasons

CLERK = {"number": "007", "name": "李明", "post": "综合受理", "stars": 4}
SHORT = 120  # ms a key is held


def invite_id(n: int) -> bytes:
    """Return the n-th invite id."""
    return n.to_bytes(16, "big")


class Hall:
    """Carry out effects as the terminal does, and keep what came of them."""

    def __init__(
        self,
        logged_in: bool = True,
        policy: dict | None = None,
        own_code: str | None = None,
        tags: object | None = None,
    ) -> None:
        self.now = 1_000
        self.known = set()
        self.sealed = []  # (kind, invite, fields)
        self.replies = []  # (request, reason, detail)
        self.shown = []  # (state, view)
        self.tones = []
        self.told = []  # (state, invite)
        self.lit = False
        self.lamps = 0
        self.language = "zh"
        self.said = []  # (prompt, language)
        self.effects = []
        self._requests = 0
        self._local = 1_000_000
        wanted = dict(policy or {})
        wanted.setdefault("detail", "off")  # what may follow the level has its own tests
        values = Policy(own_code)
        assert values.change(wanted) == reasons.OK
        self.session = Session(values, self.known, self.now, self._new_invite, tags)
        self.give("started")
        if logged_in:
            assert self.ask("clerk_set", CLERK) == reasons.OK

    def _new_invite(self) -> bytes:
        self._local += 1
        return invite_id(self._local)

    def give(self, *event: object) -> list:
        """Let the session handle an event now; return its effects."""
        effects = self.session.handle(event, self.now)
        self.effects = effects
        for effect in effects:
            self._carry_out(effect)
        return effects

    def _carry_out(self, effect: tuple) -> None:
        name = effect[0]
        if name == "seal":
            self.sealed.append(effect[1:])
        elif name == "record_invite":
            self.known.add(effect[1])
        elif name == "reply":
            self.replies.append(effect[1:])
        elif name == "show":
            self.shown.append(effect[1:])
        elif name == "tone":
            self.tones.append(effect[1])
        elif name == "say":
            self.said.append(effect[1:])
        elif name == "language":
            self.language = effect[1]
        elif name == "lamps":
            self.lamps = effect[1]
            self.lit = self.lamps != 0
        else:
            assert name == "state", name
            self.told.append(effect[1:])

    def ask(self, name: str, *values: object) -> int | None:
        """Send a request of the agent's; return the reason of its reply, None while it waits."""
        self._requests += 1
        self.give(name, self._requests, *values)
        return self.reason(self._requests)

    def reason(self, request: int) -> int | None:
        """Return the reason that answered a request, or None."""
        found = [reply[1] for reply in self.replies if reply[0] == request]
        assert len(found) <= 1
        return found[0] if found else None

    def last_request(self) -> int:
        """Return the id of the request sent last."""
        return self._requests

    def invite(self, n: int = 1, age_ms: int = 0, timeout_ms: int = 0, origin: int = 1, qr: str | None = None) -> int:
        """Invite for the n-th time; return the reason of the reply."""
        return self.ask("invited", invite_id(n), age_ms, 10_000, timeout_ms, origin, qr)

    def wait(self, ms: int) -> None:
        """Let time pass; the session is woken at its deadlines only."""
        end = self.now + ms
        while True:
            due = self.session.deadline_ms()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.give("ticked")
            later = self.session.deadline_ms()
            assert later is None or later > self.now, "a deadline that stays due"
        self.now = end

    def down(self, key: int) -> None:
        """Let a key go down."""
        self.give("key_down", key, self.now)

    def up(self, key: int) -> None:
        """Let a key come up."""
        self.give("key_up", key, self.now)

    def press(self, key: int, hold_ms: int = SHORT) -> None:
        """Press a key and let it go."""
        self.down(key)
        self.wait(hold_ms)
        self.up(key)

    def open(self, n: int = 1, **more: object) -> None:
        """Invite and let the guard time pass."""
        assert self.invite(n, **more) == reasons.OK
        self.wait(701)

    @property
    def state(self) -> str:
        """Return the session's state."""
        return self.session.state

    def levels(self, n: int = 1) -> list:
        """Return the levels sealed for the n-th invite, in order."""
        return [f[fields.LEVEL] for kind, invite, f in self.sealed if kind == rating.RATED and invite == invite_id(n)]

    def kinds(self) -> list:
        """Return the kinds sealed, in order."""
        return [kind for kind, _, _ in self.sealed]
