"""Builds the folder of tracks that is copied to a voice module, and checks one that was.

Stored: 0001.wav and so on, one for each prompt and language in the order of the firmware's tracks, and manifest.json,
which says of each file what it is: prompt, language, text, phonemes (none of a recording), duration, SHA-256.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from host_agent.content import wave_file
from host_agent.content.prompt_table import Prompt
from host_agent.content.speech import Speech
from host_agent.content.wave_file import WaveError
from host_agent.errors import ManyUserErrors, UserError

MANIFEST = "manifest.json"
SOUNDS = (".wav", ".mp3", ".wma")  # what a module counts as a track
# The request is said again after half an invite, which may be as short as 15 s; labels are said only when asked for.
LONGEST_MS = {"labels": 20_000}
LONGEST_OTHER_MS = 7_000
SHORTEST_MS = 300
Speak = Callable[[str, str], Speech]


def find_recordings(folder: Path, prompts: Sequence[Prompt]) -> dict[str, Path]:
    """Return the recordings by their names.

    :raises UserError: (ManyUserErrors when there are several) the folder is not there, or holds a file of another name.
    """
    try:
        files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(f"cannot read the recordings: {error.strerror}", str(folder), "check the path") from None
    known = {prompt.recording for prompt in prompts}
    cure = f"name it as one of: {', '.join(sorted(known))}"
    strangers = [UserError("a recording of nothing", str(path), cure) for path in files if path.name not in known]
    if strangers:
        raise ManyUserErrors(strangers)
    return {path.name: path for path in files}


def build(out: Path, prompts: Sequence[Prompt], recordings: dict[str, Path], speak: Speak, engine: str) -> list[dict]:
    """Write all tracks and the manifest into `out`; return the manifest's rows. Nothing is written with a fault.

    :raises UserError: (ManyUserErrors when there are several) for each recording that cannot be used.
    """
    _refuse_strangers(out, prompts)
    faults: list[UserError] = []
    tracks: dict[str, bytes] = {}
    rows = []
    for prompt in prompts:
        path = recordings.get(prompt.recording)
        try:
            samples = wave_file.prepared(*wave_file.read(path)) if path else _spoken(prompt, speak)
            duration_ms = len(samples) * 1000 // wave_file.RATE_HZ
            _check_duration(prompt, duration_ms)
        except (OSError, WaveError) as error:
            what = (error.strerror or "cannot be read") if isinstance(error, OSError) else str(error)
            faults.append(UserError(what, str(path or prompt.recording), "record it anew, see docs/voice.md"))
            continue
        tracks[prompt.file] = wave_file.encode(samples)
        rows.append(_row(prompt, path, duration_ms, tracks[prompt.file]))
    if faults:
        raise ManyUserErrors(faults)
    _write(out, tracks, {"rate_hz": wave_file.RATE_HZ, "bits": 16, "channels": 1, "engine": engine, "tracks": rows})
    return rows


def check(folder: Path, prompts: Sequence[Prompt]) -> None:
    """Compare a folder, for example a mounted module, with its manifest and with the firmware's tracks.

    :raises UserError: (ManyUserErrors when there are several) for each file that is missing, other, or too much.
    """
    cure = "build it anew with `yiping prompts build` and copy all of it"
    try:
        rows = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["tracks"]
        said = {row["file"]: (row["prompt"], row["language"], row["sha256"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"no manifest: {error}", str(folder / MANIFEST), cure) from None
    _refuse_strangers(folder, prompts)
    faults = []
    for prompt in prompts:
        path = folder / prompt.file
        name, language, sha256 = said.get(prompt.file, ("", "", ""))
        if (name, language) != (prompt.name, prompt.language):
            faults.append(UserError(f"is not {prompt.name} in {prompt.language}", str(path), cure))
        elif not path.is_file():
            faults.append(UserError("the track is missing", str(path), cure))
        elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            faults.append(UserError("the track is not the one in the manifest", str(path), cure))
    if faults:
        raise ManyUserErrors(faults)


def _spoken(prompt: Prompt, speak: Speak) -> Sequence[int]:
    speech = speak(prompt.voice, prompt.text)
    return wave_file.prepared(speech.rate_hz, speech.samples)


def _check_duration(prompt: Prompt, duration_ms: int) -> None:
    longest_ms = LONGEST_MS.get(prompt.name, LONGEST_OTHER_MS)
    if not SHORTEST_MS <= duration_ms <= longest_ms:
        raise WaveError(f"it lasts {duration_ms} ms, {SHORTEST_MS} to {longest_ms} are wanted")


def _refuse_strangers(folder: Path, prompts: Sequence[Prompt]) -> None:
    """Refuse a folder with other sounds: modules count files, so one more shifts what each number means."""
    if not folder.is_dir():
        return
    known = {prompt.file for prompt in prompts}
    strangers = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SOUNDS and path.name not in known]
    if strangers:
        cure = "remove it: the module would count it as a track"
        raise ManyUserErrors([UserError("a sound that is no prompt", str(path), cure) for path in strangers])


def _row(prompt: Prompt, path: Path | None, duration_ms: int, data: bytes) -> dict:
    return {
        "track": prompt.track,
        "file": prompt.file,
        "prompt": prompt.name,
        "language": prompt.language,
        "text": prompt.text,
        "phonemes": None if path else prompt.phonemes,
        "source": path.name if path else prompt.voice,
        "duration_ms": duration_ms,
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _write(out: Path, tracks: dict[str, bytes], manifest: dict) -> None:
    """Write in the order of the tracks: some modules count files as they were written, not by name."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in tracks:
            (out / name).unlink(missing_ok=True)
        for name, data in tracks.items():
            (out / name).write_bytes(data)
        text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
        (out / MANIFEST).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write the prompts: {error.strerror}", str(out), "check folder and rights") from None
