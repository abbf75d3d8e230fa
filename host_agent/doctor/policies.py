"""Writes the policies that let named pages reach this machine without asking the clerk: ready to paste.

Sources: chromeenterprise.google/policies and learn.microsoft.com/deployedge (LoopbackNetworkAllowedForUrls since 146,
LocalNetworkAccessAllowedForUrls since 139 and 140, OverrideSecurityRestrictionsOnInsecureOrigin), and
firefox-admin-docs.mozilla.org (LocalNetworkAccess since 150). The Linux file is tried with a real Chromium in
tests/browser/test_local_network.py.
"""

import json
from collections.abc import Sequence
from urllib.parse import urlsplit

import attrs

# Both: a browser reads the one that it knows, and 146 or newer prefers the first.
ALLOWED = ("LoopbackNetworkAllowedForUrls", "LocalNetworkAccessAllowedForUrls")
AS_SECURE = "OverrideSecurityRestrictionsOnInsecureOrigin"
_KEYS = {"chrome": r"SOFTWARE\Policies\Google\Chrome", "edge": r"SOFTWARE\Policies\Microsoft\Edge"}
_LINUX = {
    "chrome": "/etc/opt/chrome/policies/managed/yiping.json",
    "edge": "/etc/opt/edge/policies/managed/yiping.json",
    "chromium": "/etc/chromium/policies/managed/yiping.json",
}
_FIREFOX_LINUX = "/etc/firefox/policies/policies.json"
_FIREFOX_WINDOWS = r"C:\Program Files\Mozilla Firefox\distribution\policies.json"
_REG_HEAD = "Windows Registry Editor Version 5.00"


@attrs.frozen
class PolicyFile:
    """Hold one policy file: for which browsers, where it belongs, its name and its text."""

    browsers: str
    place: str
    name: str
    text: str

    def as_dict(self) -> dict[str, str]:
        """Return the object for programs."""
        return attrs.asdict(self)


def files(origins: Sequence[str]) -> list[PolicyFile]:
    """Return the policy files for pages of these origins, for Windows and Linux."""
    if not origins:
        return []
    text = _json(chromium_policy(origins))
    firefox = _json({"policies": {"LocalNetworkAccess": {"SkipDomains": _hosts(origins)}}})
    return [
        PolicyFile("Chrome and Edge on Windows", "double-click it as administrator", "yiping.reg", _reg(origins)),
        PolicyFile("Chrome, Edge, Chromium on Linux", " or ".join(_LINUX.values()), "yiping.json", text),
        PolicyFile("Firefox", f"{_FIREFOX_WINDOWS} or {_FIREFOX_LINUX}", "policies.json", firefox),
    ]


def chromium_policy(origins: Sequence[str]) -> dict[str, list[str]]:
    """Return the policies of Chromium and its kin; pages without TLS must count as secure to be allowed at all."""
    found = {name: list(origins) for name in ALLOWED}
    insecure = [origin for origin in origins if origin.startswith("http://")]
    return found | ({AS_SECURE: insecure} if insecure else {})


def _reg(origins: Sequence[str]) -> str:
    """Return a file for Windows' registry editor; a list is numbered from 1."""
    lines = [_REG_HEAD]
    for key in _KEYS.values():
        for name, values in chromium_policy(origins).items():
            lines += ["", rf"[HKEY_LOCAL_MACHINE\{key}\{name}]"]
            lines += [f'"{number}"="{value}"' for number, value in enumerate(values, 1)]
    return "\r\n".join(lines) + "\r\n"


def _hosts(origins: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(urlsplit(origin).hostname or "" for origin in origins))


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
