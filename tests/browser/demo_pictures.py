"""Draws docs/images/demo*.png from a running demo: python -m tests.browser.demo_pictures. Look at them afterwards."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser import demo_page as demo
from tests.browser.chromium import launched, lay_out_font
from tests.browser.pictures import save, shot

WAIT_MS = 60_000
GLASS, KEYS = "2号窗口 · 触摸屏", "1号窗口 · 五键"


def take(page: Page, name: str) -> None:
    """Take a picture, with the clerk's page at its top: a click may have moved it."""
    for frame in page.frames:
        frame.evaluate("scrollTo(0, 0)")
    save(shot(page), name)


def touched(page: Page) -> None:
    """Rate by key at one window; at the glass of the other rate, go on and choose two tags."""
    demo.invite(page)
    demo.key(page, "2")
    page.get_by_role("tab", name=GLASS).click()
    expect(page.locator("#screen")).to_have_attribute("width", "480")
    demo.invite(page)
    demo.press(lambda: demo.tap(page, 0.7, 0.78), demo.heard(page))
    demo.function(page, "继续评价", "跳过")
    more = demo.ratings(page).first.locator(".more")
    demo.press(lambda: demo.tap(page, 0.7, 0.78), more.get_by_text("业务评价 不满意"))
    demo.press(lambda: demo.tap(page, 0.5, 0.78), more.get_by_text("服务评价 基本满意"))
    for y in (0.23, 0.45):
        demo.press(lambda y=y: demo.tap(page, 0.42, y), more.locator("i"))
    expect(demo.ratings(page).first.locator(".when")).to_contain_text("已回执")


def cut(page: Page) -> None:
    """Pull the cable and stop the broker with an invite open, and press."""
    page.get_by_role("tab", name=KEYS).click()
    expect(page.locator("#screen")).to_have_attribute("width", "320")
    demo.invite(page)
    demo.switch(page, "cable")
    demo.switch(page, "broker")
    expect(page.locator('[data-leg="cable"].down')).to_be_visible()
    demo.key(page, "3")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, demo.demo(Path(folder) / "kept") as url:
        lay_out_font(Path(folder, "data-home"))
        with sync_playwright() as driver:
            page = launched(driver).new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(WAIT_MS)
            expect.set_options(timeout=WAIT_MS)
            page.goto(url)
            expect(page.locator('[data-leg="cable"]:not(.down)')).to_be_visible()
            touched(page)
            take(page, "demo.png")
            cut(page)
            take(page, "demo-cut.png")


if __name__ == "__main__":
    main()
