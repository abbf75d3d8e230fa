"""One case at a counter, from login to outcome, with Python's own library.

python counter.py http://127.0.0.1:8471 token.txt W01 007 P-2026-77
"""

import json
import sys
import time
import urllib.request
from pathlib import Path


def main(address: str, token_file: str, window: str, clerk: str, case: str) -> None:
    """Log in, invite, wait for the outcome."""
    base, token = f"{address}/api/v1/windows/{window}", Path(token_file).read_text(encoding="utf-8").strip()

    def call(method: str, path: str, body: dict | None = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(base + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    call("POST", "/login", {"number": clerk})
    # The same id again would give the same invite: repeat the call after a timeout without fear.
    invite = call("POST", "/invites", {"id": f"{case}-1", "project_no": case, "service_no": 1})
    while invite["state"] in ("pending", "open"):
        time.sleep(0.5)
        invite = call("GET", f"/invites/{invite['invite']}")
    print(invite["state"])  # rated, timed_out, declined, cancelled or interrupted: never a level


if __name__ == "__main__":
    main(*sys.argv[1:])
