"""What the tests of the pages drive: Chromium, through Playwright.

Both end with their test module: while Playwright's driver runs, no other test of the process can run an event loop.
"""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import chromium, launched

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def driver() -> Iterator["playwright.Playwright"]:
    """Run Playwright's driver."""
    chromium()
    with playwright.sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(driver: "playwright.Playwright") -> Iterator["playwright.Browser"]:
    """Start one Chromium for all tests of a module."""
    browser = launched(driver)
    yield browser
    browser.close()
