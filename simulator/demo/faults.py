"""Faults on the way, at the N-th rating: what breaks, at which moment of the rating, and when it is mended.

| fault      | moment                       | meanwhile                                                        |
|------------|------------------------------|------------------------------------------------------------------|
| broker     | before the invite            | ratings go on; the agent keeps them                              |
| cable      | invited, before the press    | the press goes to the journal; no new invite until it is back    |
| power      | a moment after the press     | nothing; a press already heard must arrive, one unheard may      |
| agent      | after the press, by kill -9  | the press waits in the journal; no new invite until it is back   |
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from simulator.demo.chain import Chain

BROKER, CABLE, POWER, AGENT = "broker", "cable", "power", "agent"
KINDS = (BROKER, CABLE, POWER, AGENT)
BEFORE_INVITE, INVITED, PRESSED = "before the invite", "invited", "pressed"
MOMENT = {BROKER: BEFORE_INVITE, CABLE: INVITED, POWER: PRESSED, AGENT: PRESSED}
# From before the contact is debounced until well after the tone: both sides of "durable" and of "shown" are hit.
POWER_CUT_SPREAD_S = 0.08


@dataclass(frozen=True)
class Fault:
    """One fault to come: `kind` at the rating number `at` (from 1)."""

    kind: str
    at: int


class FaultPlan:
    """Break parts of the chain at their time and mend them `seconds` later; `tick` is called from every wait."""

    def __init__(
        self, chain: Chain, faults: list[Fault], seconds: float, rng: random.Random, say: Callable[[str], None]
    ) -> None:
        self._chain = chain
        self._coming = list(faults)
        self._seconds = seconds
        self._rng = rng
        self._say = say
        self._broken: dict[str, float] = {}

    @property
    def broken(self) -> frozenset[str]:
        """Return the kinds of fault that last now."""
        return frozenset(self._broken)

    @property
    def done(self) -> bool:
        """Tell whether nothing is broken now."""
        return not self._broken

    def reach(self, number: int, moment: str) -> None:
        """Break what is due at this moment of rating `number`; a fault whose rating was skipped comes at the next."""
        due = [fault for fault in self._coming if fault.at <= number and MOMENT[fault.kind] == moment]
        for fault in due:
            self._coming.remove(fault)
            if fault.kind == POWER:
                time.sleep(self._rng.uniform(0, POWER_CUT_SPREAD_S))
            self._say(f"{fault.kind} down at rating {number} for {self._seconds:g} s")
            self._break(fault.kind)
            self._broken[fault.kind] = time.monotonic() + self._seconds

    def due_at_press(self, number: int) -> bool:
        """Tell whether the power is to be cut with the press of this rating."""
        return any(fault.at <= number and fault.kind == POWER for fault in self._coming)

    def tick(self) -> None:
        """Mend what has been broken long enough."""
        for kind, until in list(self._broken.items()):
            if time.monotonic() >= until:
                self._mend(kind)
                del self._broken[kind]
                self._say(f"{kind} is back")

    def _break(self, kind: str) -> None:
        if kind == BROKER:
            self._chain.broker.kill()
        elif kind == CABLE:
            self._chain.terminal.unplug()
        elif kind == POWER:
            self._chain.terminal.power_off()
        else:
            self._chain.agent.kill()

    def _mend(self, kind: str) -> None:
        if kind == BROKER:
            self._chain.broker.start(wait=False)
        elif kind == CABLE:
            self._chain.terminal.plug()
        elif kind == POWER:
            self._chain.terminal.power_on()
        else:
            self._chain.agent.start(wait=False)
