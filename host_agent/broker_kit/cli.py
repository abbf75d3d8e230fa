"""`yiping broker`: set up a broker's folder, give agents and receivers their certificates, write the access rules.

Promise: nothing is changed on an error; the access rules are made anew from the whole list of clients at each change.
"""

import contextlib
import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import click

from host_agent import folders
from host_agent.broker_kit import authority, rules
from host_agent.broker_kit.authority import Authority
from host_agent.broker_kit.clients import AGENT, ANY, RECEIVER, Client, Clients, ClientsError, load
from host_agent.config_faults import PREFIX_PATTERN
from host_agent.errors import UserError

_FOLDER = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("broker"),
    show_default=True,
    help="The broker's folder.",
)
_RENEW = click.option("--renew", is_flag=True, help="Make a new certificate even if there is one.")


@click.command()
@_FOLDER
@click.option("--host", "hosts", multiple=True, required=True, help="Name or address of the broker; may be repeated.")
@click.option("--port", type=click.IntRange(1, 65535), default=8883, show_default=True, help="Port for TLS.")
@click.option("--prefix", default="yiping/v1", show_default=True, help="First part of every topic.")
def init(folder: Path, hosts: tuple[str, ...], port: int, prefix: str) -> None:
    """Make an authority, the broker's certificate and mosquitto's configuration in a new folder."""
    for name, what in (("ca.key", "an authority"), ("clients.json", "a list of clients")):
        if (folder / name).exists():
            raise UserError(f"there is {what} already", str(folder), "name another folder with --dir")
    if not PREFIX_PATTERN.match(prefix):
        raise UserError(f"--prefix {prefix!r} is no topic", "--prefix", 'write "yiping/v1"')
    for host in hosts:
        if not authority.is_host(host):
            raise UserError(f"--host {host!r} is no name of a host", "--host", "write its address or its name in ASCII")
    ca = Authority.create("Yiping broker authority")
    certificate, key = ca.issue("Yiping broker", hosts)
    with _writing(folder):
        for part in ("clients", "data"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "server.pem").write_bytes(certificate)
        folders.write_private(folder / "server.key", key)
        (folder / "mosquitto.conf").write_text(rules.mosquitto_conf(str(folder.resolve()), port), encoding="utf-8")
        ca.save(folder)
        _save(folder, Clients(prefix=prefix))
    click.echo(f"made {folder}: add the agents and a receiver, then start mosquitto -c {folder}/mosquitto.conf")
    click.echo("ca.key signs new certificates: keep it where only the operator reads it")


@click.command(name="add-agent")
@_FOLDER
@click.option("--centre", required=True, help="The service centre, as in agent.toml.")
@click.option("--agent", "name", required=True, help="The agent's id, as in agent.toml.")
@click.option("--terminal", "terminals", multiple=True, help="A terminal that it carries; repeat for each.")
@_RENEW
def add_agent(folder: Path, centre: str, name: str, terminals: tuple[str, ...], renew: bool) -> None:
    """Give an agent a certificate and leave to speak for its terminals; again with other terminals to change them."""
    _add(folder, Client(role=AGENT, centre=centre, name=name, terminals=tuple(sorted(set(terminals)))), renew)


@click.command(name="add-receiver")
@_FOLDER
@click.option("--name", required=True, help="The receiver's name, as in receiver.toml.")
@click.option("--centre", default=ANY, show_default=True, help="The only centre it serves; + for all.")
@_RENEW
def add_receiver(folder: Path, name: str, centre: str, renew: bool) -> None:
    """Give a receiver a certificate and leave to read events and write receipts."""
    _add(folder, Client(role=RECEIVER, centre=centre, name=name), renew)


@click.command()
@_FOLDER
@click.argument("client_id")
def remove(folder: Path, client_id: str) -> None:
    """Take all leave from a client (a stolen PC) for good: as its certificate stays valid, its id is spent."""
    try:
        clients = _load(folder).without_client(client_id)
    except ClientsError as error:
        raise UserError(str(error), str(folder), "see `yiping broker list`") from None
    with _writing(folder):
        _save(folder, clients)
        for suffix in ("pem", "key"):
            (folder / "clients" / f"{client_id}.{suffix}").unlink(missing_ok=True)
    click.echo(f"{client_id} may do nothing any more, once the broker has read its rules again (kill -HUP)")


@click.command(name="list")
@_FOLDER
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_(folder: Path, as_json: bool) -> None:
    """List who may connect, with the days that their certificates still last."""
    now = datetime.datetime.now(datetime.UTC)
    rows = [
        {
            "client_id": client.client_id,
            "role": client.role,
            "centre": client.centre,
            "terminals": list(client.terminals),
            "certificate_days": _days(folder / "clients" / f"{client.client_id}.pem", now),
        }
        for client in _load(folder).clients
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows or [None]:
        click.echo("nobody yet" if row is None else _line(row))


@click.command(name="rules")
@_FOLDER
@click.option("--kind", type=click.Choice(["mosquitto", "emqx"]), required=True, help="The broker's make.")
def print_rules(folder: Path, kind: str) -> None:
    """Print the access rules as a broker's own file."""
    clients = _load(folder)
    click.echo(rules.mosquitto_acl(clients) if kind == "mosquitto" else rules.emqx_acl(clients), nl=False)


def _add(folder: Path, client: Client, renew: bool) -> None:
    try:
        clients = _load(folder).with_client(client)
    except ClientsError as error:
        raise UserError(str(error), str(folder), "correct the ids; `yiping broker list` shows who is there") from None
    certificate_file = folder / "clients" / f"{client.client_id}.pem"
    key_file = certificate_file.with_suffix(".key")
    with _writing(folder):
        if renew or not (certificate_file.exists() and key_file.exists()):
            certificate, key = _authority(folder).issue(client.client_id)
            folders.write_private(key_file, key)
            certificate_file.write_bytes(certificate)
        _save(folder, clients)
    click.echo(f"{client.client_id}: bring {certificate_file}, {key_file} and {folder / 'ca.pem'} to its machine")
    if client.role == AGENT:
        click.echo(f"it may speak for {', '.join(client.terminals)}; let a running broker read its rules (kill -HUP)")


def _save(folder: Path, clients: Clients) -> None:
    for name, text in (("clients.json", clients.dumps()), ("acl", rules.mosquitto_acl(clients))):
        # mosquitto refuses access files that others can write, and complains of those that others can read.
        folders.write_private(folder / name, text.encode())


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Write inside; UserError when the folder takes no file."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        cure = "check the folder, its rights and room"
        raise UserError(f"cannot write: {reason}", str(error.filename or folder), cure) from None


def _load(folder: Path) -> Clients:
    path = folder / "clients.json"
    try:
        return load(path)
    except FileNotFoundError:
        raise UserError("no list of clients here", str(path), "make the folder with `yiping broker init`") from None
    except (OSError, ClientsError) as error:
        raise UserError(f"the list of clients cannot be used: {error}", str(path), "put its backup back") from None


def _authority(folder: Path) -> Authority:
    try:
        return Authority.load(folder)
    except (OSError, ValueError) as error:
        raise UserError(
            f"the authority cannot be used: {error}", str(folder / "ca.key"), "bring ca.key and ca.pem back here"
        ) from None


def _days(path: Path, now: datetime.datetime) -> int | None:
    try:
        return authority.days_left(path.read_bytes(), now)
    except (OSError, ValueError):
        return None


def _line(row: dict) -> str:
    days = "certificate not here" if row["certificate_days"] is None else f"certificate {row['certificate_days']} days"
    whose = ", ".join(row["terminals"]) or ("all centres" if row["centre"] == ANY else row["centre"])
    return f"{row['client_id']}  {row['role']}  {whose}  {days}"
