"""A folder as the root of a terminal's internal flash, with small signed firmwares in its slots."""

import os
from hashlib import sha256

from protocol import cbor
from tests.both.support import vectors

FILES = {"app/one.mpy": b"one", "two.mpy": b"second file" * 300}
PACK = b"glyphs" * 1_000
END = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"


class Room:
    """`with Room():` works in an empty folder, and takes it away again."""

    def __enter__(self) -> "Room":
        self._before = os.getcwd()
        self._folder = "/tmp/yiping-flash-" + "".join([f"{byte:02x}" for byte in os.urandom(8)])
        os.mkdir(self._folder)
        os.chdir(self._folder)
        return self

    def __exit__(self, *error: object) -> None:
        os.chdir(self._before)
        _remove(self._folder)


def _remove(path: str) -> None:
    for name in os.listdir(path):
        inner = path + "/" + name
        if os.stat(inner)[0] & 0x4000:
            _remove(inner)
        else:
            os.remove(inner)
    os.rmdir(path)


def put(path: str, data: bytes) -> None:
    """Write a file and the folders that it lies in."""
    parts = path.split("/")
    for n in range(1, len(parts)):
        try:
            os.mkdir("/".join(parts[:n]))
        except OSError:
            pass
    with open(path, "wb") as file:
        file.write(data)


def sign(data: bytes) -> bytes:
    """Return the test key's signature; pure integers, about a second under MicroPython."""
    key = vectors("bundle_key.json")
    end = END + sha256(data).digest()
    padded = b"\x00\x01" + b"\xff" * (384 - len(end) - 3) + b"\x00" + end
    return pow(int.from_bytes(padded, "big"), int(key["d"], 16), int(key["n"], 16)).to_bytes(384, "big")


def put_slot(slot: str, release: int, floor: int = 0) -> None:
    """Write a whole, signed firmware into a slot, its pack, and the key."""
    listed = [[path, len(data), sha256(data).digest()] for path, data in sorted(FILES.items())]
    pack = sha256(PACK).digest()
    told = {1: "yiping bundle 1", 2: "k5", 3: "0.0.1", 4: release, 5: floor, 6: 1}
    told.update({7: listed, 8: [["assets/yp20.bin", len(PACK), pack]], 9: []})
    manifest = cbor.encode(told)
    for path, data in FILES.items():
        put(slot + "/" + path, data)
    put(slot + "/manifest.cbor", manifest)
    put(slot + "/manifest.sig", sign(manifest))
    put("packs/" + "".join([f"{byte:02x}" for byte in pack])[:16], PACK)
    put("bundle.key", bytes.fromhex(vectors("bundle_key.json")["n"]))
