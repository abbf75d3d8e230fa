"""The task of a touch panel: it brings every report to the desk."""

import time
from asyncio import sleep_ms

from protocol import codes, reasons

_PANEL_MS = 500  # between two tries to reach a panel
_REPORT_MS = 10  # the panel's own pace
_TRIES = 10  # then its absence is sealed, once
_WHY = 14  # key of the sealed plaintext


async def serve_touch(panel: object, desk: object) -> None:
    """Read the panel for ever; one that goes silent under a finger is asked again, a missing one is told."""
    failed = 0
    await sleep_ms(_PANEL_MS)  # it answers 300 ms after power-on
    while True:
        try:
            if failed or not panel.started:
                panel.start()
            elif desk.touch.touching():
                await sleep_ms(_REPORT_MS)
            else:
                await panel.reported.wait()
            now_ticks = time.ticks_ms()
            panel.read()
            failed = 0
        except OSError:
            now_ticks = time.ticks_ms()
            panel.points = 0
            failed += 1
            if failed == _TRIES:
                desk.note(codes.FAULT, {_WHY: reasons.WHY_TOUCH_MISSING})
            await sleep_ms(_PANEL_MS)
        desk.glass(panel.points, panel.x, panel.y, panel.area, now_ticks)
