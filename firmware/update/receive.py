"""Take a new firmware from the agent into the slot that does not run. In memory only while content arrives.

The manifest comes first and is believed only when its signature is right; then the slot is emptied, packs that nothing
needs go, and the room is checked. Files follow in any order, each whole or as a part that is continued; what the
running firmware has just so is copied, what is there already stays. Nothing here changes what runs: see switch.py.
"""

import os
import sys
from asyncio import create_task
from hashlib import sha256

import slots
from app.version import FIRMWARE
from protocol import cbor, content, reasons
from update import manifest as manifests
from update import slot_files

FLUSH_BYTES = 4_096  # a sector of the flash: a power cut costs no more than that
RESERVE_BYTES = 32_768  # that stay free, as for other content
AT_ONCE_BYTES = 32_768  # 0.1 s: what is larger is checked beside everything else
COPIED_AT_ONCE_BYTES = 8_192  # 0.1 s, as two sectors are erased: what is larger is copied beside everything else

_NO_SPACE = 28


class Receive:
    """One manifest or file after the other, as protocol/link_bulk_terminal.py asks its store.

    `shelf` knows what HELLO is answered; without a `spawn` that runs a coroutine everything is done at once.
    """

    def __init__(self, shelf: object, is_busy: object, spawn: object = create_task) -> None:
        self.is_busy = is_busy
        self._shelf = shelf
        self._spawn = spawn
        self._slot = slot_files.other()
        self._manifest = None
        self._file = None
        self._steps = self._result = None  # what goes on after CLOSE, and its reason
        self._kind = self._size = self._index = self._stored = self._unflushed = 0
        self._digest = b""
        self._fresh = self._copies = False

    def open(self, kind: int, name: str, size: int, digest: bytes) -> tuple:
        """Begin, or go on; return (reason, offset from which data is wanted)."""
        self.end()
        state = slots.read()
        if state is None or state["trial"]:
            return reasons.BUSY, 0  # what runs is on trial: the other slot is what it would go back to
        self._kind, self._size, self._digest, self._fresh = kind, size, digest, False
        self._copies = False
        self._floor = state["floor"]
        try:
            if kind == content.FIRMWARE_MANIFEST:
                return self._open_manifest()
            return self._open_file(name)
        except OSError as error:
            self.end()
            return _reason_of(error), 0

    def write(self, data: bytes) -> int:
        """Append data; return a reason."""
        try:
            self._file.write(data)
            self._unflushed += len(data)
            if self._unflushed >= FLUSH_BYTES:
                self._file.flush()
                self._unflushed = 0
        except OSError as error:
            self.end()
            return _reason_of(error)
        return reasons.OK

    def close(self) -> object:
        """Check what came and put it in its place; return a reason, BUSY while that goes on: ask again."""
        if self._steps is None and self._result is None:
            if not self._close_file():
                return reasons.FAULT
            if self._kind == content.FIRMWARE_MANIFEST:
                self._begin(self._manifest_taken())
            elif self._copies:
                self._begin(self._copy_taken())
            elif not self._fresh:
                return reasons.OK  # it stood there already
            else:
                self._begin(self._file_taken())
        if self._steps is not None:
            return reasons.BUSY
        return self._result

    def end(self) -> None:
        """Let go of what is not complete; what is stored of a file stays."""
        self._close_file()
        self._steps = self._result = None

    # -- the manifest

    def _open_manifest(self) -> tuple:
        if not content.SIGNATURE_BYTES < self._size <= content.MANIFEST_BYTES_MAX:
            return reasons.OUT_OF_RANGE, 0
        self._manifest = None
        held = sha256(slot_files.read(self._slot + slot_files.SIGNATURE))
        held.update(slot_files.read(self._slot + slot_files.MANIFEST))
        if held.digest() == self._digest:
            return reasons.OK, self._size
        return self._open_part()

    def _manifest_taken(self) -> object:
        """Generate steps that return the reason with which a manifest is taken."""
        if not self._fresh:
            reason, self._manifest = slot_files.accepted(self._slot, self._terminal())
            return reason
        part = slot_files.part_of(self._digest)
        if not (yield from slot_files.is_as(part, self._size, self._digest)):
            slot_files.remove(part)
            return reasons.BAD_HASH
        packs = manifests.Manifest(slot_files.read(slot_files.running() + slot_files.MANIFEST)).packs()
        with open(part, "rb") as file:
            signature, data = file.read(content.SIGNATURE_BYTES), file.read()
        modulus = slot_files.read(slot_files.KEY)
        reason, manifest = manifests.accepted(modulus, data, signature, self._terminal())
        if reason != reasons.OK:
            slot_files.remove(part)
            return reason
        self._tell(None)
        yield from slot_files.cleared(self._slot)
        yield from slot_files.dropped(manifest.packs() + packs)
        if slot_files.room_bytes() < slot_files.needed_bytes(manifest, self._slot) + RESERVE_BYTES:
            return reasons.FULL
        slot_files.make_folders(self._slot + slot_files.MANIFEST)
        for path, piece in ((slot_files.SIGNATURE, signature), (slot_files.MANIFEST, data)):
            with open(self._slot + path, "wb") as file:
                file.write(piece)
            yield
        self._manifest = manifest
        self._tell(data)
        return reasons.OK

    def _terminal(self) -> tuple:
        """Return what a manifest has to fit, see manifest.accepted."""
        return self._shelf.identity["board"], manifests.release_of(FIRMWARE), self._floor, slots.BOOTSTRAP

    def _tell(self, data: bytes | None) -> None:
        """Have HELLO's answer name the manifest that is held, or none."""
        if data is not None:
            digits = sha256(data).digest().hex()[: content.HASH_DIGITS]
            self._shelf.own[content.ASSET_FIRMWARE_NEXT] = digits
        elif content.ASSET_FIRMWARE_NEXT in self._shelf.own:
            del self._shelf.own[content.ASSET_FIRMWARE_NEXT]
        self._shelf.describe()

    # -- its files

    def _open_file(self, name: str) -> tuple:
        if self._manifest is None:
            self._manifest = slot_files.accepted(self._slot, self._terminal())[1]
        entry = self._entry(name)
        if entry is None or entry[1:] != [self._size, self._digest]:
            return reasons.OUT_OF_RANGE, 0
        target = self._manifest.place(self._index, self._slot)
        if slot_files.size_of(target) == self._size:
            return reasons.OK, self._size
        self._copies = self._runs(entry, target)
        return (reasons.OK, self._size) if self._copies else self._open_part()

    def _open_part(self) -> tuple:
        """Go on with the part of this file, or begin one; return (reason, offset)."""
        part = slot_files.part_of(self._digest)
        stored = slot_files.size_of(part)
        if not 0 <= stored <= self._size:
            stored = 0
            self._drop_parts()
        self._file = open(part, "ab" if stored else "wb")  # noqa: SIM115, closed in `end`
        self._fresh, self._unflushed = True, 0
        return reasons.OK, stored

    def _entry(self, name: str) -> list | None:
        if self._manifest is None or not name.isdigit() or len(name) > 4:
            return None
        self._index = int(name)
        return self._manifest.entry(self._index)

    def _runs(self, entry: list, target: str) -> bool:
        """Return whether the running slot has a file just so; 0.1 s for 30 KB."""
        path, size, digest = entry
        known = slot_files.running() + slot_files.MANIFEST
        if target.startswith(slot_files.PACKS) or not slot_files.holds(known, cbor.encode(entry)):
            return False
        return bool(slot_files.finished(slot_files.is_as(slot_files.running() + "/" + path, size, digest)))

    def _copy_taken(self) -> object:
        """Generate steps that copy a file of the running slot, and return the reason with which it becomes one here."""
        self._drop_parts()
        path = self._manifest.entry(self._index)[0]
        yield from slot_files.copied(slot_files.running() + "/" + path, slot_files.part_of(self._digest))
        return (yield from self._file_taken())

    def _drop_parts(self) -> None:
        """Forget parts of other files: only one is kept."""
        slot_files.make_folders(slot_files.PACKS + "/")
        for name in os.listdir(slot_files.PACKS):
            if name.startswith("part-"):
                os.remove(slot_files.PACKS + "/" + name)

    def _file_taken(self) -> object:
        """Generate steps that return the reason with which a part becomes a file."""
        part = slot_files.part_of(self._digest)
        if not (yield from slot_files.is_as(part, self._size, self._digest)):
            slot_files.remove(part)
            return reasons.BAD_HASH
        target = self._manifest.place(self._index, self._slot)
        slot_files.make_folders(target)
        os.rename(part, target)
        return reasons.OK

    # -- beside everything else

    def _begin(self, steps: object) -> None:
        """Do the steps of CLOSE: at once when they are few, else in a task."""
        most = COPIED_AT_ONCE_BYTES if self._copies else AT_ONCE_BYTES
        if self._spawn is None or self._kind != content.FIRMWARE_MANIFEST and self._size <= most:
            self._result = _outcome(steps)
        else:
            self._steps = steps
            self._spawn(self._work(steps))

    async def _work(self, steps: object) -> None:
        try:
            reason = await slot_files.driven(steps, self.is_busy, lambda: self._steps is not steps)
        except OSError as error:
            reason = _reason_of(error)
        except Exception as error:  # noqa: BLE001 - the agent must not ask for ever
            sys.print_exception(error)
            reason = reasons.FAULT
        if self._steps is steps:
            self._steps, self._result = None, reason

    def _close_file(self) -> bool:
        """Close the part; False when what was written is not all there."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                return False
        return True


def _outcome(steps: object) -> object:
    try:
        return slot_files.finished(steps)
    except OSError as error:
        return _reason_of(error)


def _reason_of(error: OSError) -> int:
    return reasons.FULL if error.errno == _NO_SPACE else reasons.FAULT
