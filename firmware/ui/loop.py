"""The task that paints: one strip at a time, so that keys and link are served in between."""

from asyncio import sleep_ms

_LONGEST_MS = 3_600_000
BRIGHT = 80  # %


async def paint(display: object, lcd: object, clock: object, alarm: object) -> None:
    """Paint for ever what the display wants painted; the panel lights up when the first screen stands."""
    dark = True
    while True:
        now_ms = clock.now_ms()
        display.tick(now_ms)
        while display.paint():
            await sleep_ms(0)
        if dark:
            lcd.show()
            lcd.backlight(BRIGHT)
            dark = False
        due = display.due_ms(now_ms)
        await alarm.wait(_LONGEST_MS if due is None else due - clock.now_ms())
