"""The thread in which a terminal lives in real time, and calls into it from other threads."""

import selectors
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from simulator.engine import Engine
from simulator.errors import SimError

CALL_TIMEOUT_S = 60.0

Result = TypeVar("Result")


class Runner:
    """Runs `engine.serve` in a thread; `selector` is shared with what else the thread waits for."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.error: BaseException | None = None
        self._engine = engine
        self._stopping = False
        self._lock = threading.Lock()
        self._calls: list[tuple[Callable, Future]] = []
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self.selector.register(self._wakee, selectors.EVENT_READ, self._run_calls)
        engine.on_started = lambda bus: self.selector.register(bus, selectors.EVENT_READ, engine.receive)
        engine.on_stopped = self.selector.unregister
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def do(self, call: Callable[[], Result]) -> Result:
        """Run `call` in the thread and return its result. Raises what it raises, SimError when the thread is gone."""
        if threading.current_thread() is self._thread:
            return call()
        future: Future = Future()
        with self._lock:
            if self.error is not None or not self._thread.is_alive():
                raise SimError(f"the simulated terminal failed: {self.error!r}") from self.error
            self._calls.append((call, future))
        self._wake()
        try:
            return future.result(CALL_TIMEOUT_S)
        except TimeoutError as error:
            raise SimError("the simulated terminal does not answer") from error

    def stop(self) -> None:
        """End the thread; calls that still wait fail."""
        self._stopping = True
        self._wake()
        self._thread.join(CALL_TIMEOUT_S)
        self.selector.close()
        self._waker.close()
        self._wakee.close()

    def _serve(self) -> None:
        try:
            self._engine.serve(self.selector, lambda: self._stopping)
        except BaseException as error:  # noqa: BLE001 - whoever calls next is told
            self.error = error
        with self._lock:
            calls, self._calls = self._calls, []
        for _, future in calls:
            future.set_exception(SimError(f"the simulated terminal failed: {self.error!r}"))

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            pass  # a wake-up is on its way already

    def _run_calls(self) -> None:
        self._wakee.recv(4096)
        with self._lock:
            calls, self._calls = self._calls, []
        for call, future in calls:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                future.set_exception(error)
