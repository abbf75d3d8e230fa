"""Stands before the local API: which hosts, which origins, which callers, how much.

Promise: a web page from elsewhere can neither read nor order anything unless its integration names it: other Host names
(DNS rebinding) and origins are refused on HTTP and WebSocket, and bodies are bounded before they are read.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from host_agent.api_access import Access, Caller
from host_agent.config_model import Config, is_loopback
from host_agent.refusal import Refusal

BODY_LIMIT_BYTES = 65_536
STAFF_BODY_LIMIT_BYTES = 196_608  # a card for each board, at most 64 KB, as base64
_STAFF = "/api/v1/staff/"
CALLER = "yiping.caller"  # in the scope; None on a WebSocket that has not sent its token yet
ORIGIN = "yiping.origin"  # in the scope: the page's origin where it is not this agent's own, else None
PREFLIGHT_AGE_S = 600
_LOCAL_NAMES = frozenset(("127.0.0.1", "localhost", "::1"))
_WITH_COOKIE = ("/", "/status")
_NEED_A_CALLER = ("/api/", "/dialects/", "/metrics")
_HEADERS = {401: {"www-authenticate": "Bearer"}, 429: {"retry-after": "1"}}
# The clerk's page may be shown inside another page of this machine (the demo), nowhere else.
_SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:;"
        b" frame-ancestors 'self' http://127.0.0.1:* http://localhost:*",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Let through only what this machine's own pages, its programs, and known integrations ask."""

    def __init__(self, app: ASGIApp, config: Config, access: Access) -> None:
        """Allow the loopback names, the address listened on, and the names in the configuration."""
        self._app = app
        self._access = access
        self._hosts = _LOCAL_NAMES | {config.listen_host} | set(config.api.hosts)
        self._port = config.listen_port
        self._scheme = config.api_scheme

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = None
        try:
            origin = self._foreign_origin(headers, _body_limit_bytes(scope))
            if _is_preflight(scope, headers):
                await self._preflight(headers, origin)(scope, receive, send)
                return
            scope[ORIGIN] = origin
            scope[CALLER] = self._caller(scope, headers, origin)
        except Refusal as error:
            # A page that is named may read why; elsewhere a browser hides the refusal from it.
            await _refuse(error, scope, receive, _with_headers(send, self._for_page(origin)))
            return
        extra = _SECURITY_HEADERS + self._extra(scope["path"], origin)
        await self._app(scope, _Bounded(receive, _body_limit_bytes(scope)), _with_headers(send, extra))

    def _foreign_origin(self, headers: Headers, limit_bytes: int) -> str | None:
        """Return the origin of a page that is not this agent's own.

        :raises Refusal: the request names another host, or its body is too large.
        """
        host = headers.get("host", "")
        if not self._is_ours(f"{self._scheme}://{host}"):
            cure = "use 127.0.0.1 with the agent's port, or name the host in api.hosts"
            raise Refusal(421, "wrong_host", f"this agent does not answer to the name {host[:80]!r}", cure)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit_bytes:
            raise Refusal(413, "too_large", f"the body is larger than {limit_bytes} bytes", "send less")
        origin = headers.get("origin")
        return None if origin is None or self._is_ours(origin) else origin

    def _caller(self, scope: Scope, headers: Headers, origin: str | None) -> Caller | None:
        """Return who calls; None for a page, and for a WebSocket that will send its token first.

        :raises Refusal: nobody who may.
        """
        peer = scope["client"][0] if scope.get("client") else None
        if not scope["path"].startswith(_NEED_A_CALLER):
            if peer is not None and not is_loopback(peer):
                cure = "open the page on the machine of the agent; other machines use the API with a token"
                raise Refusal(403, "pages_local", "the agent's pages are for its own machine", cure)
            return None
        authorization = headers.get("authorization")
        try:
            caller = self._access.caller(authorization, headers.get("cookie"), peer, origin)
        except Refusal:
            # A browser's WebSocket cannot send the header: its first message holds the token.
            if scope["type"] == "websocket" and authorization is None:
                if origin is None or self._access.knows_origin(origin):
                    return None
            raise
        self._access.spend(caller)
        return caller

    def _preflight(self, headers: Headers, origin: str | None) -> Response:
        """Answer a browser that asks before it lets a page call."""
        if origin is None or not self._access.knows_origin(origin):
            cure = "name the page's origin in its [[integration]]"
            raise Refusal(403, "foreign_origin", f"pages from {str(origin)[:80]!r} may not call this agent", cure)
        allowed = {
            "access-control-allow-origin": origin,
            "access-control-allow-methods": "GET, POST, DELETE",
            "access-control-allow-headers": "authorization, content-type",
            "access-control-max-age": str(PREFLIGHT_AGE_S),
            "vary": "Origin",
        }
        if headers.get("access-control-request-private-network") == "true":
            allowed["access-control-allow-private-network"] = "true"
        return Response(status_code=204, headers=allowed)

    def _for_page(self, origin: str | None) -> tuple[tuple[bytes, bytes], ...]:
        if origin is None or not self._access.knows_origin(origin):
            return ()
        return (
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", b"Retry-After"),
            (b"vary", b"Origin"),
        )

    def _extra(self, path: str, origin: str | None) -> tuple[tuple[bytes, bytes], ...]:
        if for_page := self._for_page(origin):
            return for_page
        if path in _WITH_COOKIE or path.startswith("/clerk/"):
            return ((b"set-cookie", self._access.page_cookie.encode("ascii")),)
        return ()

    def _is_ours(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
            default = 443 if self._scheme == "https" else 80
            return (
                parts.scheme == self._scheme and parts.hostname in self._hosts and (parts.port or default) == self._port
            )
        except ValueError:
            return False


def _body_limit_bytes(scope: Scope) -> int:
    return STAFF_BODY_LIMIT_BYTES if scope["path"].startswith(_STAFF) else BODY_LIMIT_BYTES


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["type"] == "http" and scope["method"] == "OPTIONS" and "access-control-request-method" in headers


async def _refuse(error: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await refusal_response(error)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008})


def refusal_response(error: Refusal, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the answer for a refusal; `headers` None gives those that go with its status."""
    body = {"error": {"code": error.code, "message": error.message, "cure": error.cure}}
    return JSONResponse(body, error.status, headers or _HEADERS.get(error.status))


class _Bounded:
    """Count a body that came without its length."""

    def __init__(self, receive: Receive, limit_bytes: int) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._limit_bytes:
            return {"type": "http.disconnect"}
        return message


def _with_headers(send: Send, headers: tuple[tuple[bytes, bytes], ...]) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *headers]
        await send(message)

    return wrapped
