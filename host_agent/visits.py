"""One visit: a citizen's service at a window from its first word to its rating, and which orders belong to it. Pure.

A visit begins with `serve`, else with its first invite. It keeps its number through every invite that ended without an
answer; it is over once one was answered (rated, declined), with the next `serve`, another case, the logout or the day.
"""

import json
from collections.abc import Callable
from typing import Any

import attrs

from host_agent.invite_subject import Service

_ANSWERED = ("rated", "declined")
_LEFT = ("timed_out", None)  # None: an invite that no terminal heard of, on paper
_INVITES_KEPT = 8


@attrs.frozen
class Visit:
    """What is known of a visit; `first` is the number of its first record, None while there is none."""

    began_utc_ms: int
    served: bool
    clerk: str | None
    project_no: str | None
    service_no: str | None
    case: dict[str, str]
    real_name: bool
    channel: str
    identity: bytes | None = attrs.field(repr=False)
    first: int | None = None
    invites: tuple[bytes, ...] = ()

    @classmethod
    def begun(cls, clerk: str | None, service: Service, served: bool, now_ms: int) -> "Visit":
        """Return a visit that begins now."""
        return cls(
            now_ms,
            served,
            clerk,
            service.project_no,
            service.service_no,
            service.case,
            bool(service.real_name),
            service.channel,
            service.identity,
        )

    def goes_on(self, service: Service, state_of: Callable[[bytes], str | None]) -> bool:
        """Say whether an invite for `service` is still of this visit; `state_of` tells how an invite stands."""
        for mine, named in ((self.project_no, service.project_no), (self.service_no, service.service_no)):
            if mine is not None and named is not None and mine != named:
                return False
        states = [state_of(invite) for invite in self.invites]
        if any(state in _ANSWERED for state in states):
            return False
        # Without ticket and case nothing tells whether it is still the citizen who left without an answer.
        told_by_case = self.project_no is not None and self.project_no == service.project_no
        return self.served or told_by_case or not any(state in _LEFT for state in states)

    def joined(self, clerk: str, service: Service) -> "Visit":
        """Return the visit with what an invite adds to it; consent goes with the citizen for whom it was given."""
        inherited = self.real_name and service.identity is None
        return attrs.evolve(
            self,
            clerk=clerk,
            project_no=service.project_no or self.project_no,
            service_no=service.service_no or self.service_no,
            case=self.case | service.case,
            real_name=inherited if service.real_name is None else service.real_name,
            channel=service.channel,
            identity=service.identity or self.identity,
        )

    def recorded(self, number: int, service_no: str | None, invite: bytes | None) -> "Visit":
        """Return the visit after a record of it."""
        invites = self.invites if invite is None else (*self.invites, invite)[-_INVITES_KEPT:]
        return attrs.evolve(self, first=self.first or number, service_no=service_no, invites=invites)

    def text(self) -> str:
        """Return the visit as JSON, without the sealed identity."""
        fields = attrs.asdict(self, filter=attrs.filters.exclude("identity"))
        return json.dumps(fields | {"invites": [invite.hex() for invite in self.invites]}, ensure_ascii=False)


def read(text: str, identity: bytes | None) -> Visit:
    """Return a visit that was kept."""
    fields: dict[str, Any] = json.loads(text)
    invites = tuple(bytes.fromhex(invite) for invite in fields.pop("invites"))
    return Visit(**fields, identity=identity, invites=invites)
