"""Measures how fast a firmware reaches a terminal: an update over the link, and the files of `yiping flash`.

The update: the whole firmware on the simulated board in virtual time, fed by the agent's own link code, over USB and
over a line of 115,200 baud with 10 bits a byte. Sent are the signed manifest and what the running slot has not just so;
what it has is copied inside the terminal, packs that are there stay. Neither the processor's time nor that of the
internal flash is in it: the time is the link's. The limit is that of full blocks, one right after the other.

The files: the stage of `yiping flash` that writes them, and mpremote as it comes, put the same files onto a new board
with a real MicroPython behind a pty, one after the other; time is the clock's. mpremote is asked in two ways: by the
port's own name, and by its pty's, which it knows how to wait for; at any other port it looks every 10 ms for bytes.
"""

import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from host_agent.bundle.contents import Bundle
from protocol import content, frame, messages, reasons
from tests.bench import figures
from tests.bench.update_files import MPREMOTE_PORT, MPREMOTE_PTY, OWN, files_of, rate
from tests.device import new_firmware
from tests.device.counter import Counter
from tests.device.serial_line import Line
from tests.unit.line import Channel

BAUD = 115_200
SERIAL_LIMIT_BYTES_PER_S = BAUD / 10
TURNAROUNDS_MS = (2, 22)

Say = Callable[[str], None]


def measure(repetitions: int, say: Say) -> dict[str, float]:
    """Return the medians of the repetitions.

    Measured once: the link's figures, which are always the same, and mpremote by the port's name, which takes minutes.
    """
    found = over_the_link(say)
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        files = files_of("k5")
        found |= copying(Path(folder, "once"), files, MPREMOTE_PORT)
        say(f"{found['update_mpremote_cp_bytes_per_s']:.0f} bytes a second by mpremote cp")
        for number in range(1, repetitions + 1):
            runs.append(copying(Path(folder, str(number)), files, MPREMOTE_PTY))
            say(
                f"{number}/{repetitions}: {runs[-1]['update_flash_to_mpremote_cp_by_its_pty_ratio']:.3g} times mpremote"
            )
    return found | figures.medians(runs)


def over_the_link(say: Say) -> dict[str, float]:
    """Return the figures of updates, of a firmware that is all new and of one that differs in its version only."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        new = new_firmware.later(Path(folder), renewed=True)
        alike = new_firmware.later(Path(folder, "alike"))
        for name, channel in _lines().items():
            sent = brought(Path(folder, name), new, channel)
            rate_per_s = 1000 * sent.sent_bytes / sent.took_ms
            found[f"update_{name}_bytes_per_s"] = rate_per_s
            if channel is not None:
                found[f"update_{name}_share_of_limit"] = rate_per_s / (SERIAL_LIMIT_BYTES_PER_S * payload_share())
            found[f"update_{name}_all_new_s"] = sent.took_ms / 1000
            say(f"{name}: {sent.sent_bytes} bytes sent, {sent.copied_bytes} copied, in {sent.took_ms} ms")
        again = brought(Path(folder, "again"), alike, _lines()["rs232_turnaround_2_ms"])
        found |= {
            "update_all_new_sent_bytes": sent.sent_bytes, "update_all_new_copied_bytes": sent.copied_bytes,
            "update_kept_pack_bytes": sent.kept_bytes,
            "update_version_only_sent_bytes": again.sent_bytes, "update_version_only_copied_bytes": again.copied_bytes,
            "update_version_only_rs232_s": again.took_ms / 1000,
        }  # fmt: skip
    return found


def _lines() -> dict[str, Channel | None]:
    """Return the lines by name; None is the USB cable itself."""
    return {
        **{f"rs232_turnaround_{ms}_ms": Channel(baud=BAUD, delay_ms=ms / 2) for ms in TURNAROUNDS_MS},
        "usb": None,
    }


def payload_share() -> float:
    """Return how much of the bytes of a full block's frame are the file's, with bytes of every value in the file."""
    body = (content.BLOCK_BYTES).to_bytes(4, "little") + random.Random(1).randbytes(content.BLOCK_BYTES)
    return content.BLOCK_BYTES / len(frame.encode(messages.BULK_DATA, 7, 7, body))


class Brought:
    """What one transfer of a bundle took, and where its bytes came from."""

    def __init__(self) -> None:
        self.took_ms = self.sent_bytes = self.copied_bytes = self.kept_bytes = 0
        self._first: dict[str, int] = {}

    def opened(self, name: str, stored: int) -> None:
        """Note how much of a file the terminal had when it was offered."""
        self._first.setdefault(name, stored)

    def add(self, kind: int, name: str, data: bytes, is_pack: bool) -> None:
        """Count a file that arrived."""
        had = self._first.pop(name)
        self.sent_bytes += len(data) - had
        if kind == content.FIRMWARE_FILE and is_pack:
            self.kept_bytes += had
        else:
            self.copied_bytes += had


def brought(folder: Path, bundle: Bundle, channel: Channel | None) -> Brought:
    """Bring a bundle to a terminal with the firmware of today, over a line or over USB alone."""
    counted = Brought()
    counter = Counter(folder, seed=1, board=bundle.told.board)
    if channel is not None:
        rng = random.Random(1)
        counter.over = lambda link: Line(link, counter, channel, rng)
    with counter:
        counter.settle()
        began_ms = counter.now_ms
        sender = new_firmware.Sender(counter, counted.opened)
        for number, (kind, name, data) in enumerate(new_firmware.parts(bundle)):
            reason = sender.send(kind, name, data)
            if reason != reasons.OK:
                raise RuntimeError(f"file {number} of {bundle.version}: {reasons.name(reason)}")
            counted.add(kind, name, data, number > len(bundle.told.slot))
        counted.took_ms = counter.now_ms - began_ms
    return counted


def copying(folder: Path, files: dict[str, bytes], peer: str) -> dict[str, float]:
    """Return the figures of the same files brought in our way and in the peer's, each onto a new board."""
    own, other = (rate(folder / way, way, files) for way in (OWN, peer))
    return {
        "update_flash_bytes_per_s": own,
        f"update_{peer}_bytes_per_s": other,
        f"update_flash_to_{peer}_ratio": own / other,
    }
