"""A later firmware, and the agent's way of bringing it to a terminal, by the project's own link code."""

import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from host_agent.bundle import make
from host_agent.bundle.contents import Bundle
from host_agent.bundle.keys import Key
from protocol import content, messages, reasons
from simulator.stage import FIRMWARE, PROTOCOL, signing_key
from tests.device.counter import Counter

NEXT = "0.2.0"
CHUNK_LIMIT_MS = 300_000
SWITCH_MS = 10_000


def later(
    folder: Path, version: str = NEXT, board: str = "k5", edits: tuple = (), floor: str | None = None,
    renewed: bool = False, key: Key | None = None,
) -> Bundle:  # fmt: skip
    """Return a signed bundle of this firmware under another version; `edits` are (file, old, new).

    With `renewed` every module differs from the one of the same name that runs. Signed with the key of simulated
    terminals unless `key` is another.
    """
    key = key or signing_key()
    copy = folder / f"firmware-{version}"
    shutil.copytree(FIRMWARE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / "app" / "version.py"
    text, count = re.subn(r'^FIRMWARE = ".*"$', f'FIRMWARE = "{version}"', path.read_text("utf-8"), flags=re.M)
    assert count == 1
    if floor is not None:
        text, count = re.subn(r'^FLOOR = "[^"]*"', f'FLOOR = "{floor}"', text, flags=re.M)
        assert count == 1
    path.write_text(text, encoding="utf-8")
    for name, old, new in edits:
        path = copy / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
    if not renewed:
        return make.build(board, key, copy, PROTOCOL)
    protocol = folder / f"protocol-{version}"
    shutil.copytree(PROTOCOL, protocol, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*copy.rglob("*.py"), *protocol.rglob("*.py")):
        with path.open("a", encoding="utf-8") as module:
            module.write("\n\nrenewed = True\n")
    return make.build(board, key, copy, protocol)


def parts(bundle: Bundle) -> list[tuple[int, str, bytes]]:
    """Return what goes over the link, in order: (kind, name, data)."""
    found = [(content.FIRMWARE_MANIFEST, bundle.version, bundle.signature + bundle.manifest)]
    files = [bundle.slot[entry.path] for entry in bundle.told.slot]
    files += [bundle.packs[entry.path] for entry in bundle.told.packs]
    found += [(content.FIRMWARE_FILE, str(index), data) for index, data in enumerate(files)]
    return found


class Sender:
    """Send a bundle over a counter's link; `progress` hears of every ("bulk", name, stored, size)."""

    def __init__(self, counter: Counter, progress: Callable[[str, int], None] = lambda name, stored: None) -> None:
        self.counter = counter
        self.progress = progress
        self.done: list[tuple[str, int | None]] = []

    def send(self, kind: int, name: str, data: bytes) -> int | None:
        """Send one file; return the reason, None when the link was lost."""
        counter = self.counter
        before, count = counter.peer.on_event, len(self.done)

        def hear(event: tuple) -> None:
            if event[0] == "bulk":
                self.progress(event[1], event[2])
            elif event[0] == "bulk_done":
                self.done.append((event[1], event[2]))
            before(event)

        lost = len(counter.lost)
        counter.peer.on_event = hear
        try:
            counter.peer.link.bulk(kind, name, data, counter.now_ms)
            counter.peer.pump()
            counter.until(
                lambda: len(self.done) > count or len(counter.lost) > lost, f"{kind}/{name} is sent", CHUNK_LIMIT_MS
            )
        finally:
            counter.peer.on_event = before
        return self.done[-1][1] if len(self.done) > count else None

    def all(self, bundle: Bundle) -> int | None:
        """Send all of it; return the first reason that is not OK."""
        for kind, name, data in parts(bundle):
            reason = self.send(kind, name, data)
            if reason != reasons.OK:
                return reason
        return reasons.OK


def switch(counter: Counter, bundle: Bundle) -> int:
    """Ask the terminal to switch; return its answer."""
    id_ = counter.send(messages.UPDATE, manifest=sha256(bundle.manifest).digest())
    counter.until(lambda: id_ in counter.answers or id_ in counter.failed, "an answer to UPDATE", 12_000)
    assert id_ not in counter.failed, "no answer to UPDATE within 10 s"
    return counter.answers[id_][0]
