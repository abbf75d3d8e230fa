"""The lamps' supply on board k5: less while a prompt plays, whichever module plays it, as USB alone must carry both."""

import shutil
from pathlib import Path

import pytest

from simulator.chips.key_lamps import LAMPS, current_ma
from simulator.stage import FIRMWARE
from tests.device.counter import Counter
from tests.device.test_voice_dfplayer import exchange_module

SPEAKS_MS = 5_000  # after a start: the slower module is ready, too
BRIGHT, DIM = (1.0,) * LAMPS, (current_ma(LAMPS, True) / current_ma(LAMPS, False),) * LAMPS
SPEAKING_MA = 32  # in hardware/boards/k5/power.csv


def second_source(folder: Path) -> Path:
    """Return a firmware for the board with the other module."""
    shutil.copytree(FIRMWARE, folder / "firmware", ignore=shutil.ignore_patterns("__pycache__"))
    return exchange_module(folder / "firmware")


@pytest.mark.parametrize("module", ["jq8900", "dfplayer"])
def test_lamps_are_dim_from_before_the_first_sound_to_the_last(tmp_path: Path, module: str) -> None:
    options = {} if module == "jq8900" else {"firmware_dir": second_source(tmp_path)}
    with Counter(tmp_path, seed=1, **options) as counter:
        counter.login()
        counter.run(SPEAKS_MS)
        wiring, seen = counter.terminal.wiring, []
        lamps = wiring.key_lamps
        lamps.on_change = lambda t_us: seen.append((t_us, lamps.light, lamps.ma))
        counter.open_invite()
        assert counter.terminal.speaks is not None and counter.terminal.lamp_light() == DIM
        counter.until(lambda: counter.terminal.speaks is None, "the end of the prompt", 5_000)
        counter.run(100)
        assert counter.terminal.lamp_light() == BRIGHT
        assert [light for _, light, _ in seen] == [DIM, BRIGHT]
        (began_us, _, speaking_ma), (ended_us, _, _) = seen
        assert began_us < wiring.voice.heard[-1].from_us and ended_us >= wiring.voice.heard[-1].to_us
        assert speaking_ma <= SPEAKING_MA < lamps.ma


def test_module_whose_busy_is_stuck_leaves_the_lamps_dim_but_lit(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1) as counter:
        counter.login()
        counter.run(SPEAKS_MS)
        counter.terminal.wiring.voice.busy_stuck = 1
        counter.open_invite()
        counter.run(5_000)
        assert counter.terminal.lamp_light() == DIM


def test_light_of_a_lamp_does_not_tell_which_one_it_is(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1) as counter:
        lamps = counter.terminal.wiring.key_lamps
        for dim in (False, True):
            lamps.dim = dim
            for lit in range(1, 1 << LAMPS):
                counter.terminal.wiring.lamps.outputs = lit
                light = [one for one in lamps.light if one]
                assert len(light) == lit.bit_count() and len(set(light)) == 1
                assert lamps.ma == current_ma(lit.bit_count(), dim)
        counter.terminal.wiring.lamps.outputs = 0
        assert lamps.light == (0.0,) * LAMPS and lamps.ma == 0
        lamps.dim = False
