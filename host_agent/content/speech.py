"""Speaks a text with the library eSpeak NG from the package `espeakng-loader`, and says which phonemes it spoke.

Promise: the same text gives the same samples. The library's noise goes on from call to call, so each text that is heard
is spoken by a process of its own; nothing is loaded into the caller's.
"""

import ctypes
import importlib.util
import json
import subprocess
import sys
from array import array
from collections.abc import Sequence
from typing import Any

import attrs

from host_agent.errors import UserError

PACKAGE = "espeakng_loader"
_RETRIEVAL = 1  # AUDIO_OUTPUT_RETRIEVAL: samples come by the callback, no sound device
_UTF8 = 1
_RATE, _WORD_GAP = 1, 7  # espeak_PARAMETER
_WORDS_PER_MIN = 145  # of 80 to 450, 175 is the default: many who listen are old
_GAP_10MS = 2
_LIMIT_S = 60  # a prompt takes a tenth of a second
_CHUNK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@attrs.frozen
class Speech:
    """What was spoken: 16 bit samples of one channel, and at which rate."""

    rate_hz: int
    samples: array


def phonemes(wanted: Sequence[tuple[str, str]]) -> list[str]:
    """Return the phonemes of each (voice, text) as eSpeak writes them, its clauses joined by " | ".

    :raises UserError: the library is not installed, lacks the voice, or fails.
    """
    answer = _ask({"phonemes": list(wanted)})
    return json.loads(answer)


def speak(voice: str, text: str) -> Speech:
    """Return a text spoken by a voice.

    :raises UserError: the library is not installed, lacks the voice, or fails.
    """
    head, _, body = _ask({"speak": [voice, text]}).partition(b"\n")
    samples = array("h", body)
    if sys.byteorder == "big":
        samples.byteswap()
    return Speech(int(head), samples)


def _ask(question: dict) -> bytes:
    """Put a question to a process that has the library."""
    if importlib.util.find_spec(PACKAGE) is None:
        raise UserError("the library that speaks is not installed", "espeakng-loader", "install the extra yiping[dev]")
    done = subprocess.run(
        [sys.executable, "-m", __name__], input=json.dumps(question).encode(), capture_output=True, timeout=_LIMIT_S
    )
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise UserError(f"cannot speak: {last[0]}", "espeakng-loader", "install the locked version")
    return done.stdout


class _Library:
    """The loaded library; one for each process."""

    def __init__(self) -> None:
        import espeakng_loader as loader

        self._lib = ctypes.CDLL(loader.get_library_path())
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._lib.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
        self.rate_hz = self._lib.espeak_Initialize(_RETRIEVAL, 0, loader.get_data_path().encode(), 0)
        if self.rate_hz <= 0:
            sys.exit("eSpeak NG does not start")
        self._lib.espeak_SetParameter(_RATE, _WORDS_PER_MIN, 0)
        self._lib.espeak_SetParameter(_WORD_GAP, _GAP_10MS, 0)

    def use(self, voice: str) -> None:
        """Take a voice; an unknown one ends the process."""
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            sys.exit(f"eSpeak NG has no voice {voice}")

    def phonemes(self, text: str) -> str:
        """Return the phonemes of a text in the voice that was taken."""
        buffer = ctypes.create_string_buffer(text.encode())
        rest = ctypes.c_void_p(ctypes.addressof(buffer))
        clauses = []
        while rest.value:
            clauses.append(self._lib.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, 0).decode())
        return " | ".join(clause for clause in clauses if clause)

    def speak(self, text: str) -> bytes:
        """Return the samples of a text in the voice that was taken."""
        heard = bytearray()

        def take(samples: Any, count: int, _events: int | None) -> int:
            if samples:
                heard.extend(ctypes.string_at(samples, count * 2))
            return 0

        callback = _CHUNK(take)
        self._lib.espeak_SetSynthCallback(callback)
        data = text.encode()
        self._lib.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
        self._lib.espeak_Synchronize()
        return bytes(heard)


def _answer(question: dict) -> bytes:
    library = _Library()
    if "speak" in question:
        voice, text = question["speak"]
        library.use(voice)
        samples = array("h", library.speak(text))
        if sys.byteorder == "big":
            samples.byteswap()
        return b"%d\n" % library.rate_hz + samples.tobytes()
    found = []
    for voice, text in question["phonemes"]:
        library.use(voice)
        found.append(library.phonemes(text))
    return json.dumps(found).encode()


if __name__ == "__main__":
    sys.stdout.buffer.write(_answer(json.load(sys.stdin)))
