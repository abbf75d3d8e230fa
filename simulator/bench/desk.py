"""What stands on the bench: takes the chain's pulse, carries out what the page asks, and tells the page what changed.

One object serves all open pages. It looks at the terminal's glass, lamps and buzzer often (cheap, in this process) and
at the agent, the city and the broker a few times a second (HTTP, in worker threads).
"""

import asyncio
import io
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from PIL import Image

from simulator.bench import sayings
from simulator.bench.pulse import Pulse
from simulator.demo.chain import Chain
from simulator.demo.watch import BrokerWatch
from simulator.errors import SimError, UserError

GLASS_S = 0.03
PULSE_S = 0.2
FAILED_S = 2.0
LEVEL_KEYS = (1, 2, 3, 4, 5)
KEYS = (*LEVEL_KEYS, "function")
SWITCHES = ("cable", "power", "broker")
LOG_KEPT = 60
RECORDS_KEPT = 200
QUEUE_LENGTH = 200
"""Messages a slow page may be behind before it is dropped; it connects again and gets everything anew."""
HEARD_S = 1.0
"""A tone this soon after a level key went down answers that key."""

_log = logging.getLogger(__name__)

Message = bytes | dict | None
"""A picture of the glass, news in JSON, or the end of a page that was too slow."""


class Desk:
    """Own the bench's view of a running chain; `run` is its one task."""

    def __init__(self, chain: Chain, watch: BrokerWatch) -> None:
        self._chain = chain
        self._pulse = Pulse(chain, watch)
        self._pages: set[asyncio.Queue[Message]] = set()
        self._switches: dict[str, bool] = dict.fromkeys(SWITCHES, True)
        self._busy: set[str] = set()
        self._log: list[dict] = []
        self._frame = b""
        self._frame_version: object = None
        self._lamps: list[bool] = []
        self._tones_seen = len(chain.terminal.tones)
        self._pressed_s = 0.0
        self._state: dict = {}

    async def run(self) -> None:
        """Watch the chain until cancelled."""
        await asyncio.gather(self._keep(self._look_at_glass, GLASS_S), self._keep(self._look_at_chain, PULSE_S))

    async def _keep(self, look: Callable[[], Awaitable[None]], every_s: float) -> None:
        """Look again and again; a look that fails is told on the page and the next one comes all the same."""
        while True:
            try:
                await look()
            except Exception as error:  # noqa: BLE001 - the page must go on and say so
                _log.exception("a look at the chain failed")
                self._say(sayings.FAILED.format(error=error), "bad")
                await asyncio.sleep(FAILED_S)
            await asyncio.sleep(every_s)

    def open_page(self) -> asyncio.Queue[Message]:
        """Return the queue of a new page, filled with all there is to show."""
        queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE_LENGTH)
        hello = {"clerk_url": self._chain.clerk_url, "city_url": f"{self._chain.city_url}/"}
        queue.put_nowait({
            "hello": hello, "lamps": self._lamps, "log": self._log, "records": self._pulse.records[-RECORDS_KEPT:],
            "receipts": self._pulse.receipts_known(),
        } | ({"state": self._state} if self._state else {}))  # fmt: skip
        if self._frame:
            queue.put_nowait(self._frame)
        self._pages.add(queue)
        return queue

    def close_page(self, queue: asyncio.Queue[Message]) -> None:
        """Forget a page."""
        self._pages.discard(queue)

    async def act(self, message: dict) -> None:
        """Carry out what a page asks; what it may not ask is passed over."""
        what = message.get("do")
        if what in ("down", "up") and message.get("key") in KEYS:
            self._touch(message["key"], what == "down")
        elif what in SWITCHES and isinstance(message.get("on"), bool):
            await self._switch(what, message["on"])

    def _touch(self, key: int | str, is_down: bool) -> None:
        if is_down:
            if key in LEVEL_KEYS:
                self._pressed_s = time.monotonic()
            self._chain.terminal.key_down(key)
        else:
            self._chain.terminal.key_up(key)

    async def _switch(self, what: str, is_on: bool) -> None:
        if what in self._busy or self._switches[what] == is_on:
            self._tell_state()
            return
        self._busy.add(what)
        self._tell_state()
        try:
            await asyncio.to_thread(self._action(what, is_on))
        except (OSError, UserError, SimError) as error:
            self._say(sayings.FAILED.format(error=error), "bad")
        else:
            self._switches[what] = is_on
            self._say(sayings.BACK[what] if is_on else sayings.DOWN[what], "" if is_on else "bad")
        finally:
            self._busy.discard(what)
            self._tell_state()

    def _action(self, what: str, is_on: bool) -> Callable[[], None]:
        terminal, broker = self._chain.terminal, self._chain.broker
        return {
            ("cable", True): terminal.plug, ("cable", False): terminal.unplug,
            ("power", True): terminal.power_on, ("power", False): terminal.power_off,
            ("broker", True): broker.start, ("broker", False): broker.kill,
        }[what, is_on]  # fmt: skip

    async def _look_at_glass(self) -> None:
        terminal = self._chain.terminal
        if terminal.display_version != self._frame_version:
            self._frame_version = terminal.display_version
            self._frame = _png(terminal.screenshot())
            self._tell(self._frame)
        lamps = list(terminal.lamps())
        if lamps != self._lamps:
            self._lamps = lamps
            self._tell({"lamps": lamps})
        self._listen(terminal.tones)

    def _listen(self, tones: list[tuple[int, int]]) -> None:
        """Pass new tones on; one that answers a level key is a press that was shown."""
        for _, hertz in tones[self._tones_seen :]:
            if hertz:
                self._tell({"tone": hertz})
            if self._pressed_s and time.monotonic() - self._pressed_s < HEARD_S:
                self._pressed_s = 0.0
                self._say(sayings.HEARD)
            self._tones_seen = len(tones)

    async def _look_at_chain(self) -> None:
        news = await asyncio.to_thread(self._pulse.take)
        for text, tone in news.sayings:
            self._say(text, tone)
        if news.records:
            self._tell({"records": news.records})
        if news.receipts:
            self._tell({"receipts": news.receipts})
        self._tell_state()

    def _tell_state(self) -> None:
        state: dict[str, Any] = self._pulse.state() | self._switches | {"busy": sorted(self._busy)}
        down = [name for name in SWITCHES if not self._switches[name]]
        down += [name for name in ("agent", "city") if not state[name]]
        state["summary"] = sayings.summary_of(state["counts"], down)
        if state != self._state:
            self._state = state
            self._tell({"state": state})

    def _say(self, text: str, tone: str = "") -> None:
        entry = {"time": datetime.now().strftime("%H:%M:%S"), "text": text, "tone": tone}
        self._log = [*self._log, entry][-LOG_KEPT:]
        self._tell({"log": [entry]})

    def _tell(self, message: Message) -> None:
        for queue in list(self._pages):
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                self._pages.discard(queue)
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)


def _png(image: Image.Image) -> bytes:
    """Return the glass as PNG, quickly packed: it goes to this machine only."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
