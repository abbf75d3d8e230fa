"""Ports and addresses that dialects cannot have: told at the start and by the check, in one line each."""

import asyncio
import random
import socket

import pytest

from host_agent import config
from host_agent.agent_check import check_all
from host_agent.api_access import Access
from host_agent.changes import Changes
from host_agent.dialects.start import Dialects

TEXT = """
[agent]
id = "pc-01"
centre = "C01"
[broker]
url = "mqtt://127.0.0.1:1"
[[window]]
id = "W01"
terminal = "YP-0001"
port = "{folder}/none"
[[dialect]]
kind = "gwq"
[[dialect]]
kind = "rateservice"
listen = "127.0.0.1:{port}"
win_nums = {{ "1" = "W01" }}
[[dialect]]
kind = "ff68_rater"
port = "{folder}/bus"
addresses = {{ "1" = "W01" }}
"""


class Window:
    """Stand for a window that nobody orders at."""

    clerk = None
    connected = False
    reveals = False

    def __init__(self, section):
        self.section = section


@pytest.fixture
def taken(tmp_path):
    """Return a configuration whose RateService address another program has, and whose bus is not there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        path = tmp_path / "agent.toml"
        path.write_text(TEXT.format(folder=tmp_path, port=other.getsockname()[1]), encoding="utf-8")
        yield config.load(path)


def dialects(found):
    windows = {section.id: Window(section) for section in found.windows}
    return Dialects(found, windows, Changes(), Access(found, lambda: 0.0), random.Random(1))


def test_start_names_each_port_and_address_that_a_dialect_cannot_have(taken):
    faults = asyncio.run(dialects(taken).first_try())
    assert sorted(fault.what.partition(":")[0] for fault in faults) == ["cannot listen", "no such port"]
    assert all(fault.cure for fault in faults)


def test_part_whose_port_is_not_there_says_so_in_the_status_and_tries_again(taken):
    async def run():
        made = dialects(taken)
        tasks = [asyncio.ensure_future(part()) for _, part in made.parts()]
        async with asyncio.timeout(60):
            while len(made.faults()) < 2:
                await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        made.close()
        return made.faults()

    faults = asyncio.run(run())
    assert {fault["code"] for fault in faults} == {"dialect"}
    assert "cannot listen" in faults[0]["message"] and "no such port" in faults[1]["message"]


def test_check_tells_of_each_dialect_and_changes_nothing(taken):
    findings = {finding.part: finding for finding in asyncio.run(check_all(taken))}
    assert findings["dialect gwq of every window"].ok
    assert "cannot listen" in findings["dialect rateservice of W01"].message
    assert "no such port" in findings["dialect ff68_rater of W01"].message
    assert not findings["dialect rateservice of W01"].ok and not findings["dialect ff68_rater of W01"].ok
