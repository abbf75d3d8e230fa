"""The demo's page in a real Chromium: invite on the clerk's page, press a key, and see the rating reach the city."""

import re
from collections.abc import Iterator

import pytest

from tests.browser.chromium import chromium
from tests.browser.demo_page import demo, function, heard, invite, key, press, ratings, switch, tap

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.browser

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the demo as a user does and return its page's address."""
    chromium()
    with demo(tmp_path_factory.mktemp("demo") / "kept") as address:
        yield address


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


def _count(page: "playwright.Page") -> int:
    return ratings(page).count()


def _expect_top(page: "playwright.Page", count: int, words: str) -> None:
    playwright.expect(ratings(page)).to_have_count(count)
    top = ratings(page).first
    playwright.expect(top.locator(".level")).to_have_text(words)
    playwright.expect(top.locator(".when")).to_contain_text("已回执")


def test_page_key_clicked_after_invite_reaches_the_city(page: "playwright.Page") -> None:
    before = _count(page)
    invite(page)
    press(lambda: page.get_by_role("button", name="2 号键 满意").click(delay=120), heard(page))
    _expect_top(page, before + 1, "满意")


def test_page_keyboard_5_after_invite_reaches_the_city_as_lowest_level(page: "playwright.Page") -> None:
    before = _count(page)
    invite(page)
    key(page, "5")
    _expect_top(page, before + 1, "非常不满意")


def test_page_function_key_declines_without_level(page: "playwright.Page") -> None:
    before = _count(page)
    invite(page)
    press(lambda: page.keyboard.press("0", delay=120), ratings(page))
    _expect_top(page, before + 1, "未评价（不评价）")


def test_page_cable_out_keeps_the_press_until_it_is_back(page: "playwright.Page") -> None:
    before = _count(page)
    invite(page)
    switch(page, "cable")
    playwright.expect(page.locator('[data-leg="cable"].down')).to_be_visible()
    key(page, "3")
    playwright.expect(page.locator('[data-station="terminal"] .wait')).to_have_text(re.compile("待送 [1-9]"))
    assert _count(page) == before
    switch(page, "cable")
    _expect_top(page, before + 1, "基本满意")


def test_page_power_off_darkens_the_display_and_on_brings_it_back(page: "playwright.Page") -> None:
    switch(page, "power")
    playwright.expect(page.locator("#veil")).to_be_visible()
    playwright.expect(page.locator('[data-station="terminal"].down')).to_be_visible()
    playwright.expect(page.locator('[data-leg="cable"].down')).to_be_visible()
    switch(page, "power")
    playwright.expect(page.locator("#veil")).to_be_hidden()
    playwright.expect(page.locator('[data-leg="cable"]:not(.down)')).to_be_visible()


def test_page_broker_down_keeps_the_rating_at_the_agent(page: "playwright.Page") -> None:
    before = _count(page)
    switch(page, "broker")
    invite(page)
    key(page, "1")
    playwright.expect(page.locator('[data-station="agent"] .wait')).to_be_visible()
    assert _count(page) == before
    switch(page, "broker")
    _expect_top(page, before + 1, "非常满意")


@pytest.mark.slow
def test_page_finger_on_the_glass_rates_and_says_more(page: "playwright.Page") -> None:
    before = _count(page)
    page.get_by_role("tab", name="2号窗口 · 触摸屏").click()
    playwright.expect(page.locator("#screen")).to_have_attribute("width", "480")
    playwright.expect(page.locator(".key")).to_have_count(1)
    invite(page)
    playwright.expect(page.locator("#voice")).to_contain_text("请您对本次服务进行评价")
    press(lambda: tap(page, 0.7, 0.78), heard(page))
    _expect_top(page, before + 1, "不满意")
    function(page, "继续评价", "跳过")
    more = ratings(page).first.locator(".more")
    press(lambda: tap(page, 0.9, 0.78), more.get_by_text("业务评价 非常不满意"))
    function(page, "跳过", "完成")
    press(lambda: tap(page, 0.42, 0.23), more.locator("i"))
    _expect_top(page, before + 1, "不满意")
