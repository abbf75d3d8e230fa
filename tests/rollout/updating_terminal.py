"""A terminal of the agent's tests that takes firmware as a true one does: manifest, files, switch, trial, confirmation.

What it does after the switch is the test's to say: a bad firmware brings the old one back at the next start.
"""

import time
from hashlib import sha256

from host_agent.bundle import manifest as manifests
from protocol import content, messages, reasons
from protocol.link_bulk_terminal import BulkReceiver
from tests.unit.fake_terminal import FakeTerminal

SHOW_S = 0.2  # until the reply has left; in use a second


class FirmwareShelf:
    """Hold what comes of a new firmware, as the terminal's flash does: files survive a lost link and a restart."""

    def __init__(self, terminal: "UpdatingTerminal") -> None:
        self.terminal = terminal
        self.manifest = b""
        self.told: manifests.Manifest | None = None
        self.files: dict[int, bytes] = {}
        self.part = b""
        self.opened: list[tuple[int, str]] = []
        self.carried_bytes = 0
        self.head: tuple[int, str, int, bytes] = (0, "", 0, b"")

    def entries(self) -> list[manifests.Entry]:
        return [*self.told.slot, *self.told.packs] if self.told is not None else []

    # what BulkReceiver asks

    def is_busy(self) -> bool:
        return self.terminal.open_invite is not None or (self.terminal.holds and len(self.files) > 1)

    def open(self, kind: int, name: str, size: int, digest: bytes) -> tuple[int, int]:
        if kind in (content.FIRMWARE_MANIFEST, content.FIRMWARE_FILE):
            self.opened.append((kind, name))
        if self.head[:2] != (kind, name):
            self.part = b""
        self.head = (kind, name, size, digest)
        if kind == content.FIRMWARE_FILE:
            if not self.manifest:
                return reasons.NO_TRANSFER, 0
            entry = self.entries()[int(name)]
            if (entry.size, entry.digest) != (size, digest):
                return reasons.OUT_OF_RANGE, 0
            if int(name) in self.files:
                self.part = self.files[int(name)]
        return reasons.OK, len(self.part)

    def write(self, data: bytes) -> int:
        self.part += data
        self.carried_bytes += len(data)
        return reasons.OK

    def close(self) -> int:
        kind, name, _, digest = self.head
        data, self.part = self.part, b""
        if sha256(data).digest() != digest:
            return reasons.BAD_HASH
        if kind == content.FIRMWARE_MANIFEST:
            if self.terminal.refuses is not None:
                return self.terminal.refuses
            self.manifest = data[content.SIGNATURE_BYTES :]
            self.told = manifests.decode(self.manifest, "test")
            self.files = {}
        elif kind == content.FIRMWARE_FILE:
            self.files[int(name)] = data
        return reasons.OK

    def end(self) -> None:
        pass


class UpdatingTerminal(FakeTerminal):
    """Run one firmware and take another."""

    def __init__(self, link_path, terminal="YP-0001", running="00000000", **more) -> None:
        super().__init__(link_path, terminal, **more)
        self.shelf = FirmwareShelf(self)
        self.running = running
        self.version = "0.6.0"
        self.trial = False
        self.bad = False
        self.holds = False  # takes no more after two files
        self.refuses: int | None = None
        self.switches: list[str] = []
        self._restarts_at_s: float | None = None

    def _new_link(self) -> None:
        assets = {content.ASSET_FIRMWARE: self.running}
        if self.trial:
            assets[content.ASSET_FIRMWARE_TRIAL] = "yes"
        if self.shelf.manifest and sha256(self.shelf.manifest).hexdigest()[:8] != self.running:
            assets[content.ASSET_FIRMWARE_NEXT] = sha256(self.shelf.manifest).hexdigest()[:8]
        self.extra_identity = {"caps": ["bulk", "update"], "assets": assets, "firmware": self.version}
        super()._new_link()
        self.assets = assets
        self.link.take_content(lambda: BulkReceiver(self.shelf))

    def _do(self, type_, fields):
        if type_ == messages.UPDATE:
            return self._switch(fields["manifest"])
        if self.trial:  # requests come after HELLO was answered: the trial has proved itself
            self.trial = False
            self.assets.pop(content.ASSET_FIRMWARE_TRIAL, None)
        return super()._do(type_, fields)

    def _switch(self, digest: bytes) -> int:
        shelf = self.shelf
        if self.open_invite is not None:
            return reasons.BUSY
        if sha256(shelf.manifest).digest() != digest:
            return reasons.NO_TRANSFER
        if set(shelf.files) != set(range(len(shelf.entries()))):
            return reasons.NOT_COMPLETE
        self.switches.append(shelf.told.version)
        if not self.bad:
            self.running, self.version, self.trial = digest.hex()[:8], shelf.told.version, True
        self._restarts_at_s = time.monotonic() + SHOW_S
        return reasons.OK

    def _send(self):
        super()._send()
        if self._restarts_at_s is not None and time.monotonic() >= self._restarts_at_s:
            self._restarts_at_s = None
            self._unplug()  # the USB port goes with the restart, and the session is forgotten
            self._new_link()
            self._plug()
