"""Name the firmware, for HELLO and the boot event."""

FIRMWARE = "0.1.0"
