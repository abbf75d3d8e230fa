"""A window whose terminal does as told, for the tests of what the agent does with its update."""

import asyncio
from hashlib import sha256
from types import SimpleNamespace

import pytest

from host_agent.errors import StoreFullError
from host_agent.update import window_update
from host_agent.update.shelf import Firmware
from host_agent.update.window_update import WindowUpdate
from protocol import content, messages, reasons

NEW = Firmware("k5", "0.7.0", 7_000, b"manifest of 0.7.0", b"s" * 384, (b"one", b"two two", b"a pack"))
OLD8, NEW8 = sha256(b"old").hexdigest()[:8], NEW.digest.hex()[:8]
EVERYTHING = [(5, "0.7.0"), (6, "0"), (6, "1"), (6, "2")]


class Hand:
    """Stand for a window: note what it is asked for, answer when told."""

    def __init__(self):
        self.section = SimpleNamespace(id="W01", terminal="YP-0001")
        self.invites = SimpleNamespace(current=None)
        self.shown = "idle"
        self.fault = None
        self.connected = False
        self.hello = None
        self.pushed = []
        self.asked = []
        self.closed = []
        self.future = self.reply = None

    def connect(self, running=OLD8, caps=("bulk", "update"), **assets):
        found = {content.ASSET_FIRMWARE: running, **{f"fw.{name}": value for name, value in assets.items()}}
        self.hello = {"caps": list(caps), "assets": found, "board": "k5", "firmware": "0.6.0"}
        self.connected = True

    def disconnect(self):
        self.connected = False
        for future in (self.future, self.reply):
            if future is not None and not future.done():
                future.set_exception(ConnectionError("lost"))

    def push(self, kind, name, data):
        self.pushed.append((kind, name, data))
        self.future = asyncio.get_running_loop().create_future()
        return self.future

    def request(self, type_, fields):
        self.asked.append((type_, fields))
        self.reply = asyncio.get_running_loop().create_future()
        return self.reply

    def close(self, reason):
        self.closed.append(reason)
        self.disconnect()


class Room:
    """One window's update under a plan that the test holds."""

    def __init__(self):
        self.hand = Hand()
        self.meant, self.why = NEW, None
        self.turn = self.hours = None
        self.now_ms = 1_790_000_000_000
        self.clock_s = 0.0
        self.records = {}
        self.full = False
        self.changes = 0
        self.update = WindowUpdate(self.hand, self)

    # plan.Plan
    def firmware(self, terminal, hello):
        return self.meant, self.why

    def may_send(self, terminal):
        return self.turn

    def may_switch(self, terminal):
        return self.hours

    def record(self, terminal):
        return self.records.get(terminal)

    async def keep(self, record):
        window_update.QUIET_S = 60.0  # one order is enough; the fixture puts it back
        if self.full:
            raise StoreFullError("full")
        self.records[record.terminal] = record

    def note(self, record):
        self.records[record.terminal] = record

    def forget(self, terminal):
        self.records.pop(terminal, None)

    def utc_ms(self):
        return self.now_ms

    def now_s(self):
        return self.clock_s

    def changed(self, window):
        self.changes += 1
        asyncio.get_running_loop().call_soon(self.update.consider)

    # the story

    @property
    def stands(self):
        return self.update.state, self.update.why

    def passes(self, seconds, look_s=5.0):
        """Let time pass on the agent's own clock, which looks as it does in updates.py."""
        end_s = self.clock_s + seconds
        while self.clock_s < end_s:
            self.clock_s = min(end_s, self.clock_s + look_s)
            self.update.consider()

    async def settle(self):
        for _ in range(8):
            await asyncio.sleep(0)

    async def answer(self, reason=reasons.OK):
        self.hand.future.set_result(reason)
        await self.settle()

    async def send_all(self):
        self.update.consider()
        while self.hand.future is not None and not self.hand.future.done():
            await self.answer()

    async def switch(self, reason=reasons.OK):
        await self.send_all()
        assert self.hand.asked == [(messages.UPDATE, {"manifest": NEW.digest})]
        self.hand.reply.set_result((reason, None))
        await self.settle()

    async def restart(self, running, **assets):
        self.hand.disconnect()
        self.update.consider()
        self.hand.connect(running, **assets)
        self.update.consider()
        await self.settle()


def hurried(monkeypatch: pytest.MonkeyPatch) -> Room:
    """Return a room whose agent does not wait for a quiet moment."""
    monkeypatch.setattr(window_update, "QUIET_S", 0.0)
    return Room()


def story(tell):
    """Run a test's coroutine in a loop of its own."""

    def run(room):
        asyncio.run(tell(room))

    run.__name__, run.__doc__ = tell.__name__, tell.__doc__
    return run
