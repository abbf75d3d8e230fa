"""The demo's page in a real Chromium: invite on the clerk's page, press a key, and see the rating reach the city."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator.demo.parts import free_port
from tests.browser.chromium import chromium

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.browser

WAIT_MS = 60_000
END_S = 60
HEARD_MS = 700
TRIES = 60
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the demo as a user does and return its page's address."""
    chromium()
    folder = tmp_path_factory.mktemp("demo") / "kept"
    port = free_port()
    command = [sys.executable, "-m", "host_agent", "demo", "--no-browser", "--seed", "7", "--port", str(port)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "--keep", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    ) as demo:
        assert demo.stdout is not None
        said = []
        try:
            for line in demo.stdout:
                said.append(line)
                if "the page:" in line:
                    break
            else:
                pytest.fail("the demo did not start: " + "".join(said))
            yield f"http://127.0.0.1:{port}/"
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(END_S)


@pytest.fixture
def page(browser: "playwright.Browser", url: str) -> Iterator["playwright.Page"]:
    """Open the page; afterwards it must have made no request elsewhere and thrown no error."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(WAIT_MS)
    playwright.expect.set_options(timeout=WAIT_MS)
    elsewhere: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: _note_elsewhere(request.url, elsewhere))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    # Given with the first state, which comes with all ratings so far.
    playwright.expect(page.locator("#clerk")).to_have_attribute("src", re.compile("^http"))
    playwright.expect(page.locator('[data-leg="cable"]:not(.down)')).to_be_visible()
    yield page
    page.close()
    assert not elsewhere
    assert not errors


def _note_elsewhere(address: str, elsewhere: list[str]) -> None:
    if not address.startswith(("http://127.0.0.1:", "data:", "blob:")):
        elsewhere.append(address)


def _again_until(act: Callable[[], None], shown: Callable[[], None], what: str) -> None:
    """Do something until it shows: a terminal's page that has just come up takes no keys for guard_ms, for one."""
    for _ in range(TRIES):
        with contextlib.suppress(playwright.TimeoutError):  # a button that is not there any more has had its effect
            act()
        try:
            shown()
            return
        except AssertionError:
            continue
    pytest.fail(f"{what} showed no effect {TRIES} times")


def _invite(page: "playwright.Page") -> None:
    """Invite; the keys may still be lit for the last rating, but then nothing is open that could be cancelled."""
    clerk = page.frame_locator("#clerk")
    cancel = playwright.expect(clerk.locator("#cancel"))
    _again_until(
        lambda: clerk.locator("#invite").click(timeout=HEARD_MS),
        lambda: cancel.to_be_enabled(timeout=HEARD_MS),
        "the invitation",
    )
    if page.locator('.key[data-key="1"]').count():
        playwright.expect(page.locator(".key.lit")).to_have_count(5)


def _press(press: Callable[[], None], heard: "playwright.Locator") -> None:
    before = heard.count()
    expected = playwright.expect(heard)
    _again_until(press, lambda: expected.not_to_have_count(before, timeout=HEARD_MS), "the press")


def _key(page: "playwright.Page", key: str) -> None:
    _press(lambda: page.keyboard.press(key, delay=120), _heard(page))


def _heard(page: "playwright.Page") -> "playwright.Locator":
    return page.locator("#log li", has_text="已按键")


def _ratings(page: "playwright.Page") -> "playwright.Locator":
    """Return what stands at the city: a press heard late was repeated, and replaces itself."""
    return page.locator("#ratings li:not(.replaced)")


def _count(page: "playwright.Page") -> int:
    return _ratings(page).count()


def _expect_top(page: "playwright.Page", count: int, words: str) -> None:
    playwright.expect(_ratings(page)).to_have_count(count)
    top = _ratings(page).first
    playwright.expect(top.locator(".level")).to_have_text(words)
    playwright.expect(top.locator(".when")).to_contain_text("已回执")


def _switch(page: "playwright.Page", name: str) -> None:
    page.locator(f"label:has(#sw-{name})").click()
    playwright.expect(page.locator(f"#sw-{name}")).to_be_enabled()


def test_page_key_clicked_after_invite_reaches_the_city(page: "playwright.Page") -> None:
    before = _count(page)
    _invite(page)
    _press(lambda: page.get_by_role("button", name="2 号键 满意").click(delay=120), _heard(page))
    _expect_top(page, before + 1, "满意")


def test_page_keyboard_5_after_invite_reaches_the_city_as_lowest_level(page: "playwright.Page") -> None:
    before = _count(page)
    _invite(page)
    _key(page, "5")
    _expect_top(page, before + 1, "非常不满意")


def test_page_function_key_declines_without_level(page: "playwright.Page") -> None:
    before = _count(page)
    _invite(page)
    _press(lambda: page.keyboard.press("0", delay=120), _ratings(page))
    _expect_top(page, before + 1, "未评价（不评价）")


def test_page_cable_out_keeps_the_press_until_it_is_back(page: "playwright.Page") -> None:
    before = _count(page)
    _invite(page)
    _switch(page, "cable")
    playwright.expect(page.locator('[data-leg="cable"].down')).to_be_visible()
    _key(page, "3")
    playwright.expect(page.locator('[data-station="terminal"] .wait')).to_have_text(re.compile("待送 [1-9]"))
    assert _count(page) == before
    _switch(page, "cable")
    _expect_top(page, before + 1, "基本满意")


def test_page_power_off_darkens_the_display_and_on_brings_it_back(page: "playwright.Page") -> None:
    _switch(page, "power")
    playwright.expect(page.locator("#veil")).to_be_visible()
    playwright.expect(page.locator('[data-station="terminal"].down')).to_be_visible()
    playwright.expect(page.locator('[data-leg="cable"].down')).to_be_visible()
    _switch(page, "power")
    playwright.expect(page.locator("#veil")).to_be_hidden()
    playwright.expect(page.locator('[data-leg="cable"]:not(.down)')).to_be_visible()


def test_page_broker_down_keeps_the_rating_at_the_agent(page: "playwright.Page") -> None:
    before = _count(page)
    _switch(page, "broker")
    _invite(page)
    _key(page, "1")
    playwright.expect(page.locator('[data-station="agent"] .wait')).to_be_visible()
    assert _count(page) == before
    _switch(page, "broker")
    _expect_top(page, before + 1, "非常满意")


def _tap(page: "playwright.Page", x: float, y: float) -> None:
    """Press, hold and lift the mouse at a place of the glass, in parts of its size."""
    box = page.locator("#screen").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    page.mouse.down()
    page.wait_for_timeout(120)
    page.mouse.up()


def _function(page: "playwright.Page", now: str, then: str) -> None:
    """Press the function key where it means `now`, until it means `then`."""
    meaning = page.locator(".key.function .print")
    playwright.expect(meaning).to_contain_text(now)
    expected = playwright.expect(meaning)
    _again_until(
        lambda: page.get_by_role("button", name="功能键").click(delay=120),
        lambda: expected.to_contain_text(then, timeout=HEARD_MS),
        "the function key",
    )


@pytest.mark.slow
def test_page_finger_on_the_glass_rates_and_says_more(page: "playwright.Page") -> None:
    before = _count(page)
    page.get_by_role("tab", name="2号窗口 · 触摸屏").click()
    playwright.expect(page.locator("#screen")).to_have_attribute("width", "480")
    playwright.expect(page.locator(".key")).to_have_count(1)
    _invite(page)
    playwright.expect(page.locator("#voice")).to_contain_text("请您对本次服务进行评价")
    _press(lambda: _tap(page, 0.7, 0.78), _heard(page))
    _expect_top(page, before + 1, "不满意")
    _function(page, "继续评价", "跳过")
    more = _ratings(page).first.locator(".more")
    _press(lambda: _tap(page, 0.9, 0.78), more.get_by_text("业务评价 非常不满意"))
    _function(page, "跳过", "完成")
    _press(lambda: _tap(page, 0.42, 0.23), more.locator("i"))
    _expect_top(page, before + 1, "不满意")
