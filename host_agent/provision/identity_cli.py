"""`yiping identity keygen | open`: the city's key for identities of citizens, and reading what was sealed to it."""

import base64
import binascii
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host_agent.errors import UserError
from host_agent.public_key import MIN_BITS

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

INPUT_LIMIT_BYTES = 1_048_576
# Where a record has its sealed identity: as the receiver hands it on, and as it travels.
_PLACES = ((), ("data",), ("service",))
_STDIN = "standard input"


@click.command()
@click.option(
    "--out",
    "prefix",
    type=click.Path(path_type=Path),
    default=Path("city-identity"),
    show_default=True,
    help="Where: PREFIX.key is the private key, PREFIX.pub.pem the public one.",
)
@click.option(
    "--bits",
    type=click.Choice([str(MIN_BITS), "4096"]),
    default=str(MIN_BITS),
    show_default=True,
    help="Length of the key.",
)
def keygen(prefix: Path, bits: str) -> None:
    """Make the city's key pair for identities. Neither key is printed; existing files are never replaced."""
    from host_agent.provision import identity_key

    private = prefix.with_name(f"{prefix.name}.key")
    public = prefix.with_name(f"{prefix.name}.pub.pem")
    fingerprint = identity_key.make(private, public, int(bits))
    click.echo(f"{private}: stays at the city, readable by its owner alone; keep a copy in a safe")
    click.echo(f"{public}: for privacy.identity_key_file of each agent")
    click.echo(f"fingerprint {fingerprint}")


@click.command(name="open")
@click.option(
    "--key",
    "path",
    type=click.Path(path_type=Path),
    default=Path("city-identity.key"),
    show_default=True,
    help="The private key.",
)
def open_(path: Path) -> None:
    """Read a sealed identity from standard input, as base64 or within a JSON record, and print it as one JSON line."""
    from host_agent.provision import identity_key

    key = identity_key.read_private(path)
    sealed = _sealed(sys.stdin.buffer.read(INPUT_LIMIT_BYTES + 1))
    click.echo(json.dumps(_opened(key, sealed), ensure_ascii=False))


def _opened(key: "RSAPrivateKey", sealed: bytes) -> dict[str, str]:
    from host_agent.provision import identity_key

    try:
        return identity_key.unseal(key, sealed)
    except ValueError:
        cure = "use the private key of the pair that the agent had then; its fingerprint is in the agent's status"
        raise UserError("this key does not open it", _STDIN, cure) from None


def _sealed(raw: bytes) -> bytes:
    """Return the sealed bytes of what was read.

    :raises UserError: there are none.
    """
    if len(raw) > INPUT_LIMIT_BYTES:
        raise UserError("far too much was given", _STDIN, "give one record")
    text: Any = raw.decode("utf-8", "replace").strip()
    if text.startswith(("{", "[", '"')):
        text = _in_record(text)
    try:
        sealed = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UserError("this is no base64", _STDIN, "give the value of identity, or the whole record") from None
    if not sealed:
        raise UserError("nothing was given", _STDIN, "give the value of identity, or the whole record")
    return sealed


def _in_record(text: str) -> str:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError("this is not one JSON record", _STDIN, "give one record, not several") from None
    if isinstance(record, str):
        return record
    for place in _PLACES:
        found = record
        for name in place:
            found = found.get(name) if isinstance(found, dict) else None
        value = found.get("identity") if isinstance(found, dict) else None
        if isinstance(value, str):
            return value
    raise UserError("this record holds no sealed identity", _STDIN, "the agent had none, or no key then")
