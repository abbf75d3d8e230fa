"""Retransmission timer after RFC 6298, in whole milliseconds."""

INITIAL_MS = 1000  # before the first sample, RFC 6298 section 2.1
FLOOR_MS = 100
CAP_MS = 5000
GRANULARITY_MS = 20  # the terminal's loop and USB polling add this much jitter


class Rto:
    """Smoothed round-trip time and the timeout that follows from it."""

    def __init__(self, cap_ms: int = CAP_MS) -> None:
        self._cap_ms = cap_ms
        self._srtt8 = 0  # smoothed round-trip time, times 8
        self._var4 = 0  # its mean deviation, times 4
        self._base_ms = INITIAL_MS
        self._expiries = 0
        self.sampled = False

    @property
    def rtt_ms(self) -> int | None:
        """The smoothed round-trip time; None before the first sample."""
        return self._srtt8 >> 3 if self.sampled else None

    @property
    def rto_ms(self) -> int:
        """The timeout to use now."""
        return min(self._base_ms << self._expiries, self._cap_ms)

    def sample(self, rtt_ms: int) -> None:
        """Take a measured round trip, of which it is known which copy was answered (RFC 6298 section 2.2, 2.3)."""
        if self.sampled:
            error = rtt_ms - (self._srtt8 >> 3)
            self._var4 += abs(error) - (self._var4 >> 2)
            self._srtt8 += error
        else:
            self.sampled = True
            self._srtt8 = rtt_ms << 3
            self._var4 = rtt_ms << 1
        self._base_ms = max((self._srtt8 >> 3) + max(GRANULARITY_MS, self._var4), FLOOR_MS)
        self._expiries = 0

    def expired(self) -> None:
        """Double the timeout (RFC 6298 section 5.5)."""
        if self.rto_ms < self._cap_ms:
            self._expiries += 1
