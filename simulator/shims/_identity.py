"""What MicroPython on this chip says of itself: release, date of the build, board."""

import uos

RELEASE = uos.getenv("SIM_RELEASE") or "1.29.0"
DATE = uos.getenv("SIM_DATE") or "2026-06-01"
MACHINE = uos.getenv("SIM_MACHINE") or "Raspberry Pi Pico2 with RP2350"
