"""The bootstrap's choice on littlefs: a power cut at any operation leaves the old state or the new one."""

import re
from pathlib import Path

from tests.micropython_server import run_forked

ROOT = Path(__file__).resolve().parents[2]
STARTS = ("count", "end", "mend")
TEARS = ("clean", "torn", "late")


def test_power_cut_at_any_flash_operation_of_a_start_leaves_the_old_state_or_the_new_one() -> None:
    script = str(ROOT / "tests/power_cut/slots_cuts.py")
    code, output = run_forked([script], f"{ROOT}:{ROOT}/firmware:.frozen", "8M", 240.0)
    assert code == 0, output
    runs = re.findall(r"start (\w+) (\w+) cuts (\d+) old (\d+) new (\d+)", output)
    assert [run[:2] for run in runs] == [(start, tear) for start in STARTS for tear in TEARS], output
    for _, _, cuts, old, new in runs:
        # The end of one run comes after the last operation; before it some cut leaves the old state.
        assert int(cuts) >= 2 and int(old) and int(new) and int(old) + int(new) == int(cuts) + 1, output
    assert re.search(r"^ran [123]$", output, re.M), output
