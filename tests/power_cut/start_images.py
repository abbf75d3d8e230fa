"""Start the journal on images of a file and print what it finds, a line each; runs under both interpreters.

start_images.py FILE SECTORS KNOWN_LIMIT
"""

import sys

from protocol import record
from store.journal import Journal, JournalError
from tests.both.nor import RamNor

JOURNAL_ID = b"journal1"
SECTOR_BYTES = 4096


def found(image: bytearray, known_limit: int) -> str:
    """Return what a start finds and does on one image; the image is changed as the start changes it."""
    nor = RamNor(0, image)
    nor.log = []
    journal = Journal(nor, JOURNAL_ID, known_limit)
    try:
        journal.mount()
    except JournalError as error:
        return str(error)
    events = [journal.read(seq) for seq in range(journal.first_unacked, journal.last_seq + 1)]
    programs = [(address, len(data), sum(data)) for _, address, data in nor.log]
    return repr(
        (
            journal.boot,
            journal.last_seq,
            journal.first_unacked,
            journal.prev_hash,
            journal.open_invite,
            journal.known_invites.count(),
            journal.room(),
            journal.faults,
            [record.invite_of(event) for event in events],
            [sum(event) for event in events],
            programs,
        )
    )


def main(name: str, sectors: int, known_limit: int) -> None:
    """Print a line for each image of the file."""
    image = bytearray(sectors * SECTOR_BYTES)
    with open(name, "rb") as file:
        while file.readinto(image):
            print(found(image, known_limit))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
