"""Puts rescued events into an agent's store, from which it brings them to the city as any others.

Promise: each event stands in the store once, however often it is delivered; what the city has already it recognises by
terminal, epoch and sequence.
"""

import time
from collections.abc import Sequence

import attrs

from host_agent import data_lock
from host_agent.config_model import Config
from host_agent.errors import AgentError, UserError
from host_agent.rescue.image import Event
from host_agent.store import Store
from host_agent.store_rows import Batch, EventRow


@attrs.frozen
class Delivered:
    """How many events the store took, and how many it held already."""

    stored: int
    held: int


def into_agent(config: Config, events: Sequence[Event], window: str | None) -> Delivered:
    """Store events that the agent does not hold; `window` is where the terminal stood, if the agent does not know.

    :raises UserError: the agent runs, does not know the window, or its store takes nothing.
    """
    windows = {terminal: _window_of(config, terminal, window) for terminal in {event.terminal for event in events}}
    lock = data_lock.take(config.agent.data_dir)
    try:
        store = Store(config.agent.data_dir)
        try:
            return _store(store, events, windows)
        finally:
            store.close()
    except AgentError as error:
        if isinstance(error, UserError):
            raise
        cure = "make room or mend the disk, and deliver again: nothing was stored"
        raise UserError(f"the agent's store took nothing: {error}", str(config.agent.data_dir), cure) from None
    finally:
        lock.close()


def _store(store: Store, events: Sequence[Event], windows: dict[str, str]) -> Delivered:
    now_ms = time.time_ns() // 1_000_000
    batch = Batch()
    next_id = store.last_event_id() + 1
    held = 0
    for event in events:
        copies = store.copies(*event.place)
        if event.evidence in copies:
            held += 1
            continue
        row = EventRow(
            next_id + len(batch.events), *event.place, len(copies) + 1, windows[event.terminal], event.kind,
            _invite(event), event.evidence, now_ms, None, None, None,
        )  # fmt: skip
        batch.events.append(row)
    if batch.events:
        store.commit(batch, now_ms)
    return Delivered(len(batch.events), held)


def _invite(event: Event) -> bytes | None:
    from host_agent import clear_part

    return clear_part.read(event.evidence)[1]


def _window_of(config: Config, terminal: str, window: str | None) -> str:
    known = [section.id for section in config.windows if section.terminal == terminal]
    if window is not None:
        return window
    if len(known) == 1:
        return known[0]
    cure = "say with --window where it stood"
    raise UserError(f"this agent has no window with terminal {terminal}", str(config.path), cure)
