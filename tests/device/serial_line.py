"""A serial line between the counter's agent and the terminal's cable, in the terminal's virtual clock."""

import math
import random

from protocol.link import AgentLink
from tests.device.counter import Counter
from tests.unit.line import Channel, Wire


class Line:
    """An agent's link with a serial line between it and the cable, both in the terminal's virtual clock."""

    def __init__(self, link: AgentLink, counter: Counter, channel: Channel, rng: random.Random) -> None:
        self.link = link
        self.carried = 0  # bytes that came out of the line at either end
        self._counter = counter
        self._up, self._down = Wire(channel, rng), Wire(channel, rng)

    def __getattr__(self, name: str) -> object:
        return getattr(self.link, name)

    def receive(self, data: bytes, now_ms: int) -> list[tuple]:
        """Put bytes of the terminal on the line."""
        self._up.send(data, now_ms)
        return self.tick(now_ms)

    def tick(self, now_ms: int) -> list[tuple]:
        """Bring the agent what has arrived."""
        events = []
        while self._up.deliveries and self._up.deliveries[0][0] <= now_ms:
            data = self._up.deliveries.popleft()[1]
            self.carried += len(data)
            events += self.link.receive(data, now_ms)
        return events + self.link.tick(now_ms)

    def deadline_ms(self) -> int | None:
        """Return when the next bytes arrive, or the agent has something to do."""
        times = [math.ceil(wire.deliveries[0][0]) for wire in (self._up, self._down) if wire.deliveries]
        own = self.link.deadline_ms()
        return min(times + ([] if own is None else [own]), default=None)

    def take_output(self) -> bytes:
        """Put what the agent says on the line; return what has come through to the cable, piece by piece."""
        now_ms = self._counter.now_ms
        said = self.link.take_output(None, now_ms)
        if said:
            self._down.send(said, now_ms)
        if not self._down.deliveries or self._down.deliveries[0][0] > now_ms:
            return b""
        data = self._down.deliveries.popleft()[1]
        self.carried += len(data)
        return data
