"""A terminal whose littlefs runs out of blocks in the midst of an update says so by name, at every step."""

import re
from pathlib import Path

from protocol.reason_texts import NAMES
from tests.micropython_server import run_forked
from tests.power_cut import update_bundles

ROOT = Path(__file__).resolve().parents[2]


def test_update_without_room_is_refused_as_full_at_every_step_and_taken_once_there_is_room(tmp_path: Path) -> None:
    update_bundles.write(tmp_path / "firmwares.cbor")
    script = str(ROOT / "tests/power_cut/update_full.py")
    arguments = [script, str(tmp_path / "firmwares.cbor")]
    code, output = run_forked(arguments, f"{ROOT}:{ROOT}/firmware:.frozen", "16M", 120.0)
    assert code == 0, output
    found = [(step, NAMES[int(reason)]) for step, reason in re.findall(r"^blocks \d+: (\w+) (\d+)$", output, re.M)]
    assert found[-1] == ("switch", "ok")
    assert {reason for _, reason in found[:-1]} == {"full"}, output
    assert len({step for step, _ in found}) > 2, output
