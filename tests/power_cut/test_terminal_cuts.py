"""The whole terminal, with its real driver on the modelled chip: the power fails while the chip programs or erases."""

from protocol import rating
from simulator.chips import nor_array
from simulator.chips.w25q import W25Q, WORST
from tests.device.counter import Counter, invite_id

CUTS = 12


def until_program(counter: Counter, chip: W25Q, count: int) -> None:
    """Run until the chip has begun its `count`-th program from here, or 150 ms passed."""
    begun = 0
    seen = None

    def under_way() -> bool:
        nonlocal begun, seen
        if chip._program is not seen:
            seen = chip._program
            begun += seen is not None
        return begun >= count

    counter.terminal.run_until(under_way, 150)


def test_power_cut_while_the_chip_works_loses_no_shown_press_and_invents_none(tmp_path) -> None:
    outcomes = set()
    with Counter(tmp_path, timing=WORST, seed=7) as counter:
        terminal = counter.terminal
        for n in range(1, CUTS + 1):
            key = 1 + n % 5
            counter.login()
            counter.open_invite(n)
            chip = terminal.wiring.nor
            chip.tear = nor_array.TEARS[n % 4]
            pressed_us, tones = terminal.now_us, len(terminal.tones)
            terminal.press(key)
            until_program(counter, chip, 1 + n % 3)
            shown = any(tone.freq_hz for tone in terminal.tones[tones:])
            counter.cut_power()
            assert terminal.now_us - pressed_us < 300_000
            counter.run(500)
            terminal.power_on()
            counter.connect()
            counter.settle()
            levels = counter.levels(n)
            ends = [clear.kind for clear, _ in counter.told(*rating.OUTCOMES) if clear.invite == invite_id(n)]
            assert levels in ([], [rating.level_of_key(key)]), n
            assert levels or not shown, f"press {n} was shown and is lost"
            assert levels or ends == [rating.INTERRUPTED], n
            outcomes.add((bool(levels), shown))
            counter.check_chain()
    assert {(False, False), (True, True)} <= outcomes


def test_power_cut_during_an_erase_ahead_leaves_a_terminal_that_goes_on(tmp_path) -> None:
    """A fresh terminal erases its first sectors ahead; the erase that was cut is begun again at the next start."""
    with Counter(tmp_path, timing=WORST, seed=8) as counter:
        chip = counter.terminal.wiring.nor
        for tear in nor_array.TEARS:
            chip.tear = tear
            counter.until(lambda: chip.array.erasing is not None, "an erase", 20_000)
            counter.run(100)
            assert chip.array.erasing is not None
            counter.cut_power()
            counter.run(500)
            counter.terminal.power_on()
        counter.connect()
        counter.login()
        counter.open_invite(1)
        counter.press(2)
        counter.settle()
        assert counter.levels(1) == [4] and counter.told(rating.FAULT) == []
        counter.check_chain()
        assert len(counter.told(rating.BOOT)) == 1 + len(nor_array.TEARS)
