"""What a hall may decide about its terminals: default and range of each value. Loaded when needed, see policy.py."""

from app.policy import INVITE_LEAST_MS, INVITE_MOST_MS

# key: (default, lowest, highest); ms
TIMES = {
    "invite_ms": (60_000, INVITE_LEAST_MS, INVITE_MOST_MS),
    "change_ms": (5_000, 0, 20_000),  # 0: the first press is final
    "offer_ms": (10_000, 1_000, 60_000),
    "sub_ms": (15_000, 3_000, 60_000),
    "tags_ms": (40_000, 5_000, 120_000),  # after the last press
    "thanks_ms": (3_000, 0, 20_000),
    "unrated_ms": (30_000, 0, 120_000),
    "not_invited_ms": (10_000, 0, 60_000),
    "guard_ms": (700, 0, 3_000),  # a new page ignores keys that long
}
CHOICES = {
    "local_invite": ("offline", "always", "never"),
    "no_clerk": ("refuse", "unassigned"),
    "detail": ("ask", "auto", "off"),  # whether more than the overall level is asked for
}
FLAGS = ("elder", "greeting")
# key: (default, lowest, highest)
NUMBERS = {
    "volume": (60, 0, 100),  # %; 0 is mute
    "quiet_volume": (30, 0, 100),  # in the quiet time
    "quiet_from_min": (0, 0, 1_440),  # local time of day; no quiet time while both are the same
    "quiet_to_min": (0, 0, 1_440),
    "utc_offset_min": (480, -720, 840),
    "self_test_min": (450, -1, 1_439),  # local time of day of the daily self-test; -1: only after a start
}
QR = "qr"  # the window's own code, for the pages without an invite; None is the provisioned one
QR_CHARS_MAX = 200


def defaults() -> dict:
    """Return the value of each key while nobody has decided otherwise."""
    found = dict.fromkeys(FLAGS, False)
    found[QR] = None
    for table in (TIMES, NUMBERS, CHOICES):
        for key in table:
            found[key] = table[key][0]
    return found


def allowed(key: str, value: object) -> bool:
    """Return whether `value` is in its range; an unknown key always is."""
    if key in TIMES or key in NUMBERS:
        _, lowest, highest = TIMES.get(key) or NUMBERS[key]
        return type(value) is int and lowest <= value <= highest
    if key in CHOICES:
        return value in CHOICES[key]
    if key in FLAGS:
        return type(value) is bool
    if key == QR:
        return value is None or (type(value) is str and len(value) <= QR_CHARS_MAX)
    return True
