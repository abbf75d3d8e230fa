"""Runs under MicroPython: what a press takes and allocates in the terminal's own code, without chips, and what known
work takes here. Prints one JSON object. Times are in µs of this machine, the shortest of many: a board has no cache
that could be cold and nobody else on its processor.

    firmware_press.py FILES PRESSES
"""

import gc
import json
import sys
import time

import cryptolib

from app.clock import Clock
from app.desk import Desk
from app.policy import Policy
from app.recorder import Recorder
from app.session import Session
from protocol import ccm, messages, sealing
from store import journal
from tests.both.desk_room import Link, Rtc, Ticks
from tests.both.hall import CLERK, invite_id
from ui.canvas import Canvas
from ui.display import Display
from ui.glyphs import open_packs
from ui.panel import Panel
from ui.strings import Strings

SECTORS = 24
GUARD_MS, CHORD_MS, HELD_MS, AFTER_MS = 800, 50, 120, 12_000


class Flash:
    """A chip that takes no time."""

    def __init__(self):
        self.size = SECTORS * 4096
        self.image = bytearray(self.size)
        for start in range(0, self.size, 4096):
            self.erase_start(start)

    def read_into(self, address, buffer):
        """Fill the buffer."""
        buffer[:] = self.image[address : address + len(buffer)]

    def program(self, address, data):
        """Write."""
        self.image[address : address + len(data)] = data
        return True

    def erase_start(self, address):
        """Erase at once."""
        self.image[address : address + 4096] = b"\xff" * 4096

    def busy(self):
        """Return that nothing is under way."""
        return False

    def wait(self):
        """Return that nothing is under way."""
        return True

    def suspend(self):
        """Return that there was nothing to suspend."""
        return False

    def resume(self):
        """Do nothing."""


class NotingJournal(journal.Journal):
    """Note when an event is durable."""

    durable_us = 0

    def append_event(self, seq, event):
        """Append and note."""
        super().append_event(seq, event)
        self.durable_us = time.ticks_us()


class NotingCcm:
    """Note how long the last CCM took: the work whose time on the board is known."""

    took_us = 0
    _seal = ccm.seal

    @staticmethod
    def seal(cipher, nonce, plaintext, aad):
        """Seal and note."""
        start = time.ticks_us()
        sealed = NotingCcm._seal(cipher, nonce, plaintext, aad)
        NotingCcm.took_us = time.ticks_diff(time.ticks_us(), start)
        return sealed


class CountingCipher:
    """Count blocks."""

    blocks = 0

    def __init__(self, secret):
        self._cipher = cryptolib.aes(secret, 1)

    def encrypt(self, data):
        """Encrypt and count."""
        CountingCipher.blocks += len(data) // 16
        return self._cipher.encrypt(data)


class Glass:
    """Note when pixels would leave for the display; lamps and buzzer too."""

    sent_us = 0

    def blit(self, x, y, width, height, pixels):
        """Note."""
        self.sent_us = time.ticks_us()

    def set(self, lit):
        """Do nothing."""

    def tone(self, freq_hz):
        """Do nothing."""

    def off(self):
        """Do nothing."""


class CountingCanvas(Canvas):
    """Count the pixels of glyphs."""

    glyph_pixels = 0

    def _glyph(self, pack, index, x, y, ink, paper):
        self.glyph_pixels += pack.size * pack.size  # a cell of full width has a row or two more
        super()._glyph(pack, index, x, y, ink, paper)


class Terminal:
    """The terminal as main.py puts it together, without chips and link."""

    def __init__(self, files, aes, canvas):
        self.ticks = Ticks(1_000)
        self.clock = Clock(self.ticks.ticks_ms, self.ticks.ticks_diff, Rtc())
        flash = Flash()
        journal.format_chip(flash, b"journal1")
        self.journal = NotingJournal(flash, b"journal1")
        self.journal.mount()
        sealer = sealing.Sealer(aes, sealing.event_key(bytes(32), 1), "YP-0001", 1)
        recorder = Recorder(self.journal, sealer, self.clock, False)
        self.glass = Glass()
        self.canvas = canvas(self.glass, open_packs(files + "/assets", files + "/packs"))
        self.display = Display(self.canvas, Strings())
        session = Session(Policy(), self.journal.known_invites, 0)
        panel = Panel(self.display, self.glass, self.glass, None)
        self.desk = Desk(session, recorder, self.clock, panel, journal.JournalFull, journal.JournalError)
        self.desk.link = Link([])
        self.recorder = recorder
        self.desk.begin(1, None, 0)
        self.desk.link_event(("request", messages.CLERK, 1, {"clerk": CLERK}))
        self._invites = 0

    def wait(self, ms):
        """Let time pass, with the work that is done meanwhile."""
        end = self.clock.now_ms() + ms
        while self.clock.now_ms() < end:
            due = self.desk.tick()
            while self.display.paint():
                pass
            while self.journal.idle(self.clock.now_ms()):
                pass
            self.ticks.ms += max(1, min(due, end) - self.clock.now_ms())
        for seq in range(self.recorder.first(), self.recorder.last() + 1):
            self.recorder.acknowledge(seq)
        self.desk.link.log.clear()

    def ready(self, key):
        """Invite, and let a key go down so that its press is decided at the next tick."""
        self._invites += 1
        values = {"invite": invite_id(self._invites), "age_ms": 0, "ttl_ms": 9_000, "timeout_ms": 0, "origin": 1}
        values["qr"] = None
        self.desk.link_event(("request", messages.INVITE, 2, values))
        self.wait(GUARD_MS)
        self.desk.key(key, True, self.ticks.ticks_ms())
        self.desk.tick()
        self.ticks.ms += CHORD_MS

    def rest(self, key):
        """Let the key go and the rating end."""
        self.ticks.ms += HELD_MS
        self.desk.key(key, False, self.ticks.ticks_ms())
        self.wait(AFTER_MS)


def timed(files, presses):
    """Return what it takes to durable, CCM in it, on to lamps and tone, for the first strip, and for all of them."""
    ccm.seal = NotingCcm.seal
    terminal = Terminal(files, aes, Canvas)
    rows = []
    for n in range(presses):
        key = 1 + n % 5
        terminal.ready(key)
        gc.collect()
        start = time.ticks_us()
        terminal.desk.tick()
        answered = time.ticks_us()
        terminal.display.paint()
        durable, sent = terminal.journal.durable_us, terminal.glass.sent_us
        while terminal.display.paint():
            pass
        last = terminal.glass.sent_us
        rows.append((durable - start, NotingCcm.took_us, answered - durable, sent - answered, last - answered))
        terminal.rest(key)
    ccm.seal = NotingCcm._seal
    return [min([row[i] for row in rows]) for i in range(5)]


def counted(files):
    """Return what one press has of work whose price on the board is known, and the event's size."""
    terminal = Terminal(files, CountingCipher, CountingCanvas)
    terminal.ready(1)
    CountingCipher.blocks = 0
    terminal.desk.tick()
    blocks = CountingCipher.blocks
    terminal.canvas.glyph_pixels = 0
    terminal.display.paint()
    first = terminal.canvas.glyph_pixels
    while terminal.display.paint():
        pass
    return blocks, first, terminal.canvas.glyph_pixels, len(terminal.recorder.read(terminal.recorder.last())[1])


def allocated(files):
    """Return the bytes that a press, its first strip, and its acknowledgement allocate; the second one is measured."""
    terminal = Terminal(files, aes, Canvas)
    for key in (1, 2):
        terminal.ready(key)
        press = spent(terminal.desk.tick)
        paint = spent(terminal.display.paint)
        ack = spent(lambda: terminal.recorder.acknowledge(terminal.recorder.last()))
        terminal.rest(key)
    return press, paint, ack


def spent(call):
    """Return the bytes that a call allocates."""
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    call()
    after = gc.mem_alloc()
    gc.enable()
    return after - before


def aes(secret):
    """Return the platform's AES in ECB mode."""
    return cryptolib.aes(secret, 1)


def main():
    """Measure and print."""
    files, presses = sys.argv[1], int(sys.argv[2])
    durable, ccm_us, answer, strip, strips = timed(files, presses)
    blocks, glyph_pixels, all_glyph_pixels, event_bytes = counted(files)
    press, paint, ack = allocated(files)
    print(
        json.dumps(
            {
                "durable_us": durable,
                "answer_us": answer,
                "strip_us": strip,
                "strips_us": strips,
                "aes_blocks": blocks,
                "glyph_pixels": glyph_pixels,
                "all_glyph_pixels": all_glyph_pixels,
                "event_bytes": event_bytes,
                "press_alloc_bytes": press,
                "paint_alloc_bytes": paint,
                "acknowledge_alloc_bytes": ack,
                "ccm_us": ccm_us,
            }
        )
    )


main()
