"""`yiping decode`: read a capture of the serial line, and open events with a terminal's secret."""

import codecs
import errno
import json
import os
import sys
from collections import defaultdict
from typing import IO

import click

from host_agent.errors import UserError
from protocol import evidence, rating
from protocol.capture import Capture, plain, text
from protocol.errors import EvidenceError

_BLOCK_BYTES = 65536


class _Hex(click.ParamType):
    """Take bytes written as hexadecimal digits, of a given length."""

    name = "hex"

    def __init__(self, size: int) -> None:
        self._size = size

    def convert(self, value: str | bytes, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Return the bytes; a usage error if they are not hex or not as many as they must be."""
        if isinstance(value, bytes):
            return value
        try:
            data = bytes.fromhex(value)
        except ValueError:
            data = b""
        if len(data) != self._size:
            self.fail(f"{2 * self._size} hexadecimal digits are wanted", param, ctx)
        return data


@click.group()
def decode() -> None:
    """Read captures and events."""


@decode.command(short_help="Show the frames of a recording.")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--hex", "is_hex", is_flag=True, help="The file holds hexadecimal digits; white space does not count.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a frame and one for the counters.")
def capture(file: IO[bytes], is_hex: bool, as_json: bool) -> None:
    """Show the frames in FILE, the recorded bytes of one direction (- or nothing: standard input)."""
    found = Capture()
    for block in [_from_hex(file)] if is_hex else iter(lambda: file.read(_BLOCK_BYTES), b""):
        for frame in found.feed(block):
            _say(json.dumps(frame, ensure_ascii=False) if as_json else text(frame))
    found.end()
    if as_json:
        _say(json.dumps({"counters": found.counters}))
    else:
        click.echo(", ".join(f"{name} {value}" for name, value in found.counters.items()), err=True)
    if not found.counters["frames"] and found.counters["skipped_bytes"]:
        cure = "give the bytes as they came over the line" if is_hex else "use --hex if these are hexadecimal digits"
        raise UserError("no frame in it", getattr(file, "name", "-"), cure)


@decode.command(short_help="Open events with a terminal's secret.")
@click.option("--secret", type=_Hex(32), required=True, metavar="HEX", help="The terminal's secret, 64 hex digits.")
@click.option("--epoch", type=click.IntRange(0, 0xFFFF), required=True, metavar="N", help="The key epoch.")
@click.pass_context
def event(ctx: click.Context, secret: bytes, epoch: int) -> None:
    """Open the events on standard input, one a line in hex; print one JSON object for each.

    Fields stand under their names, bytes as hex. "chain" is ok or broken as the event before it says, unknown where
    that one is not in the input. Exit code 1 if any event does not open or is not canonical.
    """
    from host_agent.receiver.aes import Aes

    key = evidence.event_key(secret, epoch)
    chain = Chain()
    failed = False
    if sys.stdin.isatty():
        click.echo("reading events from the keyboard, one a line in hex; Ctrl-D ends", err=True)
    for number, line in enumerate(sys.stdin.buffer, start=1):
        line = line.removeprefix(codecs.BOM_UTF8).strip()
        if not line:
            continue
        try:
            found = _opened(Aes, key, epoch, line.decode("ascii", "replace"), chain)
        except EvidenceError as error:
            failed = True
            found = {"line": number, "error": str(error)}
        _say(json.dumps(found, ensure_ascii=False))
    if failed:
        ctx.exit(1)


def _opened(aes: object, key: bytes, epoch: int, line: str, chain: "Chain") -> dict:
    """Return one event as plain data; EvidenceError if it is not hex, of another epoch, or does not open."""
    try:
        data = bytes.fromhex(line)
    except ValueError:
        raise EvidenceError("not hexadecimal") from None
    clear = evidence.parse(data)
    if clear.epoch != epoch:
        raise EvidenceError(f"an event of epoch {clear.epoch}, not {epoch}")
    fields = evidence.open_parsed(aes, key, clear)
    found = {
        "seq": clear.seq,
        "boot": clear.boot,
        "kind": clear.kind,
        "kind_name": rating.KIND_NAMES.get(clear.kind),
        "invite": plain(clear.invite),
        "terminal": clear.terminal,
        "epoch": clear.epoch,
    }
    for number, value in sorted(fields.items()):
        found[evidence.FIELD_NAMES.get(number, str(number))] = plain(value)
    found["chain"] = chain.judge(clear.seq, fields.get(5), data)
    return found


class Chain:
    """Judge each event's `prev` by the events seen before it."""

    def __init__(self) -> None:
        """Begin with no event seen."""
        self._hashes: dict[int, set[bytes]] = defaultdict(set)  # a conflicting seq has more than one

    def judge(self, seq: int, prev: bytes | None, data: bytes) -> str:
        """Return ok, broken, or unknown where the event before is missing; remember this one."""
        self._hashes[seq].add(evidence.prev_hash(data))
        before = self._hashes.get(seq - 1)
        if before:
            return "ok" if prev in before else "broken"
        if prev == bytes(8):  # it says that it is the first of its epoch
            return "ok" if seq == min(self._hashes) else "broken"
        return "broken" if prev is None or seq == 1 else "unknown"


def _say(line: str) -> None:
    """Print a line of the result; UserError when it goes where there is no room. A closed pipe is click's affair."""
    try:
        click.echo(line)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)  # for what is held back: it would fail once more at the exit
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise UserError(
            f"the result cannot be written: {error.strerror}", "standard output", "make room, or write elsewhere"
        ) from None


def _from_hex(file: IO[bytes]) -> bytes:
    """Return the bytes that the digits in the file mean; UserError if they mean none."""
    try:
        return bytes.fromhex(file.read().decode("ascii"))
    except ValueError:
        raise UserError("not hexadecimal", getattr(file, "name", "-"), "leave --hex out for a raw capture") from None
