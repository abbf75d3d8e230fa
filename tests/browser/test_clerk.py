"""The clerk's page in a real Chromium beside a real agent: each order by mouse and by keyboard, one press one order."""

from collections.abc import Iterator

import pytest

from protocol import messages, reasons
from tests.browser import looks
from tests.browser.counter import CLERK, Counter, W
from tests.unit.agent_support import wait_until

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.browser

WAIT_MS = 60_000
expect = playwright.expect


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    made = Counter(tmp_path_factory.mktemp("clerk"))
    yield made
    made.close()


@pytest.fixture
def page(browser: "playwright.Browser", counter: Counter) -> Iterator["playwright.Page"]:
    """Open the page of a fresh window; it throws no error and asks nobody but its agent."""
    counter.fresh()
    page = browser.new_page(viewport={"width": 1024, "height": 600})
    page.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append(request.url) if not ours(request.url, counter) else None)
    page.goto(f"{counter.url}/clerk/W01")
    expect(page.locator("#window-name")).to_have_text("W01号窗口")
    yield page
    page.close()
    assert not errors


def ours(address: str, counter: Counter) -> bool:
    return address.startswith((counter.url, counter.url.replace("http", "ws", 1), "data:", "blob:"))


def log_in(page: "playwright.Page", counter: Counter) -> None:
    counter.call("POST", f"{W}/login", CLERK)
    expect(page.locator("#work")).to_be_visible()


def state(page: "playwright.Page") -> "playwright.Locator":
    return page.locator("#state-text")


def count(page: "playwright.Page", name: str) -> "playwright.Locator":
    return page.locator(f'[data-count="{name}"] dd')


def test_clerk_serves_and_invites_by_mouse_and_the_page_tells_the_outcome(
    page: "playwright.Page", counter: Counter
) -> None:
    page.fill("#number", "007")
    page.fill("#name", "张三")
    page.select_option("#stars", "5")
    page.get_by_role("button", name="登录").click()
    expect(page.locator("#clerk-name")).to_have_text("张三 · 007")
    expect(state(page)).to_have_text("空闲，可以邀请评价")
    rated = int(count(page, "rated").inner_text())
    page.fill("#ticket", "A012")
    page.get_by_role("button", name="叫号").click()
    expect(state(page)).to_have_text("正在服务 A012")
    page.get_by_role("button", name="邀请评价").click()
    expect(state(page)).to_have_text("已邀请，等待评价")
    expect(page.locator("#invite")).to_be_disabled()
    counter.terminal.rate(1)
    expect(state(page)).to_have_text("评价完成，谢谢")
    expect(count(page, "rated")).to_have_text(str(rated + 1))
    counter.terminal.show("idle")
    expect(page.locator("#outcome")).to_have_text("上一次服务：已评价")
    expect(page.locator("#invite")).to_be_enabled()
    assert not counter.said_anything_about_a_level(page.content())


def test_clerk_does_all_by_keyboard_alone(page: "playwright.Page", counter: Counter) -> None:
    expect(page.locator("#number")).to_be_focused()
    page.keyboard.type("007")
    page.keyboard.press("Enter")
    expect(page.locator("#invite")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.type("B7")
    page.keyboard.press("Enter")
    expect(state(page)).to_have_text("正在服务 B7")
    expect(page.locator("#invite")).to_be_focused()
    page.keyboard.press("F9")
    expect(state(page)).to_have_text("已邀请，等待评价")
    expect(page.locator("#cancel")).to_be_enabled()
    page.keyboard.press("c")
    expect(page.locator("#outcome")).to_have_text("上一次邀请已撤回")
    expect(page.locator("#pause")).to_be_enabled()
    page.keyboard.press("p")
    expect(state(page)).to_have_text("暂停服务")
    expect(page.locator("#invite")).to_be_disabled()
    expect(page.locator("#pause")).to_be_enabled()
    page.keyboard.press("p")
    expect(state(page)).to_have_text("空闲，可以邀请评价")
    page.keyboard.press("Shift+?")
    expect(page.locator("#keys")).to_be_visible()
    expect(page.locator("#key-list dt")).to_have_text(["F9", "C", "P", "J", "B", "D", "?"])
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#invite")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#logout")).to_be_focused()
    expect(page.locator("#logout")).to_be_enabled()
    page.keyboard.press("Enter")
    expect(page.locator("#number")).to_be_focused()
    assert counter.terminal.clerk is None


def test_clerk_presses_many_times_and_orders_once(page: "playwright.Page", counter: Counter) -> None:
    log_in(page, counter)
    before = counter.sent(messages.INVITE)
    expect(page.locator("#invite")).to_be_enabled()
    page.evaluate(
        """() => { for (let i = 0; i < 6; i++) {
             document.dispatchEvent(new KeyboardEvent("keydown", { key: "F9", bubbles: true, repeat: i % 2 === 1 }));
             document.getElementById("invite").click(); } }"""
    )
    expect(state(page)).to_have_text("已邀请，等待评价")
    page.keyboard.press("F9")
    page.locator("#invite").dblclick(force=True)
    page.locator("#pause").dblclick()
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    wait_until("the pause", lambda: counter.view()["paused"])
    assert counter.sent(messages.INVITE) == before + 1


def test_hotkeys_are_only_text_where_somebody_types(page: "playwright.Page", counter: Counter) -> None:
    log_in(page, counter)
    before = len(counter.terminal.requests)
    page.locator("#ticket").click()
    for key in ("p", "c", "b", "d", "Shift+?", "F9", "p"):
        page.keyboard.press(key)
    expect(page.locator("#ticket")).to_have_value("pcbd?p")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+p")
    page.keyboard.press("b")
    expect(page.locator("#project")).to_be_focused()
    page.keyboard.type("P-2026-77")
    page.fill("#service", "申报")
    expect(page.locator("#case-filled")).to_have_text("P-2026-77，申报")
    assert counter.view()["paused"] is False and len(counter.terminal.requests) == before
    page.keyboard.press("Escape")
    with page.expect_request("**/invites") as request:
        page.keyboard.press("F9")
    assert request.value.post_data_json == {"case": {"project_no": "P-2026-77", "service_name": "申报"}, "origin": 2}
    expect(state(page)).to_have_text("已邀请，等待评价")
    expect(page.locator("#case-filled")).to_have_text("")


@pytest.mark.slow
def test_clerk_of_yesterday_is_asked_for_after_a_restart_and_not_taken_for_granted(
    page: "playwright.Page", counter: Counter
) -> None:
    log_in(page, counter)
    counter.agent.stop()
    expect(state(page)).to_have_text("与本机程序失去联系")
    expect(page.locator("#invite")).to_be_disabled()
    counter.yesterday()
    expect(page.locator("#still-who")).to_have_text("仍是 张三 007 吗？")
    page.keyboard.press("F9")
    page.keyboard.press("Enter")  # nothing that confirms has the focus by itself
    status, answer = counter.agent.call("POST", f"{W}/invites", {"origin": 2}, {"Cookie": counter.cookie()})
    assert (status, answer["error"]["code"]) == (409, "shift_over")
    expect(page.locator("#still")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#work")).to_be_visible()
    assert counter.view()["shift_over"] is False
    counter.yesterday()
    page.get_by_role("button", name="不是，换人登录").click()
    expect(page.locator("#number")).to_be_focused()
    assert counter.view()["clerk"] is None
    assert page.input_value("#number") == "" and page.evaluate("localStorage.length") == 0


def test_case_that_does_not_fit_is_shown_and_nothing_is_ordered(page: "playwright.Page", counter: Counter) -> None:
    log_in(page, counter)
    page.locator("#case summary").click()
    page.fill("#project", "P/1")
    page.locator("#case summary").click()
    before = counter.sent(messages.INVITE)
    page.get_by_role("button", name="邀请评价").click()
    expect(page.locator("#project")).to_be_focused()
    assert counter.sent(messages.INVITE) == before


def test_service_that_ends_without_an_invite_is_counted(page: "playwright.Page", counter: Counter) -> None:
    log_in(page, counter)
    uninvited = int(count(page, "services_without_invite").inner_text())
    page.fill("#ticket", "A1")
    page.keyboard.press("Enter")
    expect(state(page)).to_have_text("正在服务 A1")
    expect(page.locator("#pause")).to_be_enabled()
    page.keyboard.press("p")
    expect(count(page, "services_without_invite")).to_have_text(str(uninvited + 1))


@pytest.mark.slow
def test_clerk_who_logs_out_by_mistake_can_take_it_back(page: "playwright.Page", counter: Counter) -> None:
    log_in(page, counter)
    page.get_by_role("button", name="退出").click()
    expect(page.locator("#toast")).to_contain_text("张三 · 007 已退出")
    page.get_by_role("button", name="撤销").click()
    expect(page.locator("#clerk-name")).to_have_text("张三 · 007")


def test_refusal_of_the_terminal_is_said_in_chinese_and_the_page_goes_on(
    page: "playwright.Page", counter: Counter
) -> None:
    log_in(page, counter)
    counter.terminal.answers[messages.INVITE] = reasons.BUSY
    page.keyboard.press("F9")
    expect(page.locator("#toast")).to_have_text("评价器正忙，请稍后再试。撤销")
    expect(page.locator("#undo")).to_be_hidden()
    del counter.terminal.answers[messages.INVITE]
    page.keyboard.press("F9")
    expect(state(page)).to_have_text("已邀请，等待评价")


@pytest.mark.slow
def test_paper_form_of_the_case_opens_as_pdf(page: "playwright.Page", counter: Counter) -> None:
    log_in(page, counter)
    expect(page.get_by_role("button", name="打印纸质评价表")).to_be_visible()
    page.keyboard.press("b")
    page.keyboard.type("P-2026-78")
    page.keyboard.press("Escape")
    with page.expect_response("**/paper-form") as answer, page.context.expect_page() as opened:
        page.keyboard.press("d")
    assert answer.value.request.post_data_json == {"case": {"project_no": "P-2026-78"}}
    assert answer.value.status == 201 and answer.value.headers["content-type"] == "application/pdf"
    opened.value.wait_for_url("blob:**")
    expect(page.locator("#case-filled")).to_have_text("")


def test_paper_form_is_not_offered_where_none_can_be_made(page: "playwright.Page", counter: Counter) -> None:
    log_in(page, counter)
    missing = {"error": {"code": "no_paper", "message": "", "cure": ""}}
    page.route("**/paper-form", lambda route: route.fulfill(status=404, json=missing))
    page.reload()
    expect(page.locator("#work")).to_be_visible()
    expect(page.get_by_role("button", name="打印纸质评价表")).to_be_hidden()


def test_list_of_windows_and_status_tell_the_same_and_are_readable(page: "playwright.Page", counter: Counter) -> None:
    log_in(page, counter)
    page.goto(f"{counter.url}/")
    expect(page.locator("#windows li")).to_contain_text("空闲，可以邀请评价")
    expect(page.locator("#windows li")).to_contain_text("张三 · 007")
    assert looks.faint_texts(page) == [] and looks.cut_off(page) == []
    counter.call("POST", f"{W}/pause", {"paused": True})
    expect(page.locator("#windows .chip")).to_have_text("已暂停")
    page.get_by_role("link", name="运行状态").click()
    expect(page.locator("#terminals tr")).to_contain_text("暂停服务")
    expect(page.locator("#faults")).to_contain_text("市级平台")
    assert looks.faint_texts(page) == [] and looks.cut_off(page) == []
