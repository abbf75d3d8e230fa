"""Moves bytes between an open port and the event loop; one object = one opening of the port.

Promise: `received` gets whatever came, in blocks; any I/O error, end of stream or stuck output calls `lost` once, and
the object is then of no more use: the port is opened anew, never the handle reused.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol

from host_agent import bounded
from host_agent.config_model import WindowSection

READ_BYTES = 65_536
# What may wait for a port that does not take it; a link's window is 64 events of some 200 bytes, requests are few.
OUTPUT_LIMIT_BYTES = 65_536
CLOSE_S = 2.0
_THREAD_READ_S = 0.5
_THREAD_WRITE_S = 2.0

Received = Callable[[bytes], None]
Lost = Callable[[str], None]


def _nobody(_news: object) -> None:
    """Stand for the listener until `start` names one."""


class Transport:
    """Stand for an open port; every method belongs to the event loop."""

    def start(self, received: Received, lost: Lost) -> None:
        """Begin to deliver."""
        raise AssertionError("a transport starts in its own way")

    def write(self, data: bytes) -> None:
        """Send, without waiting."""
        raise AssertionError("a transport writes in its own way")

    def close(self) -> None:
        """Let go of the port; `lost` is not called any more."""
        raise AssertionError("a transport closes in its own way")


class Opener(Protocol):
    """Find and open what leads to a window's terminal."""

    def find(self, section: WindowSection) -> str:
        """Return the name of what to open; raises UserError when it is not there."""
        raise NotImplementedError

    async def open(self, name: str) -> Transport:
        """Open it; raises UserError."""
        raise NotImplementedError


class FdTransport(Transport):
    """Drive a port that has a file descriptor from the event loop itself: no thread, one read a block."""

    def __init__(self, port: Any, fd: int) -> None:
        """Take over `port`, a pyserial object whose descriptor does not block."""
        self._port = port
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._received: Received = _nobody
        self._tell_lost: Lost = _nobody
        self._output = bytearray()
        self._closed = False

    def start(self, received: Received, lost: Lost) -> None:
        """Begin to deliver."""
        self._received, self._tell_lost = received, lost
        self._loop.add_reader(self._fd, self._readable)

    def write(self, data: bytes) -> None:
        """Send, without waiting; what the port does not take now follows later."""
        if self._closed or not data:
            return
        if self._output:
            self._output += data
        else:
            sent = self._send(data)
            if sent == len(data) or self._closed:
                return
            self._output += data[sent:]
            self._loop.add_writer(self._fd, self._writable)
        if len(self._output) > OUTPUT_LIMIT_BYTES:
            self._lose("the port takes no data")

    def close(self) -> None:
        """Let go of the port, on a thread: a driver may hang in close."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        threading.Thread(target=_close_quietly, args=(self._port,), name="port-close", daemon=True).start()

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error.strerror or str(error))
            return
        if data:
            self._received(data)
        else:
            # Readable without data is how a pulled adapter and a closed peer show (pyserial judges the same).
            self._lose("the device went away")

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._lose(error.strerror or str(error))
            return 0

    def _writable(self) -> None:
        sent = self._send(self._output)
        del self._output[:sent]
        if not self._output and not self._closed:
            self._loop.remove_writer(self._fd)

    def _lose(self, reason: str) -> None:
        if not self._closed:
            self.close()
            self._loop.call_soon(self._tell_lost, reason)


class ThreadTransport(Transport):
    """Drive any other port (COM on Windows, rfc2217://) with a thread for each direction."""

    def __init__(self, port: Any) -> None:
        """Take over `port`, a pyserial object."""
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._received: Received = _nobody
        self._tell_lost: Lost = _nobody
        self._output: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._closed = False

    def start(self, received: Received, lost: Lost) -> None:
        """Begin to deliver."""
        self._received, self._tell_lost = received, lost
        self._port.timeout = _THREAD_READ_S
        self._port.write_timeout = _THREAD_WRITE_S
        for work in (self._read, self._write):
            threading.Thread(target=work, name=f"port{work.__name__}", daemon=True).start()

    def write(self, data: bytes) -> None:
        """Send, without waiting."""
        if self._closed or not data:
            return
        self._waiting_bytes += len(data)
        if self._waiting_bytes > OUTPUT_LIMIT_BYTES:
            self._lose("the port takes no data")
        else:
            self._output.put(data)

    def close(self) -> None:
        """Let go of the port, on a thread: a driver may hang in close."""
        if self._closed:
            return
        self._closed = True
        self._output.put(None)
        threading.Thread(target=_close_quietly, args=(self._port,), name="port-close", daemon=True).start()

    def _read(self) -> None:
        while not self._closed:
            try:
                data = self._port.read(max(1, min(self._port.in_waiting, READ_BYTES)))
            except Exception as error:  # noqa: BLE001, drivers raise TypeError and more when pulled; all mean lost
                self._post(self._lose, str(error) or "the device went away")
                return
            if data:
                self._post(self._deliver, data)

    def _write(self) -> None:
        while (data := self._output.get()) is not None:
            try:
                self._port.write(data)
            except Exception as error:  # noqa: BLE001, as above
                self._post(self._lose, str(error) or "the port takes no data")
                return
            self._post(self._wrote, len(data))

    def _post(self, function: Callable[[Any], None], value: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, value)
        except RuntimeError:  # the loop has closed: the program ends
            self._closed = True

    def _deliver(self, data: bytes) -> None:
        if not self._closed:
            self._received(data)

    def _wrote(self, size: int) -> None:
        self._waiting_bytes -= size

    def _lose(self, reason: str) -> None:
        if not self._closed:
            self.close()
            self._tell_lost(reason)


def _close_quietly(port: Any) -> None:
    try:
        port.close()
    except Exception:  # noqa: BLE001, the handle is given up either way
        return


async def open_transport(opener: Callable[[], Any], timeout_s: float) -> Transport:
    """Open a port on a thread of its own and return its transport.

    :raises TimeoutError: the driver hangs; whatever `opener` raises.
    """
    port = await bounded.call(opener, timeout_s, _close_quietly)
    fd = _plain_descriptor(port)
    return FdTransport(port, fd) if fd is not None else ThreadTransport(port)


def _plain_descriptor(port: Any) -> int | None:
    """Return a descriptor that reads and writes the bytes as they are and fits the event loop, None for none."""
    if os.name != "posix" or type(port).__module__ not in ("serial.serialposix", "serial.urlhandler.protocol_socket"):
        return None
    return port.fileno()
