"""Test a terminal in service, while it rests: an invite, a ticket or a hand on the keys breaks the test off."""

from asyncio import sleep_ms

from app import fields as f
from app import states
from protocol import codes, reasons
from self_test import quick
from self_test.due import next_ms

LOADED = (
    "self_test",  # the package's modules, and the drivers that only they need
    "drivers.lcd_st7789_state",
    "drivers.nor_w25q_spare",
    "drivers.rtc_ds3231_seconds",
    "drivers.touch_ft6336_identity",
)
RESTING = (states.NO_CLERK, states.IDLE, states.PAUSED)
AGAIN_MS = 60_000  # after one that was broken off


class BrokenOffError(Exception):
    """Somebody needs the terminal."""


async def run(
    desk: object, panel: object, parts_of_board: tuple, why: int, request: int | None, done: object | None
) -> None:
    """Answer, test, seal, show; see link/checks.py. `desk.check_at` is None while a test runs."""
    failed = None
    begins = desk.check_at is not None and desk.session.state in RESTING
    number = desk.tested[0] + 1 if desk.tested else 1
    if request is not None:
        desk.link.reply(request, reasons.OK if begins else reasons.BUSY, {"test": number} if begins else None)
        desk.wake()
    if begins:
        desk.check_at = None
        try:
            failed = await _judge(desk, panel, quick.Chips(*parts_of_board))
        except BrokenOffError:
            pass
        finally:
            desk.check_at = desk.clock.now_ms() + AGAIN_MS
    if failed is not None:
        desk.tested = [number, failed]
        panel.hint(failed != 0)
        desk.link.state(desk.session.state, desk.session.invite, {"self_test": desk.tested})
        desk.note(codes.SELF_TEST, {f.WHY: why, f.N: failed})
        desk.check_at = next_ms(desk.session.policy, desk.clock)
    desk.wake()
    if done is not None:
        done(failed)


async def _judge(desk: object, panel: object, chips: quick.Chips) -> int:
    """Return the mask of the parts that failed; BrokenOffError when the terminal stops to rest."""

    def hush() -> None:
        panel.loudness = -1

    async def pause(ms: int) -> None:
        await sleep_ms(ms)
        if desk.session.state not in RESTING:
            raise BrokenOffError

    while chips.voice is not None and desk.clock.now_ms() < chips.voice.ready_ms:
        await pause(100)
    chips.hushed = hush
    return await quick.run(chips, pause)
