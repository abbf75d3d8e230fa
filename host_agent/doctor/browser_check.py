"""Asks the running agent what a browser would ask for a page, and says of each step in one line how it is.

A page's way: permission (the browser's) → preflight (CORS) → request with its origin → WebSocket. The agent sends no
cookie across origins and needs none.
"""

import base64
import contextlib
import http.client
import os
import urllib.error
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from host_agent.agent_check import Finding
from host_agent.agent_client import AgentClient, own_tls
from host_agent.config_model import Config, IntegrationSection
from host_agent.doctor import origins as page_origins
from host_agent.errors import UserError

ANSWER_S = 10.0
STRANGER = "https://stranger.invalid"
_ORDER = "/api/v1/windows"
_STREAM = "/api/v1/stream"
_HEADERS = {"authorization", "content-type"}
_METHODS = {"GET", "POST", "DELETE"}
Answer = tuple[int, dict[str, str]]


class BrowserCheck:
    """Try one agent as the pages of some origins would."""

    def __init__(self, config: Config) -> None:
        """Note where it listens; nothing is sent yet."""
        self._config = config
        self._base = AgentClient(config).base
        self._at = urlsplit(self._base)

    def findings(self, origins: Sequence[str]) -> list[Finding]:
        """Return how each step is; without an agent nothing more than that is said."""
        try:
            AgentClient(self._config).get("/api/v1/windows")
        except UserError as error:
            return [Finding("agent", False, f"{self._base}: {error.what}: {error.cure}")]
        found = [Finding("agent", True, f"{self._base} answers"), self._host(), self._stranger()]
        for origin in origins:
            found += self._origin(origin)
        return found

    def _host(self) -> Finding:
        """Check that a page whose name was made to lead here (DNS rebinding) gets nothing."""
        status, _ = self._ask("GET", _ORDER, {"Host": f"stranger.invalid:{self._at.port}"})
        return Finding("other host names", status == 421, _said(status, 421, "are refused", "are not refused"))

    def _stranger(self) -> Finding:
        status, headers = self._preflight(STRANGER)
        kept_out = status == 403 and "access-control-allow-origin" not in headers
        kept_out = kept_out and self._handshake(STRANGER) == 403
        return Finding("other pages", kept_out, "are refused" if kept_out else f"are not refused: HTTP {status}")

    def _origin(self, origin: str) -> Iterator[Finding]:
        integration = named_by(self._config, origin)
        if integration is None:
            cure = (
                'add it to the origins of an [[integration]] exactly as the browser sends it, e.g. "https://host:8443"'
            )
            yield Finding(origin, False, f"no [[integration]] names it: {cure}")
            return
        yield Finding(origin, True, f"named by integration {integration.name}")
        yield Finding(f"{origin} address", *page_origins.look_up(origin).verdict())
        yield self._preflight_finding(origin)
        yield self._request_finding(origin, integration)
        status = self._handshake(origin)
        yield Finding(f"{origin} stream", status == 101, _said(status, 101, "opens", "does not open"))

    def _preflight_finding(self, origin: str) -> Finding:
        status, headers = self._preflight(origin)
        lacks = [
            *([] if status == 204 else [f"HTTP {status}"]),
            *([] if headers.get("access-control-allow-origin") == origin else ["Access-Control-Allow-Origin"]),
            *sorted(_HEADERS - _listed(headers.get("access-control-allow-headers", "").lower())),
            *sorted(_METHODS - _listed(headers.get("access-control-allow-methods", ""))),
            *([] if headers.get("access-control-allow-private-network") == "true" else ["…-Allow-Private-Network"]),
        ]
        said = f"lacks {', '.join(lacks)}: another program answers in the agent's place?" if lacks else "is answered"
        return Finding(f"{origin} preflight", not lacks, said)

    def _request_finding(self, origin: str, integration: IntegrationSection) -> Finding:
        token = integration.token().reveal()
        status, headers = self._ask("GET", _ORDER, {"Origin": origin, "Authorization": f"Bearer {token}"})
        readable = headers.get("access-control-allow-origin") == origin
        said = _said(status, 200, "is answered", "is refused") + ("" if readable else ", and the page may not read it")
        return Finding(f"{origin} request", status == 200 and readable, said)

    def _preflight(self, origin: str) -> Answer:
        """Ask as browsers do; today's send no …-Private-Network, those from 104 to 141 did."""
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
            "Access-Control-Request-Private-Network": "true",
        }
        return self._ask("OPTIONS", _ORDER, asked)

    def _handshake(self, origin: str) -> int:
        """Return the status of a WebSocket's opening handshake (RFC 6455 §4.1)."""
        key = base64.b64encode(os.urandom(16)).decode()
        asked = {
            "Origin": origin,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
        }
        return self._ask("GET", _STREAM, asked)[0]

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> Answer:
        """Return status and headers; 0 for a connection that breaks."""
        cert_file = self._config.api.cert_file
        host, port = self._at.hostname or "", self._at.port
        connection = (
            http.client.HTTPConnection(host, port, timeout=ANSWER_S)
            if cert_file is None
            else http.client.HTTPSConnection(host, port, timeout=ANSWER_S, context=own_tls(cert_file))
        )
        with contextlib.closing(connection):
            try:
                connection.request(method, path, headers=headers)
                answer = connection.getresponse()
                return answer.status, {name.lower(): value for name, value in answer.getheaders()}
            except (OSError, http.client.HTTPException, urllib.error.URLError):
                return 0, {}


def named_by(config: Config, origin: str) -> IntegrationSection | None:
    """Return the integration whose pages come from an origin."""
    return next((one for one in config.integrations if origin in one.origins), None)


def configured(config: Config) -> list[str]:
    """Return every origin that an integration names."""
    return list(dict.fromkeys(origin for one in config.integrations for origin in one.origins))


def notes(config: Config, origins: Sequence[str]) -> list[str]:
    """Return what nobody can try from here, but somebody should know."""
    found = []
    if not origins:
        found.append("no [[integration]] names an origin: only the agent's own pages call, and browsers ask nothing")
    if config.api.cert_file is not None:
        found.append(
            "the API speaks TLS: every browser must trust its certificate, else requests fail without a word;"
            f" open {AgentClient(config).base}/ once to see"
        )
    elif any(origin.startswith("https:") for origin in origins):
        found.append(
            "https pages may call http://127.0.0.1 (no mixed content in Chromium and Firefox; Safari blocks it):"
            " write 127.0.0.1, not this PC's name"
        )
    if origins:
        found.append(
            'a page inside another one\'s frame needs <iframe allow="loopback-network; local-network-access">, or the'
            " policy LocalNetworkAccessPermissionsPolicyDefaultEnabled"
        )
    return found


def _listed(text: str) -> set[str]:
    return {part.strip() for part in text.split(",")}


def _said(status: int, wanted: int, well: str, ill: str) -> str:
    return well if status == wanted else f"{ill}: " + (f"HTTP {status}" if status else "the connection breaks")
