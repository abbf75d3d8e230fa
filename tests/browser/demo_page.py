"""The demo's page as its tests and its pictures drive it: start it, invite, press keys, touch the glass."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator.demo.parts import free_port

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

END_S = 60
HEARD_MS = 700
TRIES = 60
ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[str]:
    """Run the demo as a user does and give its page's address; all that it keeps lies in `folder`."""
    port = free_port()
    command = [sys.executable, "-m", "host_agent", "demo", "--no-browser", "--seed", "7", "--port", str(port)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "--keep", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        said = []
        try:
            for line in process.stdout:
                said.append(line)
                if "the page:" in line:
                    break
            else:
                pytest.fail("the demo did not start: " + "".join(said))
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(END_S)


def again_until(act: Callable[[], None], shown: Callable[[], None], what: str) -> None:
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


def invite(page: "playwright.Page") -> None:
    """Invite; the keys may still be lit for the last rating, but then nothing is open that could be cancelled."""
    clerk = page.frame_locator("#clerk")
    cancel = playwright.expect(clerk.locator("#cancel"))
    again_until(
        lambda: clerk.locator("#invite").click(timeout=HEARD_MS),
        lambda: cancel.to_be_enabled(timeout=HEARD_MS),
        "the invitation",
    )
    if page.locator('.key[data-key="1"]').count():
        playwright.expect(page.locator(".key.lit")).to_have_count(5)


def press(act: Callable[[], None], heard: "playwright.Locator") -> None:
    """Press until one more of `heard` is there."""
    before = heard.count()
    expected = playwright.expect(heard)
    again_until(act, lambda: expected.not_to_have_count(before, timeout=HEARD_MS), "the press")


def key(page: "playwright.Page", name: str) -> None:
    """Press a key of the keyboard until the terminal has heard it."""
    press(lambda: page.keyboard.press(name, delay=120), heard(page))


def heard(page: "playwright.Page") -> "playwright.Locator":
    """Return the presses in the log."""
    return page.locator("#log li", has_text="已按键")


def ratings(page: "playwright.Page") -> "playwright.Locator":
    """Return what stands at the city: a press heard late was repeated, and replaces itself."""
    return page.locator("#ratings li:not(.replaced)")


def switch(page: "playwright.Page", name: str) -> None:
    """Throw one of the switches: power, cable or broker."""
    page.locator(f"label:has(#sw-{name})").click()
    playwright.expect(page.locator(f"#sw-{name}")).to_be_enabled()


def tap(page: "playwright.Page", x: float, y: float) -> None:
    """Press, hold and lift the mouse at a place of the glass, in parts of its size."""
    box = page.locator("#screen").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    page.mouse.down()
    page.wait_for_timeout(120)
    page.mouse.up()


def function(page: "playwright.Page", now: str, then: str) -> None:
    """Press the function key where it means `now`, until it means `then`."""
    meaning = page.locator(".key.function .print")
    playwright.expect(meaning).to_contain_text(now)
    expected = playwright.expect(meaning)
    again_until(
        lambda: page.get_by_role("button", name="功能键").click(delay=120),
        lambda: expected.to_contain_text(then, timeout=HEARD_MS),
        "the function key",
    )
