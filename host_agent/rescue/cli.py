"""`yiping terminal rescue`: what the queue chip of a broken terminal holds, saved and brought to the city."""

import json
import time
from pathlib import Path
from typing import Any

import click

from host_agent import config as configuration
from host_agent.errors import UserError
from host_agent.rescue import archive, deliver
from host_agent.rescue import image as chip_image
from host_agent.rescue.image import SOUND, Chip

IMAGE_LIMIT_BYTES = 64 * 1024 * 1024
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--image", type=_FILE, help="The chip's bytes, as flashrom or another reader wrote them.")
@click.option("--port", help="A board at its prompt that has the chip: its own, or a bench board.")
@click.option("--archive", "kept", type=_FILE, help="An archive that was written before.")
@click.option("--out", type=_FILE, help="The archive to write; needed with --image and --port.")
@click.option("--deliver", "agent", type=_FILE, help="Configuration of the agent that brings the events to the city.")
@click.option("--window", help="Where the terminal stood, for an agent that does not know it.")
@click.option("--doubtful", is_flag=True, help="Deliver also what a power cut may have torn before it was shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def rescue(
    image: Path | None, port: str | None, kept: Path | None, out: Path | None, agent: Path | None,
    window: str | None, doubtful: bool, as_json: bool,
) -> None:  # fmt: skip
    """Find every sealed event on a queue chip, save it, and hand it to an agent; repeated, it counts nothing twice."""
    if sum(source is not None for source in (image, port, kept)) != 1:
        raise UserError("say where the events are", "options", "give one of --image, --port and --archive")
    said: dict[str, Any] = {}
    if kept is not None:
        events = archive.read(kept)
    else:
        if out is None:
            raise UserError("the events have no place to be saved", "--out", "name the archive")
        chip = chip_image.read(_image(image, port))
        said = archive.summary(chip)
        _require_something(chip, str(image or port))
        said["archive_sha256"] = archive.write(out, chip, str(image or port), time.time_ns() // 1_000_000)
        said["archive"] = str(out)
        events = list(chip.events)
    if agent is not None:
        chosen = [event for event in events if doubtful or event.state == SOUND]
        done = deliver.into_agent(configuration.load(agent), chosen, window)
        said |= {"delivered": done.stored, "held_already": done.held, "left_out": len(events) - len(chosen)}
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False))
    else:
        _tell(said)


def _image(image: Path | None, port: str | None) -> bytes:
    if port is not None:
        from host_agent.board.caller import at_port, tell_sectors
        from host_agent.rescue.chip_prompt import read_chip

        with at_port(port) as caller:
            return read_chip(caller, tell_sectors)
    assert image is not None
    cure = "name the file with the chip's bytes"
    try:
        with image.open("rb") as file:
            data = file.read(IMAGE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read the image: {error.strerror or error}", str(image), cure) from None
    if len(data) > IMAGE_LIMIT_BYTES:
        raise UserError("this is far larger than a queue chip", str(image), cure)
    return data


def _require_something(chip: Chip, where: str) -> None:
    if chip.events:
        return
    if chip.blank == chip.sectors:
        raise UserError("the chip is blank, or did not answer", where, "see how it is clipped on, and read it again")
    cure = "see how it is clipped on and read it again; keep the image for people to look at"
    raise UserError(f"no event is on the chip ({len(chip.damage)} parts cannot be read)", where, cure)


def _tell(said: dict[str, Any]) -> None:
    if "sectors" in said:
        journals = ", ".join(f"{name} in {count}" for name, count in said["journals"].items()) or "none"
        click.echo(f"chip: {said['sectors']} sectors, {said['blank']} of them blank; journals: {journals}")
    for one in said.get("terminals", ()):
        told = f"{one['events']} events, {one['first']} to {one['last']}" if one["events"] else "no sound event"
        click.echo(
            f"terminal {one['terminal']} epoch {one['epoch']}: {told}; not acknowledged: {one['not_acknowledged']}"
        )
        for first, last in one["missing"]:
            click.echo(f"  missing: {first}" + (f" to {last}" if last > first else ""))
        for seq in one["doubtful"]:
            click.echo(f"  doubtful: {seq} (a power cut may have torn it before it was shown)")
    for one in said.get("dropped", ()):
        click.echo(f"left out: a torn event {one['seq']} of {one['terminal']}; its number was used again")
    for one in said.get("damage", ()):
        page = "" if one["page"] is None else f" page {one['page']} from byte {one['at']}"
        click.echo(f"cannot be read: sector {one['sector']}{page}: {one['what']}")
    if "archive" in said:
        click.echo(f"archive: {said['archive']}")
    if "delivered" in said:
        left = f", {said['left_out']} doubtful ones left out" if said["left_out"] else ""
        click.echo(f"delivered to the agent: {said['delivered']}, {said['held_already']} it held already{left}")
        click.echo("start the agent: it brings them to the city, where each counts once")
