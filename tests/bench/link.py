"""Measures the serial link: what share of the line's limit it carries, beside simpler ways of repeating.

The line is simulated (tests/unit/line.py): 115,200 baud with 10 bits a byte, bits flipped independently with the given
probability in both directions, and a turnaround, which is the delay there plus the delay back. The two ends are the
product's own. The limit is that of selective repeat, see `selective_repeat_limit` in tests/unit/line_limit.py:
max over n of n (1 - p)^(8 L(n)) / (time of L(n) bytes), with n events of 165 bytes in a frame of L(n) bytes. It is what
the line carries on the average: where few frames are sound, a run that is lucky with its noise is a little above.
"""

import random
from collections.abc import Callable

from tests.bench import figures
from tests.bench.link_peers import GoBackN, StopAndWait, best_rate
from tests.unit.line import Channel
from tests.unit.line_limit import link_rate, selective_repeat_limit

TURNAROUNDS_MS = (2, 22)
# Name, bit error rate, events of a run: enough that starting and ending weigh little beside the rare errors.
NOISES = (("ber_1e5", 1e-5, 3000), ("ber_1e4", 1e-4, 2500), ("ber_1e3", 1e-3, 2500))
PEERS = {"go_back_n_model": GoBackN, "stop_and_wait_model": StopAndWait}

Say = Callable[[str], None]


def measure(repetitions: int, say: Say) -> dict[str, float]:
    """Return the medians of the repetitions; each has noise of its own."""
    runs = []
    for number in range(1, repetitions + 1):
        runs.append(repetition(number))
        shares = [f"{value:.3f}" for name, value in runs[-1].items() if name.endswith("share_of_limit")]
        say(f"{number}/{repetitions}: {', '.join(shares)} of the limit")
    return figures.medians(runs)


def repetition(seed: int, part: float = 1.0) -> dict[str, float]:
    """Return the figures of one seed; `part` of the events is for a quick look."""
    found, noises = {}, random.Random(seed)
    for noise, bit_error, events in NOISES:
        for turnaround_ms in TURNAROUNDS_MS:
            channel = Channel(delay_ms=turnaround_ms / 2, bit_error=bit_error)
            name = f"{noise}_turnaround_{turnaround_ms}_ms"
            count, seed = int(events * part), noises.randrange(1 << 32)
            own = link_rate(channel, seed, count)
            found[f"link_{name}_events_per_s"] = 1000 * own
            found[f"link_{name}_share_of_limit"] = own / selective_repeat_limit(bit_error)
            for peer, model in PEERS.items():
                found[f"link_to_{peer}_{name}_ratio"] = own / best_rate(model, channel, seed, count)
    return found
