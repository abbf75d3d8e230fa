"""Content through the agent's connection: each transfer has one end, and the level is told to a dialect only."""

import asyncio
from types import SimpleNamespace

import pytest

from host_agent import orders
from host_agent.terminal import TerminalConnection
from host_agent.transport import Transport
from protocol import content, messages, reasons
from protocol.link import AgentLink
from tests.both.link_ends import Ends, Shelf

CARD = bytes(range(256)) * 20
WAIT_S = 30.0
INVITE = bytes(range(16))


class Line(Transport):
    """A port whose other end is a terminal's link in this process."""

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        self.plugged = True
        self._received = self._lost = None

    def start(self, received, lost) -> None:
        self._received, self._lost = received, lost

    def write(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._carry, data)

    def _carry(self, data: bytes) -> None:
        if not self.plugged:
            return
        self.ends.terminal.receive(data, _now_ms())
        answer = self.ends.terminal.take_output(None, _now_ms())
        if answer:
            self._received(answer)

    def close(self) -> None:
        self.plugged = False


class Ear:
    """Hear that the session stands, and nothing else."""

    def __init__(self) -> None:
        self.hello = asyncio.get_running_loop().create_future()

    def established(self, hello) -> None:
        self.hello.set_result(hello)

    def __getattr__(self, name):
        return lambda *_: None


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


async def connected(shelf: Shelf | None) -> tuple[TerminalConnection, Line]:
    """Return a connection whose session stands."""
    ends = Ends(shelf=shelf)
    line, ear = Line(ends), Ear()
    link = AgentLink(_now_ms(), bytes(8), 7, None, 0, 0)
    connection = TerminalConnection(line, link, ear, _now_ms)
    connection.start()
    await asyncio.wait_for(ear.hello, WAIT_S)
    return connection, line


def test_bulk_future_gives_the_reason_and_a_second_transfer_is_busy():
    async def run() -> None:
        shelf = Shelf()
        connection, _ = await connected(shelf)
        first = connection.bulk(content.STAFF_CARD, "007", CARD)
        assert await connection.bulk(content.STAFF_CARD, "008", CARD) == reasons.BUSY
        assert await asyncio.wait_for(first, WAIT_S) == reasons.OK
        assert shelf.files == {(content.STAFF_CARD, "007"): CARD}
        shelf.refuses = reasons.FULL
        assert await asyncio.wait_for(connection.bulk(content.STAFF_CARD, "009", CARD), WAIT_S) == reasons.FULL
        connection.close("the test ends")

    asyncio.run(run())


def test_bulk_to_an_older_terminal_is_unsupported_at_once():
    async def run() -> None:
        connection, line = await connected(None)
        assert await connection.bulk(content.STAFF_CARD, "007", CARD) == reasons.UNSUPPORTED
        assert line.ends.terminal.counters["unknown_message"] == 0
        connection.close("the test ends")

    asyncio.run(run())


def test_bulk_future_fails_when_the_connection_is_lost_or_was():
    async def run() -> None:
        connection, line = await connected(Shelf())
        line.plugged = False
        waiting = connection.bulk(content.STAFF_CARD, "007", CARD)
        connection.close("pulled")
        with pytest.raises(ConnectionError, match="pulled"):
            await waiting
        with pytest.raises(ConnectionError, match="not connected"):
            await connection.bulk(content.STAFF_CARD, "007", CARD)

    asyncio.run(run())


def test_cancelled_bulk_future_stops_the_transfer_and_frees_the_line():
    async def run() -> None:
        shelf = Shelf()
        connection, _ = await connected(shelf)
        connection.bulk(content.STAFF_CARD, "007", CARD).cancel()
        await asyncio.sleep(0)
        assert await asyncio.wait_for(connection.bulk(content.STAFF_CARD, "008", CARD), WAIT_S) == reasons.OK
        assert shelf.files == {(content.STAFF_CARD, "008"): CARD}
        connection.close("the test ends")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("reveals", "answer", "expected"),
    [
        (False, {"rated": {"invite": INVITE, "level": 2, "final": True}}, None),
        (True, {"rated": {"invite": INVITE, "level": 2, "final": True}}, {"level": 2, "final": True}),
        (True, {"rated": {"invite": bytes(16), "level": 2, "final": True}}, None),
        (True, {"state": "idle"}, None),
        (True, None, None),
    ],
    ids=["not provisioned so", "this invite", "another invite", "nothing rated", "no detail"],
)
def test_rated_level_is_told_of_the_invite_asked_for_only(reveals, answer, expected):
    async def run() -> None:
        asked = []

        def request(type_: int, fields: dict) -> asyncio.Future:
            asked.append(type_)
            future = asyncio.get_running_loop().create_future()
            future.set_result((reasons.OK, answer))
            return future

        window = SimpleNamespace(reveals=reveals, request=request)
        assert await orders.rated_level(window, INVITE) == expected
        assert asked == ([messages.QUERY] if reveals else [])

    asyncio.run(run())
