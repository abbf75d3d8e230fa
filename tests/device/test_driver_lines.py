"""Every statement of every driver is executed against its chip model, but for those named here with their reason."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_EXECUTED = {
    "keys.py: return False",  # asked for a contact that the board does not have
    "keys.py: contact.edge_ticks = now_ticks",  # an edge without its interrupt: the simulated chip loses none
    "keys.py: contact.noted = True",
    "link_uart.py: return 0",  # a writer that does not wait for the stream to take the last piece
    "link_usb.py: self._offset = offset",  # a reader with less room than a USB packet
    "link_usb.py: size = room",  # a writer with more than the ring of 2 KB has room for
    "link_usb.py: self._receiving = False",  # a controller that refuses a transfer
    "link_usb.py: return False",  # control requests that no host in the simulator makes
    "rtc_ds3231.py: return None",  # a clock chip with a month, day or hour that is none
}


@pytest.mark.slow
def test_statements_of_the_drivers_are_executed_by_the_device_tests() -> None:
    command = [sys.executable, "-m", "tests.device.driver_lines"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    rows = [line.split(":", 2) for line in ended.stdout.splitlines() if ".py:" in line and line[0].islower()]
    found = {f"{name}:{text}" for name, _, text in rows}
    assert "not executed" in ended.stdout, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert found <= NOT_EXECUTED, found - NOT_EXECUTED
