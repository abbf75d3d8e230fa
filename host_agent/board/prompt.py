"""The MicroPython prompt of a board, driven by mpremote's own code for the raw prompt and its paste mode.

Promise: every call ends within its limit; a cable that came out, a board that does not answer and an error on the board
are told apart. The board is not reset by opening the port or by entering the raw prompt, only by `make_room`.
"""

import contextlib
import errno
import os
import re
import struct
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import serial

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.board.ports import PortFinder
from host_agent.errors import UserError
from host_agent.ports import POSIX_FAULT

ANSWER_S = 10.0  # the longest that a statement may take; erasing much of a full flash is the slowest
ENTER_S = 3.0
_TRIES = 3
READ_S = 2.0  # the longest silence in the middle of a statement: an erase takes 0.4 s, a busy PC may take more
ROOM_BYTES = 100_000  # of free heap: reading a queue takes half of it, our firmware in work leaves an RP2040 79 KB
BACK_S = 20.0  # from a soft reset to the prompt: 1 s, and more on a station with many boards
_LOOK_S = 0.2
_QUIET_S = 0.05
_RAW = b"raw REPL; CTRL-B to exit\r\n"
_RESET = b"soft reboot\r\n"
_CTRL_A, _CTRL_C, _CTRL_D = b"\r\x01", b"\r\x03", b"\x04"
_ABOUT = """\
import gc, machine, binascii
gc.collect()
print(gc.mem_free(), binascii.hexlify(machine.unique_id()).decode())
"""

try:
    from mpremote.transport import TransportError
    from mpremote.transport_serial import SerialTransport
except ImportError:  # the agent of a counter PC has no use for it
    SerialTransport, TransportError = None, OSError  # nothing raises it then: `require` comes before every prompt


class PromptError(Exception):
    """The board answered with an error; the text is its last line."""


if SerialTransport is not None:

    class _RawPrompt(SerialTransport):
        """mpremote's raw prompt, which here waits for bytes instead of looking for them, and prints nothing."""

        def read_until(
            self,
            min_num_bytes: int,
            ending: bytes,
            timeout: float | None = ANSWER_S,
            data_consumer: Callable[[bytes], None] | None = None,
            timeout_overall: float | None = None,
        ) -> bytes:
            """Return what came up to `ending`, or before `timeout` seconds passed without a byte.

            `data_consumer` gets each byte, and nothing at all while the board is silent.
            """
            data = bytearray()
            silent_since = began = time.monotonic()
            while not data.endswith(ending):
                new = self.serial.read(1)
                now = time.monotonic()
                if data_consumer is not None:
                    data_consumer(new)
                if new:
                    data += new
                    silent_since = now
                elif timeout is not None and now - silent_since >= timeout:
                    break
                elif timeout_overall is not None and now - began >= timeout_overall:
                    break
            return bytes(data)

        def enter_raw_repl(self, soft_reset: bool = False, timeout_overall: float = ENTER_S) -> None:
            """Stop what runs and enter the raw prompt, without a reset. Raises TransportError."""
            deadline = time.monotonic() + timeout_overall
            port: Any = self.serial  # what `mount` would put in its place is never there
            while time.monotonic() < deadline:
                self.serial.write(_CTRL_C * 2)
                while port.read(max(1, port.in_waiting)):
                    if time.monotonic() > deadline:  # it prints on and on: no prompt
                        raise TransportError("no prompt")
                self.serial.write(_CTRL_A)
                if self.read_until(1, _RAW, timeout_overall / _TRIES, None, timeout_overall / _TRIES).endswith(_RAW):
                    self.in_raw_repl = True
                    return
            raise TransportError("no prompt")


class Prompt:
    """An open port at whose other end MicroPython's prompt answers; a context manager that gives the port back."""

    def __init__(self, port: str) -> None:
        """Open the port and enter the raw prompt.

        :raises BoardFault: the port does not open, or nothing answers as a prompt does.
        """
        require()
        self.port = port
        self._transport: Any = None
        self._try(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, code: str, limit_s: float = ANSWER_S, heard: Callable[[bytes], None] | None = None) -> str:
        """Run statements on the board and return what they printed; `heard` gets it as it comes, and b"" in silence.

        :raises BoardFault: the board is gone or silent; PromptError: the statements failed.
        """
        out, error = self._try(lambda: self._transport.exec_raw(code, limit_s, heard))
        if error:
            last = (error.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1]
            if re.search(r"\b(28|ENOSPC)\b", last):
                cure = "take a board with more flash, or one whose flash was erased"
                raise BoardFault(faults.FULL, "the board's flash is full", self.port, cure)
            raise PromptError(last)
        return out.decode("utf-8", "replace").replace("\r\n", "\n")

    def start(self, code: str) -> None:
        """Run statements after which the board goes away, such as a reset; it may be gone before its answer is read.

        :raises BoardFault: the board is there and does not take them.
        """
        try:
            self._try(lambda: self._transport.exec_raw_no_follow(code))
        except BoardFault as error:
            if error.code != faults.UNPLUGGED:
                raise

    def make_room(self, ports: Callable[[], Iterable[str]]) -> bool:
        """Let a program that was interrupted leave the board's memory, if it is in the way; return whether it was.

        A soft reset out of the raw prompt runs boot.py and not main.py. USB that boot.py set up goes away with it and
        comes back: `ports` returns where the board may be then.
        :raises BoardFault: it does not come back within BACK_S, or does not tell its memory.
        """
        free_bytes, own = self._about()
        if free_bytes >= ROOM_BYTES:
            return False
        self._soft_reset()
        deadline = time.monotonic() + BACK_S
        trouble: BoardFault | None = None
        while True:
            for port in ports():
                try:
                    trouble = self._reopen(port, own)
                except BoardFault as error:
                    trouble = error
                if trouble is None:
                    return True
            if time.monotonic() > deadline:
                raise trouble or faults.unplugged(self.port)
            time.sleep(_LOOK_S)

    def _soft_reset(self) -> None:
        """Begin a soft reset and give the port back."""
        transport, self._transport = self._transport, None
        with contextlib.suppress(OSError, TransportError, POSIX_FAULT):
            transport.serial.write(_CTRL_D)
            transport.read_until(1, _RESET, READ_S, None, READ_S)
        with contextlib.suppress(OSError, POSIX_FAULT):
            transport.serial.close()

    def _reopen(self, port: str, own: str) -> BoardFault | None:
        """Open the prompt of the board with an id; return why it is not at a port. Raises BoardFault."""
        self.port = port
        self._try(self._open)
        _, found = self._about()
        if found == own:
            return None
        self.close()
        return faults.another_board(port, f"board {own}", f"board {found}")

    def _about(self) -> tuple[int, str]:
        """Return the bytes that are free in memory, and the chip's unique id. Raises BoardFault."""
        try:
            free, uid = self.run(_ABOUT).split()[-2:]
            return int(free), uid
        except (PromptError, ValueError) as error:
            cure = "plug it in again; if it happens again, flash it anew"
            raise BoardFault(faults.BOARD, f"the board tells nothing of itself: {error}", self.port, cure) from None

    def close(self) -> None:
        """Leave the raw prompt and give the port back; whatever happens to it then is no matter."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        for step in (transport.exit_raw_repl, transport.close, transport.serial.close):
            try:
                step()
            except (OSError, TransportError):
                continue

    def _open(self) -> None:
        self._transport = _RawPrompt(self.port, timeout=READ_S)
        self._transport.serial.write_timeout = ANSWER_S
        try:
            self._transport.serial.timeout = _QUIET_S
            self._transport.enter_raw_repl()
            self._transport.serial.timeout = READ_S
        except BaseException:
            self._transport.serial.close()
            self._transport = None
            raise

    def _try(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except serial.SerialTimeoutException:
            raise self._silent() from None
        except TransportError as error:
            if "failed to access" in str(error):
                if self._is_gone():
                    here = ", ".join(port for board in PortFinder().look() for port in board.devices)
                    cure = f"plug the board in and name its port; boards are at: {here or 'no port'}"
                    raise BoardFault(faults.NO_ANSWER, "there is no such port", self.port, cure) from None
                cure = "close every program that uses it (one may hold it), and check your rights to it"
                raise BoardFault(faults.NO_ANSWER, "the port does not open", self.port, cure) from None
            raise self._silent() from None
        except (struct.error, IndexError, AssertionError):
            raise self._silent() from None
        except (OSError, POSIX_FAULT) as error:  # of pyserial, too: a port that vanished
            if getattr(error, "errno", None) == errno.EACCES:
                cure = "give this user the right (on Linux: the group that owns the port)"
                raise BoardFault(faults.NO_ANSWER, "no right to open the port", self.port, cure) from None
            raise faults.unplugged(self.port) from None

    def _silent(self) -> BoardFault:
        """Return why nothing is heard: a driver may keep an open port silent after its device went."""
        return faults.unplugged(self.port) if self._is_gone() else faults.no_answer(self.port)

    def _is_gone(self) -> bool:
        return os.path.isabs(self.port) and not os.path.lexists(self.port)


def require() -> None:
    """See that boards can be driven here.

    :raises UserError: the extra is not installed.
    """
    if SerialTransport is None:
        what = "the package mpremote is not installed, so no board can be reached at its prompt"
        raise UserError(what, "extra provision", 'install it: pip install "yiping[provision]"')
