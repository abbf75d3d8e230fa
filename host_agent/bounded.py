"""Runs a blocking call with a limit on the time anyone waits for it.

Promise: a call that hangs (a port's driver, a name server) costs one daemon thread, never the event loop or the
exit.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar, cast

_T = TypeVar("_T")


async def call(work: Callable[[], _T], timeout_s: float, abandoned: Callable[[_T], None] | None = None) -> _T:
    """Return what `work` returns; a result that comes after the time is given to `abandoned` on its thread.

    :raises TimeoutError: it took longer; whatever `work` raises.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()
    left = threading.Event()

    def settle(result: _T, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def run() -> None:
        result, error = cast(_T, None), None
        try:
            result = work()
        except Exception as caught:  # noqa: BLE001, handed to the waiting side
            error = caught
        if not left.is_set():
            try:
                loop.call_soon_threadsafe(settle, result, error)
                return
            except RuntimeError:  # the loop has closed meanwhile
                left.set()
        if error is None and abandoned is not None:
            abandoned(result)

    threading.Thread(target=run, name=f"bounded-{getattr(work, '__name__', 'call')}", daemon=True).start()
    try:
        return await asyncio.wait_for(asyncio.shield(future), timeout_s)
    except (TimeoutError, asyncio.CancelledError):
        left.set()
        future.cancel()
        raise
