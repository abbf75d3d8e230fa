"""Holds the quests of one window whose end the other side of RateService does not know yet, and tells it.

Promise: a level is fetched from the terminal each time it is sent and never kept; a quest is told in its own words
(rateId), so that no rating is taken for another citizen's; what cannot be sent now is sent after the next login.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from host_agent.dialects import rateservice_message as message
from host_agent.dialects.evaluation import RATED, Desk
from host_agent.dialects.rateservice_message import Quest
from host_agent.refusal import Refusal

# One is open at a window; those before it wait for their acknowledgement.
LIMIT = 4
# Sends a text; False when nobody is logged in.
Send = Callable[[str], Awaitable[bool]]


class DueQuests:
    """Take the quests of one window to their ends; belongs to the event loop."""

    def __init__(self, desk: Desk, scores: dict[int, int], send: Send, tells_all: bool) -> None:
        """Start with none; `tells_all`: an end without a level is told too, as an answer to its RateQuest."""
        self._desk = desk
        self._scores = scores
        self._send = send
        self._tells_all = tells_all
        self._due: dict[bytes, Quest] = {}
        self._telling: dict[bytes, asyncio.Task[None]] = {}
        self._sent: deque[bytes] = deque()

    async def ask(self, quest: Quest) -> None:
        """Invite for a quest; the same quest again is the same invite.

        :raises Refusal: the window cannot invite now.
        """
        invite = (await self._desk.invite(quest.body())).invite
        self._due[invite] = quest
        while len(self._due) > LIMIT:
            self._forget(next(iter(self._due)))

    async def operate(self, operation: str) -> None:
        """Pause, resume, or withdraw what is open.

        :raises Refusal: it cannot be done now.
        """
        if operation == message.RESET:
            await self._desk.reset()
        else:
            await self._desk.pause(operation == message.PAUSE)

    def deliver(self) -> None:
        """See that each quest is told when it has ended."""
        for invite in self._due:
            if (invite not in self._telling or self._telling[invite].done()) and invite not in self._sent:
                self._telling[invite] = asyncio.create_task(self._tell(invite))

    def acknowledged(self) -> None:
        """Hear that the other side has the rating sent first."""
        if self._sent:
            self._forget(self._sent.popleft())

    def pause(self) -> None:
        """Hear that the connection is gone: what was sent and not acknowledged is sent again after the next login."""
        for task in self._telling.values():
            task.cancel()
        self._telling.clear()
        self._sent.clear()

    def _forget(self, invite: bytes) -> None:
        self._due.pop(invite, None)
        task = self._telling.pop(invite, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _tell(self, invite: bytes) -> None:
        quest = self._due[invite]
        row = await self._desk.ended(invite, None)
        if row is None:
            return
        rated = await self._desk.level(invite) if row.state == RATED and self._scores else None
        if rated is not None:
            self._sent.append(invite)
            await self._send(message.submission(quest.rate_id, self._scores[rated.level]))
            return
        code = message.OK if row.state == RATED else message.FAILED
        end = message.answer(message.QUEST, code, {"rateId": quest.rate_id, "state": row.state})
        if not self._tells_all or await self._send(end):
            self._forget(invite)


async def refused_code(order: Awaitable[None]) -> tuple[str, str] | None:
    """Carry an order out; return why it was refused: this dialect's code and a sentence."""
    try:
        await order
    except Refusal as error:
        return message.refusal_code(error.code), f"{error.code}: {error.message}"
    return None
