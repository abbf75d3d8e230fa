"""The city's word that terminals may be updated now: a lease of 90 s, renewed while the roll-out goes on.

Promise: without a fresh word nothing begins and nothing switches. So a halt holds across all agents within LEASE_S,
even for one that does not hear it, and the agent's restart forgets every word.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import attrs

LEASE_S = 90.0
PAYLOAD_LIMIT_BYTES = 64 * 1024
TERMINALS_MAX = 64
_HASH = re.compile(r"[0-9a-f]{64}\Z")


@attrs.frozen
class Offer:
    """Hold which firmware the city means for a board, and where it may be fetched."""

    manifest: str
    version: str
    url: str | None


@attrs.frozen
class Word:
    """Hold one command: the roll-out, its firmware by board, and who may go."""

    rollout: str
    offers: dict[str, Offer]
    terminals: frozenset[str]
    retry: frozenset[str]


class Permits:
    """Keep the word that was heard last; belongs to the event loop."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        """Start without any; `now_s` is a clock that nobody sets."""
        self._now_s = now_s
        self._word: Word | None = None
        self._heard_s = 0.0

    def hear(self, word: Word) -> None:
        """Take a command in place of the one before; one without terminals is a halt."""
        self._word = word
        self._heard_s = self._now_s()

    @property
    def word(self) -> Word | None:
        """Return the word while it is fresh."""
        fresh = self._word is not None and self._now_s() - self._heard_s < LEASE_S
        return self._word if fresh else None

    def offer(self, terminal: str, board: str) -> Offer | None:
        """Return the firmware that this terminal may get now."""
        word = self.word
        return word.offers.get(board) if word is not None and terminal in word.terminals else None


def read(payload: bytes) -> Word | None:
    """Return the word in a command, None for what is none: whoever may write there is not believed but for its form."""
    if len(payload) > PAYLOAD_LIMIT_BYTES:
        return None
    try:
        command = json.loads(payload)
        told = command["arguments"]
        offers = {str(board)[:20]: _offer(one) for board, one in told["bundles"].items()}
        return Word(str(told["rollout"])[:80], offers, _names(told["terminals"]), _names(told.get("retry", [])))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None


def _offer(one: dict[str, Any]) -> Offer:
    manifest, url = one["manifest"], one.get("url")
    if not isinstance(manifest, str) or not _HASH.match(manifest) or not isinstance(url, str | None):
        raise ValueError
    return Offer(manifest, str(one["version"])[:40], url)


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or len(value) > TERMINALS_MAX or not all(isinstance(one, str) for one in value):
        raise ValueError
    return frozenset(value)
