"""Keeps the visit under way at each window, numbers the services of a case, and records each for the city.

Promise: the record of an invite's service is committed with the invite, before INVITE leaves; a visit that ends without
an invite is recorded as such. Its end never holds up an order: while the store takes nothing it waits here, and after a
restart the visit that was on the disk ends then.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import attrs

from host_agent import local_day, store_services, visits
from host_agent.config_model import WindowSection
from host_agent.errors import StoreFaultError, StoreFullError
from host_agent.invite_subject import Service
from host_agent.own_records import OwnRecords
from host_agent.store import Store
from host_agent.store_rows import Change, EventRow
from host_agent.visits import Visit
from host_agent.writer import Writer

RETRY_S = 1.0
# Ends of visits that wait for a store that takes nothing: some days of a busy window. Later ones are not recorded.
WAITING_LIMIT = 1000

_log = logging.getLogger(__name__)
StateOf = Callable[[bytes], str | None]


class Services:
    """Own what the windows share: the numbers, the records, and the ends that wait; belongs to the event loop."""

    def __init__(self, store: Store, writer: Writer, records: OwnRecords, utc_ms: Callable[[], int]) -> None:
        """Keep the parts."""
        self.store = store
        self.writer = writer
        self.records = records
        self.utc_ms = utc_ms
        self._under_way: dict[str, int] = {}  # highest number of a case that is not durable yet
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, section: WindowSection) -> "WindowServices":
        """Return the services of one window."""
        return WindowServices(self, section)

    def close(self) -> None:
        """Let go of the ends that the store did not take."""
        for task in self._tasks:
            task.cancel()

    def _take_number(self, project_no: str, given: str | None) -> int:
        """Reserve the number of a case's service and return it: the caller's, else the next free one."""
        highest = max(store_services.last_number(self.store, project_no), self._under_way.get(project_no, 0))
        number = highest + 1 if given is None else int(given)
        if number > highest:
            self._under_way[project_no] = number
        return number

    def number_of(self, visit: Visit) -> str | None:
        """Return the number of a visit: its own, the caller's, or the next free one of its case."""
        if visit.project_no is None:
            return visit.service_no
        taken = self._take_number(visit.project_no, visit.service_no)
        return visit.service_no or str(taken)

    def settle_number(self, project_no: str, number: int) -> None:
        """Hear that a number is durable, or free again."""
        if self._under_way.get(project_no) == number:
            del self._under_way[project_no]

    def keep(self, record: "Record | None", visit_now: Callable[[], Change]) -> None:
        """Have a record, and which visit is under way, made durable; nobody waits for it."""
        if len(self._tasks) >= WAITING_LIMIT:
            _log.error("the end of a visit is not recorded: too many wait for the store")
            return
        task = asyncio.get_running_loop().create_task(self._keep(record, visit_now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self, record: "Record | None", visit_now: Callable[[], Change]) -> None:
        while True:
            try:
                await self.writer.write(*(record.changes if record is not None else ()), visit_now())
                break
            except (StoreFullError, StoreFaultError):
                await asyncio.sleep(RETRY_S)
        if record is not None:
            record.done()


@attrs.frozen
class Record:
    """One record on its way into the store."""

    services: Services
    row: EventRow
    changes: list[Change]
    project_no: str | None
    number: int | None  # the service's, in its case

    def done(self) -> None:
        """Hear that it is durable."""
        self.settle_number()
        self.services.records.done(self.row)

    def settle_number(self) -> None:
        """Hear whether the number is taken for good or free again: the store knows."""
        if self.project_no is not None and self.number is not None:
            self.services.settle_number(self.project_no, self.number)


class Plan:
    """One invite's service on its way into the store: begun by `WindowServices.plan`, ended by `done` or `undone`."""

    def __init__(self, window: "WindowServices", before: Visit | None, visit: Visit, ended: Record | None) -> None:
        """Keep what was, and what will be."""
        self._window = window
        self._before = before
        self._visit = visit
        self._records = [] if ended is None else [ended]
        self.project_no = visit.project_no
        self.service_no = window.services.number_of(visit)

    def changes(self, invite: bytes, preimage: bytes) -> list[Change]:
        """Return what is to be written with the invite."""
        window = self._window
        record, window.visit = window.record(self._visit, self.service_no, invite, preimage)
        self._visit = window.visit
        self._records.append(record)
        return [*(change for record in self._records for change in record.changes), window.put_visit()]

    def done(self) -> None:
        """Hear that all is durable."""
        for record in self._records:
            record.done()

    def undone(self) -> None:
        """Hear that nothing is: the visit stands where it stood, unless it has gone on meanwhile."""
        for record in self._records:
            record.settle_number()
        if self._window.visit is self._visit:
            self._window.visit = self._before


class WindowServices:
    """Own the visit of one window."""

    def __init__(self, services: Services, section: WindowSection) -> None:
        """Read the visit back that was under way."""
        self.services = services
        self._section = section
        kept = store_services.visit(services.store, section.id)
        self.visit: Visit | None = None if kept is None else visits.read(*kept)

    # --- orders

    def begin(self, clerk: str | None, service: Service) -> None:
        """Begin a visit: somebody is being served; the one before has ended."""
        visit = Visit.begun(clerk, service, True, self.services.utc_ms())
        self._replace(visit)

    def end(self, only_uninvited: bool = False) -> None:
        """End the visit: the clerk leaves, or pauses, which leaves a visit open that has an invite."""
        if self.visit is not None and not (only_uninvited and self.visit.invites):
            self._replace(None)

    def look(self) -> None:
        """End a visit of yesterday."""
        if self.visit is not None and not local_day.same(self.visit.began_utc_ms, self.services.utc_ms()):
            self._replace(None)

    def plan(self, clerk: str, service: Service, state_of: StateOf) -> Plan:
        """Return what an invite for `service` means: the visit that is under way, or a new one."""
        self.look()
        before = self.visit
        if before is not None and before.goes_on(service, state_of):
            return Plan(self, before, before.joined(clerk, service), None)
        ended = None if before is None or before.invites else self._uninvited(before)
        return Plan(self, before, Visit.begun(clerk, service, False, self.services.utc_ms()), ended)

    # --- records

    def record(
        self, visit: Visit, service_no: str | None, invite: bytes | None, preimage: bytes | None
    ) -> tuple[Record, Visit]:
        """Return the record of a visit for the city, and the visit after it."""
        own, section, now_ms = self.services.records, self._section, self.services.utc_ms()
        number = own.next()
        visit = visit.recorded(number, service_no, invite)
        first = visit.first or number
        data = _data(visit, invite, preimage) | {
            "visit": own.record_id(first),
            "window": section.id,
            "terminal": section.terminal or None,
            "uploader": section.uploader,
            "recorded_utc_ms": now_ms,
        }
        row = own.row(number, section.id, invite, data, now_ms)
        changes = own.changes(row)
        changes.append(store_services.put_service(number, first, section.id, visit.channel, invite, now_ms))
        if visit.project_no is not None and service_no is not None:
            changes.append(store_services.put_number(visit.project_no, int(service_no), now_ms))
        given = None if service_no is None else int(service_no)
        return Record(self.services, row, changes, visit.project_no, given), visit

    def put_visit(self) -> Change:
        """Return the change that keeps the visit as it is now."""
        visit = self.visit
        if visit is None:
            return store_services.put_visit(self._section.id, None, None)
        return store_services.put_visit(self._section.id, visit.text(), visit.identity)

    def _replace(self, visit: Visit | None) -> None:
        before, self.visit = self.visit, visit
        ended = None if before is None or before.invites else self._uninvited(before)
        self.services.keep(ended, self.put_visit)

    def _uninvited(self, visit: Visit) -> Record:
        return self.record(visit, self.services.number_of(visit), None, None)[0]


def _data(visit: Visit, invite: bytes | None, preimage: bytes | None) -> dict[str, Any]:
    return {
        "invite": None if invite is None else invite.hex(),
        "invite_preimage": _base64(preimage),
        "channel": visit.channel,
        "clerk": visit.clerk,
        "project_no": visit.project_no,
        "service_no": None if visit.service_no is None else int(visit.service_no),
        "case": visit.case,
        "real_name": visit.real_name,
        "identity": _base64(visit.identity),
        "began_utc_ms": visit.began_utc_ms,
    }


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()
