"""Content on the internal file system: a power cut at any write or erase leaves the old file or the new one."""

import re
from pathlib import Path

from tests.micropython_server import run_forked

ROOT = Path(__file__).resolve().parents[2]


def test_power_cut_at_any_flash_operation_leaves_the_old_card_or_the_new_one() -> None:
    script = str(ROOT / "tests/power_cut/content_cuts.py")
    code, output = run_forked([script], f"{ROOT}:{ROOT}/firmware:.frozen", "4M", 120.0)
    assert code == 0, output
    runs = [tuple(map(int, line)) for line in re.findall(r"cuts (\d+) old (\d+) new (\d+) parts (\d+)", output)]
    assert len(runs) == 3, output
    for cuts, old, new, _ in runs:
        assert cuts and old + new == cuts + 1 and old and new
    assert runs[0][3] > 2 and runs[1][3] > 2, "cuts in the middle leave a part"
