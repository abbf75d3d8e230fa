"""What is printed: forms and signs as PDF, looked at as pictures, and the orders that make them."""

import urllib.request
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image

from host_agent import qr_codes, qr_token
from host_agent.cli import main
from host_agent.paper import form, page, sign
from protocol import rating
from tests.unit.agent_support import AgentProcess, Broker, StandInReceiver, wait_until

BASE = "HTTPS://PJ.EXAMPLE.CN/T"
ADDRESS = BASE + "/" + "A7" * 25
FULL = form.FormContent(
    centre="滨海新区市民服务中心",
    window="3号窗口（社会保险综合受理）",
    clerk="欧阳晓静 3017",
    address=ADDRESS,
    number="d1a06195d769cc8f5395f7e228f8ca0e",
    project_no="P-2026-000077",
    task_name="企业职工基本养老保险关系转移接续申请（省内跨市）",
    ticket="A012",
    date="2026年11月24日",
)
EMPTY = form.FormContent(centre="C01", window="W05", clerk="", address=None, number="0" * 32)


def picture(data: bytes) -> Image.Image:
    document = pypdfium2.PdfDocument(data)
    assert len(document) == 1
    return document[0].render(scale=2).to_pil().convert("L")


def words(data: bytes) -> str:
    return pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range()


@pytest.fixture(scope="module")
def full() -> bytes:
    return form.form(FULL)


def test_form_is_the_same_each_time_and_holds_the_case(full: bytes):
    assert full == form.form(FULL)
    text = words(full)
    for wanted in ("3号窗口", "欧阳晓静 3017", "P-2026-000077", "A012", "2026年11月24日", FULL.number, "评价箱"):
        assert wanted in text, wanted
    order = [text.index(rating.LEVEL_TEXT_ZH[level]) for level in rating.LEVELS]
    assert order == sorted(order)


def test_code_on_the_form_scans_and_a_form_without_address_has_none(full: bytes):
    assert [code.text for code in zxingcpp.read_barcodes(picture(full))] == [ADDRESS]
    assert zxingcpp.read_barcodes(picture(form.form(EMPTY))) == []


def test_nothing_touches_the_edge_and_nothing_is_chosen(full: bytes):
    sheet = picture(full)
    border = sheet.copy()
    border.paste(255, (40, 40, sheet.width - 40, sheet.height - 40))
    assert border.getextrema() == (255, 255)
    assert "☑" not in words(full) and "✓" not in words(full)


def test_five_boxes_of_each_question_are_alike(full: bytes):
    """Look at the boxes of the first row where the form draws them, and at their sizes."""
    scale = 4
    mm = scale * 72 / 25.4
    sheet = (
        pypdfium2.PdfDocument(full)[0].render(scale=scale).to_pil().convert("L").point(lambda grey: 255 * (grey < 160))
    )
    column = (192 - 18 - 30) / 5
    sizes = []
    for key in range(5):
        left = (18 + 30 + column * (key + 0.5) - 5.5) * mm
        box = sheet.crop((round(left), round(104 * mm), round(left + 11 * mm), round(115.8 * mm)))
        x0, y0, x1, y1 = box.getbbox()
        sizes.append((x1 - x0, y1 - y0))
    assert all(abs(wide - sizes[0][0]) <= 1 and abs(high - sizes[0][1]) <= 1 for wide, high in sizes), sizes
    assert 8 * mm <= sizes[0][0] <= 9.5 * mm


@pytest.mark.parametrize("sheet", sign.SHEETS)
def test_sign_scans_at_a_size_of_forty_millimetres_and_more(sheet: str):
    data = sign.sign(sheet, "滨海新区市民服务中心", "3号窗口", ADDRESS)
    assert data == sign.sign(sheet, "滨海新区市民服务中心", "3号窗口", ADDRESS)
    found = zxingcpp.read_barcodes(picture(data))
    assert [code.text for code in found] == [ADDRESS]
    wide = found[0].position.top_right.x - found[0].position.top_left.x
    assert wide / (2 * 72 / 25.4) >= 40


def test_long_names_are_cut_with_an_ellipsis():
    text = words(form.form(form.FormContent(centre="C", window="窗" * 80, clerk="", address=ADDRESS, number="1")))
    assert "窗…" in text


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(page.UserError, match=r"yiping\[paper\]"):
        form.form(EMPTY)


def test_command_makes_the_signs_of_all_windows(tmp_path: Path):
    (tmp_path / "qr.key").write_text(qr_token.new_key_text(1))
    config = tmp_path / "agent.toml"
    config.write_text(
        f'[agent]\nid = "pc"\ncentre = "C01"\n[qr]\nbase_url = "{BASE}"\nkey_file = "qr.key"\n'
        '[[window]]\nid = "W01"\nname = "1号窗口"\nterminal = "YP-0001"\n[[window]]\nid = "W05"\nport = "none"\n'
    )
    out = tmp_path / "signs"
    made = CliRunner().invoke(main, ["window", "qr", "--config", str(config), "--out", str(out)])
    assert made.exit_code == 0, made.output
    assert sorted(path.name for path in out.iterdir()) == ["W01.pdf", "W01.png", "W05.pdf", "W05.png"]
    codes = qr_codes.Codes(BASE, qr_token.read_key(tmp_path / "qr.key"), "C01")
    assert zxingcpp.read_barcodes(Image.open(out / "W05.png"))[0].text == codes.window("W05")
    wrong = CliRunner().invoke(main, ["window", "qr", "--config", str(config), "--window", "W09"])
    assert wrong.exit_code == 1 and "no window W09" in wrong.output and "W01, W05" in wrong.output


class Hall:
    """An agent with a window without terminal and a kiosk, and the city's stand-in."""

    def __init__(self, folder: Path) -> None:
        (folder / "qr.key").write_text(qr_token.new_key_text(1))
        self.key = qr_token.read_key(folder / "qr.key")
        self.broker = Broker(folder).start()
        self.receiver = StandInReceiver(self.broker.port)
        policy = f'[qr]\nbase_url = "{BASE}"\nkey_file = "qr.key"\n[[window]]\nid = "W05"\nport = "none"\n'
        self.agent = AgentProcess(folder, self.broker.port, [("W01", "YP-0001", folder / "none")], policy=policy)
        self.agent.start("--wait")

    def form(self, window: str, body: bytes) -> tuple[str, bytes]:
        """Return the invite and the file of a form."""
        address = f"http://127.0.0.1:{self.agent.port}/api/v1/windows/{window}/paper-form"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            assert answer.status == 201 and answer.headers["Content-Type"] == "application/pdf"
            return answer.headers["Yiping-Invite"], answer.read()

    def close(self) -> None:
        self.agent.stop()
        self.receiver.close()
        self.broker.stop()


@pytest.fixture
def hall(tmp_path: Path):
    made = Hall(tmp_path)
    yield made
    made.close()


def test_window_without_terminal_is_no_fault_and_its_form_is_recorded_for_the_city(hall: Hall):
    call = hall.agent.call
    view = call("GET", "/api/v1/windows/W05")[1]
    wait_until("the condition", lambda: call("GET", "/api/v1/windows/W05")[1]["condition"] == "no_terminal")
    assert view["terminal"] == "" and view["connected"] is False
    assert "W05" not in [fault.get("window") for fault in hall.agent.status()["faults"]]
    assert call("POST", "/api/v1/windows/W05/login", {"number": "007", "name": "张三"})[0] == 200
    status, refused = call("POST", "/api/v1/windows/W05/invites", {})
    assert (status, refused["error"]["code"]) == (409, "no_terminal")
    invite, data = hall.form("W05", b'{"project_no": "P-1", "ticket": "A7", "case": {"task_name": "\xe5\xb1\x85"}}')
    text = words(data)
    assert "张三 007" in text and "P-1" in text and "A7" in text and invite in text
    token = qr_token.check(zxingcpp.read_barcodes(picture(data))[0].text.rpartition("/")[2], {1: hall.key}, 0)
    assert (token.kind, token.subject.hex()) == (qr_token.PAPER, invite)
    topic = "yiping/v1/C01/agent/pc-01/service"
    sent = wait_until("the record", lambda: b"".join(hall.receiver.other.get(topic, [])))
    assert invite.encode() in sent and b'"paper"' in sent
    assert call("GET", "/api/v1/windows/W05")[1]["invite"] is None
