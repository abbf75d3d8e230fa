"""Three small signed firmwares for power cuts of an update, as one CBOR array that a script under MicroPython reads.

[[name, manifest, signature, [[path, data], …], [pack, …]], …]: "runs" is what runs; "stale" is what the other slot was
left with; "next" is the update; "forged" is a later one whose signature is another's.
"""

from hashlib import sha256
from pathlib import Path

from protocol import cbor
from tests.bundle_key import bundle_key

SAME = b"the same in both"
SHARED = bytes(i * 5 % 251 for i in range(6_000))  # a pack that what runs and the update name
FILES = {
    "runs": {"entry.mpy": b"entry 1", "lib/kept.mpy": SAME * 300, "lib/one.mpy": b"one" * 100},
    "stale": {"entry.mpy": b"entry 0", "old/deep/gone.mpy": b"gone" * 1_500},
    "next": {"entry.mpy": b"entry 2", "lib/kept.mpy": SAME * 300, "more/two.mpy": b"two" * 3_000},
    "forged": {"entry.mpy": b"entry 9"},
}
PACKS = {"runs": [SHARED, b"runs" * 40], "stale": [b"stale" * 900], "next": [SHARED, b"next" * 1_200], "forged": []}
VERSIONS = {"runs": (1_000, "0.1.0"), "stale": (9, "0.0.9"), "next": (2_000, "0.2.0"), "forged": (9_000, "0.9.0")}
FLOOR = 1_500  # of the update; what a confirmed one leaves in slots.json


def write(target: Path) -> None:
    """Write the firmwares into a file."""
    key = bundle_key()
    made = []
    for name, files in FILES.items():
        release, version = VERSIONS[name]
        floor = FLOOR if name == "next" else 0
        slot = [[path, len(data), sha256(data).digest()] for path, data in sorted(files.items())]
        packs = [[f"assets/p{n}.bin", len(pack), sha256(pack).digest()] for n, pack in enumerate(PACKS[name])]
        told = {1: "yiping bundle 1", 2: "k5", 3: version, 4: release, 5: floor, 6: 1, 7: slot, 8: packs, 9: []}
        manifest = cbor.encode(told)
        signature = key.sign(b"something else" if name == "forged" else manifest)
        made.append([name, manifest, signature, [[path, files[path]] for path, _, _ in slot], PACKS[name]])
    target.write_bytes(cbor.encode(made))
