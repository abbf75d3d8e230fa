"""What a rater may say beyond the level, played on the terminal: the offer, two levels or a skip, tags, the end.

What the terminal shows is known from the agent's status, and of the tags' pages from the glass. Tags are found by the
terminal's own rule: the table's order, the leading digit of a code, three rows a page.
"""

import random
from collections.abc import Callable
from dataclasses import replace

from PIL import Image

from protocol import indicators, rating
from simulator.demo.chain import Chain
from simulator.demo.fingers import FUNCTION, ROWS, Fingers, Target
from simulator.demo.ledger import KEYS, NOTHING_MORE, Details
from simulator.errors import UserError

OFFER, TAGS = "offer", "tags"
SUB_PAGES = ("business", "service")
STATE_S = 10.0
"""How long the offer may take to come; it is due after the time for a change of mind."""
PAGE_S = 2.0
"""How long a page may take that is due at once, before the press for it is repeated."""
TRIES = 3
TABLE_S = 60.0
AFTER_PAGE_S = 0.03
"""A new page takes no keys for guard_ms."""
HOLD_S = 0.06
BETWEEN_S = 0.06
"""A finger is seen to be gone before the next one comes: a panel reports each 10 ms."""
STILL_S = 0.1
"""A page is painted without such a pause."""
SKIPPED = 0.2
TAGS_MOST = 3
"""With both levels, a change of mind and a tag taken back these are the eight changes that a terminal takes."""
TAKEN_BACK = 0.2
SHOWN_TAGS = 24
_ROWS_PART = (0.2, 0.7)
"""The part of the glass where the tags stand, without countdown and page number."""

PressOne = Callable[[Target, Details], bool]
Wait = Callable[[Callable[[], bool], float], bool]


class MoreRater:
    """Say more, press by press; `wait` waits for a condition or a time in s, while faults come and go."""

    def __init__(self, chain: Chain, fingers: Fingers, rng: random.Random, wait: Wait) -> None:
        self._chain = chain
        self._fingers = fingers
        self._rng = rng
        self._wait = wait
        self._table = indicators.tag_table(indicators.load())

    def wait_for_table(self) -> None:
        """Block until the agent has pushed the tag table. Raise UserError when it does not."""

        def held() -> bool:
            content = self._chain.terminal_status().get("content") or {}
            return "tags" in content.get("held", ())

        if not self._wait(held, TABLE_S):
            raise UserError("the terminal got no tag table", str(self._chain.agent.log_path), "read the agent's log")

    def say_more(self, key: int, press: PressOne) -> bool:
        """Go on after the overall level of `key`; `press` presses and tells whether it was heard.

        Return whether everything could be said to its end; a fault, or a press that nobody heard, ends it early.
        """
        overall, said = KEYS + 1 - key, NOTHING_MORE
        if not self._wait(lambda: self._state() == OFFER, STATE_S):
            return False
        page: str | None = OFFER
        while page in (OFFER, *SUB_PAGES):
            self._wait(lambda: False, AFTER_PAGE_S)
            if page == OFFER or self._rng.random() < SKIPPED:
                page = self._go_on(page)
                continue
            own = self._rng.randint(1, KEYS)
            said = replace(said, **{page: KEYS + 1 - own})
            if not _surely(lambda said=said, own=own: press(self._fingers.level(own), said)):
                return False
            page = self._page_after(page)
        self._wait(lambda: False, AFTER_PAGE_S)
        return page == TAGS and self._choose_tags(offered(self._table, overall, said), said, press)

    def _go_on(self, page: str) -> str | None:
        """Press the function key until another page comes; return that page."""
        for _ in range(TRIES):
            self._tap(FUNCTION)
            after = self._page_after(page)
            if after is not None:
                return after
        return None

    def _page_after(self, page: str) -> str | None:
        """Wait for another page; None when none comes, or nobody tells."""
        self._wait(lambda: self._state() not in (page, None), PAGE_S)
        state = self._state()
        return None if state == page else state

    def _choose_tags(self, tags: list[int], said: Details, press: PressOne) -> bool:
        """Choose some tags in the order of the pages, perhaps take the last one back, and end with the function key."""
        chosen = sorted(self._rng.sample(range(len(tags)), min(len(tags), self._rng.randint(1, TAGS_MOST))))
        if self._rng.random() < TAKEN_BACK:
            chosen.append(chosen[-1])
        page = 0
        for index in chosen:
            while page < index // ROWS:
                if not self._turn_page():
                    return False
                page += 1
            said = said.toggled(tags[index])
            if not _surely(lambda said=said, index=index: press(self._fingers.row(index % ROWS), said)):
                return False
        return self._go_on(TAGS) is not None

    def _turn_page(self) -> bool:
        """Turn to the next page of tags and wait until it stands; tell whether it came."""
        before = self._still()
        for _ in range(TRIES):
            self._tap(self._fingers.more())
            if self._wait(lambda: self._rows() != before, PAGE_S):
                return True
        return False

    def _still(self) -> bytes:
        """Return the tags' part of the glass once nothing is being painted there."""
        while True:
            before = self._rows()
            self._wait(lambda: False, STILL_S)
            if self._rows() == before:
                return before

    def _rows(self) -> bytes:
        image: Image.Image = self._chain.terminal.screenshot()
        top, foot = (int(image.height * part) for part in _ROWS_PART)
        return image.crop((0, top, image.width, foot)).tobytes()

    def _tap(self, target: Target) -> None:
        self._fingers.down(target)
        self._wait(lambda: False, HOLD_S)
        self._fingers.up()
        self._wait(lambda: False, BETWEEN_S)

    def _state(self) -> str | None:
        return self._chain.terminal_status().get("state")


def _surely(press: Callable[[], bool]) -> bool:
    """Press again what was not heard: a short press may fall into a pause of a busy machine."""
    return any(press() for _ in range(TRIES))


def offered(table: list[tuple[int, int, bool, bool, str]], overall: int, said: Details) -> list[int]:
    """Return the tags that explain these levels, in the order shown."""
    levels = {rating.BUSINESS: said.business or overall, rating.SERVICE: said.service or overall}
    found = [code for code, dimension, _, retired, _ in table if not retired and code // 100 == levels[dimension]]
    return found[:SHOWN_TAGS]
