"""Finds a Chromium of this machine and starts it as the tests need it."""

import os
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
ARGUMENTS = [
    "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip


def chromium() -> str:
    """Return the path of a Chromium of this system; skip by name without one."""
    found = next(filter(None, map(shutil.which, NAMES)), None) or (str(MAC) if MAC.exists() else None)
    if found is None:
        pytest.skip("Chromium is not installed")
    return found


def launched(driver: "playwright.Playwright", *more: str, executable: str | None = None) -> "playwright.Browser":  # noqa: F821
    """Start a Chromium with further arguments; `executable` may be a program that starts it."""
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else []), *more]
    return driver.chromium.launch(executable_path=executable or chromium(), args=arguments)


def lay_out_font(folder: Path) -> None:
    """Let Chromium find the font of the Chinese texts, whatever this machine has; before Playwright's driver starts."""
    font = files("pylopdf_fonts_zh_cn") / "NotoSansSC-Regular.otf"
    (folder / "fonts").mkdir(parents=True)
    (folder / "fonts" / "NotoSansSC-Regular.otf").write_bytes(font.read_bytes())
    os.environ["XDG_DATA_HOME"] = str(folder)
