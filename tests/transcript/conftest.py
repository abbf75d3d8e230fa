"""The browser of the pages' tests."""

from tests.browser.conftest import browser, driver

__all__ = ("browser", "driver")
