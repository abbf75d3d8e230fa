"""What the agent knows of a terminal's events: which are durable, and what the ACK says. For the agent only."""

BITMAP_BITS = 64
_AWAITED = 256  # frames whose events are not durable yet; older ones are forgotten, the terminal sends them again


class Receipt:
    """Durable seqs of one session, from the terminal's first unacknowledged one on."""

    def __init__(self) -> None:
        self.next = 1  # lowest seq that is not durable
        self._beyond: set[int] = set()  # durable ones above
        self._awaited: list = []  # (frame id, seqs) in the order of arrival
        self._frame_id = 0  # newest frame of which every event, and every one before it, is durable

    def open(self, first: int) -> None:
        """Begin a session: everything below `first` is durable, or the terminal would still offer it."""
        self.next = first
        self._beyond.clear()
        self._awaited.clear()
        self._frame_id = 0

    def is_durable(self, seq: int) -> bool:
        """Tell whether this session knows the event as durable."""
        return seq < self.next or seq in self._beyond

    def arrived(self, frame_id: int, seqs: list[int]) -> None:
        """Note a frame, so that the ACK can name it once its events are durable."""
        self._awaited.append((frame_id, seqs))
        if len(self._awaited) > _AWAITED:
            self._awaited.pop(0)
        self._settle()

    def stored(self, seqs: list[int]) -> None:
        """Note that these events are durable."""
        beyond = self._beyond
        for seq in seqs:
            if seq == self.next and not beyond:
                self.next += 1
            elif self.next <= seq <= self.next + BITMAP_BITS:
                beyond.add(seq)
        while self.next in beyond:
            beyond.remove(self.next)
            self.next += 1
        self._settle()

    def ack(self) -> tuple[int, dict]:
        """Return the ACK's frame id and fields."""
        bitmap = 0
        for seq in self._beyond:
            bitmap |= 1 << (seq - self.next - 1)
        return self._frame_id, {"next": self.next, "bitmap": bitmap}

    def _settle(self) -> None:
        awaited = self._awaited
        settled = 0
        for frame_id, seqs in awaited:
            if max(seqs) >= self.next and not all(self.is_durable(seq) for seq in seqs):
                break
            self._frame_id = frame_id
            settled += 1
        if settled:
            self._awaited = awaited[settled:]
