"""Notices: told now and at every connection, remembered by the agent, for one window or for all that a caller may."""

import asyncio
import json
import time
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from host_agent.cli import main
from host_agent.content import notice as notice_parts
from host_agent.content.notice import WindowNotice
from host_agent.errors import StoreFullError
from host_agent.store import Store
from host_agent.store_rows import Batch
from protocol import messages
from tests.unit.agent_support import AgentProcess, Broker, wait_until
from tests.unit.fake_terminal import FakeTerminal

W = "/api/v1/windows/W01"
TOKEN = "notices-0123456789abcdef"
CALLER = {"Authorization": f"Bearer {TOKEN}"}


class Hall:
    """Hold an agent of three windows, two of them with a terminal; the token's owner may order at W02 and W03."""

    def __init__(self, folder):
        self.broker = Broker(folder).start()
        (folder / "queue.token").write_text(TOKEN, encoding="ascii")
        self.terminals = [FakeTerminal(folder / f"port{n}", terminal=f"YP-000{n}").start() for n in (1, 2)]
        windows = [(f"W0{n}", f"YP-000{n}", folder / f"port{n}") for n in (1, 2, 3)]
        policy = '[[integration]]\nname = "queue"\ntoken_file = "queue.token"\nwindows = ["W02", "W03"]\n'
        self.agent = AgentProcess(folder, self.broker.port, windows, policy=policy)
        self.agent.start("--wait", ready=False)
        wait_until("both terminals answer", self.both)

    def both(self):
        try:
            return [item["connected"] for item in self.status()["terminals"]] == [True, True, False]
        except OSError:
            return False

    def status(self):
        return json.loads(self.run("agent", "status", "--json", codes=(0, 1)))

    def run(self, *words, codes=(0,)):
        done = CliRunner().invoke(main, [*words, "--config", str(self.agent.config)])
        assert done.exit_code in codes or "no agent answers" in done.output, (done.output, done.exception)
        if "no agent answers" in done.output:
            raise ConnectionError(done.output)
        return done.output

    def heard(self, number):
        requests = self.terminals[number - 1].requests
        return [fields["text"] for type_, fields in requests if type_ == messages.NOTICE]

    def shown(self):
        """Return the notice of each window, as the agent's page sees it."""
        items = [self.agent.call("GET", f"/api/v1/windows/W0{n}", headers=CALLER)[1] for n in (2, 3)]
        return [item["notice"] for item in items]

    def close(self):
        self.agent.stop()
        for terminal in self.terminals:
            terminal.close()
        self.broker.stop()


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    hall = Hall(tmp_path_factory.mktemp("notices"))
    yield hall
    hall.close()


def test_notice_by_command_reaches_every_window_and_waits_for_a_terminal_that_is_absent(hall):
    output = hall.run("notice", "set", "今日办公至 17:00\\n请到 2 号厅")
    assert output.splitlines() == [
        "window W01: shown while nobody serves",
        "window W02: shown while nobody serves",
        "window W03: kept, not told yet (terminal_absent)",
    ]
    text = "今日办公至 17:00\n请到 2 号厅"
    assert (hall.heard(1)[-1], hall.heard(2)[-1], hall.shown()) == (text, text, [text] * 2)
    assert hall.run("notice", "clear", "--window", "W03") == "window W03: kept, not told yet (terminal_absent)\n"
    assert hall.shown() == [text, ""]
    assert hall.run("notice", "clear", "--window", "W01") == "window W01: taken away\n"
    assert (hall.heard(1)[-1], hall.heard(2)[-1]) == ("", text)


def test_notice_for_all_reaches_the_windows_of_the_caller_alone(hall):
    before = hall.heard(1)
    status, answer = hall.agent.call("POST", "/api/v1/notice", {"text": "停电通知"}, CALLER)
    assert status == 200
    assert answer == {
        "items": [
            {"window": "W02", "notice": "停电通知", "code": None},
            {"window": "W03", "notice": "停电通知", "code": "terminal_absent"},
        ]
    }
    assert hall.heard(1) == before and hall.heard(2)[-1] == "停电通知"
    assert hall.agent.call("POST", "/api/v1/windows/W01/notice", {"text": "x"}, CALLER)[0] == 403
    assert hall.agent.call("POST", "/api/v1/notice", {"text": "x"})[0] == 401
    assert hall.shown() == ["停电通知"] * 2


def test_notice_is_told_at_every_connection_until_it_is_taken_away(hall):
    assert hall.agent.call("POST", "/api/v1/windows/W02/notice", {"text": "盘点"}, CALLER)[1]["notice"] == "盘点"
    count = len(hall.heard(2))
    hall.terminals[1].unplug()
    wait_until("the terminal is missed", lambda: not hall.both())
    hall.terminals[1].plug()
    wait_until("the terminal hears it again", lambda: hall.heard(2)[count:] == ["盘点"])
    wait_until("it is connected", hall.both)
    assert hall.agent.call("POST", "/api/v1/windows/W02/notice", {"text": ""}, CALLER)[1]["notice"] == ""
    assert hall.heard(2)[count:] == ["盘点", ""]


@pytest.mark.parametrize("path", ["/api/v1/windows/W02/notice", "/api/v1/notice"])
@pytest.mark.parametrize(
    "body", [{}, {"text": None}, {"text": "长" * 201}, {"text": "a\x07"}, {"text": "𠮷"}, {"text": "x", "to": "W02"}]
)
def test_notice_that_no_terminal_can_show_is_refused_and_changes_nothing(hall, path, body):
    before = hall.shown(), hall.heard(2)
    status, answer = hall.agent.call("POST", path, body, CALLER)
    assert status == 400 and answer["error"]["code"] == "bad_request"
    assert (hall.shown(), hall.heard(2)) == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("set", "x", "--window", "W09"), "no such window (W09): this agent has W01, W02, W03"),
        (("set", ""), "there is no text"),
        (("set", "长" * 201), "text must be at most 200 printable characters"),
    ],
)
def test_wrong_order_by_command_is_one_line(hall, words, why):
    before = hall.shown()
    output = hall.run("notice", *words, codes=(1,))
    assert output.startswith("yiping: ") and output.count("\n") == 1 and why in output
    assert hall.shown() == before


def test_command_without_a_running_agent_says_so(tmp_path):
    agent = AgentProcess(tmp_path, 1, [("W01", "YP-0001", tmp_path / "port")])
    done = CliRunner().invoke(main, ["notice", "clear", "--config", str(agent.config)])
    assert done.exit_code == 1 and done.output.startswith("yiping: no agent answers")


class StoreWriter:
    """Commit at once, or refuse."""

    def __init__(self, store, full=False):
        self.store = store
        self.full = full

    async def write(self, *changes):
        if self.full:
            raise StoreFullError
        batch = Batch()
        batch.changes = list(changes)
        self.store.commit(batch, time.time_ns() // 1_000_000)


def window_for(name, told):
    return SimpleNamespace(
        section=SimpleNamespace(id=name), connected=True, hello={}, request=lambda _, fields: told.append(fields)
    )


def test_notice_outlives_a_restart_of_the_agent(tmp_path):
    """Also that it was taken away: the terminal may still show the old one."""
    store, told = Store(tmp_path), []
    try:
        for text in (None, "停电通知", ""):
            kept = WindowNotice(window_for("W01", told), store, StoreWriter(store))
            if text is not None:
                asyncio.run(notice_parts.keep([kept], text))
            WindowNotice(window_for("W01", told), store, StoreWriter(store)).tell()
        assert told == [{"text": "停电通知"}, {"text": ""}]
    finally:
        store.close()


def test_notice_that_is_not_durable_is_kept_nowhere(tmp_path):
    store = Store(tmp_path)
    try:
        both = [WindowNotice(window_for(name, []), store, StoreWriter(store, full=True)) for name in ("W01", "W02")]
        with pytest.raises(StoreFullError):
            asyncio.run(notice_parts.keep(both, "停电通知"))
        assert [one.text for one in both] == [None, None]
        assert store.query("SELECT * FROM notices", ()) == []
    finally:
        store.close()
