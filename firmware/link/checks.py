"""Load the self-test when one is due; it leaves the memory with its end."""

from asyncio import create_task

from link import unload

_LOADED = (
    "self_test",  # the package's modules, and the drivers that only they need
    "drivers.lcd_st7789_state",
    "drivers.nor_w25q_spare",
    "drivers.rtc_ds3231_seconds",
    "drivers.touch_ft6336_identity",
)


class Checks:
    """Begin self-tests; `chips` is what self_test.quick.Chips is made of, `panel` shows what they found."""

    def __init__(self, desk: object, panel: object, chips: tuple) -> None:
        self.desk = desk
        self.panel = panel
        self.chips = chips
        self.running = False

    def begin(self, why: int, request: int | None = None, done: object | None = None) -> None:
        """Test now and seal the result; call `done` with the mask of the parts that failed.

        None when the terminal does not rest, or stops to: nothing was judged then, and nothing is sealed. A `request`
        is answered when the test begins, as others wait behind it: OK with the test's number, or BUSY.
        """
        from self_test import live

        create_task(live.run(self, why, request, done))
        unload.forget(_LOADED)
