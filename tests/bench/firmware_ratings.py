"""Ratings with business level, service level and tags, one after the other on a simulated board: does anything grow?

Each rating is what a citizen does who says all that can be said: a level, the level of the matter and of the service,
two tags, done. Everything runs in virtual time; the policy's waits are short, its rules are those in use.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from host_agent.content import tag_table
from protocol import content, messages, rating, reasons
from tests.bench.firmware_probe import Block, blocks, probing
from tests.device.counter import Counter, invite_id
from ui import layout_t35

EVENTS_A_RATING = 5
POLICY = {"detail": "auto", "change_ms": 0, "guard_ms": 0, "thanks_ms": 0, "sub_ms": 5_000, "tags_ms": 5_000}
KEY_MS, TAP_MS, STEP_MS = 70, 50, 130  # a step: a press, and what it takes the terminal to act on it
MARKS_Y, ROW_Y = 250, (80, 150, 220)
LOOKED_AT_EACH = 100

_SENDS = """        self._range(_CASET, x, x + width - 1)
        self._range(_RASET, y, y + height - 1)
        self._write(_RAMWR, pixels)
"""

Say = Callable[[str], None]


class Look(NamedTuple):
    """What was found after some ratings."""

    ratings: int
    heap_free: int
    flash_bytes: int


class Growth(NamedTuple):
    """What a run has found: of the heap and of the internal file system."""

    events: int
    looks: list[Look]
    blocks: list[Block]


class Citizen:
    """Rate at one counter, in all detail."""

    def __init__(self, counter: Counter, board: str) -> None:
        """Keep the counter; on a touch board fingers do what keys do elsewhere."""
        self._counter = counter
        self._touches = board == "t35"

    def rate(self, n: int) -> None:
        """Give the n-th rating; each has other levels than the one before."""
        counter = self._counter
        assert counter.invite(n) == reasons.OK, n
        counter.run(20)
        for step in range(3):
            self._level(1 + (n + step) % 5)
        for row in (0, 1):
            self._tag(row)
        counter.terminal.press("function", KEY_MS)
        counter.until_state("idle", 10_000)

    def _level(self, key: int) -> None:
        column = layout_t35.WIDTH // 5
        self._press(key, column * key - column // 2, MARKS_Y)

    def _tag(self, row: int) -> None:
        self._press(row + 1, layout_t35.WIDTH // 2, ROW_Y[row])

    def _press(self, key: int, x: int, y: int) -> None:
        if self._touches:
            self._counter.terminal.tap(x, y, TAP_MS)
        else:
            self._counter.terminal.press(key, KEY_MS)
        self._counter.run(STEP_MS)


def put_tags(counter: Counter) -> None:
    """Lay the regulation's table where a push leaves it."""
    from hashlib import sha256

    data = tag_table.builtin()
    folder = counter.terminal.state.flash / "content"
    folder.mkdir(parents=True, exist_ok=True)
    name = content.TAG_TABLE_NAME.encode().hex()
    (folder / f"{content.TAG_TABLE}-{name}").write_bytes(sha256(data).digest() + data)


def run(folder: Path, ratings: int, board: str, say: Say = lambda text: None) -> Growth:
    """Live through some ratings; AssertionError when one of them is not what was pressed."""
    looks: list[Look] = []
    firmware = probing(folder)
    _keep_strips(firmware)
    with Counter(folder, seed=1, board=board, firmware_dir=firmware) as counter:
        for key in counter.terminal.wiring.keys.values():
            key.bounces = False  # it has its own tests
        put_tags(counter)
        counter.restart()
        counter.login()
        assert counter.ask(messages.CONFIG, policy=POLICY) == reasons.OK
        citizen = Citizen(counter, board)
        for n in range(1, ratings + 1):
            citizen.rate(n)
            if n % LOOKED_AT_EACH == 0 or n == ratings:
                _check(counter, n)
                looks.append(Look(n, counter.status.get("heap_free") or 0, _bytes(counter.terminal.state.flash)))
                say(
                    f"{board}: {n} of {ratings} ratings, {max(counter.events)} events, {looks[-1].heap_free} bytes free"
                )
        counter.settle()
        events = max(counter.events)
        found = blocks(counter.terminal.console(1 << 24))
    return Growth(events, looks, found)


def _keep_strips(firmware: Path) -> None:
    """Let the display's driver send no pixels."""
    driver = firmware / "drivers" / "lcd_st7789.py"
    text = driver.read_text(encoding="utf-8")
    assert text.count(_SENDS) == 1
    driver.write_text(text.replace(_SENDS, ""), encoding="utf-8")


def _check(counter: Counter, n: int) -> None:
    """Hold that the n-th rating came whole; and forget what was looked at, so that the run does not slow down."""
    last = max(counter.events)
    clear, fields = counter.opened(last)
    assert (clear.kind, clear.invite) == (rating.RATED, invite_id(n)), n
    levels = [6 - (1 + (n + step) % 5) for step in range(3)]
    assert [fields["level"], fields["biz"], fields["svc"]] == levels and len(fields["tags"]) == 2, (n, fields)
    counter.states[:-1] = []


def _bytes(flash: Path) -> int:
    """Return the bytes of all files on the internal file system."""
    return sum(path.stat().st_size for path in flash.rglob("*") if path.is_file())
