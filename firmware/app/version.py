"""Say who this terminal is and what it runs, for HELLO and the boot event."""

from protocol import content

FIRMWARE = "0.1.0"
FLOOR = "0.1.0"  # once this version runs, no older one is installed; for the bundle's manifest
BOOTSTRAP = 1  # the least number of the bootstrap that it runs under; for the bundle's manifest
CAPS = ["keys", content.CAP_BULK, content.CAP_UPDATE]


def identity(own: object | None, board: str, terminal: str, glyphs: bytes) -> dict:
    """Return what HELLO's reply says; `own` is None before provisioning, `glyphs` the hash of the packs."""
    found = {"terminal": terminal, "board": board, "firmware": FIRMWARE, "caps": CAPS, "tagver": None}
    if own and own.reveal_level:
        found["caps"] = CAPS + [content.CAP_REVEAL]
    found["epoch"] = own.epoch if own else 0
    found["journal_id"] = own.journal_id if own else bytes(8)
    found["assets"] = {"glyphs": glyphs}
    return found
