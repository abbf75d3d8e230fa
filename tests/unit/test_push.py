"""What is pushed to a terminal, in which order, and when not: the rule against a window that does what it is told."""

import asyncio
import random
from hashlib import sha256
from types import SimpleNamespace

import pytest

from host_agent import store_staff
from host_agent.content import push, tag_table
from host_agent.content.library import Library
from host_agent.content.push import WindowContent
from host_agent.content.staff import Clerk, Staff
from host_agent.store import Store
from host_agent.store_changes import insert_invite
from host_agent.store_rows import Batch, InviteRow
from host_agent.store_space import Reserve
from protocol import content, reasons

NOW = 1_790_000_000_000
TABLE = tag_table.builtin()
TAGS = (content.TAG_TABLE, content.TAG_TABLE_NAME)


def card(number):
    return f"YPC1 card of {number}".encode()


class Hand:
    """Stand for a window: note what is pushed, answer when told."""

    def __init__(self):
        self.section = SimpleNamespace(id="W01", terminal="YP-0001")
        self.invites = SimpleNamespace(current=None)
        self.shown = "idle"
        self.clerk = None
        self.connected = False
        self.hello = None
        self.pushed = []
        self.future = None

    def connect(self, assets=None, caps=("bulk",), tagver=None):
        self.hello = {"caps": list(caps), "assets": assets or {}, "board": "k5", "tagver": tagver}
        self.connected = True

    def push(self, kind, name, data):
        self.pushed.append((kind, name, data))
        self.future = asyncio.get_running_loop().create_future()
        return self.future


class Room:
    """One window's content over a true store."""

    def __init__(self, folder):
        self.store = Store(folder, Reserve(folder / "reserve.bin", 256 * 1024, 64 * 1024))
        self.noted = []
        self.library = Library(self.store, SimpleNamespace(note=self.noted.append), None)
        self.hand = Hand()
        self.content = WindowContent(self.hand, self.library, lambda: None)

    def write(self, *changes):
        batch = Batch()
        batch.changes = list(changes)
        self.store.commit(batch, NOW)
        self.library.refresh()

    def staff(self, *numbers):
        for number in numbers:
            self.write(*store_staff.put(Staff(Clerk(number, f"姓{number}", "窗口", 4), {"k5": card(number)})))

    def invited(self, *numbers):
        for i, number in enumerate(numbers):
            row = (bytes([i]) * 16, "W01", "T", None, number, None, None, 1, NOW - i, 0, b"p", "rated", None)
            self.write(insert_invite(InviteRow(*row)))

    async def settle(self):
        """Let what follows from an answer happen."""
        for _ in range(4):
            await asyncio.sleep(0)

    async def answer(self, reason=reasons.OK):
        self.hand.future.set_result(reason)
        await self.settle()

    async def run(self, limit=40):
        """Answer OK until nothing more is pushed; return what was, in order."""
        self.content.consider()
        while self.hand.future is not None and not self.hand.future.done() and limit:
            limit -= 1
            await self.answer()
        assert limit, "it pushes for ever"
        return [(kind, name) for kind, name, _ in self.hand.pushed]


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path)
    yield made
    made.store.close()


def held(*numbers, tags=True):
    assets = {f"1/{number}": sha256(card(number)).hexdigest()[:8] for number in numbers} | {"glyphs": b"12345678"}
    return assets | ({"3/tags": sha256(TABLE).hexdigest()[:8]} if tags else {})


def test_push_sends_the_present_clerks_card_first_then_others_then_tags(room):
    async def story():
        room.staff("1", "2", "3", "9")
        room.invited("3", "2", "4")
        room.hand.clerk = {"number": "1"}
        room.hand.connect()
        assert await room.run() == [(1, "1"), (1, "3"), (1, "2"), TAGS]
        assert room.hand.pushed[0][2] == card("1") and room.hand.pushed[-1][2] == TABLE
        view = room.content.view()
        assert view["held"] == ["card 1", "card 2", "card 3", "tags"] and view["pending"] == []

    asyncio.run(story())


def test_push_sends_nothing_that_is_held_already(room):
    async def story():
        room.staff("1")
        room.hand.clerk = {"number": "1"}
        room.hand.connect(held("1"), tagver=tag_table.version(TABLE))
        assert await room.run() == []
        room.write(*store_staff.put(Staff(Clerk("1", "新名"), {"k5": b"YPC1 another"})))
        assert await room.run() == [(1, "1")] and room.hand.pushed[0][2] == b"YPC1 another"

    asyncio.run(story())


@pytest.mark.parametrize("shown", ["invited", "chosen", "thanks", "fault", "full", "updating", None])
def test_push_waits_while_the_terminal_does_not_rest(room, shown):
    async def story():
        room.hand.shown = shown
        room.hand.connect()
        assert await room.run() == [] and room.content.view()["pending"] == ["tags"]
        room.hand.shown = "paused"
        assert await room.run() == [TAGS]

    asyncio.run(story())


@pytest.mark.parametrize("how", ["state", "invite"])
def test_push_stops_at_once_when_an_invite_opens_and_goes_on_after_it(room, how):
    async def story():
        room.hand.connect()
        room.content.consider()
        first = room.hand.future
        if how == "state":
            room.hand.shown = "invited"
        else:
            room.hand.invites.current = SimpleNamespace(state="pending")
        room.content.consider()
        assert first.cancelled()
        await room.settle()
        room.content.consider()
        assert len(room.hand.pushed) == 1, "nothing while the invite is open"
        room.hand.shown, room.hand.invites.current = "idle", SimpleNamespace(state="rated")
        room.content.consider()
        assert [item[:2] for item in room.hand.pushed] == [TAGS, TAGS]

    asyncio.run(story())


def test_push_goes_on_after_the_link_was_lost(room):
    async def story():
        room.hand.connect()
        room.content.consider()
        room.hand.connected = False
        room.hand.future.set_exception(ConnectionError("lost"))
        await room.settle()
        assert len(room.hand.pushed) == 1
        room.hand.connect()
        assert await room.run() == [TAGS, TAGS]

    asyncio.run(story())


def test_push_without_the_capability_sends_nothing_and_confirms_removals(room):
    async def story():
        room.write(*store_staff.remove(["7"], ["YP-0001", "YP-0002"]))
        room.hand.connect(caps=("keys",))
        assert await room.run() == [] and room.content.view() == {
            "held": [], "pending": [], "removing": [], "refused": []}  # fmt: skip
        assert room.noted == [store_staff.confirm("YP-0001", "7")]
        assert room.library.removals == {"YP-0002": ["7"]}

    asyncio.run(story())


def test_push_takes_off_what_this_agent_does_not_know_and_confirms_it(room):
    async def story():
        room.staff("1")
        room.write(*store_staff.remove(["7"], ["YP-0001"]))
        room.hand.connect(held("1", "7", "8"))
        room.content.consider()
        assert room.content.view()["removing"] == ["7"] and room.noted == []
        assert sorted(await room.run()) == [(1, "7"), (1, "8")]
        assert all(data == b"" for *_, data in room.hand.pushed)
        assert room.noted == [store_staff.confirm("YP-0001", "7")] and room.content.view()["removing"] == []

    asyncio.run(story())


def test_push_removal_that_is_lost_stays_pending_until_it_is_confirmed(room):
    async def story():
        room.write(*store_staff.remove(["7"], ["YP-0001"]))
        room.hand.connect(held("7"))
        room.content.consider()
        room.hand.connected = False
        room.hand.future.set_exception(ConnectionError("lost"))
        await room.settle()
        assert room.noted == [] and room.library.removals == {"YP-0001": ["7"]}
        room.hand.connect(held())  # it had been taken off, only the answer was lost: asked again, confirmed once
        assert await room.run() == [(1, "7")] * 2 and len(room.noted) == 1

    asyncio.run(story())


def test_push_makes_room_by_the_card_that_is_wanted_least(room):
    async def story():
        numbers = [str(n) for n in range(1, 9)]
        room.staff(*numbers, "50")
        room.invited(*numbers[:7])
        room.hand.clerk = {"number": "50"}
        room.hand.connect(held(*numbers))
        assert await room.run() == [(1, "8"), (1, "50")]
        assert len(room.content.view()["held"]) == 9

    asyncio.run(story())


def test_push_refused_is_tried_again_later_and_then_left(room, monkeypatch):
    monkeypatch.setattr(push, "RETRY_S", 0.0)

    async def story():
        room.hand.connect()
        room.content.consider()
        for _ in range(push.TRIES):
            pushed = len(room.hand.pushed)
            await room.answer(reasons.FULL)
            while len(room.hand.pushed) == pushed and pushed < push.TRIES:
                await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert len(room.hand.pushed) == push.TRIES and room.content.view()["refused"] == ["tags"]
        room.hand.connect()  # a new connection begins anew
        room.content.consider()
        assert len(room.hand.pushed) == push.TRIES + 1

    asyncio.run(story())


def test_push_never_holds_more_cards_than_a_terminal_keeps(room):
    """Any order of logins, imports, removals and losses: one file at a time, never a ninth card, an end in rest."""
    rng = random.Random(20262)

    async def story():
        flash = {}
        staff = [str(n) for n in range(14)]
        room.staff(*staff)
        for i in range(60):
            number = rng.choice(staff)
            room.hand.clerk = {"number": number}
            room.write(
                insert_invite(
                    InviteRow(
                        bytes([1, i]) * 8, "W01", "T", None, number, None, None, 1, NOW + i, 0, b"p", "rated", None
                    )
                )
            )
            if rng.random() < 0.2:
                gone = rng.choice(staff)
                room.write(*store_staff.remove([gone], ["YP-0001"]))
                room.staff(gone) if rng.random() < 0.5 else None
            if rng.random() < 0.3:
                room.hand.connect({f"{kind}/{name}": digest for (kind, name), digest in flash.items()})
            elif room.hand.hello is None:
                room.hand.connect()
            room.content.consider()
            while room.hand.future is not None and not room.hand.future.done():
                kind, name, data = room.hand.pushed[-1]
                if rng.random() < 0.1:
                    room.hand.future.set_exception(ConnectionError("lost"))
                    await room.settle()
                    room.hand.connect({f"{kind}/{name}": digest for (kind, name), digest in flash.items()})
                    room.content.consider()
                    continue
                flash.pop((kind, name), None)
                if data:
                    flash[kind, name] = sha256(data).hexdigest()[:8]
                assert sum(kind == 1 for kind, _ in flash) <= 8
                await room.answer()
            wanted = number if room.library.card_hash(number, "k5") else None
            assert wanted is None or (1, number) in flash
        assert set(room.library.removals) == set()

    asyncio.run(story())


def test_login_by_number_alone_is_filled_from_the_staff(room):
    room.staff("7")
    assert room.content.filled({"number": "7"}) == {"number": "7", "name": "姓7", "post": "窗口", "stars": 4}
    assert room.content.filled({"number": "8"}) == {"number": "8"}
    assert room.content.filled({"number": "7", "name": "别名"}) == {"number": "7", "name": "别名"}
