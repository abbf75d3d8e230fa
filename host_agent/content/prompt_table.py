"""What the terminals say: text, voice and phonemes of every prompt in every language, and each one's track.

Stored in prompts.json. A Chinese prompt also carries its reading in pinyin, written by hand: its phonemes must be those
of the reading, so that a voice that spells letters or drops the tones is found before anybody hears it. The tracks
follow from the firmware's own PROMPTS and LANGUAGES.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from host_agent.content.glyph_sets import literals
from host_agent.errors import ManyUserErrors, UserError

TABLE = Path(__file__).parent / "prompts.json"
CHINESE = "zh"
READING_VOICE = "cmn-latn-pinyin"  # speaks the readings
_ROWS = "prompts"
_VOICES = "voices"
_JOINTS = re.compile(r"[', _|]")  # stress, and where words and clauses end
_SYLLABLE = re.compile(r"[^\d]+(55|35|214|51|11)[nN]?(?![\d])")  # with its tone; 11 is the neutral one
Phonemes = Callable[[Sequence[tuple[str, str]]], list[str]]


@attrs.frozen(kw_only=True)
class Prompt:
    """One prompt in one language; `reading` is pinyin, and only of a Chinese one."""

    name: str
    language: str
    track: int
    voice: str
    text: str
    phonemes: str
    reading: str | None = None

    @property
    def file(self) -> str:
        """Return the name of its track on the module."""
        return f"{self.track:04}.wav"

    @property
    def recording(self) -> str:
        """Return the name of a recording of it."""
        return f"{self.name}.{self.language}.wav"


def read(ui: Path, table: Path = TABLE) -> list[Prompt]:
    """Return all prompts in the order of their tracks.

    :raises UserError: (ManyUserErrors when there are several) for each prompt or language that is missing or too much.
    """
    names = literals(ui / "panel.py")["PROMPTS"]
    languages = literals(ui / "strings.py")["LANGUAGES"]
    content = _content(table)
    rows, voices = content[_ROWS], content[_VOICES]
    wanted = [(language, name) for language in languages for name in names]
    faults = [
        UserError(f"{_ROWS}.{name}.{language} is nothing that a terminal says", str(table), "remove it")
        for name, row in rows.items()
        for language in row
        if (language, name) not in wanted
    ]
    prompts = []
    for track, (language, name) in enumerate(wanted, 1):
        row = rows.get(name, {}).get(language, {})
        needed = ("text", "phonemes", "pinyin") if language == CHINESE else ("text", "phonemes")
        missing = [key for key in needed if not row.get(key)]
        if missing or not voices.get(language):
            what = f"{_ROWS}.{name}.{language}.{missing[0]}" if missing else f"{_VOICES}.{language}"
            faults.append(UserError(f"{what} is missing", str(table), "add it: every language has every prompt"))
            continue
        prompts.append(
            Prompt(
                name=name,
                language=language,
                track=track,
                voice=voices[language],
                text=row["text"],
                phonemes=row["phonemes"],
                reading=row.get("pinyin"),
            )
        )
    if faults:
        raise ManyUserErrors(faults)
    return prompts


def check_phonemes(prompts: Sequence[Prompt], phonemes: Phonemes, table: Path = TABLE) -> None:
    """Compare what would be spoken with the table, and Chinese with its reading.

    :raises UserError: (ManyUserErrors when there are several) for each prompt that would be spoken wrongly.
    """
    chinese = [prompt for prompt in prompts if prompt.reading is not None]
    questions = [(prompt.voice, prompt.text) for prompt in prompts]
    answers = phonemes([*questions, *((READING_VOICE, str(prompt.reading)) for prompt in chinese)])
    readings = dict(zip((prompt.track for prompt in chinese), answers[len(prompts) :], strict=True))
    faults = []
    for prompt, spoken in zip(prompts, answers[: len(prompts)], strict=True):
        where = f"{table}: {_ROWS}.{prompt.name}.{prompt.language}"
        if prompt.reading is not None and not is_mandarin(spoken, prompt.text):
            what = f"{prompt.text!r} would not be spoken as Mandarin syllables with tones, but as {spoken!r}"
            faults.append(UserError(what, where, "write Chinese characters, and a Mandarin voice"))
        elif prompt.reading is not None and _joined(spoken) != _joined(readings[prompt.track]):
            what = f"{prompt.text!r} would be spoken as {spoken!r}, its pinyin says {readings[prompt.track]!r}"
            faults.append(UserError(what, where, "correct the pinyin, or write the text so that it is read rightly"))
        elif spoken != prompt.phonemes:
            what = f"{prompt.text!r} would be spoken as {spoken!r}, the table says {prompt.phonemes!r}"
            faults.append(UserError(what, where, "listen to it; if it is right, put its phonemes into the table"))
    if faults:
        raise ManyUserErrors(faults)


def is_mandarin(phonemes: str, text: str) -> bool:
    """Return whether phonemes are Mandarin syllables with tones, one for each Chinese character of the text."""
    joined = _joined(phonemes)
    characters = [char for char in text if "\u4e00" <= char <= "\u9fff"]
    syllables = [match.end() - match.start() for match in _SYLLABLE.finditer(joined)]
    return "(" not in joined and sum(syllables) == len(joined) and len(syllables) == len(characters) > 0


def _joined(phonemes: str) -> str:
    return _JOINTS.sub("", phonemes)


def _content(table: Path) -> dict[str, Any]:
    try:
        content = json.loads(table.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the prompts: {error.strerror}", str(table), "check the path") from None
    except ValueError as error:
        raise UserError(f"not valid JSON: {error}", str(table), "correct that line") from None
    if not isinstance(content, dict) or not all(isinstance(content.get(key), dict) for key in (_ROWS, _VOICES)):
        raise UserError("no table of prompts", str(table), f"it has two parts, {_VOICES} and {_ROWS}")
    return content
