"""When the next daily self-test is due. Pure."""

DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_NEVER_MS = 1_000 * DAY_MS


def next_ms(policy: object, clock: object) -> int:
    """Return when the next daily test is due, ms since start; without a time of day, a day from now."""
    now_ms, utc_ms, minute = clock.now_ms(), clock.utc_ms(), policy["self_test_min"]
    if minute < 0:
        return now_ms + _NEVER_MS
    if utc_ms is None:
        return now_ms + DAY_MS
    local_ms = utc_ms + policy["utc_offset_min"] * _MINUTE_MS
    wait_ms = (minute * _MINUTE_MS - local_ms) % DAY_MS
    return now_ms + (wait_ms or DAY_MS)
