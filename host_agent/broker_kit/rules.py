"""Who may write and read what at the broker, as texts for mosquitto and EMQX.

Promise: what is not allowed by name is forbidden. An agent writes under its own name and for its own terminals, and
reads its own receipts and commands; only a receiver writes those.
"""

from host_agent.broker_kit.clients import AGENT, Client, Clients

WRITE, READ = "write", "read"
Rule = tuple[str, str]  # WRITE or READ, topic filter


def rules_of(client: Client, prefix: str) -> list[Rule]:
    """Return what one client may do."""
    base = f"{prefix}/{client.centre}"
    if client.role == AGENT:
        own = f"{base}/agent/{client.name}"
        return [
            *((WRITE, f"{own}/{leaf}") for leaf in ("state", "health", "service")),
            *((WRITE, f"{base}/terminal/{terminal}/{leaf}") for terminal in client.terminals for leaf in _TERMINAL),
            (READ, f"{own}/receipt"),
            (READ, f"{own}/command/+"),
        ]
    return [
        *((READ, f"{base}/terminal/+/{leaf}") for leaf in _TERMINAL),
        *((READ, f"{base}/agent/+/{leaf}") for leaf in ("state", "health", "service")),
        (WRITE, f"{base}/agent/+/receipt"),
        (WRITE, f"{base}/agent/+/command/+"),
    ]


_TERMINAL = ("event", "state")


def mosquitto_acl(clients: Clients) -> str:
    """Return the access file of mosquitto (`acl_file`); users are certificates' common names."""
    blocks = [
        "\n".join(
            [f"user {client.client_id}", *(f"topic {verb} {topic}" for verb, topic in rules_of(client, clients.prefix))]
        )
        for client in clients.clients
    ]
    return "\n\n".join([_HEAD.format(sign="#"), *blocks]) + "\n"


def emqx_acl(clients: Clients) -> str:
    """Return the access file of EMQX 5 (`authorization.sources`, type file)."""
    verbs = {WRITE: "publish", READ: "subscribe"}
    lines = [
        f'{{allow, {{username, "{client.client_id}"}}, {verbs[verb]}, ["{topic}"]}}.'
        for client in clients.clients
        for verb, topic in rules_of(client, clients.prefix)
    ]
    return "\n".join([_HEAD.format(sign="%%"), *lines, "{deny, all}."]) + "\n"


def mosquitto_conf(folder: str, port: int) -> str:
    """Return a configuration for mosquitto 2.0 with TLS, certificates for everybody and the access file."""
    return _MOSQUITTO_CONF.format(folder=folder, port=port)


_HEAD = "{sign} Made by `yiping broker`; changes belong into clients.json."

_MOSQUITTO_CONF = """\
# Made by `yiping broker`. Start: mosquitto -c {folder}/mosquitto.conf; after a change of clients: kill -HUP.
listener {port}
cafile {folder}/ca.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
tls_version tlsv1.2

# Whoever connects has a certificate; its common name is user and client id, so nobody takes another's session.
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder}/acl

# A receiver that is away for a while: 500 messages an agent wait for it.
persistence true
persistence_location {folder}/data/
max_queued_messages 100000
persistent_client_expiration 14d
max_packet_size 262144

log_dest stderr
log_type error
log_type warning
log_type notice
"""
