"""Calls to the JSON interfaces of the demo's own parts on 127.0.0.1; standard library only."""

import http.client
import json
from collections.abc import Callable
from urllib.parse import urlsplit


def call(method: str, url: str, body: object = None, timeout_s: float = 30.0) -> tuple[int, dict]:
    """Call a JSON API on this machine; return status and answer. Raise OSError when nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_s)
    try:
        payload = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, payload, headers)
        answer = connection.getresponse()
        raw = answer.read()
        return answer.status, json.loads(raw) if raw else {}
    except (http.client.HTTPException, json.JSONDecodeError) as error:
        raise ConnectionError(f"{url}: {error}") from error
    finally:
        connection.close()


def answers(url: str) -> Callable[[], bool]:
    """Return a check that an HTTP address answers 200."""

    def check() -> bool:
        try:
            return call("GET", url, timeout_s=5.0)[0] == 200
        except OSError:
            return False

    return check
