"""Fetch acknowledged events again from a terminal, for an agent whose disk died. For the agent only."""

from protocol.link_window import WINDOW

_TRIES = 8  # without one new event, for one range of at most 64; then its seqs count as missing


class Recovery:
    """The seqs still wanted, asked for range by range with RESEND."""

    def __init__(self, first: int, last: int) -> None:
        self.missing: list[int] = []  # the terminal has nothing readable there any more
        self._next = first
        self._last = last
        self._open: set[int] = set()  # asked for and not durable yet
        self._tries = 0
        self.deadline_ms = 0  # when an unfinished range is asked for again

    def wants(self, seq: int) -> bool:
        """Tell whether an event below the window was asked for."""
        return seq in self._open

    def got(self, seqs: list[int]) -> None:
        """Note durable events."""
        before = len(self._open)
        self._open.difference_update(seqs)
        if len(self._open) < before:
            self._tries = 0

    def void(self, seq: int) -> None:
        """Note that the terminal has nothing under this seq."""
        if seq in self._open:
            self._open.remove(seq)
            self.missing.append(seq)
            self._tries = 0

    def refuse(self) -> None:
        """Note that the terminal cannot give this range."""
        self.missing.extend(sorted(self._open))
        self._open.clear()

    def ask(self, now_ms: int, patience_ms: int) -> dict | None:
        """Return the fields of the next RESEND, or None when all is done; asks again `patience_ms` later."""
        if self._open and self._tries >= _TRIES:
            self.refuse()
        if not self._open:
            if self._next > self._last:
                return None
            end = min(self._next + WINDOW, self._last + 1)
            self._open = set(range(self._next, end))
            self._next = end
            self._tries = 0
        self._tries += 1
        self.deadline_ms = now_ms + patience_ms
        return {"from": min(self._open), "to": max(self._open)}

    @property
    def is_range_done(self) -> bool:
        """Tell whether nothing is open of the range asked for last."""
        return not self._open
