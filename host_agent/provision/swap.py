"""Replaces the terminal of a window: the old one has ended its epoch, or is told to be lost; another takes its place.

What belongs to the window stays: its code on housing and sign, since that names centre and window and no terminal, and
whether levels are told to the PC.
"""

from pathlib import Path

import attrs

from host_agent.errors import UserError
from host_agent.provision import ending
from host_agent.provision.ending import BenchPrompt, Ended
from host_agent.provision.record import Provisioned
from host_agent.provision.station import ENDED, LOST, MADE, WRITTEN, Place, Station
from host_agent.rescue.chip_prompt import Progress, quiet


@attrs.frozen
class Swapped:
    """What was done: the old terminal, if one ever stood there, and how it went; what the new board was and is."""

    old: Place | None
    old_state: str
    ended: Ended
    made: Provisioned


def old_at(station: Station, centre: str, window: str, new: str | None) -> Place | None:
    """Return the terminal that stood at a window last, but for the new one; None where none ever stood."""
    stood = [one for one in station.places() if (one.centre, one.window) == (centre, window) and one.terminal != new]
    living = [one for one in stood if one.state == WRITTEN]
    if len(living) > 1:
        names = ", ".join(one.terminal for one in living)
        cure = "end those that are gone (yiping terminal end, or lost)"
        raise UserError(f"several terminals stand at {centre}/{window}: {names}", str(station.path), cure)
    return (living or sorted(stood, key=lambda one: one.made_utc_ms) or [None])[-1]


def swap(
    prompt: BenchPrompt, station: Station, folder: Path, place: tuple[str, str], *, new: str | None = None,
    old_lost: bool = False, reveal_level: bool | None = None, link: str | None = None, accept_damage: bool = False,
    progress: Progress = quiet,
) -> Swapped:  # fmt: skip
    """Make the board at the prompt the terminal of `place` (centre, window); it keeps the id it has, or gets `new`.

    :raises UserError: the old terminal is still in use; else as `ending.renew`. Repeat it then.
    """
    who = ending.about(prompt)
    new = new or who.terminal
    old = old_at(station, *place, new)
    if old is not None and old.state == WRITTEN and not old_lost:
        cure = "fetch its queue and end it (yiping terminal end), or say --old-lost if it is broken or gone"
        raise UserError(f"terminal {old.terminal} still stands at {place[0]}/{place[1]}", str(station.path), cure)
    if reveal_level is None:
        reveal_level = old is not None and old.reveal_level
    ended, made = ending.renew(
        prompt, station, folder, new or station.next_terminal(), place, reveal_level,
        link or (old.link if old else "usb"), accept_damage, progress,
    )  # fmt: skip
    # The old one last: while the new one is not there, the city goes on missing it.
    if old is not None and old.state in (MADE, WRITTEN):
        station.lost(old.terminal, old.epoch)
        return Swapped(old, LOST, ended, made)
    return Swapped(old, old.state if old is not None else ENDED, ended, made)
