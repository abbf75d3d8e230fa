"""Old raters on a pseudo-terminal behind the real runtime: echoes, noise, unplugging, two programs on one port."""

import asyncio
import logging
import time
from pathlib import Path

import pytest

from host_agent import config as agent_config
from host_agent import ports
from host_agent.errors import UserError
from host_agent.legacy import key_file
from host_agent.legacy.runtime import Legacy
from host_agent.terminal import TerminalConnection
from protocol import codes, evidence, messages, reasons
from protocol.link import AgentLink
from protocol.sealing import event_key
from simulator.legacy_rater import EVALUATION_S, RaterBus
from tests.legacy.desk import Aes
from tests.legacy.test_provision import yiping

WAIT_S = 60.0
UTC_MS = 1_795_600_000_000
WINDOWS = ("W01", "W02")


def write_config(folder: Path, bus: Path, extra: str = "") -> Path:
    text = '[agent]\nid = "pc-01"\ncentre = "C01"\n'
    for number, window in enumerate(WINDOWS, 1):
        terminal = f"YP-L00{number}"
        yiping("legacy", "provision", "--terminal", terminal, "--centre", "C01", "--window", window, "--folder", folder)
        text += (
            f'[[window]]\nid = "{window}"\nterminal = "{terminal}"\nport = "ff68"\n'
            f'[[legacy]]\nwindow = "{window}"\nport = "{bus}"\naddress = {number}\nguard_ms = 500\n'
            f'grades = {{ "0" = 1, "1" = 2, "2" = 3, "3" = 4, "4" = 5 }}\nkey_file = "{terminal}.key"\n{extra}'
        )
    (folder / "agent.toml").write_text(text, encoding="utf-8")
    return folder / "agent.toml"


class Counter:
    """An agent's end of one window: hears and opens what comes."""

    def __init__(self, hall: "Hall", window: str):
        self.hall = hall
        self.window = window
        self.opener = hall.legacy.opener(window)
        self.terminal = next(one.terminal for one in hall.config.windows if one.id == window)
        self.events_held: dict[int, bytes] = {}
        self.gone: str | None = None
        self.shown: dict | None = None
        self.hello: dict | None = None
        self.counters: dict = {}
        self.loop = asyncio.get_running_loop()

    def now_ms(self) -> int:
        return int(self.loop.time() * 1000)

    async def connect(self) -> "Counter":
        transport = await self.opener.open(self.opener.find(None))
        self.gone = self.hello = None
        seq = max(self.events_held, default=0)
        link = AgentLink(self.now_ms(), b"nonce123", (self.now_ms() % 254) + 1, UTC_MS, 1, seq)
        self.connection = TerminalConnection(transport, link, self, self.now_ms)
        self.connection.start()
        await self.until("HELLO_REPLY", lambda: self.hello)
        reason, _ = await self.connection.request(messages.CLERK, {"clerk": {"number": "007", "stars": 5}})
        assert reason == reasons.OK
        return self

    async def invite(self, number: int, timeout_ms: int = 60_000) -> int:
        fields = {"invite": self.invite_id(number), "age_ms": 0, "ttl_ms": 15_000, "timeout_ms": timeout_ms}
        return (await self.connection.request(messages.INVITE, fields | {"origin": 1, "qr": None}))[0]

    def invite_id(self, number: int) -> bytes:
        return self.window.encode() + number.to_bytes(13, "big")

    async def until(self, what: str, condition) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                await asyncio.sleep(0.005)

    async def outcome(self, number: int) -> tuple[int, int | None]:
        await self.until(f"the outcome of {number}", lambda: self.invite_id(number) in self.outcomes())
        return self.outcomes()[self.invite_id(number)]

    def outcomes(self) -> dict[bytes, tuple[int, int | None]]:
        found = {}
        key = event_key(key_file.read(self.hall.folder / f"{self.terminal}.key").secret, 1)
        for event in self.events_held.values():
            clear, fields = evidence.open_event(Aes, key, event)
            assert fields[21] is True
            if clear.invite is not None:
                assert clear.invite not in found, "two events of one invite"
                found[clear.invite] = clear.kind, fields.get(6)
        return found

    # terminal.Listener

    def established(self, hello: dict) -> None:
        self.hello = hello

    def events(self, events: list) -> None:
        self.events_held.update({seq: event for seq, _, event in events})
        self.connection.stored([seq for seq, _, _ in events])

    def void(self, seqs: list) -> None:
        raise AssertionError("nothing readable")

    def recovered(self, missing: list) -> None:
        raise AssertionError("nobody asked")

    def state(self, state: dict) -> None:
        self.shown = state

    def terminal_status(self, status: dict) -> None:
        self.counters = status

    def lost(self, reason: str) -> None:
        self.gone = reason


class Hall:
    """A bus, the runtime, and a counter for each window."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.bus = RaterBus(folder / "bus", (1, 2)).start()
        self.config = agent_config.load(write_config(folder, folder / "bus"))
        self.legacy = Legacy(self.config, "1.0", lambda: UTC_MS)
        self.legacy.start()

    async def counters(self) -> list[Counter]:
        return [await Counter(self, window).connect() for window in WINDOWS]

    async def press(self, counter: Counter, key: int, done) -> None:
        """Press when an evaluation is a second old, and again in the next if a stall of this machine made it late."""
        rater = self.bus.raters[1 + WINDOWS.index(counter.window)]

        def press_when_due() -> bool:
            if rater.evaluates and rater.open_until_s - time.monotonic() < EVALUATION_S - 1.0:
                rater.press(key)
            return done()

        await counter.until("the press to count", press_when_due)

    async def rate(self, counter: Counter, number: int, key: int) -> tuple[int, int | None]:
        """Press a key for an open invite and return its outcome."""
        await self.press(counter, key, lambda: counter.invite_id(number) in counter.outcomes())
        return await counter.outcome(number)

    def close(self) -> None:
        self.legacy.stop()
        self.bus.close()


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path)
    yield made
    made.close()


def run(work) -> None:
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(work)


def test_two_raters_of_one_bus_are_two_terminals_through_every_trouble_of_the_line(hall):
    async def scene() -> None:
        first, second = await hall.counters()
        assert first.hello["board"] == "ff68" and first.hello["caps"] == []
        hall.bus.echo = True
        hall.bus.chunk = 3
        assert [await first.invite(1), await second.invite(1)] == [reasons.OK, reasons.OK]
        await first.until("both begins", lambda: all(rater.evaluates for rater in hall.bus.raters.values()))
        hall.bus.noise()
        hall.bus.stranger()
        outcomes = await asyncio.gather(hall.rate(first, 1, 5), hall.rate(second, 1, 2))
        assert outcomes == [(codes.RATED, 1), (codes.RATED, 4)]
        for rater in hall.bus.raters.values():
            await first.until("the acknowledgement", lambda rater=rater: rater.acknowledged)
            assert rater.stars == 5

    run(scene())


def test_adapter_pulled_ends_the_invite_at_once_and_goes_on_when_plugged(hall):
    async def scene() -> None:
        first, second = await hall.counters()
        assert await first.invite(1) == reasons.OK
        hall.bus.unplug()
        assert await first.outcome(1) == (codes.INTERRUPTED, None), "it leaves before the line counts as lost"
        await first.until("the loss", lambda: first.gone and second.gone)
        with pytest.raises(UserError, match="no such port") as caught:
            await first.connect()
        assert caught.value.condition == ports.NO_PORT
        hall.bus.plug()
        await first.connect()
        await second.connect()
        assert await first.invite(1) == reasons.INVITE_ENDED
        assert await first.invite(2) == reasons.OK
        assert await hall.rate(first, 2, 1) == (codes.RATED, 5)

    run(scene())


def test_port_that_another_program_holds_is_told(hall, tmp_path_factory):
    async def scene() -> None:
        await hall.counters()
        with pytest.raises(UserError, match="held by another program") as caught:
            await ports.open_port(str(hall.bus.link))
        assert caught.value.condition == ports.PORT_BUSY
        folder = tmp_path_factory.mktemp("second")
        config = agent_config.load(write_config(folder, hall.bus.link))
        other = Legacy(config, "1.0", lambda: UTC_MS)
        other.start()
        try:
            opener = other.opener("W01")
            with pytest.raises(UserError, match="held by another program"):
                await opener.open(opener.find(None))
        finally:
            other.stop()

    run(scene())


def test_fault_in_a_part_stops_one_terminal_and_no_text_of_it_is_told(hall, caplog, monkeypatch):
    async def scene() -> None:
        first, second = await hall.counters()

        def handle(event: tuple, now_ms: int) -> list:
            raise ValueError(f"the grade was {event!r}")

        monkeypatch.setattr(hall.legacy._terminals["W01"]._session, "_on_grade", handle, raising=True)
        assert [await first.invite(1), await second.invite(1)] == [reasons.OK, reasons.OK]
        await hall.press(first, 5, lambda: first.shown["state"] == "fault")
        assert await hall.rate(second, 1, 5) == (codes.RATED, 1)

    with caplog.at_level(logging.DEBUG):
        run(scene())
    assert "terminal YP-L001 failed" in caplog.text and "grade" not in caplog.text


def test_loop_of_the_raters_tells_the_place_of_a_fault_without_its_values(hall, caplog):
    def fail(secret: bytes) -> None:
        raise ValueError(secret)

    async def scene() -> None:
        hall.legacy._loop.call_soon_threadsafe(fail, b"grade")
        (counter, _) = await hall.counters()
        await counter.until("the record", lambda: "a part of the old raters failed" in caplog.text)

    with caplog.at_level(logging.DEBUG):
        run(scene())
    assert "ValueError" in caplog.text and "grade" not in caplog.text
