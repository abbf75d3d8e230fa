"""Speaks with a terminal over its data port for as long as a station needs: HELLO, and a request or two.

Nothing is acknowledged, so every event stays in the terminal's queue for the agent of its window.
"""

import secrets
import time
from types import TracebackType
from typing import Any, Self

import serial

from host_agent import ports
from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.errors import UserError
from host_agent.self_test import parts
from protocol import messages, reasons
from protocol.link import AgentLink

HELLO_S = 4.0  # HELLO goes out each second; a terminal that runs answers the first one
REQUEST_S = 15.0
SELF_TEST_S = 25.0  # 4 s, 9 with a hand on a key; its result may come with a heartbeat only, each 10 s
BUSY_AGAIN_S = 0.5
_READ_S = 0.05


class DataPort:
    """One session with a terminal; a context manager that gives the port back."""

    def __init__(self, port: str, hello_s: float = HELLO_S) -> None:
        """Open the port and wait for the terminal's HELLO_REPLY, which `hello` then holds.

        :raises BoardFault: the port does not open, or no terminal answers in time.
        """
        self.port = port
        try:
            self._serial = ports.open_serial(port)
            self._serial.timeout = _READ_S
            self._serial.write_timeout = hello_s
        except (OSError, ValueError, UserError):  # it may vanish between the two: a terminal that starts anew
            raise faults.no_answer(port, "the port does not open") from None
        now_ms = _now_ms()
        utc_ms = time.time_ns() // 1_000_000
        self._link = AgentLink(now_ms, secrets.token_bytes(8), secrets.randbelow(255) + 1, utc_ms, 0, 0)
        try:
            self.hello: dict[str, Any] = self._wait("established", hello_s)[1]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        try:
            self._serial.close()
        except OSError:
            return

    def request(self, type_: int, fields: dict[str, Any], limit_s: float = REQUEST_S) -> tuple[int, dict[str, Any]]:
        """Return reason and detail of the answer; asks again for as long as the terminal is busy.

        :raises BoardFault: no answer in time.
        """
        deadline = time.monotonic() + limit_s
        said: tuple[int, dict[str, Any]] | None = None
        while True:
            id_ = self._link.request(type_, fields, _now_ms())
            try:
                event = self._wait("replied", deadline - time.monotonic())
                while event[1] != id_:
                    event = self._wait("replied", deadline - time.monotonic())
            except BoardFault as error:
                if said is None or error.code != faults.NO_ANSWER:
                    raise
                return said  # busy to the end: only the last answer comes too late
            said = event[2], event[3] or {}
            if said[0] != reasons.BUSY or time.monotonic() + BUSY_AGAIN_S > deadline:
                return said
            self._pump(BUSY_AGAIN_S)

    def ask_self_test(self) -> int | None:
        """Return the mask of parts that failed, None where this firmware knows no self-test. Raises BoardFault.

        The answer names the test; its result comes some seconds later, and again with each heartbeat.
        """
        reason, detail = self.request(messages.SELF_TEST, {})
        if reason in (reasons.UNSUPPORTED, reasons.UNKNOWN_MESSAGE):
            return None
        if reason == reasons.BUSY:  # a terminal that waits for nobody's rating is busy only with a fault of its own
            what, cure = "the terminal shows a fault instead of testing itself", "read it on its screen, mend that part"
            raise BoardFault(faults.SELF_TEST, what, self.port, f"{cure}, plug it in again and run with --only failed")
        if reason != reasons.OK:
            raise faults.no_answer(self.port, f"the terminal does not test itself (reason {reason})")
        deadline = time.monotonic() + SELF_TEST_S
        while time.monotonic() < deadline:
            for event in self._pump(_READ_S):
                told = parts.of_status(_told(event))
                if told is not None and told[0] == detail.get("test"):
                    return told[1]
        raise faults.no_answer(self.port, "the terminal began a self-test and told no result")

    def _wait(self, name: str, limit_s: float) -> tuple:
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            for event in self._pump(_READ_S):
                if event[0] == name:
                    return event
                if event[0] == "lost":
                    raise faults.no_answer(self.port, f"the terminal does not go on: {event[1]}")
        raise faults.no_answer(self.port, "no terminal answers")

    def _pump(self, seconds: float) -> list[tuple]:
        """Let the link send and hear for a moment; return what happened. Raises BoardFault."""
        found: list[tuple] = []
        deadline = time.monotonic() + seconds
        try:
            while True:
                found += self._link.tick(_now_ms())
                output = self._link.take_output(now_ms=_now_ms())
                if output:
                    self._serial.write(output)
                data = self._serial.read(max(1, self._serial.in_waiting))
                if data:
                    found += self._link.receive(data, _now_ms())
                if found or time.monotonic() >= deadline:
                    return found
        except serial.SerialTimeoutException:
            raise faults.no_answer(self.port) from None
        except OSError:
            raise faults.unplugged(self.port) from None


def _told(event: tuple) -> dict[str, Any]:
    """Return what a terminal tells beside its answers: with its state, or with a heartbeat."""
    if event[0] == "state":
        return event[1]["detail"]
    return event[1] if event[0] == "status" else {}


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
