"""Where the bootstrap enters the firmware of a slot first: `start` is all that slots.py knows of it, in every version.

Runtime set-up of USB belongs in boot.py.
"""

import boards
from store import settings


def start(console: bool) -> bool:
    """Bring up the data port, beside a console when asked; return False when the link does not go over USB."""
    board, serial = settings.identity(settings.PATH)
    if settings.uses_uart(settings.PATH):
        return False
    boards.start_usb(boards.load(board), serial, console)
    return True
