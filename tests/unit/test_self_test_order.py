"""A self-test ordered at the PC: its result, and each reason why there is none."""

import asyncio
import re
from pathlib import Path

import pytest

from host_agent.errors import UserError
from host_agent.refusal import Refusal
from host_agent.self_test import bench, order, parts
from protocol import messages, reasons
from protocol import self_test_parts as bits

ROOT = Path(__file__).parents[2]


class Window:
    """A window whose terminal gives one answer, and tells a result later."""

    def __init__(self, reply: tuple | None, result: object = None) -> None:
        self.reply, self.result = reply, result
        self.terminal_counters: dict = {"self_test": [1, bits.NOR]}  # of an earlier test

    def request(self, type_: int, fields: dict) -> "asyncio.Future | None":
        assert (type_, fields) == (messages.SELF_TEST, {})
        if self.reply is None:
            return None
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        future.set_result(self.reply)
        loop.call_later(0.05, lambda: self.terminal_counters.update({"self_test": self.result}))
        return future


def test_result_is_the_one_of_the_test_that_was_ordered() -> None:
    window = Window((reasons.OK, {"test": 2}), [2, bits.RTC | bits.VOICE])
    assert asyncio.run(order.test_terminal(window)) == bits.RTC | bits.VOICE


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (None, "not_connected"),
        ((reasons.BUSY, None), "busy"),
        ((reasons.UNKNOWN_MESSAGE, None), "unsupported"),
        ((reasons.OK, None), "unsupported"),
        ((reasons.OK, {"test": 2}), "broken_off"),
    ],
)
def test_reason_why_there_is_no_result_is_named(monkeypatch, reply, code: str) -> None:
    monkeypatch.setattr(order, "RESULT_S", 0.3)
    with pytest.raises(Refusal) as caught:
        asyncio.run(order.test_terminal(Window(reply, [1, bits.NOR])))
    assert caught.value.code == code


def test_every_part_has_its_words_here_and_on_both_pages() -> None:
    assert sum(part.bit for part in parts.PARTS) == bits.ALL and len(parts.PARTS) == bits.ALL.bit_count()
    for page in ("host_agent/web/words.js", "host_agent/receiver/web/page.js"):
        words = (ROOT / page).read_text(encoding="utf-8").partition("const PARTS = {")[2].partition("}")[0]
        assert set(re.findall(r"(\w+): \"", words)) == {part.code for part in parts.PARTS}, page


@pytest.mark.parametrize("told", [None, 5, [1], [1, -1], ["1", 2], [1, True], {"test": 1}])
def test_status_that_makes_no_sense_tells_of_no_test(told) -> None:
    assert parts.of_status({"self_test": told}) is None


def test_unknown_part_is_named_by_its_number_and_none_is_well() -> None:
    assert [part.code for part in parts.failed(1 << 15 | bits.LCD)] == ["lcd", "part_15"]
    assert parts.sentence(0) == "all parts are well"


class Prompt:
    """A prompt that runs what it is given as the board would, with a `bench` that writes down its arguments."""

    port = "/dev/ttyACM7"

    def __init__(self, said: str) -> None:
        self.said = said
        self.code = ""

    def run(self, code: str, limit_s: float, heard: object) -> str:
        compile(code, "prompt", "exec")
        self.code = code
        return self.said


def test_bench_result_is_the_line_that_the_board_prints_last() -> None:
    prompt = Prompt("ask key 1\nask lamps\nfailed 1088 judged 16375\n")
    found = bench.run(prompt, "k5", utc_s=1_795_000_000)
    assert (found.failed, found.judged) == (bits.KEYS | bits.LAMPS, 16_375)
    assert [part.code for part in found.parts] == ["keys", "lamps"]
    assert "bench.run('k5', True, 1795000000)" in prompt.code


def test_bench_without_a_result_is_no_passed_test() -> None:
    with pytest.raises(UserError) as caught:
        bench.run(Prompt("ask key 1\n"), "k5")
    assert "ask key 1" in caught.value.message and Prompt.port in caught.value.message
