"""Models old FF68 five-key raters on one RS-485 bus, and what goes wrong with them; the bus is a pty.

Written from the field's frames alone, without the agent's code, so that each judges the other:
    FF 68 LEN LEN 68 ADDR FUNC DATA… CS 16     CS = (ADDR + FUNC + ΣDATA) mod 256, LEN counts ADDR, FUNC and DATA
A rater takes one press after a begin (01 0B), sends its grade (11) and repeats it until it hears an acknowledgement
(its address without data, or its own grade) or has tried often enough.
Not modelled: voltages, bit timing, what a rater says aloud. Which press a real rater keeps differs by maker.
"""

import contextlib
import os
import random
import select
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path

from simulator.serial_port import claim_link

KEYS = (1, 2, 3, 4, 5)
# Key 1, leftmost, is the best: grade 4 (很好); key 5 is 差, grade 0.
GRADE_OF_KEY = {1: 4, 2: 3, 3: 2, 4: 1, 5: 0}
RESEND_S = 0.5
TRIES = 5
EVALUATION_S = 60.0
_BYTE_S = 10 / 9_600
_LONGEST = 40


def frame(address: int, function: int, data: bytes = b"") -> bytes:
    """Return a whole frame."""
    body = bytes((address, function)) + data
    return bytes((0xFF, 0x68, len(body), len(body), 0x68)) + body + bytes((sum(body) & 0xFF, 0x16))


def frames_in(held: bytearray) -> list[tuple[int, int, bytes]]:
    """Take whole frames (address, function, data) out of `held`; what cannot begin one is dropped."""
    found = []
    while (start := held.find(b"\x68")) >= 0:
        del held[:start]
        if len(held) < 4:
            break
        size = held[1]
        if held[2] != size or held[3] != 0x68 or not 2 <= size <= _LONGEST:
            del held[0]
        elif len(held) < size + 6:
            break
        elif held[size + 4] == sum(held[4 : size + 4]) & 0xFF and held[size + 5] == 0x16:
            found.append((held[4], held[5], bytes(held[6 : size + 4])))
            del held[: size + 6]
        else:
            del held[0]
    else:
        held.clear()
    return found


class LegacyRater:
    """One rater at its address; `say` puts bytes on the bus."""

    def __init__(self, address: int, bare: bool, say: Callable[[bytes], None]) -> None:
        self.address = address
        self.source = address if bare else address + 0x80
        self.stars: int | None = None
        self.begun = 0  # how many evaluations were begun
        self.acknowledged = 0
        self.open_until_s: float | None = None
        # faults
        self.deaf = False  # hears no acknowledgement
        self.always_open = False  # sends a grade without having been asked
        self.wrong_checksum = False
        self.double = False  # each press sends two grades at once
        self.late_s = 0.0  # between press and first sending
        self._say = say
        self._unsent: bytes | None = None
        self._due_s = 0.0
        self._tries = 0

    @property
    def evaluates(self) -> bool:
        """Tell whether a press now makes a grade."""
        return self.always_open or (self.open_until_s is not None and time.monotonic() < self.open_until_s)

    @property
    def evaluated_for_s(self) -> float:
        """Return how long the evaluation has been open, 0 when none is."""
        return 0.0 if self.open_until_s is None else time.monotonic() - (self.open_until_s - EVALUATION_S)

    @property
    def waits(self) -> bool:
        """Tell whether a grade is still to be said or acknowledged."""
        return self._unsent is not None

    def press(self, key: int) -> bool:
        """Press key 1 to 5; tell whether the rater made a grade of it."""
        return self.press_grade(GRADE_OF_KEY[key])

    def press_grade(self, grade: int) -> bool:
        """Press a key that stands for any grade; tell whether the rater made a grade of it."""
        if not self.evaluates:
            return False
        self.open_until_s = None
        data = bytearray(frame(self.source, 0x11, bytes((grade,))))
        if self.wrong_checksum:
            data[-2] ^= 0x5A
        self._unsent, self._tries = bytes(data) * (2 if self.double else 1), TRIES
        self._due_s = time.monotonic() + self.late_s
        return True

    def hear(self, address: int, function: int, data: bytes) -> None:
        """Take a frame of the host."""
        if address & 0x7F != self.address:
            return
        if function == 0x02 and data:
            self.stars = data[0]
        elif function == 0x01 and data == b"\x0b":
            self.begun += 1
            self.open_until_s = time.monotonic() + EVALUATION_S
        elif function == 0x01 and self._unsent is not None and not self.deaf:
            self.acknowledged += 1
            self._unsent = None

    def tick(self, now_s: float) -> None:
        """Send what is due."""
        if self._unsent is None or now_s < self._due_s:
            return
        self._say(self._unsent)
        self._tries -= 1
        self._due_s = now_s + RESEND_S
        if not self._tries:
            self._unsent = None


class RaterBus:
    """Raters on one bus, behind an adapter whose device file is `link`; runs on a thread of its own."""

    def __init__(self, link: Path, addresses: tuple[int, ...] = (1,), bare: bool = False, echo: bool = False) -> None:
        claim_link(link)
        self.link = link
        self.echo = echo  # a two-wire adapter that hears itself
        self.chunk: int | None = None  # bytes in one delivery, to split reads
        self.raters = {address: LegacyRater(address, bare, self._say) for address in addresses}
        self.heard: list[bytes] = []  # what the host wrote, by reads
        self._lock = threading.RLock()
        self._held = bytearray()
        self._master: int | None = None
        self._slave: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rater-bus", daemon=True)

    def start(self) -> "RaterBus":
        """Plug the adapter in and let time pass."""
        self.plug()
        self._thread.start()
        return self

    def close(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()
        self.unplug()

    def plug(self) -> None:
        """Make the adapter's device file."""
        with self._lock:
            if self._master is not None:
                return
            # The slave stays open here too: an adapter does not go when a program closes its port.
            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            part = self.link.with_name(f"{self.link.name}.part")
            os.symlink(os.ttyname(self._slave), part)
            os.replace(part, self.link)

    def unplug(self) -> None:
        """Pull the adapter: its file vanishes, and whoever has it open sees the end."""
        with self._lock:
            if self._master is None or self._slave is None:
                return
            with contextlib.suppress(FileNotFoundError):
                self.link.unlink()
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = None

    def rater(self, address: int | None = None) -> LegacyRater:
        """Return the rater of an address, the first one without."""
        return next(iter(self.raters.values())) if address is None else self.raters[address]

    def press(self, key: int, address: int | None = None) -> bool:
        """Press a key of a rater, of the only one without address; tell whether it made a grade."""
        with self._lock:
            return self.rater(address).press(key)

    def noise(self, data: bytes | None = None) -> None:
        """Put rubbish on the bus."""
        with self._lock:
            self._say(random.Random(7).randbytes(30) if data is None else data)

    def stranger(self, grade: int = 4, address: int = 0x7E) -> None:
        """Let a rater speak that nobody knows here."""
        with self._lock:
            self._say(frame(address | 0x80, 0x11, bytes((grade,))))

    def _say(self, data: bytes) -> None:
        if self._master is None:
            return
        step = self.chunk or len(data)
        for at in range(0, len(data), step):
            with contextlib.suppress(BlockingIOError, OSError):
                os.write(self._master, data[at : at + step])
            if self.chunk:
                self._stopping.wait(step * _BYTE_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                master = self._master
            ready = _is_ready(master) if master is not None else self._stopping.wait(0.01)
            with self._lock:
                if ready and master == self._master:
                    self._read()
                now_s = time.monotonic()
                for rater in self.raters.values():
                    rater.tick(now_s)

    def _read(self) -> None:
        try:
            data = os.read(self._master or 0, 4096)
        except OSError:
            return
        self.heard.append(data)
        if self.echo:
            self._say(data)
        self._held += data
        for address, function, content in frames_in(self._held):
            for rater in self.raters.values():
                rater.hear(address, function, content)


def _is_ready(fd: int) -> bool:
    """Wait a moment for bytes; the adapter may be pulled meanwhile."""
    try:
        return bool(select.select([fd], [], [], 0.01)[0])
    except (OSError, ValueError):
        return False
