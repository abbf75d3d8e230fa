"""Who may connect to the broker: `clients.json`, the list from which all access rules are made.

Promise: a client id stands for one client only (centre "A-B" with agent "C" and centre "A" with agent "B-C" would share
one). It is the common name of the certificate and the MQTT client id, so that nobody can take over another's session.
"""

import json
from pathlib import Path

import attrs

from host_agent.config_faults import ID_PATTERN, PREFIX_PATTERN
from host_agent.topics import agent_client_id, receiver_client_id

AGENT, RECEIVER = "agent", "receiver"
ANY = "+"
FORMAT = 1


class ClientsError(Exception):
    """Say what is wrong with the list, or with what shall be added to it."""


@attrs.frozen(kw_only=True)
class Client:
    """Describe an agent with its terminals, or a receiver with its centre (`+` for all)."""

    role: str
    centre: str
    name: str
    terminals: tuple[str, ...] = ()

    @property
    def client_id(self) -> str:
        """Return the MQTT client id, which is the certificate's common name too."""
        if self.role == AGENT:
            return agent_client_id(self.centre, self.name)
        return receiver_client_id(self.name)

    def check(self) -> None:
        """Raise ClientsError for an id that cannot stand in a topic."""
        if self.role not in (AGENT, RECEIVER):
            raise ClientsError(f"role {self.role!r} is unknown")
        ids = [(self.role, self.name), *(("terminal", terminal) for terminal in self.terminals)]
        if self.role == AGENT or self.centre != ANY:
            ids.append(("centre", self.centre))
        for what, value in ids:
            if not ID_PATTERN.match(value):
                raise ClientsError(f"{what} {value!r} is no id: at most 20 letters, digits, dots, dashes, underscores")
        if self.role == AGENT and not self.terminals:
            raise ClientsError(f"agent {self.name} has no terminal: name each one that it carries")


@attrs.frozen(kw_only=True)
class Clients:
    """Hold the topics' prefix, everybody who may connect, and whose ids are spent; changes return a new list."""

    prefix: str
    clients: tuple[Client, ...] = ()
    removed: tuple[str, ...] = ()  # client ids whose certificates are still valid somewhere

    def with_client(self, client: Client) -> "Clients":
        """Add a client, or replace the one of the same role, centre and name.

        :raises ClientsError: an id is no id, is taken or was taken away, or another agent has one of the terminals.
        """
        client.check()
        if client.client_id in self.removed:
            raise ClientsError(f"the id {client.client_id} was removed: its old certificate would be good again")
        others = tuple(one for one in self.clients if not _same(one, client))
        for other in others:
            if other.client_id == client.client_id:
                raise ClientsError(f"the id {client.client_id} is taken by {other.role} {other.name} of {other.centre}")
            shared = sorted(set(client.terminals) & set(other.terminals)) if other.centre == client.centre else []
            if shared:
                raise ClientsError(f"terminal {shared[0]} belongs to agent {other.name}: take it away there first")
        return attrs.evolve(self, clients=tuple(sorted((*others, client), key=lambda one: one.client_id)))

    def without_client(self, client_id: str) -> "Clients":
        """Take a client out.

        :raises ClientsError: there is none of that id.
        """
        if all(one.client_id != client_id for one in self.clients):
            raise ClientsError(f"no client {client_id}")
        left = tuple(one for one in self.clients if one.client_id != client_id)
        return attrs.evolve(self, clients=left, removed=(*self.removed, client_id))

    def dumps(self) -> str:
        """Return the file's text."""
        rows = [attrs.asdict(client) for client in self.clients]
        value = {"format": FORMAT, "prefix": self.prefix, "clients": rows, "removed": self.removed}
        return json.dumps(value, indent=2) + "\n"


def loads(text: str) -> Clients:
    """Read what `dumps` wrote, checking it as if each client were added now.

    :raises ClientsError: it is no such list.
    """
    try:
        value = json.loads(text)
        if value["format"] != FORMAT:
            raise ClientsError(f"format {value['format']!r} is not {FORMAT}: made by another version")
        found = Clients(prefix=value["prefix"], removed=tuple(map(str, value.get("removed", ()))))
        if not PREFIX_PATTERN.match(found.prefix):
            raise ClientsError(f"prefix {found.prefix!r} is no topic")
        for row in value["clients"]:
            found = found.with_client(Client(**{**row, "terminals": tuple(row["terminals"])}))
    except (ValueError, KeyError, TypeError) as error:
        raise ClientsError(f"it is no list of clients: {error}") from None
    return found


def load(path: Path) -> Clients:
    """Read the file.

    :raises OSError, ClientsError: it cannot be read, or is no list of clients.
    """
    return loads(path.read_text(encoding="utf-8"))


def _same(one: Client, other: Client) -> bool:
    return (one.role, one.name) == (other.role, other.name) and (one.role == RECEIVER or one.centre == other.centre)
