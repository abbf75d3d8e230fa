"""The images of power cuts under the real MicroPython: it finds, and writes, what CPython does."""

from pathlib import Path

import pytest

from tests.micropython_server import MicroPython
from tests.power_cut.cutting import first_cuts
from tests.power_cut.runs import PLANS
from tests.power_cut.start_images import found

ROOT = Path(__file__).resolve().parents[2]
HEAP = "280K"
EVERY = 23  # of the cuts; prime, so that each tear has its turn


@pytest.mark.parametrize("plan", ["wrap", "full", "known"])
def test_start_after_a_cut_is_the_same_under_micropython(plan: str, tmp_path: Path) -> None:
    sectors, known_limit = PLANS[plan].sectors, PLANS[plan].known_limit
    expected = []
    with (tmp_path / "images").open("wb") as file:
        for number, case in enumerate(first_cuts(plan, 1)):
            if number % EVERY == 0:
                file.write(case.image)
                expected.append(found(case.image, known_limit))
    assert len(expected) > 50
    server = MicroPython(ROOT)
    try:
        code, output = server.run(
            ["tests/power_cut/start_images.py", str(tmp_path / "images"), str(sectors), str(known_limit)],
            f"{ROOT}:{ROOT}/firmware:.frozen",
            HEAP,
            60.0,
        )
    finally:
        server.close()
    assert code == 0, output
    assert output.splitlines() == expected
