"""Our terminal on the bus of old counter software: answers as the old five-key rater of one window did. Sans-IO.

    IDLE ──begin (01 0B)──▶ ASKED ──outcome──▶ IDLE, and the grade first where the terminal may tell levels
Promise: a grade goes out only for a rating pressed in the evaluation that the host began last, and only by the written
table; anything else (timeout, refusal, cancel, a level outside the table) is silence, which that software takes for
"not rated". A level is held only until the host has acknowledged it.
"""

from host_agent.dialects import ff68_frame as ff68
from host_agent.dialects.ff68_frame import Frame

# The host acknowledges within one poll; these buses have no other flow control.
RESEND_MS = 500
TRIES = 3


class Ff68Rater:
    """Serve one window's address; `now_ms` is monotonic.

    Events: ("begin",) the host asks for an evaluation; ("unacknowledged",) it never took the grade.
    """

    def __init__(self, address: int, grades: dict[int, int] | None, offset: int = ff68.FROM_RATER) -> None:
        """Answer to `address`; `grades` maps levels to the host's grades, None: levels are never told.

        `offset` is added to the address of what the rater sends: 0x80, or 0 on sites with the bare address.
        """
        self._address = address
        self._grades = grades
        self._offset = offset
        self._reader = ff68.Reader()
        self._asked = False
        self._grade: Frame | None = None
        self._tries = 0
        self._due_ms = 0
        self._out = bytearray()
        self.unknown = 0
        self.echoes = 0

    @property
    def counters(self) -> dict[str, int]:
        """Return what the line brought."""
        reader = self._reader
        return {
            "frames": reader.frames,
            "bad_checksum": reader.bad_checksum,
            "skipped_bytes": reader.skipped_bytes,
            "unknown": self.unknown,
            "echoes": self.echoes,
        }

    def receive(self, data: bytes, now_ms: int) -> list[tuple[str]]:
        """Take what was read from the bus."""
        events = [event for frame in self._reader.feed(data, now_ms) for event in self._take(frame)]
        return events + self.tick(now_ms)

    def rated(self, level: int, now_ms: int) -> bool:
        """Hear the level pressed in the evaluation under way; return whether the host is told it."""
        if not self._asked:
            return False
        self._asked = False
        grade = None if self._grades is None else self._grades.get(level)
        if grade is None:
            return False
        address = (self._address + self._offset) & 0xFF
        self._grade = Frame(address, ff68.FUNCTION_GRADE, bytes((grade,)))
        self._tries = 0
        self._due_ms = now_ms
        self.tick(now_ms)
        return True

    def not_rated(self) -> None:
        """Hear that the evaluation ended without a level: the host hears nothing."""
        self._asked = False

    def tick(self, now_ms: int) -> list[tuple[str]]:
        """Send the grade again until it is acknowledged."""
        if self._grade is None or now_ms < self._due_ms:
            return []
        if self._tries == TRIES:
            self._grade = None
            return [("unacknowledged",)]
        self._tries += 1
        self._due_ms = now_ms + RESEND_MS
        self._out += ff68.encode(self._grade)
        return []

    def deadline_ms(self) -> int | None:
        """Return when `tick` has something to do."""
        return None if self._grade is None else self._due_ms

    def take_output(self) -> bytes:
        """Return what must be written to the bus."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def _take(self, frame: Frame) -> list[tuple[str]]:
        if frame.address & 0x7F != self._address & 0x7F:
            return []  # another rater's on the same bus
        if frame.function == ff68.FUNCTION_HOST and frame.data == bytes((ff68.DATA_BEGIN,)):
            # A new citizen: what the last one pressed is not for this evaluation.
            self._grade = None
            self._asked = True
            return [("begin",)]
        if frame.function == ff68.FUNCTION_GRADE:
            self.echoes += 1  # what this rater sent itself: adapters of two-wire lines hear their own bytes
        elif frame.function not in (ff68.FUNCTION_HOST, ff68.FUNCTION_STARS):
            self.unknown += 1
        elif frame.function == ff68.FUNCTION_HOST and self._grade is not None:
            # Either form of acknowledgement; a host that repeats another grade has not understood this one.
            if frame.data in (b"", self._grade.data):
                self._grade = None
        return []
