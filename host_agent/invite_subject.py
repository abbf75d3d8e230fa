"""Names what an invite is about: the case, the service of it, over what it was asked, and whose name goes with it."""

import json
from hashlib import sha256

from host_agent.store_rows import InviteRow

CHANNEL_WINDOW, CHANNEL_KIOSK, CHANNEL_PAPER = CHANNELS = ("window", "kiosk", "paper")


class Service:
    """Name what an invite is about, as counter software or the clerk's page told it."""

    def __init__(
        self,
        project_no: str | None,
        service_no: str | None,
        timeout_ms: int,
        origin: int,
        client_key: str | None,
        *,
        case: dict[str, str] | None = None,
        identity: bytes | None = None,
        real_name: bool | None = None,
        channel: str = CHANNEL_WINDOW,
    ) -> None:
        """Keep the values; `case` has the national fields but project_no, `identity` is sealed to the city's key.

        `real_name` is the citizen's consent; None: nothing was said of it, which is none.
        """
        self.project_no = project_no
        self.service_no = service_no
        self.timeout_ms = timeout_ms
        self.origin = origin
        self.client_key = client_key
        self.case = case or {}
        self.identity = identity
        self.real_name = real_name
        self.channel = channel

    @property
    def asked(self) -> bytes:
        """Return a digest of what was named; nothing of the identity is in it, for nothing of it is kept in clear."""
        named = (
            self.project_no,
            self.service_no,
            self.timeout_ms,
            self.origin,
            self.case,
            self.real_name,
            self.channel,
        )
        return sha256(json.dumps(named, ensure_ascii=False, sort_keys=True).encode()).digest()[:16]

    def same_as(self, row: InviteRow) -> bool:
        """Say whether an invite was made for this very service."""
        if row.asked is not None:
            return row.asked == self.asked
        mine = (self.project_no, self.service_no, self.timeout_ms, self.origin)
        return mine == (row.project_no, row.service_no, row.timeout_ms, row.origin)


def reference(project_no: str | None, service_no: str | None) -> str | None:
    """Return what an invite id binds: "project_no/service_no" without what is absent; neither part has a slash."""
    if project_no is None and service_no is None:
        return None
    return (project_no or "") + (f"/{service_no}" if service_no is not None else "")
