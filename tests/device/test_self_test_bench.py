"""The self-test at the bench: a person who does what is asked, or finds something wrong."""

import shutil
from pathlib import Path

import pytest

from protocol import self_test_parts as parts
from simulator.stage import FIRMWARE, PROTOCOL
from simulator.terminal import VIRTUAL_UTC_US, SimTerminal

MAIN = """
from self_test import bench
bench.run("{board}", {person}, {utc_s})
"""
UTC_S = VIRTUAL_UTC_US // 1_000_000 + 86_400
STEP_MS = 20


class Bench:
    """A board at its prompt and a technician; `does` holds what is done differently: ask → call, or None."""

    def __init__(self, folder: Path, board: str, person: bool = True) -> None:
        firmware = folder / "firmware"
        shutil.copytree(FIRMWARE, firmware, ignore=shutil.ignore_patterns("__pycache__"))
        (firmware / "main.py").write_text(MAIN.format(board=board, person=person, utc_s=UTC_S))
        self.terminal = SimTerminal(
            board, folder / "state", clock="virtual", firmware_dir=firmware, protocol_dir=PROTOCOL, rtc="lost"
        )
        self.asked: list[str] = []
        self.does: dict = {}
        self.seen: dict[str, object] = {}

    def __enter__(self) -> "Bench":
        self.terminal.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.terminal.close()

    def run(self) -> tuple[int, int]:
        """Do what is asked until the test ends; return the masks of what failed and what was judged."""
        for _ in range(40):
            found = self.terminal.run_until(lambda: len(self._lines()) > len(self.asked), 130_000)
            assert found, self.terminal.console()
            line = self._lines()[len(self.asked)]
            self.asked.append(line)
            if line.startswith("failed"):
                _, failed, _, judged = line.split()
                return int(failed), int(judged)
            self._act(line.removeprefix("ask "))
        raise AssertionError(self.asked)

    def _lines(self) -> list[str]:
        lines = self.terminal.console(100_000).splitlines()
        assert not [line for line in lines if "Traceback" in line], self.terminal.console()
        return [line for line in lines if line.startswith(("ask ", "failed "))]

    def _act(self, what: str) -> None:
        self.terminal.run_for(200)
        self.seen[what] = (self.terminal.screenshot(), self.terminal.lamps(), self.terminal.speaks)
        call = self.does.get(what, lambda: self.obey(what))
        if call is not None:
            call()

    def obey(self, what: str) -> None:
        """Do what is asked for, or answer yes."""
        if what.startswith("key "):
            number = int(what.split()[1])
            self.terminal.press({6: "function", 7: "clerk"}.get(number, number))
        elif what.startswith("case "):
            self.terminal.set_case_open(what == "case open")
        elif what == "touch":
            self.touch_grid(12)
        else:
            self.answer(True)

    def answer(self, yes: bool) -> None:
        """Answer a question."""
        if self.terminal.wiring.touch is None:
            self.terminal.press(1 if yes else 5)
        else:
            self.terminal.tap(100 if yes else 380, 290)

    def touch_grid(self, count: int) -> None:
        """Touch the first places of the grid, one after another."""
        for i in range(count):
            self.terminal.tap(60 + 120 * (i % 4), 50 + 106 * (i // 4), 150)
            self.terminal.run_for(400)


WHOLE = {"k5": parts.ALL & ~parts.TOUCH, "t35": parts.ALL & ~parts.LAMPS}


@pytest.mark.parametrize("board", ("k5", "t35"))
def test_sound_board_and_a_person_who_sees_and_hears_everything_pass(tmp_path: Path, board: str) -> None:
    with Bench(tmp_path, board) as bench:
        assert bench.run() == (0, WHOLE[board])
        assert bench.terminal.violations == []
        assert bench.seen["voice"][2] == (1, 18)
        assert [freq for _, freq in bench.terminal.tones if freq] == [2_000]
        if board == "k5":
            assert [bench.seen[f"key {n}"][1].index(True) for n in range(1, 6)] == [0, 1, 2, 3, 4]
        assert bench.terminal.wiring.rtc.utc_us(bench.terminal.now_us) // 1_000_000 >= UTC_S
        assert not bench.terminal.wiring.rtc.stopped


def test_without_a_person_only_the_quick_part_is_judged_and_nothing_asked(tmp_path: Path) -> None:
    with Bench(tmp_path, "k5", person=False) as bench:
        judged = parts.ALL & ~parts.AT_BENCH & ~parts.LCD & ~parts.TOUCH
        assert bench.run() == (0, judged)
        assert len(bench.asked) == 1


@pytest.mark.parametrize(
    ("ask", "part"),
    [("lamps", parts.LAMPS), ("pattern", parts.LCD), ("light", parts.LIGHT), ("buzzer", parts.BUZZER),
     ("voice", parts.VOICE)],
)  # fmt: skip
def test_what_the_person_denies_fails_and_nothing_else(tmp_path: Path, ask: str, part: int) -> None:
    with Bench(tmp_path, "k5") as bench:
        bench.does[ask] = lambda: bench.answer(False)
        assert bench.run() == (part, WHOLE["k5"])


def test_keys_wired_to_each_others_places_are_found(tmp_path: Path) -> None:
    with Bench(tmp_path, "k5") as bench:
        bench.does["key 2"] = lambda: bench.terminal.press(3)
        assert bench.run()[0] == parts.KEYS
        assert "ask key 3" not in bench.asked


def test_key_without_contact_and_case_switch_that_never_opens_are_named(tmp_path: Path) -> None:
    with Bench(tmp_path, "t35") as bench:
        bench.does["key 7"] = bench.does["case open"] = None
        assert bench.run()[0] == parts.KEYS | parts.CASE


def test_place_of_the_glass_that_feels_nothing_is_found(tmp_path: Path) -> None:
    with Bench(tmp_path, "t35") as bench:
        bench.does["touch"] = lambda: bench.touch_grid(11)
        assert bench.run()[0] == parts.TOUCH


def test_dead_panel_lets_the_rest_be_answered_with_the_two_keys(tmp_path: Path) -> None:
    with Bench(tmp_path, "t35") as bench:
        del bench.terminal.engine.soc.i2c[1][0x38]
        for ask in ("pattern", "light", "buzzer", "voice"):
            bench.does[ask] = lambda: bench.terminal.press("function")
        assert bench.run()[0] == parts.TOUCH
