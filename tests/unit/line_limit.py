"""What a line could carry at best, and what the link gets out of it."""

from protocol import frame, messages
from tests.unit.line import Channel, World

EVENT_BYTES = 165
MOST_ROWS = 5  # what the terminal puts into one frame at most, see protocol/link_window.py
_PATIENCE_MS = 20 * 60 * 1000  # of virtual time; a stall would exceed it


def events_frame(rows: int, size: int = EVENT_BYTES) -> bytes | None:
    """Return an EVENTS frame with `rows` events of `size` bytes, None if they do not fit."""
    body = messages.encode(messages.EVENTS, {"events": [(1000 + i, 0, b"\x99" * size) for i in range(rows)]})
    return frame.encode(messages.EVENTS, 7, 7, body) if len(body) <= frame.MAX_BODY else None


def selective_repeat_limit(bit_error: float, size: int = EVENT_BYTES, baud: int = 115200) -> float:
    """Return events/ms of an ideal selective repeat, which never waits and sends again only what was damaged.

    A frame of n events is L(n) bytes on the line, 10 bits each, and sound with the probability (1 - p)^(8 L(n)); start
    and stop bits are taken for safe. So the line carries max over n of  n (1 - p)^(8 L(n)) baud / (10 L(n)).
    """
    best = 0.0
    for rows in range(1, MOST_ROWS + 1):
        data = events_frame(rows, size)
        if data is not None:
            best = max(best, rows * (1 - bit_error) ** (8 * len(data)) / (len(data) * 10000 / baud))
    return best


def link_rate(channel: Channel, seed: int, count: int) -> float:
    """Return events/ms that the real link carries, from its first stored event to its last acknowledgement."""
    world = World(seed, channel, channel, commit_ms=0)
    world.add_events(count, EVENT_BYTES)
    world.run(60000, lambda: bool(world.store))
    start_ms, had = world.now_ms, len(world.store)
    assert world.run(_PATIENCE_MS, world.is_all_stored), "the link stalls"
    return (count - had) / (world.now_ms - start_ms)
