"""What stands on the bench: takes the chain's pulse, carries out what the page asks, and tells the page what changed.

One object serves all open pages. It looks at each terminal's glass, lamps, buzzer and voice often (cheap, in this
process) and at the agent, the city and the broker a few times a second (HTTP, in worker threads). What belongs to one
terminal is told with its `place`, from 0; a picture has it as its first byte.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from simulator.bench import sayings
from simulator.bench.pulse import Pulse
from simulator.bench.senses import Senses
from simulator.city.words import words
from simulator.demo.chain import Chain
from simulator.demo.watch import BrokerWatch
from simulator.errors import SimError, UserError

GLASS_S = 0.03
PULSE_S = 0.2
FAILED_S = 2.0
SWITCHES = ("cable", "power", "broker")
OF_ALL = ("broker",)
"""Switches that there are once, not at each terminal."""
LOG_KEPT = 60
RECORDS_KEPT = 200
QUEUE_LENGTH = 200
"""Messages a slow page may be behind before it is dropped; it connects again and gets everything anew."""

_log = logging.getLogger(__name__)

Message = bytes | dict | None
"""A picture of the glass, news in JSON, or the end of a page that was too slow."""


class Desk:
    """Own the bench's view of a running chain; `run` is its one task."""

    def __init__(self, chain: Chain, watch: BrokerWatch) -> None:
        self._chain = chain
        self._pulse = Pulse(chain, watch)
        self._senses = [Senses(place) for place in chain.places]
        self._pages: set[asyncio.Queue[Message]] = set()
        everywhere = [(what, place) for what in SWITCHES for place in self._places_of(what)]
        self._switches: dict[tuple[str, int], bool] = dict.fromkeys(everywhere, True)
        self._busy: set[tuple[str, int]] = set()
        self._log: list[dict] = []
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
        places = [
            {"window": place.window, "name": place.name, "board": place.board,
             "clerk_url": self._chain.clerk_url_of(place.window)} | senses.about()
            for place, senses in zip(self._chain.places, self._senses, strict=True)
        ]  # fmt: skip
        hello = {"city_url": f"{self._chain.city_url}/", "places": places, "tags": words()["tags"]}
        queue.put_nowait({
            "hello": hello, "log": self._log, "records": self._pulse.records[-RECORDS_KEPT:],
            "receipts": self._pulse.receipts_known(),
        } | ({"state": self._state} if self._state else {}))  # fmt: skip
        for number, senses in enumerate(self._senses):
            queue.put_nowait({"place": number} | senses.values)
            if senses.frame:
                queue.put_nowait(bytes([number]) + senses.frame)
        self._pages.add(queue)
        return queue

    def close_page(self, queue: asyncio.Queue[Message]) -> None:
        """Forget a page."""
        self._pages.discard(queue)

    async def act(self, message: dict) -> None:
        """Carry out what a page asks; what it may not ask is passed over."""
        what, place = message.get("do"), message.get("place", 0)
        if type(place) is not int or not 0 <= place < len(self._senses):
            return
        if what in ("down", "up"):
            self._senses[place].key(message.get("key"), what == "down")
        elif what == "touch":
            self._senses[place].touch(message.get("points"))
        elif what in SWITCHES and isinstance(message.get("on"), bool):
            await self._switch(what, 0 if what in OF_ALL else place, message["on"])

    async def _switch(self, what: str, place: int, is_on: bool) -> None:
        switch = (what, place)
        if switch in self._busy or self._switches[switch] == is_on:
            self._tell_state()
            return
        self._busy.add(switch)
        self._tell_state()
        try:
            await asyncio.to_thread(self._action(what, place, is_on))
        except (OSError, UserError, SimError) as error:
            self._say(sayings.FAILED.format(error=error), "bad")
        else:
            self._switches[switch] = is_on
            text = sayings.BACK[what] if is_on else sayings.DOWN[what]
            self._say(text, "" if is_on else "bad", None if what in OF_ALL else place)
        finally:
            self._busy.discard(switch)
            self._tell_state()

    def _action(self, what: str, place: int, is_on: bool) -> Callable[[], None]:
        terminal, broker = self._chain.places[place].terminal, self._chain.broker
        return {
            ("cable", True): terminal.plug, ("cable", False): terminal.unplug,
            ("power", True): terminal.power_on, ("power", False): terminal.power_off,
            ("broker", True): broker.start, ("broker", False): broker.kill,
        }[what, is_on]  # fmt: skip

    def _places_of(self, what: str) -> range:
        return range(1 if what in OF_ALL else len(self._senses))

    async def _look_at_glass(self) -> None:
        for place, senses in enumerate(self._senses):
            news = senses.look()
            if news.frame is not None:
                self._tell(bytes([place]) + news.frame)
            if news.values:
                self._tell({"place": place} | news.values)
            for hertz in news.tones:
                self._tell({"place": place, "tone": hertz})
            if news.heard:
                self._say(sayings.HEARD, "", place)

    async def _look_at_chain(self) -> None:
        news = await asyncio.to_thread(self._pulse.take)
        for text, tone, place in news.sayings:
            self._say(text, tone, place)
        if news.records:
            self._tell({"records": news.records})
        if news.receipts:
            self._tell({"receipts": news.receipts})
        self._tell_state()

    def _tell_state(self) -> None:
        state: dict[str, Any] = self._pulse.state()
        state["broker"] = self._switches["broker", 0]
        state["busy"] = sorted({what for what, place in self._busy if what in OF_ALL})
        for number, place in enumerate(state["places"]):
            for what in ("cable", "power"):
                place[what] = self._switches[what, number]
            place["busy"] = sorted(what for what, where in self._busy if where == number and what not in OF_ALL)
        down = [what for what in ("cable", "power") if not all(place[what] for place in state["places"])]
        down += [name for name in ("broker", "agent", "city") if not state[name]]
        state["summary"] = sayings.summary_of(state["counts"], down)
        if state != self._state:
            self._state = state
            self._tell({"state": state})

    def _say(self, text: str, tone: str = "", place: int | None = None) -> None:
        """Write a line to the log, with the window's name where there are several."""
        if place is not None and len(self._senses) > 1:
            text = f"{self._chain.places[place].name}：{text}"
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
