"""What crosses a terminal's cable, read with the link's own parser: frames and damage each way, and the round trip.

The terminal measures the round trip itself and tells it, with its own counters, in its answers to heartbeats.
"""

from protocol import frame, messages
from protocol.errors import MessageError


class LineWatch:
    """Listens to both directions; changes nothing."""

    def __init__(self) -> None:
        self._readers = {"from_terminal": frame.Reader(), "to_terminal": frame.Reader()}
        self._bytes = dict.fromkeys(self._readers, 0)
        self._told: dict = {}

    def from_terminal(self, data: bytes) -> None:
        """Take bytes as they arrive at the computer."""
        for type_, _, _, body in self._count("from_terminal", data):
            if type_ == messages.HEARTBEAT_REPLY:
                try:
                    self._told = messages.decode(type_, body)["status"]
                except MessageError:
                    continue

    def to_terminal(self, data: bytes) -> None:
        """Take bytes as they arrive at the terminal."""
        self._count("to_terminal", data)

    def _count(self, way: str, data: bytes) -> list[tuple]:
        self._bytes[way] += len(data)
        return self._readers[way].feed(data)

    def broken_off(self) -> None:
        """Forget half frames and what the terminal told: port, cable or power is gone."""
        for reader in self._readers.values():
            reader.reset()
        self._told = {}

    def status(self) -> dict:
        """Return bytes, frames and damage each way, and `rtt_ms` and all that the terminal told last."""
        found: dict = {
            way: {"bytes": self._bytes[way], **reader.counters} for way, reader in list(self._readers.items())
        }
        return found | {"rtt_ms": self._told.get("rtt_ms"), "told": dict(self._told)}
