"""What simpler ways of repeating would get out of the same line: models of stop-and-wait and of go-back-N.

Both send the frames that the link sends, over the same simulated wires, and are given more than they would have: the
timer that fits the line best, as many events in a frame as suit them best, and a receiver that answers at once, also
to a damaged frame, and then still knows which one it was.
"""

import random
from collections import deque
from itertools import count as counter

from protocol import frame, messages
from protocol.link_window import WINDOW
from tests.unit.line import Channel, Wire
from tests.unit.line_limit import EVENT_BYTES, MOST_ROWS, events_frame

SESSION = 7
TIMER_SLACK_MS = 1.0


def best_rate(model: type, channel: Channel, seed: int, events: int) -> float:
    """Return events/ms of a model with the number of events a frame that suits it best on this line."""
    sizes = [rows for rows in range(1, MOST_ROWS + 1) if events_frame(rows) is not None]
    models = [model(channel, seed, rows) for rows in sizes]
    return max(models, key=lambda each: each.expected()).rate(events)


class _Model:
    """Sender and receiver of frames with `rows` events each."""

    def __init__(self, channel: Channel, seed: int, rows: int) -> None:
        rng = random.Random(seed)
        self._up, self._down = Wire(channel, rng), Wire(channel, rng)
        self._rows = rows
        self._at_agent, self._at_terminal = frame.Reader(), frame.Reader()
        self._ids: deque[int] = deque()  # of the frames on the line
        self._expected = 1  # seq that the receiver waits for
        ms_byte = 10000 / channel.baud
        self._answer_ms = 2 * channel.delay_ms + len(self._answer(0, 1)) * ms_byte + TIMER_SLACK_MS
        size = len(events_frame(rows))
        self._frame_ms = size * ms_byte
        self._sound = (1 - channel.bit_error) ** (8 * size)

    def _send(self, seq: int, last: int, id_: int, now_ms: float) -> None:
        rows = [(at, 0, b"\x99" * EVENT_BYTES) for at in range(seq, min(seq + self._rows, last + 1))]
        body = messages.encode(messages.EVENTS, {"events": rows})
        self._up.send(frame.encode(messages.EVENTS, SESSION, id_, body), now_ms)
        self._ids.append(id_)

    def _arrived(self) -> None:
        """Take what comes next from the line up and answer it."""
        now_ms, data = self._up.deliveries.popleft()
        for _, _, _, body in self._at_agent.feed(data):
            rows = messages.decode(messages.EVENTS, body)["events"]
            if rows[0][0] <= self._expected <= rows[-1][0]:
                self._expected = rows[-1][0] + 1
        self._down.send(self._answer(self._ids.popleft(), self._expected), now_ms)

    def _answered(self) -> tuple[float, list[tuple[int, int]]]:
        """Take what comes next from the line down: when, and (frame id, seq awaited) of each sound answer."""
        now_ms, data = self._down.deliveries.popleft()
        found = self._at_terminal.feed(data)
        return now_ms, [(id_, messages.decode(messages.ACK, body)["next"]) for _, _, id_, body in found]

    def _answer(self, id_: int, next_: int) -> bytes:
        return frame.encode(messages.ACK, SESSION, id_, messages.encode(messages.ACK, {"next": next_, "bitmap": 0}))


class StopAndWait(_Model):
    """Send a frame, wait for its answer, send it again when it did not arrive."""

    def expected(self) -> float:
        """Return events/ms by the textbook: each frame takes its answer's time too."""
        return self._rows * self._sound / (self._frame_ms + self._answer_ms)

    def rate(self, events: int) -> float:
        """Return events/ms."""
        now_ms, seq = 0.0, 1
        for order in counter():
            if seq > events:
                break
            self._send(seq, events, order % 255 + 1, now_ms)
            now_ms = self._up.free_ms + self._answer_ms
            self._arrived()
            if self._down.deliveries:
                answered_ms, answers = self._answered()
                if answers:
                    now_ms, seq = answered_ms, answers[-1][1]
        return events / now_ms


class GoBackN(_Model):
    """Send on without waiting; the receiver takes frames in order only, and all from a damaged one on is sent again."""

    def expected(self) -> float:
        """Return events/ms by the textbook: each damaged frame costs itself and all that left before its answer."""
        frames = 1 + self._answer_ms / self._frame_ms
        return self._rows * self._sound / (self._frame_ms * (self._sound + (1 - self._sound) * frames))

    def rate(self, events: int) -> float:
        """Return events/ms."""
        base, next_, order, turned_at, timer_ms = 1, 1, 0, 0, 0.0
        now_ms = 0.0
        while base <= events:
            up_ms = self._up.deliveries[0][0] if self._up.deliveries else float("inf")
            down_ms = self._down.deliveries[0][0] if self._down.deliveries else float("inf")
            may_send = next_ <= min(events, base + WINDOW - self._rows)
            send_ms = max(now_ms, self._up.free_ms) if may_send else float("inf")
            first_ms = min(up_ms, down_ms, send_ms)
            if first_ms == float("inf"):
                now_ms, next_, turned_at = max(now_ms, timer_ms), base, order
            elif first_ms == up_ms:
                now_ms = up_ms
                self._arrived()
            elif first_ms == down_ms:
                now_ms, answers = self._answered()
                for id_, awaited in answers:
                    answered = order - (order - id_) % 255
                    if awaited > base:
                        base = awaited
                        next_ = max(next_, base)
                    elif answered > turned_at and next_ > base:
                        next_, turned_at = base, order
            else:
                now_ms, order = send_ms, order + 1
                self._send(next_, events, (order - 1) % 255 + 1, now_ms)
                next_ = min(next_ + self._rows, events + 1)
                timer_ms = self._up.free_ms + self._answer_ms
        return events / now_ms
