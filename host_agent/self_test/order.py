"""Orders a self-test of a window's terminal, and waits for its result; an invite at any moment comes first."""

import asyncio

from host_agent import refusal
from host_agent.orders import TERMINAL_S
from host_agent.refusal import Refusal
from host_agent.self_test import parts
from host_agent.window import Window
from protocol import messages, reasons

RESULT_S = 20.0  # a test takes 4 s, 9 with a hand on a key; its result comes again with each heartbeat
_LOOK_S = 0.1
_OLD = (reasons.UNSUPPORTED, reasons.UNKNOWN_MESSAGE)


async def test_terminal(window: Window) -> int:
    """Return the mask of the parts that failed.

    :raises Refusal: no terminal answers, it does not rest, or somebody needed it before the test ended.
    """
    future = window.request(messages.SELF_TEST, {})
    if future is None:
        raise Refusal(409, "not_connected", "no terminal is connected", "connect it and wait a moment")
    try:
        reason, detail = await asyncio.wait_for(asyncio.shield(future), TERMINAL_S)
    except (TimeoutError, ConnectionError):
        raise Refusal(503, "no_answer", "the terminal does not answer", "check its cable; try again") from None
    if reason in _OLD:
        raise Refusal(409, "unsupported", "this terminal's firmware tests nothing", "update the terminal's firmware")
    if reason != reasons.OK:
        raise refusal.from_reason(reason)
    number = (detail or {}).get("test")
    if type(number) is not int:
        raise Refusal(409, "unsupported", "the terminal's answer names no test", "update the terminal's firmware")
    for _ in range(int(RESULT_S / _LOOK_S)):
        found = parts.of_status(window.terminal_counters)
        if found is not None and found[0] == number:
            return found[1]
        await asyncio.sleep(_LOOK_S)
    raise Refusal(409, "broken_off", "somebody needed the terminal, so the test was broken off", "try again later")
