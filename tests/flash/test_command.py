"""`yiping flash` as a technician calls it: which windows it works on, what it prints, how it exits."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from host_agent.board import faults
from host_agent.bundle import archive, make, shipped
from host_agent.cli import main
from host_agent.flash import fleet_table, ledger, orders, owner, stages_find
from host_agent.flash.ledger import Ledger
from tests.bundle_key import bundle_key
from tests.provision.stations import make_station

FLEET = "centre,window,board\nC01,W01,k5\nC01,W02,k5\nC01,W03,k5\n"
UIDS = {window: f"{number:016x}" for number, window in enumerate(("W01", "W02", "W03"), 1)}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> tuple[Path, Path, str]:
    """Return the files of a signed bundle and of its key, and the bundle's version."""
    folder = tmp_path_factory.mktemp("bundle")
    made = make.build("k5", bundle_key())
    archive.write(made, folder / "k5.zip")
    (folder / "key.public").write_bytes(bundle_key().modulus)
    return folder / "k5.zip", folder / "key.public", made.version


class FakePrompt:
    """A board with the stock image; one whose uid is not known does not answer."""

    uids: dict[str, str]
    seen: list[str]

    def __init__(self, port: str) -> None:
        self.port = port
        if port not in self.uids:
            raise faults.no_answer(port)

    def run(self, code: str, _limit_s: float = 1.0) -> str:
        self.seen.append(code)
        who = {"uid": self.uids[self.port], "platform": "rp2", "version": [1, 29, 0], "touch": False, "jumper": False,
               "machine": "Raspberry Pi Pico 2 with RP2350", "terminal": None}  # fmt: skip
        return json.dumps(who)

    def close(self) -> None:
        pass


class Desk:
    """A station with a fleet of three windows, in a folder."""

    def __init__(self, folder: Path, bundle: tuple[Path, Path, str]) -> None:
        self.folder = folder
        make_station(folder, codes=False).close()
        self.image, self.key, self.version = bundle
        self.key_words = ("--key", self.key)
        (folder / "fleet.csv").write_text(FLEET)
        (folder / "ports").mkdir()

    def note(self, **states: str) -> None:
        """Write into the ledger what became of windows; a version stands for a terminal that is done with it."""
        book = Ledger(self.folder / "flash.db")
        for number, row in enumerate(fleet_table.read(self.folder / "fleet.csv"), 1):
            state = states.get(row.window)
            if state is not None:
                uid, version = UIDS[row.window], self.version
                book.assign(uid, "RP2350", row)
                if state not in (ledger.WORKING, ledger.FAILED, ledger.DONE):
                    state, version = ledger.DONE, state
                book.note(uid, state=state, terminal=f"YP-{number:06}", epoch=1, version=version)
                book.end(book.begin(1, "p", uid, "done"), ledger.OK, "unplug it")
        book.close()

    def states(self) -> dict[str, str]:
        book = Ledger(self.folder / "flash.db")
        found = {board.window: board.state for board in book.boards()}
        book.close()
        return found

    def flash(self, *words: object) -> Result:
        at = self.folder
        options = ["--fleet", at / "fleet.csv", "--station", at / "bench-1.db", "--ledger", at / "flash.db",
                   "--archive", at / "archive", "--labels", at / "labels", "--bundle", self.image, *self.key_words,
                   "--ports", at / "ports" / "*", "--drives", at / "drives" / "*", "--wait", "0.1"]  # fmt: skip
        return CliRunner().invoke(main, ["flash", *map(str, options), *map(str, words)])


@pytest.fixture
def desk(tmp_path, bundle, monkeypatch) -> Desk:
    (tmp_path / "labels").mkdir()
    monkeypatch.setattr(FakePrompt, "uids", {}, raising=False)
    monkeypatch.setattr(FakePrompt, "seen", [], raising=False)
    monkeypatch.setattr(stages_find, "Prompt", FakePrompt)
    return Desk(tmp_path, bundle)


def plug(desk: Desk, name: str, uid: str | None) -> None:
    port = desk.folder / "ports" / name
    port.touch()
    if uid is not None:
        FakePrompt.uids[str(port)] = uid


def test_fleet_that_is_done_ends_at_once_with_0_and_a_sheet_of_labels(desk):
    desk.note(W01=ledger.DONE, W02=ledger.DONE, W03=ledger.DONE)
    said = desk.flash()
    assert (said.exit_code, said.stdout.splitlines()[-1]) == (0, "3 of 3 windows done"), said.output
    assert (desk.folder / "labels" / "labels.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("is_there", [False, True])
def test_sheet_that_cannot_be_written_is_told_after_the_report_and_makes_a_missing_folder(desk, is_there):
    desk.note(W01=ledger.DONE, W02=ledger.DONE, W03=ledger.DONE)
    (desk.folder / "labels").rmdir()
    if is_there:
        (desk.folder / "labels" / "labels.pdf").mkdir(parents=True)
    said = desk.flash("--json")
    assert (len(json.loads(said.stdout)), said.exit_code) == (3, 0), repr(said.exception)
    assert (desk.folder / "labels" / "labels.pdf").is_file() != is_there
    assert ("cannot write the labels" in said.stderr) == is_there


def test_windows_without_a_board_at_any_port_end_with_1(desk):
    desk.note(W01=ledger.DONE)
    said = desk.flash("--json")
    states = {one["window"]: one["state"] for one in json.loads(said.stdout)}
    assert (said.exit_code, states) == (1, {"W01": "done", "W02": "waiting", "W03": "waiting"})


def test_board_that_fails_ends_with_1_and_is_told_with_cause_and_cure(desk):
    plug(desk, "a", None)
    said = desk.flash()
    assert said.exit_code == 1
    assert "ports/a: failed: the board does not answer: unplug the board, wait 3 s" in said.stderr
    assert said.stdout.splitlines()[-1] == "0 of 3 windows done"


@pytest.mark.parametrize(
    ("only", "window", "new"),
    [
        ("failed", "W02", "C01/W02: ok: would be flashed"),  # whose board is at no port: it may have another one
        ("outdated", "W01", "failed: no window of this run waits for a board with RP2350"),
    ],
)
def test_only_takes_the_windows_that_it_names(desk, only, window, new):
    desk.note(W01="0.0.1", W02=ledger.FAILED)
    plug(desk, "a", UIDS[window])
    said = desk.flash("--only", only, "--dry-run")
    assert f"C01/{window}: ok: would be flashed" in said.stderr
    (desk.folder / "ports" / "a").unlink()
    plug(desk, "b", UIDS["W03"])  # a new board, and a window waits, but not in this run
    said = desk.flash("--only", only, "--dry-run")
    assert new in said.stderr and "W03" not in said.stderr


def test_only_without_such_a_window_ends_with_0(desk):
    desk.note(W01=ledger.DONE)
    plug(desk, "a", UIDS["W02"])
    for only in ("failed", "outdated"):
        said = desk.flash("--only", only)
        assert said.exit_code == 0 and "1 of 3 windows done" in said.stdout


def test_dry_run_changes_neither_boards_nor_ledger_nor_folders(desk):
    desk.note(W01=ledger.DONE)
    before = (desk.folder / "flash.db").read_bytes()
    plug(desk, "a", UIDS["W01"])  # its jumper is set
    plug(desk, "b", UIDS["W02"])
    plug(desk, "c", None)
    said = desk.flash("--dry-run")
    assert said.exit_code == 0 and said.stderr.count("would be flashed") == 2, said.stderr
    assert "1 of 3 windows done" in said.stdout
    assert all("open(" not in code or '"settings.json"' in code for code in FakePrompt.seen)
    assert desk.states() == {"W01": ledger.DONE} and (desk.folder / "flash.db").read_bytes() == before
    assert not (desk.folder / "archive").exists() and not list((desk.folder / "labels").iterdir())


def test_second_run_on_a_ledger_touches_nothing_and_says_who_has_it(desk):
    plug(desk, "a", UIDS["W01"])
    with owner.owning(desk.folder / "flash.db"):
        said = desk.flash()
        assert said.exit_code == 1 and not FakePrompt.seen and not (desk.folder / "flash.db").exists()
        assert f"this ledger is in use by process {os.getpid()} since 20" in said.stderr and "Ctrl-C" in said.stderr
        assert desk.flash("--dry-run").exit_code == 0
    (desk.folder / "ports" / "a").unlink()
    desk.note(W01=ledger.DONE, W02=ledger.DONE, W03=ledger.DONE)
    assert desk.flash().exit_code == 0


def test_dry_run_without_a_ledger_makes_none(desk):
    said = desk.flash("--dry-run")
    assert said.exit_code == 0 and not (desk.folder / "flash.db").exists()


@pytest.mark.parametrize("suffix", ["csv", "html", "json"])
def test_report_is_written_as_its_name_says(desk, suffix):
    desk.note(W01=ledger.DONE, W02=ledger.FAILED)
    path = desk.folder / "out" / f"report.{suffix}"
    assert desk.flash("--report", path).exit_code == 1
    text = path.read_text("utf-8-sig")
    assert {"csv": "C01,W02,k5,failed", "html": '<tr class="failed">', "json": '"state": "failed"'}[suffix] in text


def test_report_of_the_ledger_alone(desk):
    words = ["flash", "report", "--fleet", str(desk.folder / "fleet.csv"), "--ledger", str(desk.folder / "flash.db")]
    said = CliRunner().invoke(main, words)
    assert said.exit_code == 1 and "there is no ledger" in said.stderr and "name it with --ledger" in said.stderr
    desk.note(W02="0.0.1", W03=ledger.DONE)
    said = CliRunner().invoke(main, [*words, "--json", "--bundle", str(desk.image)])
    assert (said.exit_code, [one["state"] for one in json.loads(said.stdout)]) == (0, ["waiting", "outdated", "done"])


def test_bundles_signed_by_a_development_key_are_named_so(desk, monkeypatch):
    monkeypatch.setattr(shipped, "is_development", lambda: True)
    assert orders.DEVELOPMENT_KEY not in desk.flash().stderr  # another key was named
    monkeypatch.setattr(shipped, "key", lambda _path: desk.key.read_bytes())
    monkeypatch.setattr(desk, "key_words", ())
    assert orders.DEVELOPMENT_KEY in desk.flash().stderr


def test_bad_fleet_table_names_each_fault_with_cure_before_any_board_is_touched(desk):
    plug(desk, "a", UIDS["W01"])
    (desk.folder / "fleet.csv").write_text("centre,window,board\nC01,W01,k9\nC01,W02,k5\nC01,W02,k5\n")
    said = desk.flash()
    lines = said.stderr.splitlines()
    assert said.exit_code == 1 and len(lines) == 2 and not FakePrompt.seen
    assert "there is no board 'k9'" in lines[0] and "line 2): write one of: k5" in lines[0]
    assert "stands in line 3 too" in lines[1] and lines[1].endswith("keep one of the rows")


def test_what_a_run_lacks_is_told_before_any_board_is_touched(desk):
    plug(desk, "a", UIDS["W01"])
    (desk.folder / "other.public").write_bytes(bytes(len(desk.key.read_bytes())))
    (desk.folder / "t35.csv").write_text("centre,window,board\nC01,W01,t35\n")
    for words, cause in (
        (("--report", "r.doc"), "a report is CSV, HTML or JSON"),
        (("--fleet", desk.folder / "none.csv"), "cannot read the fleet table"),
        (("--fleet", desk.folder / "t35.csv"), "no bundle for board t35"),
        (("--key", desk.folder / "other.public"), "the signature is not that of the accepted key"),
        (("--station", desk.folder / "none.db"), "station"),
    ):
        said = desk.flash(*words)
        assert said.exit_code == 1 and cause in said.stderr and len(said.stderr.splitlines()) == 1, said.output
    assert not FakePrompt.seen and not (desk.folder / "flash.db").exists()
    said = CliRunner().invoke(main, ["flash"])
    assert said.exit_code == 1 and "yiping flash template" in said.stderr
