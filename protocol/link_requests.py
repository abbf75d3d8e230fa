"""The agent's requests: one at a time, in order, sent again with the same id until the reply comes."""

from protocol import messages
from protocol.errors import MessageError
from protocol.link_timer import Rto

GIVE_UP_MS = 10000  # after the first sending
RETRY_CAP_MS = 1000  # one small frame is outstanding at most: no reason to wait longer
WAITING = 64  # more are refused: nobody asks so much of one terminal

_IDS = 255
_MAX_AGE_MS = 0xFFFFFFFF  # an age has 32 bits; what is older than 49 days is just old


class Requests:
    """A queue of requests to one terminal."""

    def __init__(self) -> None:
        self.rto = Rto(RETRY_CAP_MS)
        self.resent = 0
        self._waiting = []  # (id, type, fields, ms when it was asked for)
        self._last_id = 0
        self._tries = 0  # of the first in the queue
        self._first_ms = 0
        self._sent_ms = 0
        self._due = False

    @property
    def is_full(self) -> bool:
        """Tell whether `add` would refuse."""
        return len(self._waiting) >= WAITING

    def add(self, type_: int, fields: dict, now_ms: int) -> int:
        """Queue a request and return its id; MessageError if it is none, does not fit, or too many wait."""
        if not messages.is_request(type_):
            raise MessageError(f"{messages.name(type_)} is no request")
        messages.encode(type_, fields)
        if self.is_full:
            raise MessageError(f"{WAITING} requests are waiting already")
        self._last_id = self._last_id % _IDS + 1
        self._waiting.append((self._last_id, type_, fields, now_ms))
        if len(self._waiting) == 1:
            self._start()
        return self._last_id

    def take(self, now_ms: int) -> tuple | None:
        """Return (type, id, body) to send now, or None."""
        if not self._due:
            return None
        self._due = False
        id_, type_, fields, asked_ms = self._waiting[0]
        if not self._tries:
            self._first_ms = now_ms
        else:
            self.resent += 1
        self._tries += 1
        self._sent_ms = now_ms
        return type_, id_, messages.encode(type_, _aged(type_, fields, now_ms - asked_ms))

    def left(self, now_ms: int) -> None:
        """Note that the request is wholly on the line: its time runs from here."""
        self._sent_ms = now_ms

    def replied(self, id_: int, now_ms: int) -> bool:
        """Take a reply; False if nobody waits for it."""
        if not self._waiting or not self._tries or self._waiting[0][0] != id_:
            return False
        if self._tries == 1:  # Karn: of several copies nobody knows which was answered
            self.rto.sample(now_ms - self._sent_ms)
        self._next()
        return True

    def deadline_ms(self) -> int | None:
        """Return when `expire` is due; None while nothing awaits a reply."""
        if not self._waiting or self._due:
            return None
        return min(self._sent_ms + self.rto.rto_ms, self._first_ms + GIVE_UP_MS)

    def expire(self, now_ms: int) -> int | None:
        """Send the request again, or give it up and return its id."""
        if now_ms - self._first_ms >= GIVE_UP_MS:
            id_ = self._waiting[0][0]
            self._next()
            return id_
        self.rto.expired()
        self._due = True
        return None

    def drop_all(self) -> list:
        """Return the ids of all that will not be answered any more, and forget them."""
        ids = [waiting[0] for waiting in self._waiting]
        self._waiting = []
        self._due = False
        return ids

    def _next(self) -> None:
        self._waiting.pop(0)
        self._due = False
        if self._waiting:
            self._start()

    def _start(self) -> None:
        self._tries = 0
        self._due = True


def _aged(type_: int, fields: dict, waited_ms: int) -> dict:
    """Return the fields as they are true after waiting: an invite's age and the time of day have moved on."""
    if type_ == messages.INVITE:
        aged = dict(fields)
        aged["age_ms"] = min(aged["age_ms"] + waited_ms, _MAX_AGE_MS)
        return aged
    if type_ == messages.TIME:
        return {"utc_ms": fields["utc_ms"] + waited_ms}
    return fields
