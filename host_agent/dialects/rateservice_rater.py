"""Is the rater of one window at the hall's own RateService: logs in, takes what is pushed, submits. Sans-IO.

    LOGGING_IN ──answer 0──▶ READY ──RateQuest, RateOperate──▶ READY        a HeartBeat each 30 s, else lost
Promise: nothing pushed before the login is answered with anything but "not logged in".
Events: ("ready",) · ("refused", code) the login · ("quest", Quest) · ("operate", operation) · ("submitted", code) ·
("lost", reason) the connection is of no more use.
"""

from typing import Any

from host_agent.dialects import rateservice_message as message
from host_agent.dialects.rateservice_message import Reply, Request

HEARTBEAT_MS = 30_000
ANSWER_MS = 10_000


class RaterSession:
    """Speak over one connection; `now_ms` is monotonic."""

    def __init__(self, win_num: str, user_code: str, now_ms: int) -> None:
        """Log in."""
        self._ready = False
        self._answer_by_ms: int | None = now_ms + ANSWER_MS
        self._beat_ms = now_ms + HEARTBEAT_MS
        self._out = [message.call(message.LOGIN, {"winNum": win_num, "userCode": user_code})]
        self.malformed = 0

    def receive(self, text: str | bytes, now_ms: int, day: str) -> list[tuple]:
        """Take a message; `day` is today's name."""
        try:
            found = message.parse(text)
            if isinstance(found, Reply):
                return self._answered(found, now_ms)
            return self._called(found, day)
        except message.MalformedMessage as error:
            self.malformed += 1
            self._out.append(message.answer(error.method, message.UNKNOWN, str(error)))
            return []

    def answer(self, method: str, code: str, result: Any = None) -> None:
        """Answer a pushed call."""
        self._out.append(message.answer(method, code, result))

    def tick(self, now_ms: int) -> list[tuple]:
        """Send a HeartBeat when it is due; give a silent service up."""
        if self._answer_by_ms is not None and now_ms >= self._answer_by_ms:
            return [("lost", "the RateService does not answer")]
        if now_ms >= self._beat_ms:
            self._beat_ms = now_ms + HEARTBEAT_MS
            self._answer_by_ms = self._answer_by_ms or now_ms + ANSWER_MS
            self._out.append(message.call(message.HEARTBEAT, {}))
        return []

    def deadline_ms(self) -> int:
        """Return when `tick` has something to do."""
        return self._beat_ms if self._answer_by_ms is None else min(self._beat_ms, self._answer_by_ms)

    def take_output(self) -> list[str]:
        """Return what must be sent."""
        out, self._out = self._out, []
        return out

    def _answered(self, found: Reply, now_ms: int) -> list[tuple]:
        self._answer_by_ms = None
        self._beat_ms = now_ms + HEARTBEAT_MS
        if found.request == message.LOGIN and not self._ready:
            if found.code != message.OK:
                return [("refused", found.code)]
            self._ready = True
            return [("ready",)]
        if found.code == message.NO_LOGIN:
            return [("lost", "the RateService has forgotten the login")]
        return [("submitted", found.code)] if found.request == message.SUBMIT else []

    def _called(self, found: Request, day: str) -> list[tuple]:
        if found.method == message.HEARTBEAT:
            self.answer(message.HEARTBEAT, message.OK)
        elif found.method not in (message.QUEST, message.OPERATE):
            self.answer(found.method, message.UNKNOWN, "this method is unknown")
        elif not self._ready:
            self.answer(found.method, message.NO_LOGIN, "no login yet")
        elif found.method == message.QUEST:
            return [("quest", message.quest_of(found, day))]
        else:
            return [("operate", message.operation_of(found))]
        return []
