"""docs/examples/yiping-window.js in pages of two foreign origins: an [[integration]] names one, and none the other."""

from collections.abc import Callable, Iterator

import pytest

from tests.browser.counter import CLERK, Counter, W
from tests.browser.hall_page import served
from tests.lint.sources import ROOT
from tests.unit.agent_support import wait_until

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[..., "playwright.Page"]
WAIT_MS = 60_000
TOKEN = "browser-0123456789abcdef"
SHOWN_LINES = 60
EXAMPLE = ROOT / "docs" / "examples" / "yiping-window.js"
# A page of the hall's own software that uses the class; it keeps what the agent tells it.
PAGE = b"""<!doctype html><meta charset="utf-8"><title>hall</title><script type="module">
import { YipingWindow } from "/yiping-window.js";
const [address, token] = location.hash.slice(1).split(",");
window.views = [];
window.w = new YipingWindow(address, token, "W01", (view) => window.views.push(view));
</script>"""


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    """Return the port of the hall's web server, which has the page and the class."""
    with served({"/yiping-window.js": ("text/javascript", EXAMPLE.read_bytes())}, ("text/html", PAGE)) as port:
        yield port


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory, site: int) -> Iterator[Counter]:
    folder = tmp_path_factory.mktemp("client")
    (folder / "hall.token").write_text(TOKEN, encoding="ascii")
    integration = f'[[integration]]\nname = "hall"\ntoken_file = "hall.token"\norigins = ["http://127.0.0.1:{site}"]\n'
    made = Counter(folder, policy=integration)
    yield made
    made.close()


@pytest.fixture
def opened(browser: "playwright.Browser", counter: Counter, site: int) -> Iterator[Open]:
    """Return what opens the page under a host name and with a token."""
    counter.fresh()
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)

    def open_page(host: str = "127.0.0.1", token: str = TOKEN) -> "playwright.Page":
        page.goto(f"http://{host}:{site}/#{counter.url},{token}")
        page.wait_for_function("window.w !== undefined")
        return page

    yield open_page
    page.close()


def told(page: "playwright.Page", condition: str) -> None:
    """Wait until the stream has told a view for which the condition holds."""
    page.wait_for_function(f"window.views.some((view) => {condition})")


def test_example_is_as_short_as_it_says() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= SHOWN_LINES


def test_client_takes_a_case_to_its_outcome_and_hears_each_change(opened: Open, counter: Counter) -> None:
    page = opened()
    page.evaluate("(clerk) => w.login(clerk)", CLERK)
    told(page, "view.clerk?.number === '007'")
    page.evaluate("w.serve('A012')")
    told(page, "view.ticket === 'A012'")
    service = {"id": "case-1", "project_no": "P-2026-77", "service_no": 1}
    first = page.evaluate("(service) => w.invite(service)", service)
    assert page.evaluate("(service) => w.invite(service)", service) == first
    page.evaluate("(invite) => { window.ended = w.outcome(invite); }", first)
    counter.terminal.rate(1)
    assert page.evaluate("window.ended")["state"] == "rated"
    told(page, "view.state === 'thanks'")
    assert "level" not in page.evaluate("JSON.stringify(window.views)")
    refusal = page.evaluate("(invite) => w.cancel(invite).catch((error) => error.code)", first)
    assert refusal == "rated"
    page.evaluate("w.pause(true)")
    told(page, "view.paused")
    assert page.evaluate("w.invite().catch((error) => error.code)") == "paused"
    page.evaluate("w.pause(false).then(() => w.logout())")
    told(page, "view.clerk === null && view.ticket === null")


def test_client_waits_for_the_outcome_through_a_restart_of_the_agent(opened: Open, counter: Counter) -> None:
    page = opened()
    page.evaluate("(clerk) => w.login(clerk)", CLERK)
    invite = page.evaluate("w.invite({ id: 'case-2' })")
    page.evaluate("(invite) => { window.ended = w.outcome(invite); }", invite)
    counter.agent.stop()
    assert page.evaluate("w.pause(true).catch((error) => error.code ?? 'no agent')") == "no agent"
    counter.terminal.rate(2)
    counter.start()
    assert page.evaluate("window.ended")["state"] == "rated"
    page.evaluate("window.views.length = 0")
    page.evaluate("w.pause(true)")
    told(page, "view.paused")


def test_client_with_a_wrong_token_is_told_why(opened: Open) -> None:
    page = opened(token="wrong-0123456789abcdef01")
    assert page.evaluate("w.login({ number: '007' }).catch((error) => error.code)") == "wrong_token"
    page.wait_for_function("w.socket.readyState === WebSocket.CLOSED")
    assert page.evaluate("window.views.length") == 0


def test_page_of_another_origin_can_neither_order_nor_hear_anything(opened: Open, counter: Counter) -> None:
    page = opened(host="localhost")
    messages = []
    page.on("console", lambda message: messages.append(message.text))
    assert page.evaluate("w.login({ number: '007' }).catch((error) => error.constructor.name)") == "TypeError"
    page.wait_for_function("w.socket.readyState === WebSocket.CLOSED")
    assert page.evaluate("window.views.length") == 0 and counter.view()["clerk"] is None
    wait_until("Chromium names the reason", lambda: any("CORS policy" in text for text in messages))
    counter.call("POST", f"{W}/login", CLERK)
    plain = "fetch(`${w.address}/api/v1/windows/W01/logout`, { method: 'POST', mode: 'no-cors', body: '{}' })"
    page.evaluate(f"{plain}.catch(() => null)")
    assert counter.view()["clerk"] == CLERK, "nothing was changed"
