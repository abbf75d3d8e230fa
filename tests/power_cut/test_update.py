"""An update over the link on littlefs: the power cut at any operation of the internal flash, and planted bugs."""

import re
from pathlib import Path

import pytest

from tests.micropython_server import run_forked
from tests.power_cut import update_bundles

ROOT = Path(__file__).resolve().parents[2]
CHANGES = ("switch", "start1", "confirm", "start2", "start3", "back", "told")  # phases that change slots.json
EVERY = 11  # of the cuts in the quick sample; prime, so that each tear has its turn
BUGS = {  # planted into update_bugs.py's functions → (phase that is cut, what the harness says)
    "state_is_rewritten_in_place": ("switch", "slots.json is damaged"),
    "old_state_is_removed_first": ("confirm", "slots.json is damaged"),
    "manifest_is_believed_before_its_signature": ("forged", "ended with 0"),
    "packs_of_what_runs_are_dropped": ("manifest", "no whole firmware"),
    "slot_that_runs_is_cleared": ("manifest", "no whole firmware"),
    "files_are_not_checked_before_the_switch": ("incomplete", "ended with 0"),
    "trial_is_noted_after_the_answer": ("switch", "OK was said before the trial was durable"),
    "trial_is_not_counted": ("start1", "a start was not counted"),
    "confirmed_trial_stays_a_trial": ("confirm", "slots.json is damaged"),
    "floor_is_forgotten_in_a_confirmation": ("confirm", "the floor was lowered"),
}


@pytest.fixture(scope="module")
def firmwares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("firmwares") / "firmwares.cbor"
    update_bundles.write(path)
    return path


def cut(firmwares: Path, slot: str = "a", every: int = 1, phase: str = "-", bug: str = "-") -> tuple[int, str]:
    """Cut every so many operations of an update from a slot; return exit code and output."""
    script = str(ROOT / "tests/power_cut/update_cuts.py")
    arguments = [script, str(firmwares), slot, str(every), phase, bug]
    return run_forked(arguments, f"{ROOT}:{ROOT}/firmware:.frozen", "16M", 240.0)


def test_power_cut_in_an_update_leaves_one_whole_signed_firmware_to_start_a_sample(firmwares: Path) -> None:
    code, output = cut(firmwares, every=EVERY)
    assert code == 0, output
    operations, cuts = map(int, re.search(r"^all operations (\d+) cuts (\d+)$", output, re.M).groups())
    assert cuts == 3 * operations // EVERY, output


@pytest.mark.slow
@pytest.mark.parametrize("slot", ["a", "b"])
def test_power_cut_at_any_flash_operation_of_an_update_leaves_one_whole_signed_firmware(
    firmwares: Path, slot: str
) -> None:
    code, output = cut(firmwares, slot)
    assert code == 0, output
    phases = re.findall(r"^phase (\w+) operations (\d+) cuts (\d+) old (\d+) new (\d+)$", output, re.M)
    for name, operations, cuts, old, new in phases:
        assert int(cuts) == 3 * int(operations) == int(old) + int(new), output
        assert name not in CHANGES or int(old) and int(new), output
    assert {name for name, *_ in phases} > set(CHANGES)
    print(output.splitlines()[-1])


@pytest.mark.parametrize("bug", BUGS)
def test_bug_planted_into_the_update_is_found(firmwares: Path, bug: str) -> None:
    phase, found = BUGS[bug]
    code, output = cut(firmwares, phase=phase, bug=bug)
    assert code != 0 and found in output, output
