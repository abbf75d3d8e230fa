"""Finds the browsers of this machine and says what each asks before a page may reach 127.0.0.1.

Browsers that are built on Chromium under a name of their own (360, 奇安信, 红莲花, 搜狗, 统信) bear versions of their
own: what counts is the kernel, which chrome://version tells. Some of them are recognised. Never executed by us on
Windows or macOS.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import attrs

VERSION_S = 10.0
# Chrome 142 and Edge 143 ask before a request, 147 before a WebSocket too.
ASKS, ASKS_EDGE, ASKS_SOCKETS = 142, 143, 147
_LINUX = {
    "chromium": ("chromium", "chromium-browser"),
    "chrome": ("google-chrome", "google-chrome-stable"),
    "edge": ("microsoft-edge", "microsoft-edge-stable"),
    "firefox": ("firefox", "firefox-esr"),
    "360": ("browser360", "browser360-cn", "browser360-cn-stable"),
    "qianxin": ("qaxbrowser", "qaxbrowser-safe", "qaxbrowser-safe-stable"),
}
_WINDOWS = {
    "chrome": (r"Google\Chrome\Application\chrome.exe",),
    "edge": (r"Microsoft\Edge\Application\msedge.exe",),
    "firefox": (r"Mozilla Firefox\firefox.exe",),
    "360": (
        r"360\360se6\Application\360se.exe", r"360se6\Application\360se.exe",
        r"360\360ent\Application\360ent.exe", r"360Chrome\Chrome\Application\360chrome.exe",
    ),
    "qianxin": (r"Qaxbrowser\Application\qaxbrowser.exe", r"Qianxin\Qaxbrowser\Application\qaxbrowser.exe"),
}  # fmt: skip
_WINDOWS_FOLDERS = ("ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA", "APPDATA")
_MAC = {
    "chrome": "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "edge": "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "firefox": "/Applications/Firefox.app/Contents/MacOS/firefox",
}
_NAMES = {
    "chrome": "Google Chrome",
    "edge": "Microsoft Edge",
    "chromium": "Chromium",
    "firefox": "Firefox",
    "360": "360 browser",
    "qianxin": "奇安信可信浏览器",
}
# The others may open a window instead.
_TELL_VERSION = ("chrome", "edge", "chromium", "firefox")
_OWN_VERSIONS = ("chrome", "edge", "chromium")
_VERSION = re.compile(r"\d+(?:\.\d+){1,3}")


@attrs.frozen
class Browser:
    """Name a browser that is installed here; `version` None where it cannot be told without starting it."""

    family: str
    path: str
    version: str | None

    @property
    def name(self) -> str:
        """Return what people call it."""
        return _NAMES[self.family]

    @property
    def major(self) -> int | None:
        """Return the first number of the version."""
        return int(self.version.partition(".")[0]) if self.version else None

    def asks(self) -> str:
        """Return what it asks a clerk before a page from elsewhere may reach this machine."""
        if self.family == "firefox":
            return "newer versions ask for “device apps and services”: allow and remember it, or set the policy"
        if self.family not in _OWN_VERSIONS or self.major is None:
            return f"look up the kernel at chrome://version: from {ASKS} on it asks as Chrome does"
        if self.major < (ASKS_EDGE if self.family == "edge" else ASKS):
            return "asks nothing yet; the next update may"
        what = "requests and WebSockets" if self.major >= ASKS_SOCKETS else "requests, not yet for WebSockets"
        return f"asks the clerk once for each page (for {what}), unless a policy allows it"

    def as_dict(self) -> dict[str, str | None]:
        """Return the object for programs."""
        return {"name": self.name, "path": self.path, "version": self.version, "asks": self.asks()}


def find() -> list[Browser]:
    """Return the browsers of this machine."""
    if sys.platform == "win32":
        folders = [Path(folder) for name in _WINDOWS_FOLDERS if (folder := os.environ.get(name))]
        return on_windows(folders)
    if sys.platform == "darwin":
        found = [(family, path) for family, path in _MAC.items() if Path(path).exists()]
    else:
        found = [(family, path) for family, names in _LINUX.items() if (path := _first(names))]
    return [Browser(family, path, _told_version(path) if family in _TELL_VERSION else None) for family, path in found]


def on_windows(folders: Iterable[Path]) -> list[Browser]:
    """Return the browsers below the folders of programs; Chromium's kin keep a folder named as the version."""
    found: list[Browser] = []
    for family, places in _WINDOWS.items():
        for folder in folders:
            for place in places:
                path = folder.joinpath(*place.split("\\"))
                if path.exists() and all(one.path != str(path) for one in found):
                    found.append(Browser(family, str(path), _folder_version(path.parent)))
    return found


def _first(names: Iterable[str]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def _told_version(path: str) -> str | None:
    """Return what `--version` tells."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=VERSION_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout)
    return found[0] if found else None


def _folder_version(folder: Path) -> str | None:
    versions = [name.name for name in folder.iterdir() if name.is_dir() and _VERSION.fullmatch(name.name)]
    return max(versions, key=lambda text: [int(part) for part in text.split(".")], default=None)
