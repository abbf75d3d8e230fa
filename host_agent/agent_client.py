"""Asks the running agent of this machine as its own page does, with its cookie: that needs no token."""

import json
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from host_agent.config_model import Config
from host_agent.errors import UserError

ANSWER_S = 5.0
# An order may wait for a terminal and for the disk.
ORDER_S = 30.0
_TOO_OFTEN = 429
_TRIES = 20


def own_tls(cert_file: Path) -> ssl.SSLContext:
    """Return the context that trusts this very agent's certificate, whatever name it bears, and nothing else."""
    context = ssl.create_default_context(cafile=cert_file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context


class AgentRefusal(UserError):
    """Carry what the agent refused; `code` is the API's."""

    def __init__(self, code: str, message: str, where: str, cure: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(message, where, cure)
        self.code = code


class AgentClient:
    """Talk to the agent that runs with a configuration."""

    def __init__(self, config: Config) -> None:
        """Note where it listens; nothing is sent yet."""
        host = config.listen_host if config.listen_local else "127.0.0.1"
        self.base = f"{config.api_scheme}://{f'[{host}]' if ':' in host else host}:{config.listen_port}"
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(),
        ]
        if config.api.cert_file is not None:
            handlers.append(urllib.request.HTTPSHandler(context=own_tls(config.api.cert_file)))
        self._opener = urllib.request.build_opener(*handlers)
        self._known = False

    def get(self, path: str) -> dict[str, Any]:
        """Return the answer of GET.

        :raises UserError: no agent answers; AgentRefusal: it refuses.
        """
        return self._ask(urllib.request.Request(self.base + path), ANSWER_S)

    def order(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of another method.

        :raises UserError: no agent answers; AgentRefusal: it refuses.
        """
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        return self._ask(urllib.request.Request(self.base + path, data, headers, method=method), ORDER_S)

    def file(self, method: str, path: str, body: dict[str, Any]) -> bytes:
        """Return the file that an order answers with.

        :raises UserError: no agent answers; AgentRefusal: it refuses.
        """
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        return self._read(urllib.request.Request(self.base + path, data, headers, method=method), ORDER_S)

    def _ask(self, request: urllib.request.Request, timeout_s: float) -> dict[str, Any]:
        try:
            return json.loads(self._read(request, timeout_s))
        except ValueError:
            raise UserError("no agent answers: what came is no JSON", self.base, "what listens there?") from None

    def _read(self, request: urllib.request.Request, timeout_s: float) -> bytes:
        for _ in range(_TRIES):
            try:
                if not self._known:
                    self._opener.open(f"{self.base}/status", timeout=ANSWER_S).close()
                    self._known = True
                with self._opener.open(request, timeout=timeout_s) as answer:
                    return answer.read()
            except urllib.error.HTTPError as error:
                if error.code != _TOO_OFTEN:
                    raise self._refusal(error) from None
                error.close()
                time.sleep(float(error.headers.get("retry-after") or 1))
            except (urllib.error.URLError, OSError) as error:
                reason = getattr(error, "reason", error)
                raise UserError(f"no agent answers: {reason}", self.base, "start it with `yiping agent run`") from None
        raise UserError("the agent has no time for this", self.base, "try again later")

    def _refusal(self, error: urllib.error.HTTPError) -> UserError:
        """Return the refusal that an answer tells."""
        with error:
            try:
                told = json.load(error)["error"]
                return AgentRefusal(told["code"], told["message"], self.base, told["cure"])
            except (ValueError, KeyError, TypeError):
                return UserError(f"no agent answers: HTTP {error.code}", self.base, "what listens there?")
