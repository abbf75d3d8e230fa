"""Passive buzzer on a PWM output. How long a tone lasts is the caller's business."""

from micropython import const

_AT_START_HZ = const(2_000)
_HALF = const(32_768)


class Buzzer:
    """One buzzer, silent at first."""

    def __init__(self, pwm: object) -> None:
        self._pwm = pwm
        pwm.freq(_AT_START_HZ)
        pwm.duty_u16(0)

    def tone(self, freq_hz: int) -> None:
        """Sound a tone until `off` or another tone."""
        self._pwm.freq(freq_hz)
        self._pwm.duty_u16(_HALF)

    def off(self) -> None:
        """Fall silent."""
        self._pwm.duty_u16(0)
