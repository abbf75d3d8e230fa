"""Speaks RateService with one old counter software that has connected to this agent. Sans-IO.

    NO_LOGIN ──Login──▶ LOGGED_IN ──another connection logs in at the window──▶ NO_LOGIN
Promise: each call has exactly one answer; nothing is ordered before a Login that the written tables know.
"""

from collections.abc import Mapping

import attrs

from host_agent.dialects import rateservice_message as message
from host_agent.dialects.rateservice_message import Quest, Request


@attrs.frozen
class Order:
    """Hold what the agent must do before the call is answered."""

    method: str
    window: str
    clerk: str | None = None
    quest: Quest | None = None
    operation: str | None = None


@attrs.frozen
class Acknowledged:
    """Hold the other side's answer to a RateSubmit."""

    code: str


class Session:
    """Serve one connection."""

    def __init__(self, win_nums: Mapping[str, str], user_codes: Mapping[str, str]) -> None:
        """Start without login; an empty `user_codes` takes the userCode itself for the clerk's number."""
        self._win_nums = win_nums
        self._user_codes = user_codes
        self.window: str | None = None

    def receive(self, text: str | bytes, day: str) -> str | Order | Acknowledged:
        """Take a message; return the answer, or what to do before `done` gives it. `day` is today's name."""
        try:
            found = message.parse(text)
            return self._call(found, day) if isinstance(found, Request) else Acknowledged(found.code)
        except message.MalformedMessage as error:
            return message.answer(error.method, message.UNKNOWN, str(error))

    def done(self, order: Order, refusal_code: str | None, sentence: str = "") -> str:
        """Return the answer to a call whose order was carried out, or refused by a code of the API."""
        if refusal_code is None:
            if order.method == message.LOGIN:
                self.window = order.window
            result = {"rateId": order.quest.rate_id, "state": "open"} if order.quest is not None else None
            return message.answer(order.method, message.OK, result)
        code = message.refusal_code(refusal_code)
        if order.method == message.LOGIN and refusal_code == "bad_request":
            code = message.WRONG_USER
        return message.answer(order.method, code, f"{refusal_code}: {sentence}")

    def _call(self, request: Request, day: str) -> str | Order:
        if request.method == message.HEARTBEAT:
            return message.answer(message.HEARTBEAT, message.OK)
        if request.method == message.LOGIN:
            return self._login(request)
        if request.method not in (message.QUEST, message.OPERATE, message.SUBMIT):
            return message.answer(request.method, message.UNKNOWN, "this method is unknown")
        if self.window is None:
            return message.answer(request.method, message.NO_LOGIN, "log in first")
        if request.method == message.QUEST:
            return Order(message.QUEST, self.window, quest=message.quest_of(request, day))
        if request.method == message.OPERATE:
            return Order(message.OPERATE, self.window, operation=message.operation_of(request))
        return message.answer(message.SUBMIT, message.NOT_ALLOWED, "only the terminal submits ratings")

    def _login(self, request: Request) -> str | Order:
        win_num, user_code = message.login_of(request)
        window = self._win_nums.get(win_num)
        clerk = self._user_codes.get(user_code) if self._user_codes else user_code
        if window is None or clerk is None:
            wrong = "winNum" if window is None else "userCode"
            return message.answer(message.LOGIN, message.WRONG_USER, f"{wrong} is in no table of this agent")
        return Order(message.LOGIN, window, clerk=clerk)
