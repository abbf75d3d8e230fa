"""Ends the epoch of a terminal at the bench and gives it another one, so that no event is lost whatever fails between.

    seal    the terminal seals its last event and takes no more (firmware/store/closing.py)
    save    the whole queue chip is read and archived durably, and must hold every event up to the last one
    ended   the station notes that the epoch is over: only now may the terminal get another one
    made    a new secret: its sealed record is durable before the settings leave `provision`
    written the settings are on the terminal, whose next start begins a new journal: the old one is gone
Each step may be repeated. What was cut short is found by asking the terminal who it is, and goes on from there.
"""

import contextlib
import re
import time
from pathlib import Path
from typing import Protocol

import attrs

from host_agent.errors import UserError
from host_agent.provision.record import SETTINGS_PATH, Provisioned, provision
from host_agent.provision.station import MADE, Station
from host_agent.rescue import archive
from host_agent.rescue import image as chip_image
from host_agent.rescue.chip_prompt import Progress, Prompt, call, quiet, read_chip
from host_agent.rescue.image import Chip
from protocol import rating, reason_texts

_NAME = re.compile(r"[0-9A-Za-z-]{1,32}")


class BenchPrompt(Prompt, Protocol):
    """A prompt that also takes files."""

    def write(self, path: str, data: bytes) -> None:
        """Put a file in the path's place, whole or not at all."""
        ...


@attrs.frozen
class About:
    """Who a board says it is; `terminal` is None before it was ever provisioned."""

    board: str
    terminal: str | None
    epoch: int


@attrs.frozen
class Ended:
    """What the end of an epoch left: where the archive is (None: the chip held no event), and how many events."""

    about: About
    last_seq: int
    archive: Path | None
    events: int


def about(prompt: Prompt) -> About:
    """Ask a board who it is.

    :raises UserError: it does not answer.
    """
    said = call(prompt, "about()")
    terminal, epoch = said.get("terminal"), said.get("epoch")
    if terminal is None:
        return About(str(said.get("board")), None, 0)
    if not isinstance(terminal, str) or type(epoch) is not int:
        raise UserError("the board's answer names no terminal", "prompt", "flash it anew")
    return About(str(said.get("board")), terminal, epoch)


def end(
    prompt: Prompt, station: Station, folder: Path, accept_damage: bool = False, progress: Progress = quiet
) -> Ended:
    """Seal the last event of the epoch, archive the queue chip in `folder`, and note the end at the station.

    :raises UserError: the chip takes or gives nothing, or does not hold every event; nothing is given up then.
    """
    who = about(prompt)
    last_seq = 0
    if who.terminal is not None:
        _finish_writing(station, who)
        last_seq = _seal(prompt, who)
    chip = chip_image.read(read_chip(prompt, progress))
    if who.terminal is not None and last_seq and not accept_damage:
        require_all(chip, who, last_seq)
    kept = save(chip, who, last_seq, folder, "prompt") if chip.events else None
    place = next((one for one in station.epochs(who.terminal or "") if one.epoch == who.epoch), None)
    if place is not None:
        station.ended(place.terminal, place.epoch, last_seq)
    return Ended(who, last_seq, kept, len(chip.events))


def renew(
    prompt: BenchPrompt, station: Station, folder: Path, terminal: str, place: tuple[str, str], reveal_level: bool,
    link: str = "usb", accept_damage: bool = False, progress: Progress = quiet,
) -> tuple[Ended, Provisioned]:  # fmt: skip
    """End what the board was, then provision it as `terminal` at `place` (centre, window).

    :raises UserError: as `end` and `provision`; repeat it then.
    """
    ended = end(prompt, station, folder, accept_damage, progress)
    after_epoch = ended.about.epoch if ended.about.terminal == terminal else 0
    made = provision(
        station, terminal, ended.about.board, *place, reveal_level, link=link, after_epoch=after_epoch
    )  # fmt: skip
    prompt.write(SETTINGS_PATH, made.settings)
    station.written(terminal, made.entry.epoch)
    return ended, made


def _finish_writing(station: Station, who: About) -> None:
    """Note that settings reached the board, which a cut kept from being noted."""
    for place in station.epochs(who.terminal or ""):
        if place.epoch == who.epoch and place.state == MADE:
            station.written(place.terminal, place.epoch)


def _seal(prompt: Prompt, who: About) -> int:
    said = call(prompt, "end_epoch()")
    last_seq = said.get("last_seq")
    if type(last_seq) is int:
        return last_seq
    code = said.get("why")
    text = reason_texts.WHYS.get(code) if isinstance(code, int) else None
    why = said.get("error") or text or f"code {code}"
    cure = "let its agent fetch the queue if it is full; if the chip is broken, `yiping terminal rescue` and `lost`"
    raise UserError(f"terminal {who.terminal} cannot seal its last event: {why}", "prompt", cure)


def require_all(chip: Chip, who: About, last_seq: int) -> None:
    """See that the chip was read whole: the last event is there, and nothing is missing below it. Raises UserError."""
    seqs = {event.seq: event.kind for event in chip.sound() if event.place[:2] == (who.terminal, who.epoch)}
    missing = chip_image.holes(seqs)
    if seqs.get(last_seq) == rating.LAST_OF_EPOCH and not missing:
        return
    numbers = ", ".join(f"{low} to {high}" for low, high in missing) or f"{last_seq}"
    cure = "read it again (end is repeatable); if they are lost for good, say so with --accept-damage"
    raise UserError(f"events {numbers} of {who.terminal} cannot be read from its chip", "queue chip", cure)


def save(chip: Chip, who: About, last_seq: int, folder: Path, source: str) -> Path:
    """Archive the chip, unless a whole archive of the same events is there; return its path. Raises UserError."""
    # The name may come from the chip, where anything may stand.
    known = who.terminal if _NAME.fullmatch(who.terminal or "") else "unknown"
    name = f"{known}-{who.epoch}-{last_seq}"
    held = {event.evidence for event in chip.events}
    for copy in range(1, 1000):
        path = folder / (f"{name}.rescue" if copy == 1 else f"{name}.{copy}.rescue")
        if not path.exists():
            archive.write(path, chip, source, time.time_ns() // 1_000_000)
            return path
        with contextlib.suppress(UserError):  # one that was cut or altered stays as it is
            if held <= {event.evidence for event in archive.read(path)}:
                return path
    raise UserError("there are a thousand archives of this terminal", str(folder), "give another folder")
