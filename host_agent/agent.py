"""Puts the agent together and runs it: terminals ─ inbox ─ store ─ delivery ─ broker, and the local API beside them.

Promise: once running it survives everything but its own data folder vanishing; a part that fails is started again;
stopping commits what has arrived.
"""

import asyncio
import contextlib
import logging
import random
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
from starlette.routing import BaseRoute

from host_agent import data_lock
from host_agent.api_access import Access
from host_agent.api_guard import BODY_LIMIT_BYTES
from host_agent.api_staff import StaffApi
from host_agent.backlog import Backlog
from host_agent.changes import Changes
from host_agent.config_legacy import LEGACY_PORT
from host_agent.config_model import Config
from host_agent.content.contents import Contents
from host_agent.counter_api import CounterApi
from host_agent.delivery import Delivery
from host_agent.dialects.start import Dialects
from host_agent.errors import ManyUserErrors, UserError
from host_agent.health import Metrics
from host_agent.identity import IdentitySealer
from host_agent.inbox import Inbox
from host_agent.legacy.runtime import Legacy
from host_agent.own_records import OwnRecords
from host_agent.services import Services
from host_agent.status import Status
from host_agent.store import Store
from host_agent.update import states
from host_agent.update.api import UpdateApi
from host_agent.update.updates import Updates
from host_agent.uplink import HEALTH_S, Uplink
from host_agent.window import Window
from host_agent.writer import Writer, utc_ms

# At start a terminal that is switched on answers within this; one that does not may still be booting.
FIRST_ANSWER_S = 3.0
STOP_S = 5.0
RESTART_S = 1.0
DAY_MS = 86_400_000
# The writer's thread needs the interpreter's lock a few times a commit; the default of 5 ms would be its pace.
SWITCH_INTERVAL_S = 0.0005
# Terminal states as the city knows them.
_CITY_STATES = {"paused": "paused", "fault": "fault", "full": "fault", "updating": "updating"}

_log = logging.getLogger(__name__)


class Agent:
    """Own all parts of one running agent."""

    def __init__(self, config: Config, version: str) -> None:
        """Open the store and make the parts; `run` starts them.

        :raises UserError: the data folder is in use or cannot be used.
        """
        self._config = config
        self._lock = data_lock.take(config.agent.data_dir)
        self._rng = random.Random()
        self._changes = Changes()
        self._store = Store(config.agent.data_dir)
        self._writer = Writer(self._store, config.agent.retention_days * DAY_MS, utc_ms)
        backlog = Backlog(self._store.waiting, self._store.waiting_by_id, self._store.last_event_id())
        self._delivery = Delivery(backlog, config.broker.receipts == "city", self._rng)
        self._uplink = Uplink(config, self._store, self._writer, self._delivery, utc_ms, version)
        self._inbox = Inbox(self._store, self._writer, utc_ms, self._uplink.offer, self._outcome)
        self._legacy = Legacy(config, version, utc_ms)
        records = OwnRecords(self._store, self._inbox.take_id, self._uplink.offer)
        self._uplink.topics.adopt(records.name)
        self._services = Services(self._store, self._writer, records, utc_ms)
        self._windows = {
            section.id: Window(
                config,
                section,
                self._store,
                self._writer,
                self._inbox,
                utc_ms,
                self._changed,
                self._services,
                self._legacy.opener(section.id) if section.port == LEGACY_PORT else None,
            )
            for section in config.windows
        }
        self._status = Status(
            config, version, self._store, self._writer, self._delivery, self._uplink, self._windows, utc_ms
        )
        self._updates = self._make_updates()
        contents = Contents(self._store, self._writer, config.content.tag_table, self._windows, self._changes)
        access = _access(config)
        self._dialects = Dialects(config, self._windows, self._changes, access, self._rng)
        self._status.also("dialects", self._dialects)
        self._identities = IdentitySealer(config)
        self._status.also("privacy", self._identities)
        self._api = CounterApi(
            config,
            self._store,
            self._windows,
            self._status,
            Metrics(self._status).text,
            access,
            self._changes,
            self._identities.seal,
            self._more_routes(contents),
        )
        self._writer.recovered = self._ask_again
        self._stopping = asyncio.Event()

    def _make_updates(self) -> Updates:
        config, uplink = self._config, self._uplink
        made = Updates(config, self._store, self._writer, self._windows, utc_ms, time.monotonic, self._look)
        self._status.also("update", made)
        if config.update.key is not None and config.update.by_city:
            uplink.commands[uplink.topics.update] = made.command
        return made

    def _more_routes(self, contents: Contents) -> list[BaseRoute]:
        staff = StaffApi(self._store, self._writer, self._windows, contents)
        return [*staff.routes(), *UpdateApi(self._updates).routes(), *self._dialects.routes()]

    async def run(self, wait: bool, ready: Callable[[str], None]) -> None:
        """Start, serve until a signal, stop. With `wait` what is missing at the start is waited for.

        :raises UserError: (without `wait`) a port, the broker or the API's address cannot be used.
        """
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        sock = self._listen()
        tasks: list[asyncio.Task[None]] = []
        await self._writer.start()
        self._legacy.start()
        try:
            if not wait:
                await self._first_try()
            server = _Server(
                uvicorn.Config(
                    self._api.app(),
                    log_config=None,
                    access_log=False,
                    lifespan="off",
                    timeout_graceful_shutdown=1,
                    ws_max_size=BODY_LIMIT_BYTES,
                    ssl_certfile=self._config.api.cert_file,
                    ssl_keyfile=self._config.api.key_file,
                    server_header=False,
                )
            )
            tasks = [
                asyncio.create_task(_supervise("api", lambda: server.serve(sockets=[sock]), self._stopping)),
                asyncio.create_task(_supervise("uplink", lambda: self._uplink.run(self._rng), self._stopping)),
                asyncio.create_task(_supervise("health", self._send_health, self._stopping)),
                asyncio.create_task(_supervise("updates", self._updates.run, self._stopping)),
                *(
                    asyncio.create_task(
                        _supervise(f"window {window.section.id}", _again(window, self._rng), self._stopping)
                    )
                    for window in self._windows.values()
                ),
                *(asyncio.create_task(_supervise(name, part, self._stopping)) for name, part in self._dialects.parts()),
            ]
            self._listen_to_signals()
            ready(f"{self._config.api_scheme}://{self._config.agent.listen}/")
            await self._stopping.wait()
            server.should_exit = True
        finally:
            await self._stop(tasks, sock)

    def stop(self) -> None:
        """Ask for the end."""
        self._stopping.set()

    # --- start and stop

    def _listen(self) -> socket.socket:
        host, port = self._config.listen_host, self._config.listen_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.listen(64)
            sock.setblocking(False)
        except OSError as error:
            sock.close()
            reason = error.strerror or str(error)
            raise UserError(
                f"cannot listen: {reason}",
                self._config.agent.listen,
                "stop the program that uses the address, or change agent.listen",
            ) from None
        return sock

    async def _first_try(self) -> None:
        """Open every named port and the broker once.

        :raises UserError: (ManyUserErrors when there are several) what cannot be used.
        """
        windows = list(self._windows.values())
        results = await asyncio.gather(
            *(_first_answer(window) for window in windows), self._uplink.connect(), return_exceptions=True
        )
        faults = [result for result in results if isinstance(result, UserError)] + await self._dialects.first_try()
        if faults:
            raise faults[0] if len(faults) == 1 else ManyUserErrors(faults)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self._stopping.set)
            except NotImplementedError:  # Windows: signals come to the main thread
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._stopping.set))

    async def _stop(self, tasks: list[asyncio.Task[None]], sock: socket.socket) -> None:
        self._stopping.set()
        await self._uplink.stop()
        if tasks:
            await asyncio.wait(tasks[:1], timeout=STOP_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for window in self._windows.values():
            window.close()
        self._legacy.stop()
        self._dialects.close()
        self._services.close()
        sock.close()
        await self._writer.stop()
        self._store.close()
        self._lock.close()

    # --- between the parts

    def _ask_again(self) -> None:
        for window in self._windows.values():
            window.ask_again()

    def _outcome(self, window: str, invite: bytes, state: str) -> None:
        found = self._windows.get(window)
        if found is not None:
            found.outcome(invite, state)
            self._changes.changed(window)

    def _look(self, window: str) -> None:
        self._changed(self._windows[window])

    def _changed(self, window: Window) -> None:
        """Tell who listens, and the city a terminal's state; the uplink drops what has not changed."""
        self._changes.changed(window.section.id)
        if not window.section.has_terminal:
            return
        if window.connected and window.fault is None:
            state = _CITY_STATES.get(window.shown or "", "paused" if window.paused else "ready")
        elif window.connected:
            state = "fault"
        else:
            state = "lost"
        hello = window.hello or {}
        update = window.update.view() if window.update is not None else {}
        if update.get("state") == states.SWITCHING:
            state = "updating"
        self._uplink.set_terminal_state(
            window.section.terminal,
            {
                "state": state,
                "window": window.section.id,
                "firmware": hello.get("firmware"),
                "board": hello.get("board"),
                "uploader": window.section.uploader,
                "agent": self._config.agent.id,
                "manifest": update.get("running"),
                "update": {name: update.get(name) for name in ("state", "why", "manifest", "version")},
            },
        )

    async def _send_health(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_S)
            for window in self._windows.values():
                window.services.look()
            self._uplink.send_health(self._status.health())


class _Server(uvicorn.Server):
    """Leave the signals to the agent."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _access(config: Config) -> Access:
    try:
        return Access(config, time.monotonic)
    except OSError as error:
        raise UserError(
            f"cannot read a token: {error.strerror or error}", str(config.path), "check token_file and its rights"
        ) from None


def _again(window: Window, rng: random.Random) -> Callable[[], Awaitable[None]]:
    return lambda: window.run(rng)


async def _first_answer(window: Window) -> None:
    if not window.section.has_terminal or (window.section.port == "auto" and not window.port_there()):
        return
    await window.open()
    with contextlib.suppress(TimeoutError):
        await window.answered(FIRST_ANSWER_S)


async def _supervise(name: str, part: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run a part that must not die; one that fails is told and started again."""
    while not stopping.is_set():
        try:
            await part()
            if stopping.is_set():
                return
            _log.error("%s ended by itself", name)
        except Exception:  # noqa: BLE001, the supervisor
            _log.exception("%s failed; it is started again", name)
        await asyncio.sleep(RESTART_S)
