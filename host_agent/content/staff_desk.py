"""The staff of an agent, whether it runs or not: through its API while it runs, else in its store itself.

The data folder's lock tells which: whoever holds it is the only writer.
"""

import base64
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from host_agent import api_staff, data_lock, store_staff
from host_agent.agent_client import AgentClient
from host_agent.config_model import Config
from host_agent.content.staff import Staff
from host_agent.errors import StoreFaultError, StoreFullError, UserError
from host_agent.store import Store
from host_agent.store_rows import Batch, Change
from host_agent.writer import utc_ms

_API = "/api/v1/staff"


class StaffDesk(Protocol):
    """What the commands ask for."""

    runs: bool

    def listing(self) -> dict[str, Any]:
        """Return clerks and open removals, as GET /staff does."""
        ...

    def put(self, people: list[Staff], done: Callable[[], None]) -> list[str]:
        """Keep clerks; return what each is: new, changed or unchanged; `done` hears of each."""
        ...

    def remove(self, numbers: list[str]) -> bool:
        """Forget clerks, who are known; return whether every byte is gone from the disk already."""
        ...

    def give_up(self, terminal: str) -> None:
        """Wait no longer for a terminal to confirm."""
        ...


@contextlib.contextmanager
def opened(config: Config) -> Iterator[StaffDesk]:
    """Yield the way to the staff; raises UserError when there is none."""
    try:
        lock = data_lock.take(config.agent.data_dir)
    except data_lock.InUseError:
        yield RunningDesk(AgentClient(config))
        return
    with lock:
        store = Store(config.agent.data_dir)
        try:
            yield StoppedDesk(store, [window.terminal for window in config.windows])
        finally:
            store.close()


class RunningDesk:
    """Ask the running agent."""

    runs = True

    def __init__(self, client: AgentClient) -> None:
        """Keep the client."""
        self._client = client

    def listing(self) -> dict[str, Any]:
        """See StaffDesk."""
        return self._client.get(_API)

    def put(self, people: list[Staff], done: Callable[[], None]) -> list[str]:
        """See StaffDesk."""
        changes = []
        for one in people:
            clerk = one.clerk
            body = {
                "name": clerk.name,
                "post": clerk.post,
                "stars": clerk.stars,
                "cards": {board: base64.b64encode(card).decode() for board, card in one.cards.items()},
            }
            try:
                changes.append(self._client.order("PUT", f"{_API}/{clerk.number}", body)["change"])
            except UserError as error:
                cure = f"{error.cure}; {len(changes)} of {len(people)} clerks are kept, import the table again"
                raise UserError(error.what, error.where, cure) from None
            done()
        return changes

    def remove(self, numbers: list[str]) -> bool:
        """See StaffDesk."""
        wiped = [self._client.order("DELETE", f"{_API}/{number}", {})["wiped"] for number in numbers]
        return all(wiped)

    def give_up(self, terminal: str) -> None:
        """See StaffDesk."""
        self._client.order("DELETE", f"/api/v1/removals/{terminal}", {})


class StoppedDesk:
    """Use the store of an agent that does not run."""

    runs = False

    def __init__(self, store: Store, terminals: list[str]) -> None:
        """Keep the open store and the terminals of the configuration."""
        self._store = store
        self._terminals = terminals

    def listing(self) -> dict[str, Any]:
        """See StaffDesk."""
        return api_staff.listing(self._store, store_staff.removals(self._store))

    def put(self, people: list[Staff], done: Callable[[], None]) -> list[str]:
        """See StaffDesk."""
        changes = []
        statements: list[Change] = []
        for one in people:
            changes.append(api_staff.change_of(self._store, one))
            if changes[-1] != api_staff.UNCHANGED:
                statements += store_staff.put(one)
            done()
        self._commit(statements)
        return changes

    def remove(self, numbers: list[str]) -> bool:
        """See StaffDesk."""
        self._commit(store_staff.remove(numbers, self._terminals))
        return not self._store.log_remembers

    def give_up(self, terminal: str) -> None:
        """See StaffDesk."""
        self._commit([store_staff.forget_terminal(terminal)])

    def _commit(self, changes: list[Change]) -> None:
        """Make all changes durable or none; raises UserError."""
        batch = Batch()
        batch.changes, batch.forgets = changes, True
        try:
            self._store.commit(batch, utc_ms())
        except (StoreFullError, StoreFaultError) as error:
            raise UserError(
                f"nothing was changed: {error}", str(self._store.path), "check the disk and the file's rights"
            ) from None
