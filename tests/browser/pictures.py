"""Draws docs/images/clerk*.png from a real agent: python -m tests.browser.pictures. Look at them afterwards."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from protocol import rating
from tests.browser.chromium import launched, lay_out_font
from tests.browser.counter import CLERK, Counter, W
from tests.lint.sources import ROOT

IMAGES = ROOT / "docs" / "images"
COLUMNS = 4
COLOURS = 256


def shot(page: Page) -> Image.Image:
    page.mouse.move(1, 1)
    page.wait_for_timeout(400)  # for the eye only: colours fade in
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def states(counter: Counter, page: Page) -> Iterator[Image.Image]:
    """Take one service through every state that a clerk meets."""
    yield shot(page)
    counter.call("POST", f"{W}/login", CLERK)
    for outcome in (rating.TIMED_OUT, rating.DECLINED):
        counter.call("POST", f"{W}/invites", {"origin": 2})
        counter.terminal.end(outcome)
    counter.terminal.show("idle")
    yield shot(page)
    counter.call("POST", f"{W}/serve", {"ticket": "A012"})
    page.locator("#case summary").click()
    page.fill("#project", "P-2026-0077")
    yield shot(page)
    page.locator("#case summary").click()
    page.locator("#invite").click()
    yield shot(page)
    counter.terminal.show("chosen")
    yield shot(page)
    counter.terminal.rate(2)
    yield shot(page)
    counter.call("POST", f"{W}/invites", {"origin": 2})
    counter.terminal.end(rating.TIMED_OUT)
    yield shot(page)
    counter.terminal.show("not_invited")
    yield shot(page)
    counter.terminal.show("idle")
    page.keyboard.press("p")
    page.wait_for_selector("#pause[aria-pressed=true][aria-disabled=false]")
    yield shot(page)
    page.keyboard.press("p")
    page.wait_for_selector("#pause[aria-pressed=false][aria-disabled=false]")
    counter.terminal.show("full")
    yield shot(page)
    counter.terminal.show("fault")
    yield shot(page)
    counter.terminal.show("idle")
    counter.terminal.unplug()
    page.wait_for_selector("#terminal.bad")
    yield shot(page)
    counter.agent.stop()
    page.locator("#state-text", has_text="本机").wait_for()
    yield shot(page)
    counter.terminal.plug()
    counter.yesterday()
    page.wait_for_selector("#still:not([hidden])")
    yield shot(page)
    page.locator("#still-yes").click()
    page.wait_for_selector("#work:not([hidden])")
    page.locator("#logout").click()
    page.wait_for_selector("#login:not([hidden])")
    yield shot(page)
    page.locator("#undo").click()
    page.wait_for_selector("#work:not([hidden])")
    page.locator("#help").click()
    yield shot(page)


def contact(shots: list[Image.Image]) -> Image.Image:
    width, height = shots[0].size
    rows = -(-len(shots) // COLUMNS)
    sheet = Image.new("RGB", (width * COLUMNS, height * rows), shots[0].getpixel((1, 1)))
    for index, one in enumerate(shots):
        sheet.paste(one, (index % COLUMNS * width, index // COLUMNS * height))
    return sheet


def save(picture: Image.Image, name: str, folder: Path = IMAGES) -> None:
    picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(folder / name, optimize=True)


def draw(browser: Browser, counter: Counter) -> None:
    counter.fresh()
    tall = browser.new_page(viewport={"width": 460, "height": 800})
    tall.goto(f"{counter.url}/clerk/W01")
    save(contact(list(states(counter, tall))), "clerk.png")
    tall.close()
    low = browser.new_page(viewport={"width": 1024, "height": 600})
    low.goto(f"{counter.url}/clerk/W01")
    low.wait_for_selector("#work:not([hidden])")
    save(shot(low), "clerk-low.png")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        lay_out_font(Path(folder, "data-home"))
        counter = Counter(Path(folder))
        try:
            with sync_playwright() as driver:
                draw(launched(driver), counter)
        finally:
            counter.close()


if __name__ == "__main__":
    main()
