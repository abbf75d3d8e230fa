"""Reads recordings and writes prompts as the voice modules play them: WAV, one channel, 16 kHz, 16 bit.

A recording may have one or two channels and any rate of 8 to 48 kHz; every file comes out with the same peak.
"""

import io
import math
import sys
import wave
from array import array
from collections.abc import Sequence
from operator import mul
from pathlib import Path

RATE_HZ = 16_000
RATES_HZ = (8_000, 48_000)
PEAK = 29_000  # of 32,767, about 1 dB below: room for the decoder's own filter
SILENT = 330  # a peak of 1 % is a microphone that was off
_ZEROS = 16  # of the filter at each side; stops the image by more than 50 dB


class WaveError(Exception):
    """Say what a file is instead of a recording that can be used."""


def read(path: Path) -> tuple[int, array]:
    """Return the rate in Hz and the samples of a recording, two channels mixed to one; OSError, WaveError."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate_hz, count = file.getparams()[:4]
            data = file.readframes(count)
    except (wave.Error, EOFError) as error:
        raise WaveError(f"no WAV file: {error or 'it ends too early'}") from None
    if width != 2 or channels not in (1, 2) or not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        text = f"{channels} channels, {8 * width} bit, {rate_hz} Hz"
        raise WaveError(f"{text}: wanted are 1 or 2 channels, 16 bit, {RATES_HZ[0]} to {RATES_HZ[1]} Hz")
    samples = array("h", data[: len(data) // (2 * channels) * 2 * channels])
    if sys.byteorder == "big":
        samples.byteswap()
    if channels == 2:
        samples = array("h", ((left + right) // 2 for left, right in zip(samples[::2], samples[1::2], strict=True)))
    return rate_hz, samples


def encode(samples: Sequence[int]) -> bytes:
    """Return samples of RATE_HZ as a WAV file."""
    data = array("h", samples)
    if sys.byteorder == "big":
        data.byteswap()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(data.tobytes())
    return out.getvalue()


def prepared(rate_hz: int, samples: Sequence[int]) -> array:
    """Return samples at RATE_HZ with the peak that all prompts have.

    :raises WaveError: nothing is heard.
    """
    found = resampled(samples, rate_hz, RATE_HZ)
    peak = max((abs(value) for value in found), default=0)
    if peak < SILENT:
        raise WaveError("nothing is heard in it")
    return array("h", (round(value * PEAK / peak) for value in found))


def resampled(samples: Sequence[int], from_hz: int, to_hz: int) -> list[float]:
    """Return samples at another rate, by a windowed sinc of its own for each phase."""
    if from_hz == to_hz:
        return [float(value) for value in samples]
    common = math.gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    cutoff = min(1.0, up / down)
    half = math.ceil(_ZEROS / cutoff)
    phases = [_taps(phase / up, cutoff, half) for phase in range(up)]
    padded = [0.0] * half + [float(value) for value in samples] + [0.0] * (half + 1)
    found = []
    for n in range(len(samples) * up // down):
        first, phase = divmod(n * down, up)
        found.append(sum(map(mul, phases[phase], padded[first + 1 : first + 1 + 2 * half])))
    return found


def _taps(offset: float, cutoff: float, half: int) -> list[float]:
    """Return the weights of the 2 × half samples around a place, Hann window, sum 1."""
    taps = []
    for k in range(1 - half, half + 1):
        x = (k - offset) * cutoff * math.pi
        window = 0.5 + 0.5 * math.cos(math.pi * (k - offset) / half) if abs(k - offset) < half else 0.0
        taps.append((math.sin(x) / x if x else 1.0) * window)
    total = sum(taps)
    return [tap / total for tap in taps]
