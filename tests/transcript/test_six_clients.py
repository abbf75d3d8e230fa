"""Our API, the clerk's page, a GWQ page, a RateService client, an FF68 master and an FF68 rater: one rating each.

What is said between each client and the agent is written down, and compared with transcript.txt beside this file: one
reads there what each kind of client is told, and that the level is told to those only that the terminal reveals it to.
"""

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.demo.broker import find_mosquitto
from tests.dialects.hall import OldCounter, Posting
from tests.dialects.test_gwq_call import FIRST
from tests.transcript.hall import BEGIN, TOKEN, Hall
from tests.unit.agent_support import WAIT_S, wait_until

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.browser

EXPECTED = Path(__file__).with_name("transcript.txt")
GWQ_PAGE = """
async ([address, token, body]) => {
  const answer = await fetch(address, {
    method: "POST", headers: {"Content-Type": "application/json", Authorization: "Bearer " + token},
    body: JSON.stringify(body)});
  return await answer.text();
}
"""


class Transcript:
    """Write down who said what; ids that differ from run to run are named by what they are."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.lines: list[str] = []
        self.ratings: dict[str, int] = {}

    def begin(self, client: str) -> None:
        self.hall.rest()
        self.lines += ["", f"== {client}"]

    def say(self, who: str, what: object) -> None:
        text = what if isinstance(what, str) else json.dumps(what, ensure_ascii=False)
        self.lines.append(f"{who:11} {re.sub(r'[0-9a-f]{32}', '<invite>', text)}")

    def pressed(self, invite: str, level: int) -> None:
        """Wait for the rating at the city, which must be what was pressed."""
        record = self.hall.at_the_city(invite)
        assert record["level"] == level
        self.ratings[invite] = level
        last = record["history"][-1]
        told = {name: last[name] for name in ("window", "clerk", "level", "origin", "invite_bound", "reveal_level")}
        self.say("city", told | {"unsealed": bool(last.get("unsealed"))})


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    made = Hall(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_six_kinds_of_clients_each_take_one_rating_to_the_city(hall: Hall, browser: "playwright.Browser") -> None:
    transcript = Transcript(hall)
    our_api(transcript)
    clerks_page(transcript, browser)
    gwq_page(transcript, browser)
    rateservice_client(transcript)
    ff68_master(transcript)
    ff68_rater(transcript)
    assert len(transcript.ratings) == 6
    found, expected = "\n".join(transcript.lines).strip() + "\n", EXPECTED.read_text(encoding="utf-8")
    difference = "\n".join(difflib.unified_diff(expected.splitlines(), found.splitlines(), "expected", "found"))
    assert not difference, difference
    kept = hall.private_data()
    for word in (b'"level"', b"satisfaction", b"attitude", b"appraiseLevel"):
        assert word not in kept, word


def our_api(transcript: Transcript) -> None:
    """The Python example of docs/, at key 1."""
    transcript.begin("our API (docs/examples/counter.py)")
    program = transcript.hall.run_example("P-2026-77")
    invite = transcript.hall.press(1)
    said, complaints = program.communicate(timeout=WAIT_S)
    assert program.returncode == 0, complaints
    transcript.say("agent", said.strip())
    transcript.say("agent", transcript.hall.ask("GET", f"/api/v1/windows/W01/invites/{invite}")[1])
    transcript.pressed(invite, 5)


def clerks_page(transcript: Transcript, browser: "playwright.Browser") -> None:
    """The hotkey of the page, at key 2."""
    transcript.begin("the clerk's page")
    page = browser.new_page()
    page.set_default_timeout(WAIT_S * 1000)
    page.goto(f"http://127.0.0.1:{transcript.hall.agent.port}/clerk/W01")
    page.locator("#work").wait_for(state="visible")
    page.keyboard.press("F9")
    transcript.say("clerk", "F9")
    invite = transcript.hall.press(2)
    playwright.expect(page.locator("#state-text")).to_have_text("空闲，可以邀请评价", timeout=WAIT_S * 1000)
    transcript.say("page", page.locator("#outcome").inner_text())
    text = page.locator("#work").inner_text()
    assert "满意" not in text, "the page must not tell the level"
    page.close()
    transcript.pressed(invite, 4)


def gwq_page(transcript: Transcript, browser: "playwright.Browser") -> None:
    """An old page in a browser, from its own origin, at key 3."""
    transcript.begin("a GWQ page")
    hall = transcript.hall
    page = browser.new_page()
    page.goto(hall.old_page)
    address = f"http://127.0.0.1:{hall.agent.port}/dialects/gwq/W01"
    page.evaluate("(call) => { window.call = call; }", [address, TOKEN, FIRST])
    page.evaluate(f"() => {{ ({GWQ_PAGE})(window.call).then((text) => {{ window.answer = text; }}); }}")
    transcript.say("page", {"timeout": FIRST["timeout"], "titleName": FIRST["titleName"], "veryGood": "…"})
    # The browser does nothing while Playwright is not asked, so ask it until the call has arrived.
    wait_until("the call of the page", lambda: page.title() == "" and hall.window("W01")["state"] == "invited")
    invite = hall.press(3)
    page.wait_for_function("() => window.answer !== undefined", timeout=WAIT_S * 1000)
    transcript.say("agent", page.evaluate("() => window.answer"))
    page.close()
    transcript.pressed(invite, 3)


def rateservice_client(transcript: Transcript) -> None:
    """Old counter software at port 3348, at key 4."""
    transcript.begin("a RateService client")
    hall = transcript.hall
    with OldCounter(f"ws://127.0.0.1:{hall.rate_port}/") as counter:
        for method, param in (
            ("Login", {"winNum": "1", "userCode": "u9"}),
            ("RateQuest", {"rateId": "R-1", "transactor": "", "item": "社保卡申领", "date": "", "reserveSeq": "A012"}),
        ):
            transcript.say("client", {"method": method, "param": param})
            transcript.say("agent", counter.call(method, **param))
        invite = hall.press(4)
        transcript.say("agent", counter.next())
    transcript.pressed(invite, 2)


def ff68_master(transcript: Transcript) -> None:
    """A bus master at a TCP serial server, to which our terminal is an old rater, at key 5."""
    transcript.begin("an FF68 master")
    hall = transcript.hall
    hall.login("W01", "007")
    hall.bus.send(BEGIN)
    transcript.say("master", BEGIN.hex(" "))
    invite = hall.press(5)
    frame = hall.bus.frame()
    transcript.say("agent", f"address {frame.address:#04x} function {frame.function:#04x} data {frame.data.hex()}")
    transcript.pressed(invite, 1)


def ff68_rater(transcript: Transcript) -> None:
    """An old five-key rater on its bus, whose ratings the agent seals; its second best key."""
    transcript.begin("an FF68 rater")
    hall = transcript.hall
    posting = Posting(lambda: hall.ask("POST", "/api/v1/windows/W02/invites", {"project_no": "JL1"}))
    transcript.say("counter", {"project_no": "JL1"})
    status, answer = posting.answer()
    transcript.say("agent", f"{status} {json.dumps(answer)}")
    invite = hall.press_rater(2)
    transcript.say("agent", hall.ask("GET", f"/api/v1/windows/W02/invites/{invite}")[1])
    transcript.pressed(invite, 4)
