"""Seals the events of one old rater with the agent's own key, and hands them out to the link.

Every event says `unsealed`: the hardware behind it could not seal. What could not be made durable waits in memory as
the bytes it was sealed to; the same bytes are tried again, so no number is ever used for two texts. Until then nothing
but the outcome of the open invite is sealed.
"""

from collections import deque
from typing import Any

from host_agent.errors import StoreFaultError, StoreFullError
from host_agent.legacy import fields as f
from host_agent.legacy.pc_clock import PcClock
from host_agent.legacy.store import RaterStore
from protocol import codes, evidence
from protocol.sealing import Sealer

_AGES = 128  # events of this start whose time is remembered, twice the link's window


class Recorder:
    """Sealer and journal of one rater; without a journal nothing can be sealed."""

    def __init__(self, store: RaterStore | None, sealer: Sealer, clock: PcClock, boot: int) -> None:
        """Keep the parts; `boot` is durable already."""
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._boot = boot
        self._last_seq = store.last_seq if store is not None else 0
        last = store.last_event if store is not None else None
        self._prev = evidence.prev_hash(last) if last is not None else bytes(8)
        self._waiting: list[tuple[int, int, bytes | None, bytes]] = []
        self._sealed_ms: deque[tuple[int, int]] = deque(maxlen=_AGES)
        self._acked: list[int] = []
        self.halted = store is None
        self.error: Exception | None = None

    def halt(self) -> None:
        """Seal nothing more: the journal or its numbers cannot be trusted."""
        self.halted = True

    def seal(self, kind: int, invite: bytes | None, fields: dict[int, Any]) -> None:
        """Make one event durable. Nothing at all when halted.

        :raises StoreFullError, StoreFaultError: it waits in memory, or was dropped as it may be.
        """
        if self._store is None or self.halted:
            return
        if self._waiting and kind not in codes.OUTCOMES:
            self.retry()
        seq = self._last_seq + 1
        fields = fields | {
            f.TQ: self._clock.quality(),
            f.UP: self._clock.now_ms(),
            f.PREV: self._prev,
            f.T: self._clock.utc_ms(),
            f.UNSEALED: True,
        }
        event = self._sealer.seal(kind, invite, self._boot, seq, fields)
        self._last_seq, self._prev = seq, evidence.prev_hash(event)
        self._sealed_ms.append((seq, fields[f.UP]))
        self._waiting.append((seq, kind, invite, event))
        self.retry()

    def retry(self) -> None:
        """Make durable what waits.

        :raises StoreFullError, StoreFaultError: it still waits.
        """
        if not self._waiting or self._store is None:
            return
        try:
            self._store.append(self._waiting)
        except (StoreFullError, StoreFaultError) as error:
            self.error = error
            raise
        self._waiting = []
        self.error = None

    def record_invite(self, invite: bytes, origin: int) -> None:
        """Make an invite durable.

        :raises StoreFullError, StoreFaultError: it is not.
        """
        if self._store is None or self.halted:
            raise StoreFaultError("there is no journal")
        self.retry()
        self._store.put_invite(invite, origin)

    def known(self, invite: bytes) -> bool:
        """Say whether an invite is among the last 256."""
        return self._store is not None and self._store.known(invite)

    @property
    def room(self) -> int:
        """Return how many events fit until an invite is refused."""
        return 0 if self._store is None else self._store.room

    # --- what the link takes

    def first(self) -> int:
        """Return the first sequence that is not acknowledged."""
        return 1 if self._store is None else self._store.first_unacked

    def last(self) -> int:
        """Return the last sequence that is durable."""
        return 0 if self._store is None else self._store.last_seq

    def read(self, seq: int) -> tuple[int | None, bytes] | None:
        """Return (age in ms or None, event), or None when it is not there."""
        event = None if self._store is None else self._store.read(seq)
        if event is None:
            return None
        sealed_ms = next((at_ms for one, at_ms in self._sealed_ms if one == seq), None)
        age_ms = None if sealed_ms is None else self._clock.now_ms() - sealed_ms
        return age_ms, event

    def acknowledge(self, seq: int) -> None:
        """Hear that the agent has an event; `settle` notes all of one frame together."""
        self._acked.append(seq)

    def settle(self) -> None:
        """Note durably what the agent has acknowledged."""
        if self._acked and self._store is not None:
            acked, self._acked = self._acked, []
            self._store.acknowledge(acked)
