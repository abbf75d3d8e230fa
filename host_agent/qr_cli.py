"""`yiping qr`: the key of the tokens in QR codes, and what a token says."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from host_agent import folders, qr_token
from host_agent.errors import UserError

MAKE = "make it with yiping qr keygen"


@click.group()
def qr() -> None:
    """Keys and tokens of the QR codes on screens, signs and forms."""


@qr.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("qr.key"), show_default=True, help="The new file.")
@click.option("--id", "key_id", type=click.IntRange(1, 255), default=1, show_default=True, help="Its number in tokens.")
def keygen(out: Path, key_id: int) -> None:
    """Make a key that agent and city share; it is not shown. A new one beside an old one needs a new number."""
    if out.exists():
        raise UserError("the file is there already", str(out), "choose another name, or move it away")
    try:
        folders.write_private(out, qr_token.new_key_text(key_id).encode())
    except OSError as error:
        raise UserError(
            f"cannot write the key: {error.strerror}", str(out), "check the folder and its rights"
        ) from None
    click.echo(f"key {key_id} is in {out}: give it to the agent (qr.key_file) and to the city, over a safe way")


@qr.command()
@click.argument("token")
@click.option("--key", "files", type=click.Path(path_type=Path), multiple=True, required=True, help="A key in use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def check(token: str, files: tuple[Path, ...], as_json: bool) -> None:
    """Say what TOKEN is for (a whole address is taken too), or why it counts for nothing."""
    keys = {key.id: key for key in map(_key, files)}
    try:
        found = qr_token.check(token.strip().rpartition("/")[2], keys, time.time_ns() // 1_000_000)
    except qr_token.TokenError as error:
        cure = "scan the code again, or give the key it was made with"
        raise UserError(f"{error.code}: {error}", token[:80], cure) from None
    until = None
    if found.expires_utc_ms is not None:
        until = datetime.fromtimestamp(found.expires_utc_ms / 1000, UTC).isoformat()
    shown = {"kind": qr_token.KIND_NAMES[found.kind], "subject": found.subject.hex(), "until": until}
    if as_json:
        click.echo(json.dumps(shown))
    else:
        click.echo(f"{shown['kind']} {shown['subject']}, valid {'until ' + until if until else 'without end'}")


def _key(path: Path) -> qr_token.Key:
    try:
        return qr_token.read_key(path)
    except OSError as error:
        raise UserError(f"cannot read the key: {error.strerror}", str(path), MAKE) from None
    except ValueError as error:
        raise UserError(f"the file is no key: {error}", str(path), MAKE) from None
