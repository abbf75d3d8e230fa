"""Begin before anything else can talk to the host; part of the bootstrap, see slots.py.

No console unless the maintenance jumper is set, also when slots.mpy does not load.
"""

import gc
import sys

import machine
import micropython

micropython.kbd_intr(-1)  # first of all: 0x03 in the link's binary data must not stop the program
maintained = not machine.Pin(28, machine.Pin.IN, machine.Pin.PULL_UP).value()
if not maintained:
    machine.USBDevice().active(False)
    machine.USBDevice().builtin_driver = machine.USBDevice.BUILTIN_NONE
gc.threshold(8_192)  # garbage left between modules that stay would leave no room for big buffers

import slots  # noqa: E402

on_trial = slots.begin(maintained)
del slots, sys.modules["slots"]
