"""The first start after provisioning: formatting, the settings' word that it was done, and the first boot, all cut."""

import json
import random
from pathlib import Path

from simulator.chips.nor_array import NorArray
from store import opening, settings
from tests.power_cut import events
from tests.power_cut.cutting import TEARS, Cut, Images
from tests.power_cut.nor import ArrayNor

CHIP_BYTES = 8 * 4096
NEW = {
    "terminal": "YP-0001", "secret": "11" * 32, "epoch": 1, "journal_id": "22" * 8, "journal": "new", "board": "k5",
    "window": "W01", "reveal_level": False,
}  # fmt: skip


class Chip(ArrayNor):
    """The chip's array behind the driver's interface; `start` has nothing to identify."""

    def start(self) -> None:
        """Identify the chip."""


class NoChip(Exception):
    """Never raised here: what the driver's `start` would raise."""


def opened(path: Path, image: bytearray, log: list | None = None) -> tuple:
    """Start on a chip and a settings file; return (journal or None, why)."""
    chip = Chip(NorArray(image, log))
    return opening.open_journal(chip, settings.load(str(path)), str(path), NoChip)


def test_first_start_cut_at_every_operation_and_around_the_settings_ends_in_a_journal(
    tmp_path: Path, monkeypatch
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(NEW))
    blank = random.Random(1).randbytes(CHIP_BYTES)  # a used chip: provisioned anew
    log: list = []
    noted: list[int] = []
    write = settings.Settings.journal_ready
    monkeypatch.setattr(
        settings.Settings, "journal_ready", lambda own, where: (noted.append(len(log)), write(own, where))
    )
    journal, why = opened(path, bytearray(blank), log)
    assert (journal is not None, why) == (True, 0) and len(noted) == 1 and 2 <= noted[0] < len(log)
    ready = path.read_text()
    images = Images(bytearray(blank), log)
    cuts = 0
    for operation in range(len(log)):
        images.go_to(operation)
        for tear in TEARS:
            for text in [json.dumps(NEW)] * (operation <= noted[0]) + [ready] * (operation >= noted[0]):
                path.write_text(text)
                case = images.cut(Cut("first_start", 1, operation, tear))
                journal, why = opened(path, case.image)
                assert journal is not None and why == 0, f"{case.cut}: why {why}"
                assert journal.boot >= 1 and journal.last_seq == 0 and journal.faults == [], str(case.cut)
                journal.append_event(1, events.make(random.Random(2), journal.boot, 1, bytes(8), None))
                assert json.loads(path.read_text())["journal"] == "ready"
                cuts += 1
    assert cuts >= len(log) * len(TEARS)


def test_settings_half_written_at_a_power_cut_leave_the_old_ones_and_the_next_start_formats_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(NEW))
    image = bytearray(b"\xff" * CHIP_BYTES)
    whole = json.dumps(NEW | {"journal": "ready"})
    for size in range(len(whole)):
        (tmp_path / "settings.json.new").write_text(whole[:size])
        path.write_text(json.dumps(NEW))
        journal, why = opened(path, image)
        assert journal is not None and why == 0 and journal.boot == 1
        assert json.loads(path.read_text())["journal"] == "ready"
