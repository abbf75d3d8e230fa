"""Test a terminal in service, while it rests: an invite, a ticket or a hand on the keys breaks the test off."""

from asyncio import sleep_ms

from app import fields as f
from app import states
from protocol import codes, reasons
from self_test import quick

RESTING = (states.NO_CLERK, states.IDLE, states.PAUSED)
DAY_MS = 86_400_000
_MINUTE_MS = 60_000


class BrokenOffError(Exception):
    """Somebody needs the terminal."""


async def run(checks: object, why: int, request: int | None, done: object | None) -> None:
    """Answer, test, seal, show; see Checks.begin."""
    desk, failed = checks.desk, None
    begins = not checks.running and desk.session.state in RESTING
    number = desk.tested[0] + 1 if desk.tested else 1
    if request is not None:
        desk.link.reply(request, reasons.OK if begins else reasons.BUSY, {"test": number} if begins else None)
        desk.wake()
    if begins:
        checks.running = True
        try:
            failed = await _judge(checks)
        except BrokenOffError:
            pass
        finally:
            checks.running = False
    if failed is not None:
        desk.tested = [number, failed]
        checks.panel.hint(failed != 0)
        desk.link.state(desk.session.state, desk.session.invite, {"self_test": desk.tested})
        desk.note(codes.SELF_TEST, {f.WHY: why, f.N: failed})
        desk.check_at = next_ms(desk.session.policy, desk.clock)
        desk.wake()
    if done is not None:
        done(failed)


async def _judge(checks: object) -> int:
    """Return the mask of the parts that failed; BrokenOffError when the terminal stops to rest."""
    session, panel = checks.desk.session, checks.panel
    chips = quick.Chips(*checks.chips)

    def hush() -> None:
        panel.loudness = -1

    async def pause(ms: int) -> None:
        await sleep_ms(ms)
        if session.state not in RESTING:
            raise BrokenOffError

    while chips.voice is not None and checks.desk.clock.now_ms() < chips.voice.ready_ms:
        await pause(100)
    chips.hushed = hush
    return await quick.run(chips, pause)


def next_ms(policy: object, clock: object) -> int:
    """Return when the next daily test is due, ms since start; without a time of day, a day from now."""
    now_ms, utc_ms, minute = clock.now_ms(), clock.utc_ms(), policy["self_test_min"]
    if minute < 0:
        return now_ms + 1_000 * DAY_MS
    if utc_ms is None:
        return now_ms + DAY_MS
    local_ms = utc_ms + policy["utc_offset_min"] * _MINUTE_MS
    wait_ms = (minute * _MINUTE_MS - local_ms) % DAY_MS
    return now_ms + (wait_ms or DAY_MS)
