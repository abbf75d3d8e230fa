"""A terminal as far as an update touches it: littlefs in memory, the bootstrap, and the firmware's own code for
receiving, switching, confirming and rolling back. Its desk, its shelf and its link are stand-ins. For MicroPython.
"""

import asyncio
import os
from hashlib import sha256

import vfs

import slots
from app import states
from protocol import cbor, content, reasons
from tests.both.flash_room import put
from tests.both.support import vectors
from tests.power_cut.littlefs_flash import BLOCK, TORN, Flash
from update import receive, slot_files, start, switch

BLOCKS = 72
PROGRAM = 256  # of an RP2, see simulator/shims/_flash.py
PLACE = "/ram"
NEVER = 1 << 30
RUNS, STALE, NEXT, FORGED = range(4)  # of the firmwares, see update_bundles.py
FIRST_FLOOR = 5
VERSIONS = ("0.1.0", "0.0.9", "0.2.0", "0.9.0")
KEPT = {  # no part of a firmware: never changed by an update
    "settings.json": b'{"terminal": "YP-0001", "epoch": 3, "secret": "' + b"5a" * 32 + b'"}',
    "settings.json.new": b"{",
    "content/card-3017": b"card" * 1_300,
    "boot.py": b"import slots",
}


class Firmware:
    """One of update_bundles.py."""

    def __init__(self, told: list) -> None:
        self.name, self.manifest, self.signature, files, packs = told
        self.files = dict(files)
        self.ordered = [data for _, data in files] + packs
        self.floor = cbor.decode(self.manifest)[5]
        self.packs = {slot_files.PACKS + "/" + sha256(pack).digest().hex()[:16]: pack for pack in packs}

    def put(self, slot: str) -> None:
        """Write all of it, as a flashing station does."""
        for path, data in self.files.items():
            put(slot + "/" + path, data)
        for path, data in self.packs.items():
            put(path, data)
        put(slot + slot_files.MANIFEST, self.manifest)
        put(slot + slot_files.SIGNATURE, self.signature)

    def is_whole(self, slot: str) -> bool:
        """Return whether a slot holds it, byte for byte, with its packs."""
        if slot_files.read(slot + slot_files.MANIFEST) != self.manifest:
            return False
        for path, data in self.files.items():
            if slot_files.read(slot + "/" + path) != data:
                return False
        for path, data in self.packs.items():
            if slot_files.read(path) != data:
                return False
        return slot_files.read(slot + slot_files.SIGNATURE) == self.signature


def firmwares(path: str) -> list:
    """Return those of a file."""
    with open(path, "rb") as file:
        return [Firmware(told) for told in cbor.decode(file.read())]


class Desk:
    """Nobody is at the window, and all that a trial asks for is well."""

    def __init__(self, flash: Flash) -> None:
        self.session = self.clock = self.link = self
        self.state = states.IDLE
        self.tested = None
        self.replied = self.heard = None
        self._flash = flash

    def is_engaged(self) -> bool:
        return False

    def now_ms(self) -> int:
        return 0

    def status(self) -> dict:
        return {"reason": reasons.OK}

    def check(self, _why: int, _progress: object, tested: object) -> None:
        tested(0)

    def take_content(self, taker: object) -> object:
        return taker

    def reply(self, _request: int, reason: int) -> None:
        self.replied = reason
        if not self._flash.is_cut:
            self.heard = reason

    def handle(self, _event: tuple) -> None:
        pass

    def wake(self) -> None:
        pass

    def note(self, _kind: int, _fields: dict) -> None:
        pass


class Shelf:
    """What HELLO's answer says of assets."""

    def __init__(self) -> None:
        self.identity = {"board": "k5"}
        self.own = {content.ASSET_FIRMWARE_TRIAL: "yes"}

    def describe(self) -> None:
        pass


class Terminal:
    """One terminal from a start to the end of its power."""

    def __init__(self, image: bytearray, cut: int = NEVER, tear: int = TORN) -> None:
        self.flash = Flash(image, cut, tear)
        vfs.mount(vfs.VfsLfs2(self.flash, progsize=PROGRAM), PLACE)
        os.chdir(PLACE)
        self.desk = Desk(self.flash)

    def off(self) -> None:
        """Take the power away."""
        os.chdir("/")
        vfs.umount(PLACE)

    def runs(self, slot: str, firmwares: list) -> None:
        """Go on as the firmware of a slot, which was started before."""
        version = VERSIONS[NEXT] if firmwares[NEXT].is_whole(slot) else VERSIONS[RUNS]
        receive.FIRMWARE = switch.FIRMWARE = version
        slot_files.running = lambda: slot
        switch.sleep_ms = start.sleep_ms = no_wait

    def starts(self) -> tuple:
        """Let the bootstrap choose."""
        return slots.choose()

    def takes(self, kind: int, name: str, data: bytes) -> int:
        """Take a file as it comes over the link; return the reason of its end."""
        taking = receive.Receive(Shelf(), lambda: False, None)
        reason, at = taking.open(kind, name, len(data), sha256(data).digest())
        while reason == reasons.OK and at < len(data):
            reason = taking.write(data[at : at + content.BLOCK_BYTES])
            at += content.BLOCK_BYTES
        if reason == reasons.OK:
            reason = taking.close()
        taking.end()
        return reason

    def takes_manifest(self, firmware: Firmware) -> int:
        return self.takes(content.FIRMWARE_MANIFEST, "0.2.0", firmware.signature + firmware.manifest)

    def switches(self, firmware: Firmware) -> int:
        """Answer an UPDATE; return the reason."""
        digest = sha256(firmware.manifest).digest()
        asyncio.run(switch.run(self.desk, 1, "k5", digest, lambda: None))
        return self.desk.replied

    def confirms(self) -> None:
        """Find that the trial does its work."""
        asyncio.run(start.Start().confirm(self.desk, Shelf(), lambda: None))

    def tells(self) -> None:
        """Tell a roll-back, if there was one."""
        start.Start().tell(self.desk)


def no_wait(_ms: int) -> object:
    """Stand in for sleep_ms: the flash needs no time."""
    return asyncio.sleep_ms(0)


def blank() -> bytearray:
    """Return a flash with nothing on it."""
    image = bytearray(b"\xff" * (BLOCK * BLOCKS))
    vfs.VfsLfs2.mkfs(Flash(image, NEVER), progsize=PROGRAM)
    return image


def flashed(firmwares: list, here: str) -> bytearray:
    """Return the flash of a terminal that runs from slot `here`, with a stale firmware and a part in the way."""
    image = blank()
    terminal = Terminal(image)
    for path, data in KEPT.items():
        put(path, data)
    put(slot_files.KEY, bytes.fromhex(vectors("bundle_key.json")["n"]))
    firmwares[RUNS].put(here)
    firmwares[STALE].put(other(here))
    put("packs/part-0123456789abcdef", b"part" * 1_200)
    slots.write({"slot": here, "trial": "", "tries": 0, "floor": FIRST_FLOOR, "back": 0})
    terminal.off()
    return image


def other(slot: str) -> str:
    return "b" if slot == "a" else "a"
