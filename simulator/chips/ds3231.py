"""Maxim DS3231 real-time clock, datasheet 19-5170 revision 10 (2015), I2C address 68h.

Modelled: time and date registers 00h–06h in BCD with 12/24 hour mode, the snapshot taken at each START, control,
status with OSF, aging, register pointer with wrap, the coin cell that keeps the clock while the power is off, a dead
cell, drift, an oscillator that stands still, registers that read wrong. Not modelled: alarms (their registers only
store), square wave, temperature conversion (a constant), /RST, the day-of-week counter's rule of use.
"""

from datetime import UTC, datetime

ADDRESS = 0x68
STATUS, REGISTERS = 0x0F, 0x13
OSF = 0x80  # oscillator stop flag
CENTURY = 0x80  # bit of the month register
HOUR_12, HOUR_PM = 0x40, 0x20

_AT_RESET = bytes([0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x1C, 0x88, 0, 0x19, 0])
_BASE_YEAR = 2000


class DS3231:
    """One clock. Time is kept as UTC µs at a moment of simulated time; `drift_ppm` lets it run fast."""

    def __init__(self, utc_us: int | None = None, drift_ppm: float = 0.0) -> None:
        self.drift_ppm = drift_ppm
        self.violations: list[str] = []
        self.wrong: dict[int, int] = {}  # register → what is read of it, whatever it holds
        self._registers = bytearray(_AT_RESET)
        self._pointer = 0
        self._read = bytearray(REGISTERS)
        self._at_us = 0
        self._powered = True
        self._running_us = _utc_us(datetime(_BASE_YEAR, 1, 1, tzinfo=UTC))
        if utc_us is not None:
            self._running_us = utc_us
            self._registers[STATUS] &= ~OSF & 0xFF

    # -- time

    def utc_us(self, t_us: int) -> int:
        """Return the clock's own time at `t_us`, UTC µs."""
        return self._running_us + round((t_us - self._at_us) * (1 + self.drift_ppm / 1e6))

    def set_utc_us(self, utc_us: int, t_us: int) -> None:
        """Set the time from outside the bus, as a test or a stored state does."""
        self._running_us, self._at_us = utc_us, t_us

    def run_at(self, drift_ppm: float, t_us: int) -> None:
        """Let the oscillator run at another pace from now on; −1,000,000 ppm stops it."""
        self.set_utc_us(self.utc_us(t_us), t_us)
        self.drift_ppm = drift_ppm

    @property
    def stopped(self) -> bool:
        """Return OSF: the time was lost since the firmware last cleared it."""
        return bool(self._registers[STATUS] & OSF)

    def battery_failed(self, t_us: int) -> None:
        """Lose the time, as with an empty cell while the power is off."""
        self._registers[:] = _AT_RESET
        self._running_us = _utc_us(datetime(_BASE_YEAR, 1, 1, tzinfo=UTC))
        self._at_us = t_us

    def state(self, t_us: int) -> dict:
        """Return what the cell keeps, for `restore`."""
        return {"utc_us": self.utc_us(t_us), "registers": self._registers.hex()}

    def restore(self, state: dict, t_us: int, elapsed_us: int = 0) -> None:
        """Take a stored state that is `elapsed_us` old."""
        self._registers[:] = bytes.fromhex(state["registers"])
        self.set_utc_us(state["utc_us"] + elapsed_us, t_us)

    # -- power

    def power_on(self, t_us: int) -> None:
        """Apply power; the clock ran on from its cell."""
        self._powered = True
        self._pointer = 0

    def power_off(self, t_us: int) -> None:
        """Cut power: the bus no longer answers, the clock runs on."""
        self._powered = False

    # -- bus

    def write(self, data: bytes, t_us: int) -> None:
        """Take a write: the register pointer, then register values."""
        if not self._powered or not data:
            return
        self._snapshot(t_us)
        self._pointer = data[0] % REGISTERS
        written = set()
        for byte in data[1:]:
            written.add(self._pointer)
            self._store(self._pointer, byte)
            self._pointer = (self._pointer + 1) % REGISTERS
        if written and min(written) < 7:
            self._set_clock(t_us)

    def read(self, n: int, t_us: int) -> bytes:
        """Return `n` registers from the pointer on."""
        if not self._powered:
            return b"\xff" * n
        self._snapshot(t_us)
        out = bytearray()
        for _ in range(n):
            out.append(self.wrong.get(self._pointer, self._read[self._pointer]))
            self._pointer = (self._pointer + 1) % REGISTERS
        return bytes(out)

    def _store(self, register: int, byte: int) -> None:
        """Write one register; OSF can only be cleared."""
        if register == STATUS:
            byte = (byte & 0x7F) | (byte & self._registers[STATUS] & OSF)
        self._registers[register] = byte
        self._read[register] = byte

    def _snapshot(self, t_us: int) -> None:
        """Copy the running time into the registers that a transfer sees."""
        now = datetime.fromtimestamp(self.utc_us(t_us) // 1_000_000, UTC)
        if not _BASE_YEAR <= now.year < _BASE_YEAR + 200:
            self.violations.append(f"year {now.year} is outside the chip's calendar")
        twelve = self._registers[2] & HOUR_12
        century = CENTURY if now.year >= _BASE_YEAR + 100 else 0
        self._read[:] = self._registers
        self._read[0:2] = bytes([_bcd(now.second), _bcd(now.minute)])
        self._read[2] = _hours_12(now.hour) if twelve else _bcd(now.hour)
        self._read[3:7] = bytes([now.isoweekday(), _bcd(now.day), century | _bcd(now.month), _bcd(now.year % 100)])

    def _set_clock(self, t_us: int) -> None:
        """Restart the clock from the registers just written; the divider chain starts anew with the seconds."""
        r = self._read
        hour = _hour_24(r[2])
        year = _BASE_YEAR + (100 if r[5] & CENTURY else 0) + _binary(r[6])
        try:
            when = datetime(year, _binary(r[5] & 0x1F), _binary(r[4]), hour, _binary(r[1]), _binary(r[0]))
        except ValueError:
            self.violations.append(f"not a date: {bytes(r[:7]).hex()}")
            return
        self._registers[0:7] = r[0:7]
        self.set_utc_us(_utc_us(when.replace(tzinfo=UTC)), t_us)


def _utc_us(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000


def _bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def _binary(bcd: int) -> int:
    """Return the value; digits above 9 make a value no date accepts."""
    return 99 if bcd & 0x0F > 9 else (bcd >> 4) * 10 + (bcd & 0x0F)


def _hours_12(hour: int) -> int:
    return HOUR_12 | (HOUR_PM if hour >= 12 else 0) | _bcd((hour + 11) % 12 + 1)


def _hour_24(register: int) -> int:
    if not register & HOUR_12:
        return _binary(register & 0x3F)
    return _binary(register & 0x1F) % 12 + (12 if register & HOUR_PM else 0)
