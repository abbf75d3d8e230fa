"""What flashing is given: base images, boot drives, the fleet's table; and what it prints."""

import contextlib
import errno
import os
import struct
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from click.testing import CliRunner

from host_agent.cli import main
from host_agent.errors import ManyUserErrors, UserError
from host_agent.flash import boot_drive, fleet_table, label, report, uf2
from host_agent.flash.chips import RP2040, RP2350
from host_agent.provision.identity import terminal_id


def image(family: int, count: int = 4) -> bytes:
    def block(number: int) -> bytes:
        head = (0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + 256 * number, 256, number, count, family)
        return struct.pack("<8I", *head) + bytes(476) + struct.pack("<I", 0x0AB16F30)

    return b"".join(map(block, range(count)))


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_whole_image_names_its_chip_and_anything_else_is_refused(tmp_path):
    good = image(0xE48BFF59)
    assert uf2.read(put(tmp_path / "good.uf2", good)).chip is RP2350
    assert uf2.read(put(tmp_path / "old.uf2", image(0xE48BFF56))).chip is RP2040
    bad = (b"", good[:-512], good[:-1], good[512:], image(0xADA52840), good[:4] + b"x" + good[5:])
    for number, data in enumerate(bad):
        with pytest.raises(UserError):
            uf2.read(put(tmp_path / f"bad{number}.uf2", data))


def test_image_goes_to_the_drive_of_its_chip_only(tmp_path):
    drive = tmp_path / "RP2350"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v1.0\nModel: Raspberry Pi RP2350\nBoard-ID: RP2350\n")
    found = boot_drive.require_one(str(tmp_path / "RP*"))
    boot_drive.require_fitting(found[0], "t35")
    good = uf2.read(put(tmp_path / "good.uf2", image(0xE48BFF59)))
    boot_drive.put(found[0], good)
    assert (drive / boot_drive.IMAGE).read_bytes() == good.data
    with pytest.raises(UserError, match="RPI_PICO2"):
        boot_drive.put(found[0], uf2.read(put(tmp_path / "old.uf2", image(0xE48BFF56))))
    with pytest.raises(UserError, match="hold BOOTSEL"):
        boot_drive.require_one(str(tmp_path / "none*"))


@pytest.mark.parametrize(("fault", "is_gone"), [(errno.EBADF, True), (errno.EIO, True), (errno.ENOSPC, False)])
def test_drive_that_goes_with_its_last_block_has_taken_the_image(tmp_path, monkeypatch, fault, is_gone):
    (tmp_path / "INFO_UF2.TXT").write_text("Board-ID: RP2350\n")
    (found,) = boot_drive.find(str(tmp_path))
    good = uf2.read(put(tmp_path / "good.uf2", image(0xE48BFF59)))

    def fsync(_descriptor: int) -> None:
        raise OSError(fault, "as the system tells it")

    monkeypatch.setattr(os, "fsync", fsync)
    with contextlib.nullcontext() if is_gone else pytest.raises(UserError, match="as the system tells it"):
        boot_drive.put(found, good)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_fleet_table_is_read_in_the_encodings_of_spreadsheets(tmp_path, encoding):
    path = put(tmp_path / "fleet.csv", "中心,窗口,型号,告知等级\nC01,3号窗口,k5,是\n".encode(encoding))
    row = fleet_table.read(path)[0]
    assert (row.line, row.place, row.board, row.reveal_level) == (2, ("C01", "3号窗口"), "k5", True)


def test_fleet_table_names_every_fault_at_once_with_its_line():
    text = (
        "centre,window,board,terminal,reveal_level\nC01,W1,k9,,\nC01,W/2,k5,,\nC01,W3,k5,YP-000001-A,x\nC01,W1,k5,,\n"
    )
    with pytest.raises(ManyUserErrors) as caught:
        fleet_table.parse(text, Path("f.csv"))
    assert [fault.where for fault in caught.value.faults] == [f"f.csv line {n}" for n in (2, 3, 4, 4, 5)]


def test_template_is_a_fleet_table(tmp_path):
    path = tmp_path / "fleet.csv"
    assert CliRunner().invoke(main, ["flash", "template", str(path)]).exit_code == 0
    assert len(fleet_table.read(path)) == 2


def test_labels_on_a_sheet_are_read_by_another_decoder():
    ids = [terminal_id(number) for number in range(1, 44)]
    labels = [label.Label(one, "滨海中心", f"{n}号窗口", "k5", "1.2.3") for n, one in enumerate(ids)]
    pages = pypdfium2.PdfDocument(label.sheet(labels))
    found = [code.text for page in pages for code in zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())]
    assert sorted(found) == ids
    assert "滨海中心" in pages[0].get_textpage().get_text_range()


def test_report_in_a_spreadsheet_has_no_formula(tmp_path):
    entry = report.Entry("C01", "=1+1", "k5", "waiting", "", "", "", "", "", None)
    report.write(tmp_path / "r.csv", [entry])
    report.write(tmp_path / "r.html", [attrs_evolve(entry, window="<b>")])
    assert "'=1+1" in (tmp_path / "r.csv").read_text("utf-8-sig")
    assert "&lt;b&gt;" in (tmp_path / "r.html").read_text()
    with pytest.raises(UserError):
        report.write(tmp_path / "r.doc", [entry])


def attrs_evolve(entry: report.Entry, **values: str) -> report.Entry:
    import attrs

    return attrs.evolve(entry, **values)
