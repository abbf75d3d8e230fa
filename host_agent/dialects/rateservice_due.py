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
from host_agent.store_rows import OPEN, PENDING

# One is open at a window; those before it wait for their acknowledgement.
LIMIT = 4
# Quests whose number of attempts is remembered; the others begin with the first, which is found in the store.
ATTEMPTS_LIMIT = 64
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
        self._attempts: dict[str, int] = {}
        self._due: dict[bytes, Quest] = {}
        self._telling: dict[bytes, asyncio.Task[None]] = {}
        self._sent: deque[bytes] = deque()

    async def ask(self, quest: Quest) -> None:
        """Invite for a quest; one that is open or rated is not invited again, one that ended otherwise is.

        :raises Refusal: the window cannot invite now.
        """
        self._due[await self._invite(quest)] = quest
        while len(self._due) > LIMIT:
            self._forget(next(iter(self._due)))

    async def _invite(self, quest: Quest) -> bytes:
        attempt = self._attempts.pop(quest.key, 1)
        try:
            while True:
                row, new = await self._desk.invite(quest.body(attempt))
                if new or row.state in (PENDING, OPEN, RATED):
                    return row.invite
                attempt += 1
        except Refusal:
            attempt += 1  # the refused invite has this id for ever
            raise
        finally:
            self._attempts[quest.key] = attempt
            while len(self._attempts) > ATTEMPTS_LIMIT:
                del self._attempts[next(iter(self._attempts))]

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
