"""The power of the PC is cut after every file operation of the stores; they keep their promises each time."""

import random
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from host_agent.store import Store
from host_agent.store_space import Reserve
from tests.host_power_cut import agent_life, city_life, replay, vfs
from tests.host_power_cut.cutting import Cut, Tears, cut_everywhere, every, first_cuts, in_turn, record
from tests.host_power_cut.images import ALL, NONE, TEARS, Disk
from tests.host_power_cut.vfs import CREATE, DELETE, SYNC, SYNC_FOLDER, TRUNCATE, WRITE
from tests.unit.test_store import NOW, batch, event

AGAIN_EVERY = 400


def cleanly(_operations: int) -> tuple[str, ...]:
    return (ALL, NONE)


@pytest.mark.parametrize(
    ("run", "tears"),
    [("agent-first", in_turn), ("city-first", cleanly), ("rater-first", cleanly), ("rollout-first", cleanly)],
)
def test_cut_after_every_operation_keeps_every_promise(run: str, tears: Tears) -> None:
    cuts = cut_everywhere(run, 1, tears)
    print(f"{run}: {cuts} distinct cuts")
    assert cuts > 100


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("run", "tears", "at_least"),
    [
        ("agent-first", every, 500),
        ("agent-day", every, 3_000),
        ("agent-crowd", in_turn, 1_000),  # some hundred KB each
        ("city-first", every, 500),
        ("city-day", every, 3_000),
        ("rater-first", every, 300),
        ("rater-day", every, 1_500),
        ("rollout-first", every, 200),
        ("rollout-day", every, 1_500),
    ],
)
def test_cut_after_every_operation_and_again_while_going_on_keeps_every_promise(
    run: str, tears: Tears, at_least: int
) -> None:
    cuts = cut_everywhere(run, 2, tears, AGAIN_EVERY)
    print(f"{run}: {cuts} distinct cuts")
    assert cuts > at_least


def test_runs_hold_everything_that_can_be_cut() -> None:
    """Each operation; group commits, receipts, invites, notes, a purge, a full disk, restarts, the log begun anew."""
    for run, kinds in (
        ("agent-day", {agent_life.GIVEN, agent_life.ACKED, agent_life.RECEIPTED, agent_life.SHELVED, agent_life.PURGED,
                       agent_life.INVITED, agent_life.TELLING, agent_life.TOLD}),
        ("city-day", {city_life.GIVEN, city_life.RECEIPTED, city_life.KNOWN, city_life.HANDED}),
    ):  # fmt: skip
        recording, marks = record(run, 1)
        assert {operation.what for operation in recording.log} == {CREATE, WRITE, TRUNCATE, SYNC, DELETE, SYNC_FOLDER}
        assert {mark.what for mark in marks} == kinds
        folded = Counter(one.name for one in recording.log if one.what == SYNC)
        assert sum(count for name, count in folded.items() if name.endswith(".db")) > 10
        restarts = sum(one.what == CREATE and one.name.endswith("-wal") for one in recording.log)
        begun_anew = sum(one.what == WRITE and one.at == 0 and one.name.endswith("-wal") for one in recording.log)
        assert restarts > 1 and begun_anew > restarts + 5
        taken = Counter(mark.at for mark in marks if mark.what == agent_life.GIVEN)
        assert max(taken.values()) >= 3 or run != "agent-day"  # terminals share a commit


def test_same_id_gives_the_same_cut() -> None:
    """But for the time of the layout's making, which it keeps itself."""

    def shapes() -> list[tuple]:
        cases = first_cuts("agent-first", 1, in_turn)
        return [(str(case.cut), {name: len(content) for name, content in case.image.items()}) for case in cases]

    first = shapes()
    assert first == shapes() and len({name for name, _ in first}) == len(first)


def test_a_cut_is_named_by_an_id_that_reads_back() -> None:
    for cut in (Cut("city-day", 3, 17, TEARS[2]), Cut("agent-first", 1, 0, TEARS[0], (5, TEARS[-1]))):
        assert Cut.parse(str(cut)) == cut


def test_replay_repeats_a_cut_by_its_id() -> None:
    command = [sys.executable, "-m", "tests.host_power_cut.replay", "agent-first:1:100:none:40:mixed1"]
    root = Path(__file__).parents[2]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "last operation" in result.stdout and "every promise holds" in result.stdout


@pytest.mark.parametrize("name", ["agent-first:1:2", "nonsense:1:2:all", "agent-first:1:99999:all", ""])
def test_replay_refuses_an_id_that_names_nothing(name: str, capsys: pytest.CaptureFixture) -> None:
    assert replay.main([name]) == 2
    assert "cut" in capsys.readouterr().out


def test_recorded_operations_are_all_that_was_done(tmp_path: Path) -> None:
    """With everything applied the model's disk holds what the real one holds."""
    with vfs.recorded(tmp_path, 1) as recording:
        store = Store(tmp_path, Reserve(tmp_path / "reserve", 1, 0))
        for number in range(1, 40):
            store.commit(batch([event(number)]), NOW)
        disk = Disk(recording)
        disk.go_to(len(recording.log))
        open_image = disk.image(ALL, random.Random(1))
        real = {name: (tmp_path / name).read_bytes() for name in open_image}
        store.close()
    assert open_image == real and set(real) == {"agent.db", "agent.db-wal"}
    conn = sqlite3.connect(tmp_path / "agent.db")
    assert conn.execute("SELECT count(*) FROM events").fetchone() == (39,)
    conn.close()


@pytest.mark.parametrize("left", [b"", b"\0" * 4096, None], ids=["empty", "zeros", "missing"])
def test_reserve_cut_off_while_it_was_laid_down_is_laid_down_again(tmp_path: Path, left: bytes | None) -> None:
    reserve = Reserve(tmp_path / "reserve.bin", 8192, 0)
    if left is not None:
        (tmp_path / "reserve.bin").write_bytes(left)
    assert not reserve.held and reserve.lay_down() and reserve.held
