"""Bring up USB before anything else can talk to the host: no console unless the maintenance jumper is set."""

import gc

import micropython

micropython.kbd_intr(-1)  # first of all: 0x03 in the link's binary data must not stop the program
gc.threshold(8_192)  # garbage left between modules that stay would leave no room for big buffers

import boards  # noqa: E402
from drivers import link_usb  # noqa: E402
from store import settings  # noqa: E402

link_usb.close_console()  # whatever fails below leaves no console behind
_board, _serial = settings.identity(settings.PATH)
if not settings.uses_uart(settings.PATH):
    boards.start_usb(boards.load(_board), _serial)
