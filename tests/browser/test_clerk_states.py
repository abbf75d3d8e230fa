"""The clerk's page says every state and condition in Chinese, readable, at 1024×600 and zoomed to 200 %."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from host_agent import status, window_faults
from tests.browser import looks
from tests.lint.sources import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.browser

WAIT_MS = 60_000
WEB = ROOT / "host_agent" / "web"
URL = "http://127.0.0.1:8471"
STATES = re.findall(r'^[A-Z_]+ = "([a-z_]+)"', (ROOT / "firmware/app/states.py").read_text(encoding="utf-8"), re.M)
CONDITIONS = [
    *(value for name, value in vars(window_faults).items() if name.isupper() and isinstance(value, str)),
    *status._SHOWN_SENTENCES,
    "no_port", "port_busy", "port_fault",
]  # fmt: skip
TODAY = {"invited": 128, "rated": 120, "timed_out": 3, "declined": 2, "cancelled": 2, "interrupted": 1}
TODAY |= {"services": 131, "services_without_invite": 4}
READY = {
    "window": "W01", "name": "1号综合窗口", "terminal": "YP-0001", "connected": True, "state": "idle",
    "condition": "ready", "message": "ready", "paused": False,
    "clerk": {"number": "007", "name": "张三", "post": "社会保险综合窗口", "stars": 5},
    "invite": None, "ticket": None, "notice": "", "shift_over": False, "filling": False, "failed_parts": [],
    "today": TODAY,
    "hotkey": "F9",
}  # fmt: skip
OPEN = {"invite": "00" * 16, "state": "open", "reason": None}
HAN = re.compile(r"[\u4e00-\u9fff]{2}")
LATIN = re.compile(r"[A-Za-z]{3}")


class Told:
    """Serve the page's own files, and the views that a test tells it, without an agent."""

    def __init__(self, page: "playwright.Page") -> None:
        self.page = page
        self.view: dict[str, Any] | None = READY
        self.told = 0
        page.route("**/*", self._answer)
        page.route_web_socket("**/api/v1/stream*", lambda socket: socket.close())

    def _answer(self, route: "playwright.Route") -> None:
        path = route.request.url.removeprefix(URL)
        if path.startswith("/web/"):
            route.fulfill(path=WEB / path.removeprefix("/web/"))
        elif path == "/clerk/W01":
            route.fulfill(path=WEB / "clerk.html")
        elif path.endswith("/paper-form"):
            route.fulfill(status=204)
        elif self.view is None:
            route.abort()
        else:
            route.fulfill(body=json.dumps(self.view), content_type="application/json")

    def tell(self, **changes: Any) -> None:
        """Let the page see a view, and wait until it has drawn it: each has a name of its own."""
        self.told += 1
        name = f"{self.told}号综合窗口"
        self.view = READY | changes | {"name": name}
        self.look()
        playwright.expect(self.page.locator("#window-name")).to_have_text(name)

    def look(self) -> None:
        """Let the page ask at once, not only in a second."""
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest.fixture(scope="module")
def told(browser: "playwright.Browser") -> Iterator[Told]:
    page = browser.new_page(viewport={"width": 1024, "height": 600})
    page.set_default_timeout(WAIT_MS)
    playwright.expect.set_options(timeout=WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    told = Told(page)
    page.goto(f"{URL}/clerk/W01")
    playwright.expect(page.locator("#work")).to_be_visible()
    yield told
    page.close()
    assert not errors


def words(told: Told) -> tuple[str, str]:
    return told.page.inner_text("#state-text"), told.page.inner_text("#outcome")


def is_well_seen(told: Told, what: str) -> None:
    assert looks.faint_texts(told.page) == [], what
    assert looks.cut_off(told.page) == [], what


def test_measures_of_looks_find_what_is_wrong(told: Told) -> None:
    told.tell()
    told.page.evaluate("document.getElementById('state-text').style.color = '#9fb0c2'")
    told.page.evaluate("document.getElementById('logout').style.width = '2000px'")
    assert [text for text, _ in looks.faint_texts(told.page)] == ["空闲，可以邀请评价"]
    assert "logout" in looks.cut_off(told.page)
    told.page.evaluate(
        "for (const id of ['state-text', 'logout']) document.getElementById(id).removeAttribute('style')"
    )
    is_well_seen(told, "as it is")


def test_each_state_of_the_terminal_has_its_words_and_is_readable(told: Told) -> None:
    said = {}
    for state in STATES:
        condition = status._SHOWN_CONDITIONS.get(state, "ready")
        invite = OPEN if state in ("invited", "chosen") else OPEN | {"state": "rated"}
        told.tell(state=state, condition=condition, paused=state == "paused", invite=invite)
        said[state] = words(told)
        assert HAN.search(said[state][0]) and not LATIN.search(" ".join(said[state])), state
        is_well_seen(told, state)
        assert looks.overflow_px(told.page) <= 0, f"{state} does not fit at 1024×600"
    assert len({text for text, _ in said.values()}) == len(STATES), "two states with the same words"


def test_each_condition_has_its_words_and_says_what_to_do(told: Told) -> None:
    for condition in CONDITIONS:
        if condition in ("ready", "paused"):
            continue
        told.tell(condition=condition, connected=False, state=None, message="english sentence")
        text, cure = words(told)
        assert HAN.search(text) and HAN.search(cure) and not LATIN.search(text + cure), condition
        playwright.expect(told.page.locator("#invite")).to_be_disabled()
        is_well_seen(told, condition)
        told.tell(condition=condition, connected=False, state=None, message="english sentence", clerk=None)
        assert told.page.inner_text("#trouble").startswith(text), "who is not logged in reads it too"


def test_invite_that_the_terminal_has_not_answered_is_not_said_to_be_free(told: Told) -> None:
    told.tell(invite=OPEN | {"state": "pending"})
    assert words(told) == ("正在邀请…", "邀请已发出，等待评价器应答")
    playwright.expect(told.page.locator("#invite")).to_be_disabled()
    playwright.expect(told.page.locator("#cancel")).to_be_enabled()


def test_content_on_its_way_is_said_and_does_not_stop_the_invite(told: Told) -> None:
    told.tell(filling=True)
    assert words(told) == ("空闲，可以邀请评价", "正在更新评价器上的内容，不影响邀请")
    playwright.expect(told.page.locator("#invite")).to_be_enabled()


def test_counts_of_the_day_are_outcomes_and_hold_no_level(told: Told) -> None:
    told.tell()
    shown = told.page.locator("#counts div").all_inner_texts()
    assert [text.split() for text in shown] == [
        ["已邀请", "128"], ["已评价", "120"], ["超时未评", "3"], ["不评价", "2"], ["已撤回", "2"], ["中断", "1"],
        ["未邀请", "4"],
    ]  # fmt: skip


def test_lost_agent_is_said_at_once_and_its_return_too(told: Told) -> None:
    told.tell()
    told.view = None
    told.look()
    playwright.expect(told.page.locator("#state-text")).to_have_text("与本机程序失去联系")
    playwright.expect(told.page.locator("#pause")).to_be_disabled()
    is_well_seen(told, "lost")
    told.tell()
    playwright.expect(told.page.locator("#toast")).to_contain_text("已重新连接")
    assert words(told)[0] == "空闲，可以邀请评价"


@pytest.mark.parametrize("part", ["work", "still", "login"])
def test_page_zoomed_to_200_percent_and_narrow_loses_nothing(told: Told, part: str) -> None:
    told.tell(**{"work": {}, "still": {"shift_over": True}, "login": {"clerk": None, "condition": "lost"}}[part])
    try:
        for width, height in ((512, 300), (320, 500), (1920, 1080)):
            told.page.set_viewport_size({"width": width, "height": height})
            is_well_seen(told, f"{part} at {width}×{height}")
    finally:
        told.page.set_viewport_size({"width": 1024, "height": 600})


def test_focus_is_visible_wherever_it_goes(told: Told) -> None:
    told.tell()
    told.page.locator("h1").click()
    seen = []
    for _ in range(10):
        told.page.keyboard.press("Tab")
        outline = "((node) => [node.id || node.tagName, getComputedStyle(node).outlineStyle])(document.activeElement)"
        seen.append(told.page.evaluate(outline))
    ids = [name for name, _ in seen]
    assert ids[:5] == ["logout", "invite", "cancel", "pause", "ticket"] and "help" in ids
    assert [name for name, style in seen if style == "none" and name != "BODY"] == []
