"""The soak's own works: the plan of faults, the reading of what came out, and that it can fail."""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from protocol import rating
from simulator.chips.buzzer import Tone
from simulator.demo.parts import ROOT
from simulator.demo.result import ChipEvent
from tests.device.changed import changed_firmware
from tests.soak import __main__ as command
from tests.soak import faults
from tests.soak.compare import Verdict, compare
from tests.soak.disk import Disk
from tests.soak.real import EXPLAINED, RealRun, Station
from tests.soak.report import Soak
from tests.soak.shifted_clock import shift
from tests.soak.virtual import HOUR_MS, Life, VirtualRun, late_marks
from tests.soak.visits import Visit, tones_begun

TIMEOUT_S = 600
GOOD = Verdict(visits=2, presses=3, pressed=2, received=2)


def run_of(verdict: Verdict, *problems: str) -> RealRun:
    """Return a run in real mode that came to this."""
    return RealRun(verdict, Counter(cable=2), list(problems), {"broker": "mosquitto"})


def soak_of(real: RealRun | None, virtual: VirtualRun | None = None) -> Soak:
    """Return a soak of these halves."""
    return Soak(7, 1.0, 1.0, 3, 60.0, real, virtual)


def test_schedule_of_a_seed_is_always_the_same_and_holds_every_kind() -> None:
    kinds = list(faults.CLAIMS)
    plans = [faults.schedule(random.Random(7), 120, kinds, 3) for _ in range(2)]
    assert plans[0] == plans[1] != faults.schedule(random.Random(8), 120, kinds, 3)
    assert {coming.kind for coming in plans[0]} == set(kinds)
    assert {coming.place for coming in plans[0]} == {0, 1, 2}
    assert all(0 < coming.at_s < 120 and coming.seconds > 0 for coming in plans[0])


@pytest.mark.parametrize("kind", faults.CLAIMS)
def test_every_fault_can_be_done_and_is_described(kind: str) -> None:
    assert callable(getattr(faults.Breaker, f"_{kind}"))
    assert kind in str(faults.__doc__)


def test_faults_of_one_thing_exclude_each_other_and_of_two_windows_do_not() -> None:
    cables = [faults.Coming(0, kind, 1, place) for kind, place in (("cable", 0), ("renamed", 0), ("cable", 1))]
    assert cables[0].claims & cables[1].claims and not cables[0].claims & cables[2].claims
    assert faults.Coming(0, "disk_lost", 1, 0).claims & faults.Coming(0, "agent_killed", 1, 0).claims


def test_alarms_are_explained_by_faults_that_exist() -> None:
    assert {kind for kinds in EXPLAINED.values() for kind in kinds} <= set(faults.CLAIMS)


def test_tones_tell_a_press_from_a_refusal_and_from_silence() -> None:
    assert tones_begun([Tone(1, 2_000), Tone(2, 0), Tone(3, 400), Tone(4, 0), Tone(5, 2_000)]) == 2


def test_station_tells_what_is_still_on_its_way() -> None:
    kept, gone = ChipEvent(1, "rated", None, acknowledged=True), ChipEvent(2, "boot", None, acknowledged=False)
    city = [{"terminal": "T", "seq": 1}]
    assert Station({"T": [kept]}, city, 1, 0, 0).waits() == []
    assert len(Station({"T": [kept, gone]}, city, 2, 1, 3).waits()) == 4


def test_clock_is_shifted_by_what_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "offset"
    clock = shift(file, lambda: 5_000_000_000)
    assert clock() == 5_000_000_000
    file.write_text("-7200")
    assert clock() == 5_000_000_000 - 7_200_000_000_000


def test_disk_is_emptied_of_files_and_folders(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk")
    try:
        (disk.folder / "folder").mkdir()
        (disk.folder / "folder" / "file").touch()
        disk.empty()
        assert list(disk.folder.iterdir()) == []
    finally:
        disk.close()


def test_mark_that_did_not_come_is_told() -> None:
    marks = [{"boot": 1, "up_ms": hour * HOUR_MS, "kind": "mark"} for hour in (1, 2, 3, 4)]
    assert late_marks(marks) == []
    assert len(late_marks([marks[0], *marks[2:]])) == 1
    assert late_marks([marks[0], marks[2] | {"boot": 2, "up_ms": 60_000}]) == []


def test_result_of_the_virtual_mode_passes_through_its_file(tmp_path: Path) -> None:
    run = VirtualRun(GOOD, Counter(cut_idle=3), ["odd"], {"events": 5})
    run.write(tmp_path / "result.json")
    assert VirtualRun.read(tmp_path / "result.json") == run


def test_soak_adds_both_halves_up() -> None:
    flat = soak_of(run_of(GOOD), VirtualRun(GOOD, Counter(cable=1, cut_idle=3), [], {"events": 5})).flat()
    assert flat["ok"] and (flat["pressed"], flat["real_pressed"], flat["virtual_events"]) == (4, 2, 5)
    assert flat["faults"] == {"cable": 3, "cut_idle": 3} and flat["faults_injected"] == 6
    assert (flat["seed"], flat["minutes"], flat["weeks"]) == (7, 1.0, 1.0)


@pytest.mark.parametrize("name", ["lost", "doubled", "altered", "invented", "without_outcome", "missing_numbers"])
def test_soak_with_anything_wrong_is_not_ok(name: str) -> None:
    soak = soak_of(run_of(Verdict(pressed=2, received=2, **{name: 1})))
    assert not soak.ok and "NOT every press" in soak.table()


def test_soak_with_a_problem_or_without_a_press_is_not_ok() -> None:
    assert soak_of(run_of(GOOD)).ok
    assert not soak_of(run_of(GOOD, "not drained")).ok
    assert not soak_of(run_of(Verdict())).ok
    assert not soak_of(None).ok


@pytest.mark.parametrize(("lost", "code"), [(0, 0), (1, 1)])
def test_command_ends_with_its_verdict_and_keeps_the_folder_of_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, lost: int, code: int
) -> None:
    verdict = Verdict(pressed=2, received=2 - lost, lost=lost, details=["lost: seq 5"] * lost)
    monkeypatch.setattr(command, "BUILD", tmp_path)
    monkeypatch.setattr(command, "run_real", lambda *_arguments: run_of(verdict))
    monkeypatch.setattr(command, "exit_on_signals", lambda: None)
    figures = tmp_path / "figures.json"
    assert command.main(["--seed", "7", "--minutes", "1", "--weeks", "0", "--json", str(figures)]) == code
    said = capsys.readouterr()
    assert "seed 7" in said.out and ("lost: seq 5" in said.out) == bool(lost) == ("the soak failed" in said.err)
    assert (tmp_path / "soak-7").exists() == bool(lost)
    assert json.loads(figures.read_text())["lost"] == lost


def run(*arguments: str) -> dict:
    """Run the command as a user would; return the figures."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(Path(arguments[arguments.index("--json") + 1]).read_text())
    assert figures["ok"] and figures["pressed"] == figures["received"] > 0
    return figures


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
def test_soak_in_miniature(tmp_path: Path) -> None:
    figures = run(
        "--minutes", "0.3", "--weeks", "0", "--terminals", "1", "--seed", "9001", "--json", str(tmp_path / "j")
    )  # fmt: skip
    assert figures["faults_injected"] > 0


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
def test_unplugged_terminals_in_miniature_give_the_same_table_again(tmp_path: Path) -> None:
    arguments = ("--minutes", "0", "--weeks", "0.03", "--seed", "9002", "--json", str(tmp_path / "j"))
    one, two = run(*arguments), run(*arguments)
    assert one | {"seconds": 0} == two | {"seconds": 0}
    assert one["faults_injected"] > 0


SEAL = "        self._seal(codes.RATED, values)\n"
CHOSEN = "        self._level = codes.level_of_key(key)\n"
PLANTED = {
    "lost": ("app/details.py", SEAL, SEAL.replace("self._seal", "self._changes != 2 and self._seal")),
    "altered": ("app/session.py", CHOSEN, CHOSEN.replace("key)", "key if self._changes else 1)")),
    "doubled": ("app/details.py", SEAL, f"{SEAL}        self._seal(codes.RATED, dict(values))\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("found", PLANTED)
def test_bug_planted_in_the_firmware_is_found(tmp_path: Path, found: str) -> None:
    firmware = changed_firmware(tmp_path, *PLANTED[found])
    life = Life(tmp_path, "YP-BUG", 9003, firmware_dir=firmware)
    try:
        life.live(0.1, lambda _day: None)
        assert life.counter.told(rating.RATED)
        verdict = compare(life.visits, life.records())
        assert getattr(verdict, found) > 0, verdict
    finally:
        life.terminal.close()


def test_visit_is_shown_as_often_as_tones_or_single_looks_say() -> None:
    visit = Visit("T", "")
    visit.press(1, 0.0).shown = True
    visit.press(2, 0.0)
    assert visit.shown == 1
    visit.heard = 2
    assert visit.shown == 2


class Recorded(faults.Breaker):
    """Write down what would be broken and mended."""

    def __init__(self, coming: list[faults.Coming]) -> None:
        self.log: list[str] = []
        place = SimpleNamespace(window="W01")
        super().__init__(SimpleNamespace(places=[place]), [], coming, random.Random(1), lambda _text: None)

    def _cable(self, fault: faults.Coming) -> object:
        self.log.append("out")
        return lambda: self.log.append("in")

    def _agent_killed(self, fault: faults.Coming) -> object:
        self.log.append("killed")
        return lambda: self.log.append("started")

    def _agent_locked(self, fault: faults.Coming) -> None:
        return None


def test_breaker_mends_what_it_broke_and_lets_it_rest_before_it_breaks_it_again() -> None:
    breaker = Recorded([faults.Coming(1, "cable", 2, 0), faults.Coming(2, "cable", 2, 0)])
    breaker.tick(0.5)
    assert breaker.log == [] and breaker.lasting == []
    breaker.tick(1.5)
    breaker.tick(3.0)
    assert breaker.log == ["out"] and breaker.lasting == ["cable"]
    breaker.tick(3.5)
    assert breaker.log == ["out", "in"]
    breaker.tick(3.5 + faults.REST_S[1])
    assert breaker.log == ["out", "in", "out"] and breaker.done == {"cable": 2}
    breaker.mend_all()
    assert breaker.log[-1] == "in" and breaker.lasting == []


def test_breaker_knows_what_is_down_on_purpose_and_counts_only_what_was_done() -> None:
    breaker = Recorded([faults.Coming(1, "agent_killed", 5, 0), faults.Coming(1, "agent_locked", 5, 0)])
    breaker.tick(1.0)
    assert breaker.kept_down == {"agent"} and breaker.done == {"agent_killed": 1} and not breaker.store_may_fail
    breaker.mend_all()
    assert breaker.kept_down == frozenset()
