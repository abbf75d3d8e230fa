"""Who may call the local API: tokens of integrations, this agent's own pages, programs of this machine; and how often.

    a token            what its [[integration]] allows, from its origins
    the page's cookie  all windows, from this agent's own pages
    neither            all windows, only while there is no [[integration]] and the caller is on this machine
Promise: tokens are compared in constant time and never shown; one caller that asks too often slows down nobody else.
"""

import hmac
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from host_agent.config_model import Config, is_loopback
from host_agent.refusal import Refusal

# A caller may ask this many seconds' worth at once.
BURST_S = 3


class Caller:
    """Say who calls and what for; `windows` None means all."""

    def __init__(self, name: str, windows: frozenset[str] | None, rate_per_s: int, now_s: float) -> None:
        """Begin with a full allowance."""
        self.name = name
        self.windows = windows
        self._rate_per_s = rate_per_s
        self._allowance = float(rate_per_s * BURST_S)
        self._last_s = now_s

    def may(self, window: str) -> bool:
        """Say whether this caller may ask about a window."""
        return self.windows is None or window in self.windows

    def spend(self, now_s: float) -> None:
        """Count one request.

        :raises Refusal: too many of late.
        """
        full = float(self._rate_per_s * BURST_S)
        self._allowance = min(full, self._allowance + (now_s - self._last_s) * self._rate_per_s)
        self._last_s = now_s
        if self._allowance < 1:
            raise Refusal(
                429,
                "too_many",
                f"{self.name} asks more than {self._rate_per_s} times a second",
                "wait a second; use the stream instead of asking often",
            )
        self._allowance -= 1


class Access:
    """Tell callers apart; belongs to the event loop."""

    def __init__(self, config: Config, now_s: Callable[[], float]) -> None:
        """Read the tokens.

        :raises OSError: a token's file cannot be read.
        """
        self._now_s = now_s
        start_s, rate = now_s(), config.api.rate_per_s
        self._by_token = [
            (
                integration.token(),
                Caller(integration.name, frozenset(integration.windows) or None, rate, start_s),
                frozenset(integration.origins),
            )
            for integration in config.integrations
        ]
        self._page_key = secrets.token_urlsafe(24)
        self._page = Caller("this agent's pages", None, rate, start_s)
        self._local = Caller("programs of this machine", None, rate, start_s)
        self._origins = frozenset(origin for _, _, origins in self._by_token for origin in origins)
        # Cookies know no ports: two agents of one machine need two names.
        self._cookie_name = f"yiping_page_{config.listen_port}"
        self._cookie_tail = f"; HttpOnly; SameSite=Strict; Path=/{'; Secure' if config.api.cert_file else ''}"

    @property
    def page_cookie(self) -> str:
        """Return the Set-Cookie value that goes with this agent's own pages."""
        return f"{self._cookie_name}={self._page_key}{self._cookie_tail}"

    def knows_origin(self, origin: str) -> bool:
        """Say whether any integration's pages come from there."""
        return origin in self._origins

    def caller(self, authorization: str | None, cookie: str | None, peer: str | None, origin: str | None) -> Caller:
        """Return who calls; `origin` is set only for pages that are not this agent's own.

        :raises Refusal: nobody whom we know, or from a page that its integration does not name.
        """
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            return self.by_token(token.strip() if scheme.lower() == "bearer" else "", origin)
        if origin is not None:
            raise self._foreign(origin)
        if cookie is not None and self._is_page(cookie):
            return self._page
        if not self._by_token and peer is not None and is_loopback(peer):
            return self._local
        raise Refusal(401, "no_token", "this agent answers only to callers with a token", _TOKEN_CURE)

    def by_token(self, token: str, origin: str | None) -> Caller:
        """Return the caller of a token.

        :raises Refusal: no integration has it, or its pages do not come from `origin`.
        """
        found = None
        for secret, caller, origins in self._by_token:  # all of them: the time tells nothing
            if hmac.compare_digest(secret.reveal().encode(), token.encode("utf-8", "replace")):
                found = caller, origins
        if found is None:
            raise Refusal(401, "wrong_token", "no integration of this agent has that token", _TOKEN_CURE)
        if origin is not None and origin not in found[1]:
            raise self._foreign(origin)
        return found[0]

    def spend(self, caller: Caller) -> None:
        """Count one request of a caller.

        :raises Refusal: too many of late.
        """
        caller.spend(self._now_s())

    def _is_page(self, cookie: str) -> bool:
        try:
            morsel = SimpleCookie(cookie).get(self._cookie_name)
        except CookieError:
            return False
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), self._page_key.encode())

    def _foreign(self, origin: str) -> Refusal:
        return Refusal(
            403,
            "foreign_origin",
            f"pages from {origin[:80]!r} may not call this agent",
            "name the page's origin in its [[integration]], or open the page from this agent",
        )


_TOKEN_CURE = "send Authorization: Bearer and the token of an [[integration]] in agent.toml"
