"""Services and visits at the agent: numbers in a case, what belongs to one visit, what is recorded, and when."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_agent.config_model import WindowSection
from host_agent.errors import StoreFullError
from host_agent.inbox import Inbox
from host_agent.invite_subject import Service
from host_agent.invites import Invites
from host_agent.own_records import EPOCH, OwnRecords
from host_agent.services import Services
from host_agent.store import Store
from host_agent.store_changes import set_invite_state
from host_agent.store_rows import NOT_ENDED, EventRow, InviteRow
from host_agent.writer import Writer
from tests.contract import validate

NOW_MS = 1_795_600_000_000
DAY_MS = 86_400_000
WAIT_S = 60


class Room:
    """The agent's parts that a service passes through, for two windows, over one folder."""

    def __init__(self, folder: Path, now_ms: int = NOW_MS) -> None:
        self.folder = folder
        self.now_ms = now_ms
        self.offered: list[EventRow] = []

    async def open(self) -> "Room":
        self.store = Store(self.folder)
        self.writer = Writer(self.store, 30 * DAY_MS, self.clock)
        inbox = Inbox(self.store, self.writer, self.clock, self.offered.extend, lambda *_: None)
        self.records = OwnRecords(self.store, inbox.take_id, self.offered.extend)
        self.services = Services(self.store, self.writer, self.records, self.clock)
        self.windows = {}
        for name in ("W01", "W02"):
            window = self.services.of(WindowSection(id=name, terminal=f"T-{name}"))
            invites = Invites("C01", name, f"T-{name}", self.store, self.writer, self.clock, window)
            self.windows[name] = window, invites
        await self.writer.start()
        return self

    def clock(self) -> int:
        return self.now_ms

    async def close(self) -> None:
        await self.kept()
        await self.writer.stop()
        self.store.close()

    async def kept(self) -> None:
        """Wait until the ends of visits are durable."""
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(*self.services._tasks)

    async def invite(self, window: str = "W01", service: Service | None = None) -> InviteRow:
        self.now_ms += 1
        row, _ = await self.windows[window][1].make("007", service or named())
        return row

    def serve(self, window: str = "W01", service: Service | None = None) -> None:
        self.now_ms += 1
        self.windows[window][0].begin("007", service or named())

    async def ended(self, row: InviteRow, state: str) -> None:
        invites = self.windows[row.window][1]
        if state == "refused":
            invites.refused(row.invite, "paused")
        else:
            await self.writer.write(set_invite_state(row.invite, state, None, NOT_ENDED))
            invites.ended(row.invite, state)

    def told(self) -> list[dict[str, Any]]:
        """Return what the city is told, oldest first."""
        rows = self.store.query("SELECT evidence FROM events WHERE epoch = ? ORDER BY seq", (EPOCH,))
        return [json.loads(row[0]) for row in rows]


def named(project_no: str | None = None, service_no: str | None = None, **more: Any) -> Service:
    return Service(project_no, service_no, 0, 1, more.pop("key", None), **more)


def in_room(scenario: Callable[[Room], Coroutine[Any, Any, None]], folder: Path) -> None:
    async def run() -> None:
        room = await Room(folder).open()
        await scenario(room)
        await room.close()

    asyncio.run(run())


def numbers(told: list[dict[str, Any]]) -> list[tuple[str | None, int | None, bool]]:
    return [(one["project_no"], one["service_no"], one["invite"] is not None) for one in told]


def test_service_is_recorded_with_its_invite_and_published_after_it(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        case = {"task_name": "社保卡补办"}
        row = await room.invite(service=named("P1", case=case, identity=b"sealed", real_name=True))
        (told,) = room.told()
        assert (told["invite"], told["project_no"], told["service_no"]) == (row.invite.hex(), "P1", 1)
        assert (told["case"], told["real_name"], told["identity"]) == (case, True, "c2VhbGVk")
        assert (row.project_no, row.service_no) == ("P1", "1"), "the invite is bound to the number"
        (event,) = room.offered
        assert (event.terminal, event.epoch, event.seq, event.invite) == (room.records.name, EPOCH, 1, row.invite)
        assert [one.id for one in room.store.waiting(0, 1 << 62, 9)] == [event.id]
        assert room.store.counts()["stored_total"] == 1

    in_room(scenario, tmp_path)


def test_service_of_an_invite_that_is_not_durable_is_not_recorded_and_its_number_is_free(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        room.serve(service=named("P1"))
        await room.kept()
        real = room.store.commit

        def full(*_: object) -> None:
            raise StoreFullError("no room")

        room.store.commit = full  # type: ignore[method-assign]
        with pytest.raises(StoreFullError):
            await room.invite()
        room.store.commit = real  # type: ignore[method-assign]
        assert room.told() == [] and room.offered == []
        await room.invite()
        assert numbers(room.told()) == [("P1", 1, True)], "the visit stood where it stood"

    in_room(scenario, tmp_path)


@pytest.mark.parametrize("end", ["serve", "logout", "pause", "day", "other case", "restart and logout"])
def test_service_that_ends_without_invite_is_recorded_once(tmp_path: Path, end: str) -> None:
    async def scenario(room: Room) -> None:
        room.serve(service=named("P1", identity=b"sealed"))
        await room.kept()
        window, _ = room.windows["W01"]
        if end == "serve":
            room.serve()
        elif end == "pause":
            window.end(only_uninvited=True)
        elif end == "day":
            room.now_ms += DAY_MS
            window.look()
        elif end == "other case":
            await room.invite(service=named("P2"))
        else:
            if end != "logout":
                await room.close()
                await room.open()
                window, _ = room.windows["W01"]
            window.end()
        await room.kept()
        window.end(only_uninvited=end == "pause")
        await room.kept()
        first = room.told()[0]
        assert numbers([first]) == [("P1", 1, False)]
        assert (first["clerk"], first["identity"]) == ("007", "c2VhbGVk")
        rest = {"serve": [(None, None, False)], "other case": [("P2", 1, True)]}
        assert numbers(room.told()[1:]) == rest.get(end, [])
        assert len(room.offered) == len(room.told())

    in_room(scenario, tmp_path)


def test_end_of_a_visit_waits_for_a_store_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host_agent.services.RETRY_S", 0.01)

    async def scenario(room: Room) -> None:
        room.serve(service=named("P1"))
        await room.kept()
        real, tried = room.store.commit, asyncio.Event()
        loop = asyncio.get_running_loop()

        def full(*_: object) -> None:
            loop.call_soon_threadsafe(tried.set)
            raise StoreFullError("no room")

        room.store.commit = full  # type: ignore[method-assign]
        room.windows["W01"][0].end()
        async with asyncio.timeout(WAIT_S):
            await tried.wait()
        assert room.offered == []
        room.store.commit = real  # type: ignore[method-assign]
        await room.kept()
        assert numbers(room.told()) == [("P1", 1, False)] and len(room.offered) == 1

    in_room(scenario, tmp_path)


@pytest.mark.parametrize(
    ("state", "number"),
    [
        ("interrupted", 1),
        ("refused", 1),
        ("timed_out", 1),
        ("cancelled", 1),
        ("open", 1),
        ("rated", 2),
        ("declined", 2),
    ],
)
def test_visit_keeps_its_number_until_an_invite_was_answered(tmp_path: Path, state: str, number: int) -> None:
    async def scenario(room: Room) -> None:
        row = await room.invite(service=named("P1"))
        if state != "open":
            await room.ended(row, state)
        await room.invite(service=named("P1"))
        first, second = room.told()
        assert (second["service_no"], second["visit"] == first["visit"]) == (number, number == 1)

    in_room(scenario, tmp_path)


@pytest.mark.parametrize("served", [True, False])
def test_invite_after_a_timeout_without_case_is_of_the_same_visit_only_under_one_ticket(
    tmp_path: Path, served: bool
) -> None:
    async def scenario(room: Room) -> None:
        if served:
            room.serve()
        await room.ended(await room.invite(), "timed_out")
        await room.invite()
        first, second = room.told()
        assert (first["visit"] == second["visit"]) is served

    in_room(scenario, tmp_path)


def test_serve_and_invite_are_one_visit_that_knows_what_both_told(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        room.serve(service=named(None, case={"task_name": "补办", "area_code": "330200"}, identity=b"one"))
        began_ms = room.now_ms
        await room.invite(service=named("P1", case={"task_name": "补换"}))
        (told,) = room.told()
        assert told["case"] == {"task_name": "补换", "area_code": "330200"}
        assert (told["project_no"], told["identity"], told["began_utc_ms"]) == ("P1", "b25l", began_ms)

    in_room(scenario, tmp_path)


def test_number_of_the_caller_is_taken_and_the_next_one_is_above_it(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        for service_no in ("7", None, "3", None):
            await room.ended(await room.invite(service=named("P1", service_no)), "rated")
        assert [one["service_no"] for one in room.told()] == [7, 8, 3, 9]

    in_room(scenario, tmp_path)


def test_numbers_of_one_case_at_several_windows_at_once_differ(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        await asyncio.gather(*(room.invite(window, named("P1", key=key)) for window in room.windows for key in "ab"))
        visits = {one["visit"]: one["service_no"] for one in room.told()}
        assert sorted(visits.values()) == [1, 2], "two windows, two visits"

    in_room(scenario, tmp_path)


def test_same_key_again_makes_no_second_record_and_another_case_is_noticed(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        service = named("P1", key="k", case={"task_name": "补办"})
        row = await room.invite(service=service)
        again, new = await room.windows["W01"][1].make("007", service)
        assert (again.invite, new, len(room.told())) == (row.invite, False, 1)
        assert service.same_as(row)
        for other in ({"task_name": "补换"}, {}):
            assert not named("P1", key="k", case=other).same_as(row)
        assert not named("P1", key="k", case=service.case, real_name=True).same_as(row)
        assert not named("P1", "1", key="k", case=service.case).same_as(row), "a number that was not named"

    in_room(scenario, tmp_path)


def test_records_of_a_new_disk_have_another_name_and_an_old_one_goes_on_counting(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        await room.invite()
        name = room.records.name
        await room.close()
        await room.open()
        await room.invite()
        assert (room.records.name, room.offered[-1].seq) == (name, 2)
        fresh = await Room(tmp_path / "fresh").open()
        assert fresh.records.name != name
        await fresh.close()

    in_room(scenario, tmp_path / "old")


def test_numbers_outlive_their_records(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        await room.ended(await room.invite(service=named("P1")), "rated")
        room.now_ms += 60 * DAY_MS
        room.store.purge(room.now_ms - 30 * DAY_MS)
        assert room.store.query("SELECT count(*) FROM services") == [(0,)]
        await room.invite(service=named("P1"))
        assert room.told()[-1]["service_no"] == 2
        assert b"P1" not in b"".join(row[0] for row in room.store.query("SELECT project FROM service_numbers"))

    in_room(scenario, tmp_path)


CASES = st.sampled_from([None, "P1", "P2"])
WINDOWS = st.sampled_from(["W01", "W02"])
STATES = st.sampled_from(["rated", "declined", "timed_out", "cancelled", "interrupted", "refused"])
STEPS = st.one_of(
    st.tuples(st.just("serve"), WINDOWS, CASES),
    st.tuples(st.just("invite"), WINDOWS, CASES, st.sampled_from([None, None, "4"])),
    st.tuples(st.just("end"), WINDOWS, STATES),
    st.tuples(st.sampled_from(["logout", "pause"]), WINDOWS),
    st.tuples(st.sampled_from(["restart", "midnight"])),
)


class Walk:
    """Walk a room through steps, and note what must come of them."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.last: dict[str, InviteRow] = {}
        self.waiting: set[str] = set()  # windows where somebody is served and not invited
        self.uninvited = 0
        self.made = 0

    async def step(self, what: str, *about: Any) -> None:
        room = self.room
        if what == "serve":
            self._over(about[0])
            self.waiting.add(about[0])
            room.serve(about[0], named(about[1]))
        elif what == "invite":
            window = about[0]
            served = room.windows[window][0].visit
            apart = served is not None and about[1] and served.project_no and served.project_no != about[1]
            self.uninvited += window in self.waiting and bool(apart)
            self.waiting.discard(window)
            self.last[window] = await room.invite(window, named(*about[1:]))
            self.made += 1
        elif what == "end" and about[0] in self.last:
            await room.ended(self.last.pop(about[0]), about[1])
        elif what in ("logout", "pause"):
            self._over(about[0])
            room.windows[about[0]][0].end(only_uninvited=what == "pause")
        elif what == "restart":
            await room.close()
            await room.open()
        elif what == "midnight":
            room.now_ms += DAY_MS
            for name, (window, _) in room.windows.items():
                self._over(name)
                window.look()
        await room.kept()

    def _over(self, window: str) -> None:
        self.uninvited += window in self.waiting
        self.waiting.discard(window)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(STEPS, max_size=14))
def test_numbers_are_one_a_visit_and_rise_and_nothing_is_recorded_twice(steps: list[tuple]) -> None:
    async def scenario(room: Room) -> None:
        walk = Walk(room)
        for step in steps:
            await walk.step(*step)
        told = room.told()
        assert sum(one["invite"] is not None for one in told) == walk.made
        assert sum(one["invite"] is None for one in told) == walk.uninvited
        assert [row.seq for row in room.offered] == list(range(1, len(told) + 1)), "each is published once"
        given: dict[str, list[int]] = {}
        of_visit: dict[tuple[str, str], int] = {}
        for one in told:
            project_no, number, visit = one["project_no"], one["service_no"], one["visit"]
            assert (project_no is None) <= (number in (None, 4)), "no case, no number of ours"
            if project_no is None:
                continue
            if of_visit.setdefault((visit, project_no), number) == number and number in given.get(project_no, ()):
                continue
            assert number == of_visit[visit, project_no]
            assert number == 4 or number == max(given.get(project_no, [0])) + 1, "the next free one"
            given.setdefault(project_no, []).append(number)
        for row, one in zip(room.offered, told, strict=True):
            body = {"id": room.records.record_id(row.seq), "data": one, "type": "cn.yiping.service.v1"}
            body |= {"specversion": "1.0", "source": "/C01/W01", "agent": "pc-01", "time": "2026-11-24T03:00:00.000Z"}
            validate("yiping/v1/C01/agent/pc-01/service", json.dumps(body).encode())

    with tempfile.TemporaryDirectory() as folder:
        in_room(scenario, Path(folder))
