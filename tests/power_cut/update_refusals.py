"""Offer malformed firmwares to a terminal on littlefs, fill its flash, and unplug at each chunk. Under MicroPython.

update_refusals.py FIRMWARES MALFORMED, see test_malformed.py. Prints the reason of each refusal.
"""

import os
import sys
from hashlib import sha256

import slots
from protocol import cbor, content, reasons
from tests.both.flash_room import put
from tests.power_cut.update_terminal import FIRST_FLOOR, NEXT, RUNS, STALE, Shelf, Terminal, firmwares, flashed
from update import receive, slot_files

FLOOR = 3_000  # of the terminal that the firmware below the floor is offered to


def refused(terminal: Terminal, found: list, malformed: list) -> None:
    """Offer each; what runs and what the other slot holds stay as they are."""
    for name, data in malformed:
        state = slots.read()
        state["floor"] = FLOOR if name == "below the floor" else FIRST_FLOOR
        slots.write(state)
        reason = terminal.takes(content.FIRMWARE_MANIFEST, "0.2.0", data)
        assert found[RUNS].is_whole("a") and found[STALE].is_whole("b"), name
        assert slots.read() == state, name
        print(f"refused {name}: {reason}")


def full(terminal: Terminal, found: list) -> None:
    """Offer a firmware to a flash without room; when there is room again it is taken."""
    count = 0
    while slot_files.room_bytes() > 10 * 4_096:
        put(f"filler{count}", bytes(8_000))
        count += 1
    print(f"refused full: {terminal.takes_manifest(found[NEXT])}")
    assert found[RUNS].is_whole("a") and slots.read()["trial"] == ""
    for number in range(count):
        os.remove(f"filler{number}")


def taking(data: bytes, kind: int, name: str) -> tuple:
    """Return a new connection's receiver, its reason and the offset to go on at."""
    made = receive.Receive(Shelf(), lambda: False, None)
    reason, at = made.open(kind, name, len(data), sha256(data).digest())
    return made, reason, at


def unplugged(data: bytes, kind: int, name: str) -> int:
    """Unplug behind each chunk; return how many times, the file being taken at the end."""
    made, reason, at = taking(data, kind, name)
    times = 0
    while at < len(data):
        assert reason == reasons.OK, (name, at, reason)
        assert made.write(data[at : at + content.BLOCK_BYTES]) == reasons.OK
        sent = min(at + content.BLOCK_BYTES, len(data))
        made.end()
        times += 1
        made, reason, at = taking(data, kind, name)
        assert at == sent, (name, at, sent)
    assert made.close() == reasons.OK, name
    return times


def altered_file(found: list) -> None:
    """Send a file with one byte changed on its way; then as it is."""
    data = found[NEXT].ordered[0]
    made, reason, _ = taking(data, content.FIRMWARE_FILE, "0")
    assert reason == reasons.OK and made.write(b"X" + data[1:]) == reasons.OK
    print(f"refused altered file: {made.close()}")
    made, reason, _ = taking(data + b"X", content.FIRMWARE_FILE, "0")
    print(f"refused longer file: {reason}")


def main(firmwares_path: str, malformed_path: str) -> None:
    """Do all of it on one terminal, whose update then comes to its end."""
    found = firmwares(firmwares_path)
    with open(malformed_path, "rb") as file:
        malformed = cbor.decode(file.read())
    terminal = Terminal(flashed(found, "a"))
    terminal.runs("a", found)
    refused(terminal, found, malformed)
    full(terminal, found)
    new = found[NEXT]
    times = unplugged(new.signature + new.manifest, content.FIRMWARE_MANIFEST, "0.2.0")
    altered_file(found)
    for index, data in enumerate(new.ordered):
        times += unplugged(data, content.FIRMWARE_FILE, str(index))
    assert terminal.switches(new) == reasons.OK
    assert terminal.starts() == ("b", True) and new.is_whole("b")
    print(f"unplugged {times}")


main(sys.argv[1], sys.argv[2])
