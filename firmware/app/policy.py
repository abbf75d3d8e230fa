"""Hold what a hall may decide about its terminals; every value is bounded, whoever sends it.

Defaults are those of the state table in docs/terminal.md. The agent sends changes with CONFIG after each HELLO;
nothing is kept over a restart. A key this firmware does not know is skipped and counted, so that a newer agent
can speak to an older terminal.
"""

from protocol import reasons

# key: (default, lowest, highest); ms
TIMES = {
    "invite_ms": (60_000, 1_000, 360_000),
    "change_ms": (5_000, 0, 20_000),  # 0: the first press is final
    "offer_ms": (10_000, 1_000, 60_000),
    "sub_ms": (15_000, 3_000, 60_000),
    "tags_ms": (40_000, 5_000, 120_000),  # after the last press
    "thanks_ms": (3_000, 0, 20_000),
    "unrated_ms": (30_000, 0, 120_000),
    "not_invited_ms": (10_000, 0, 60_000),
    "guard_ms": (700, 0, 3_000),  # a new page ignores keys that long
}
# Not doubled by the elder profile: it protects against a press aimed at the page before.
_FIXED = ("guard_ms",)
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
}
_DAY_MIN = 1_440
QR = "qr"  # the window's own code, for the pages without an invite; None is the provisioned one
QR_CHARS_MAX = 200


class Policy:
    """Keep the values in force; `qr` is the window's code from provisioning."""

    def __init__(self, qr: str | None = None) -> None:
        self._own_qr = qr
        self._values = {key: TIMES[key][0] for key in TIMES}
        for key in NUMBERS:
            self._values[key] = NUMBERS[key][0]
        for key in CHOICES:
            self._values[key] = CHOICES[key][0]
        for key in FLAGS:
            self._values[key] = False
        self._values[QR] = qr
        self.skipped = 0

    def ms(self, key: str) -> int:
        """Return a time in ms, doubled by the elder profile where that applies."""
        value = self._values[key]
        return value * 2 if self._values["elder"] and key not in _FIXED else value

    def loudness(self, utc_ms: int | None) -> int:
        """Return how loud the voice may be at a time, %; without a time as in the quiet one, where there is one."""
        first, end = self._values["quiet_from_min"], self._values["quiet_to_min"]
        if first == end:
            return self._values["volume"]
        quiet = True
        if utc_ms is not None:
            now = (utc_ms // 60_000 + self._values["utc_offset_min"]) % _DAY_MIN
            quiet = first <= now < end if first < end else now >= first or now < end
        return min(self._values["volume"], self._values["quiet_volume"]) if quiet else self._values["volume"]

    def __getitem__(self, key: str) -> object:
        return self._values[key]

    def change(self, wanted: dict) -> int:
        """Take all of `wanted` or nothing of it; return a reason code."""
        for key, value in wanted.items():
            if not _allowed(key, value):
                return reasons.OUT_OF_RANGE
        for key, value in wanted.items():
            if key in self._values:
                self._values[key] = self._own_qr if key == QR and value is None else value
            else:
                self.skipped += 1
        return reasons.OK


def _allowed(key: str, value: object) -> bool:
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
