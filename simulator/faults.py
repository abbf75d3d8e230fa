"""Faults of the line: what a long serial cable does to bytes on their way.

USB itself repeats a damaged packet; these faults stand for the RS-232 and RS-485 lines, on the same stream of bytes.
"""

import random


class Noise:
    """Damages a stream of bytes: bits turned over, pieces lost or doubled; repeatable by its generator.

    `bit_errors` is the probability of each bit; `lost` and `doubled` are those of each piece handed over.
    """

    def __init__(self, rng: random.Random, bit_errors: float = 0.0, lost: float = 0.0, doubled: float = 0.0) -> None:
        self._rng = rng
        self._bit_errors = bit_errors
        self._lost = lost
        self._doubled = doubled
        self.turned = 0
        self.pieces_lost = 0
        self.pieces_doubled = 0

    def __call__(self, data: bytes) -> bytes:
        """Return what is left of `data` at the other end."""
        if self._rng.random() < self._lost:
            self.pieces_lost += 1
            return b""
        out = self._turn_bits(data)
        if self._rng.random() < self._doubled:
            self.pieces_doubled += 1
            return out + out
        return out

    def _turn_bits(self, data: bytes) -> bytes:
        """Turn bits over; the gaps between errors are drawn, so that a clean line costs nothing."""
        if not self._bit_errors:
            return data
        out = bytearray(data)
        at = self._gap()
        while at < 8 * len(out):
            out[at // 8] ^= 1 << at % 8
            self.turned += 1
            at += 1 + self._gap()
        return bytes(out)

    def _gap(self) -> int:
        return int(self._rng.expovariate(self._bit_errors))
