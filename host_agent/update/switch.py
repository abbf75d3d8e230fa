"""The order to switch: remembered before it leaves, so that even after a power cut of this PC its end is judged."""

import asyncio
import logging
from collections.abc import Callable

from host_agent.errors import StoreFaultError, StoreFullError
from host_agent.update import records, states
from host_agent.update.plan import Plan, UpdateWindow
from host_agent.update.records import Record
from host_agent.update.shelf import Firmware
from protocol import messages

# The terminal reads every file back before it answers: 1 MB of flash, and the hash of it.
ANSWER_S = 60.0

_log = logging.getLogger(__name__)
# Hears the record and the name of the answer: "ok", a reason, states.NO_STORE, or None when it is unknown.
Ordered = Callable[[Record, str | None], None]


class Switch:
    """Give one terminal the order once; belongs to the event loop."""

    def __init__(
        self, window: UpdateWindow, plan: Plan, firmware: Firmware, rests: Callable[[], bool], ordered: Ordered
    ) -> None:
        """Begin; `ordered` is called once."""
        self._window = window
        self._plan = plan
        self._rests = rests
        self._ordered = ordered
        self.running = True
        self._task = asyncio.get_running_loop().create_task(self._run(firmware))

    async def _run(self, firmware: Firmware) -> None:
        terminal, digest = self._window.section.terminal, firmware.digest.hex()
        before = self._plan.record(terminal)
        tries = before.tries if before is not None and before.manifest == digest else 0
        record = Record(terminal, digest, firmware.version, records.ASKED, None, tries + 1, self._plan.utc_ms())
        answer: str | None = states.NO_STORE
        try:
            await self._plan.keep(record)
            answer = await self._ask(firmware)
        except (StoreFullError, StoreFaultError) as error:
            _log.error("terminal %s is not switched: %s", terminal, error)
        self.running = False
        self._ordered(record, answer)

    async def _ask(self, firmware: Firmware) -> str | None:
        """Return the name of the terminal's answer, None when none came."""
        if not self._rests():
            return "busy"
        future = self._window.request(messages.UPDATE, {"manifest": firmware.digest})
        if future is None:
            return "busy"
        try:
            return states.name_of((await asyncio.wait_for(asyncio.shield(future), ANSWER_S))[0])
        except (TimeoutError, ConnectionError):
            return None
