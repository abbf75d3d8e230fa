"""Clerks and tags from a table to the screen of the real firmware: imported, pushed, painted, disturbed, removed."""

import random
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import ImageChops, ImageStat

from host_agent.cli import main
from host_agent.content import card_render, staff_cards, tag_table
from host_agent.content.card_boards import BOARDS
from host_agent.content.portrait import portrait
from host_agent.content.staff import Clerk
from simulator.faults import Noise
from simulator.terminal import SimTerminal
from tests.unit.agent_support import AgentProcess, Broker, StandInReceiver, wait_until
from tests.unit.photos import photo

PATIENCE_S = 90.0
POLICY = '[policy]\ndetail = "off"\nchange_ms = 0\nthanks_ms = 0\nguard_ms = 0\n'
W = "/api/v1/windows/W01"
CLERK = Clerk("007", "买买提·吐尔逊江", "综合受理窗口", 4)
K5 = BOARDS["k5"]
BAND = 46  # px above the card's page


class Hall:
    """One terminal on its pty, the agent, a broker and a receiver that only keeps what arrives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Broker(folder).start()
        self.receiver = StandInReceiver(self.broker.port)
        self.terminal = SimTerminal(state_dir=folder / "state", link_path=folder / "port").start()
        # What is ordered on a dead line is answered soon; the tests wait for what they see.
        self.agent = AgentProcess(
            folder,
            self.broker.port,
            [("W01", "YP-0001", folder / "port")],
            policy=POLICY,
            constants={"host_agent.orders.TERMINAL_S": 1.0},
        )
        photo().save(folder / "a.png")

    def close(self) -> None:
        self.agent.stop(signal.SIGKILL)
        self.terminal.close()
        self.receiver.close()
        self.broker.stop()

    def staff(self, *words: str) -> str:
        result = CliRunner().invoke(main, ["staff", *words, "--config", str(self.agent.config)])
        assert result.exit_code == 0, result.output
        return result.output

    def row(self) -> dict:
        return self.agent.status()["terminals"][0]

    def content(self) -> dict:
        return self.row()["content"]

    def connect(self) -> None:
        self.agent.start("--wait")
        wait_until("the terminal answers", lambda: self.row()["connected"], PATIENCE_S)

    def import_clerk(self) -> None:
        table = self.folder / "staff.csv"
        table.write_text(
            f"number,name,post,stars,photo\n{CLERK.number},{CLERK.name},{CLERK.post},{CLERK.stars},a.png\n", "utf-8"
        )
        self.staff("import", str(table))

    def expected(self) -> bytes:
        image = portrait(self.folder / "a.png", *K5.portrait[2:])
        return card_render.render(CLERK, image, K5, staff_cards.fonts([]))


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path)
    yield made
    made.close()


def test_card_of_the_clerk_is_on_the_glass_and_gone_after_the_removal(hall):
    hall.import_clerk()
    hall.connect()
    assert hall.agent.call("POST", f"{W}/login", {"number": "007"})[1]["clerk"] == CLERK.message()
    wait_until("card and tags are held", lambda: hall.content()["held"] == ["card 007", "tags"], PATIENCE_S)
    wanted = card_render.picture(hall.expected(), K5)

    def shown():
        glass = hall.terminal.screenshot()
        top = BAND + (glass.height - BAND - K5.height) // 2
        found = glass.crop((0, top, K5.width, top + K5.height))
        return max(ImageStat.Stat(ImageChops.difference(found, wanted)).mean) < 0.5

    wait_until("the card is on the glass", shown, PATIENCE_S)
    assert hall.content()["pending"] == [] and hall.content()["refused"] == []
    assert hall.terminal.violations == []
    hall.terminal.set_line_faults(lambda data: b"", lambda data: b"")
    told = hall.staff("remove", "007")
    assert "1 clerk removed" in told and "terminal YP-0001 still has to remove 007" in told
    result = CliRunner().invoke(main, ["agent", "status", "--config", str(hall.agent.config)])
    assert "window W01: removal not confirmed: 007" in result.output
    hall.terminal.set_line_faults()
    wait_until("the terminal has confirmed", lambda: "still has to" not in hall.staff("list"), PATIENCE_S)
    wait_until("the card is gone from the glass", lambda: not shown(), PATIENCE_S)
    files = [path.name for path in (hall.folder / "state").rglob("*") if path.name.startswith("1-")]
    assert files == [] and hall.content()["held"] == ["tags"]
    assert hall.agent.call("GET", W)[1]["clerk"] == {"number": "007"}


def tag_file(hall):
    return next((path.read_bytes()[32:] for path in (hall.folder / "state").rglob("3-*")), None)


@pytest.mark.slow
def test_push_over_a_bad_line_yields_to_each_invite_and_ends_whole(hall):
    rng = random.Random(20264)
    noise = {"lost": 0.05, "bit_errors": 1e-4}
    hall.terminal.set_line_faults(*(Noise(random.Random(seed), **noise) for seed in (1, 2)))
    hall.connect()
    hall.agent.call("POST", f"{W}/login", {"number": "007", "name": "李明"})
    hall.import_clerk()
    for _ in range(3):
        wait_until("the terminal rests", lambda: hall.row()["state"] == "idle", PATIENCE_S)
        made = hall.agent.call("POST", f"{W}/invites", {})[1]
        wait_until("the lamps of the keys", lambda: all(hall.terminal.lamps()), PATIENCE_S)
        hall.terminal.press(rng.randrange(1, 6))
        path = f"{W}/invites/{made['invite']}"
        wait_until("the outcome", lambda path=path: hall.agent.call("GET", path)[1]["state"] == "rated", PATIENCE_S)
    wait_until("card and tags are held", lambda: hall.content()["held"] == ["card 007", "tags"], PATIENCE_S)
    assert tag_file(hall) == tag_table.builtin()
