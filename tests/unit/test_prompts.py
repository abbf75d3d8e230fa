"""What the terminals say: every prompt in every language, spoken as the table says, as tracks that a module plays."""

import json
import math
import shutil
import wave
from array import array

import attrs
import pytest
from click.testing import CliRunner

from host_agent.content import prompt_pack, prompt_table, speech, wave_file
from host_agent.content.glyph_sets import literals
from host_agent.content.prompt_table import READING_VOICE, TABLE, is_mandarin
from host_agent.content.prompts_cli import UI, build, check
from host_agent.content.speech import Speech
from host_agent.errors import UserError
from simulator import wiring

PROMPTS = prompt_table.read(UI)
BY_NAME = {(prompt.language, prompt.name): prompt for prompt in PROMPTS}
RATE_HZ = 22_050


def tone(freq_hz: float, ms: int, rate_hz: int = RATE_HZ, peak: int = 8_000) -> array:
    count = rate_hz * ms // 1000
    return array("h", (round(peak * math.sin(2 * math.pi * freq_hz * n / rate_hz)) for n in range(count)))


def say_tone(voice: str, text: str) -> Speech:
    """Speak without the library: a short tone."""
    return Speech(RATE_HZ, tone(440, 400))


def record(path, samples, rate_hz=16_000, channels=1, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes() if width == 2 else bytes(len(samples)))


def changed(tmp_path, change):
    """Return a table with one thing changed."""
    content = json.loads(TABLE.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def refused(command, *arguments):
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exit_code == 1, done.output
    lines = done.stderr.splitlines()
    assert all(line.startswith("yiping: ") for line in lines), done.stderr
    return lines


@pytest.fixture(scope="module")
def spoken():
    """What the library speaks for every prompt, and for every reading."""
    readings = [prompt for prompt in PROMPTS if prompt.reading]
    questions = [(prompt.voice, prompt.text) for prompt in PROMPTS]
    answers = speech.phonemes(questions + [(READING_VOICE, prompt.reading) for prompt in readings])
    found = {prompt.track: answer for prompt, answer in zip(PROMPTS, answers[: len(PROMPTS)], strict=True)}
    return found, {prompt.track: answer for prompt, answer in zip(readings, answers[len(PROMPTS) :], strict=True)}


# -- the table


def test_tracks_are_in_the_order_of_the_firmware_and_all_on_the_simulated_module():
    names, languages = literals(UI / "panel.py")["PROMPTS"], literals(UI / "strings.py")["LANGUAGES"]
    expected = [(language, name) for language in languages for name in names]
    assert [(prompt.language, prompt.name) for prompt in PROMPTS] == expected
    assert [prompt.file for prompt in PROMPTS] == [f"{n:04}.wav" for n in range(1, wiring.PROMPTS + 1)]


@pytest.mark.parametrize("language", ["zh", "en", "ko"])
def test_labels_are_the_words_on_the_screen_in_the_order_of_the_keys(language):
    texts = literals(UI / f"texts_{language}.py")["TEXTS"]
    said = BY_NAME[language, "labels"].text.lower()
    place = 0
    for level in (5, 4, 3, 2, 1):
        place = said.index(texts[f"level_{level}"].lower(), place) + 1
    function = {"zh": "功能键", "en": "function key", "ko": "기능 버튼"}[language]
    assert said.index(function) > place


def test_request_is_the_one_on_the_screen():
    assert BY_NAME["zh", "invite"].text.strip("。") == literals(UI / "texts_zh.py")["TEXTS"]["invite_title"]
    assert BY_NAME["zh", "thanks"].text.strip("。") == literals(UI / "texts_zh.py")["TEXTS"]["thanks"]


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: f"{prompt.language}-{prompt.name}")
def test_prompt_is_spoken_as_the_table_says(prompt, spoken):
    found, _ = spoken
    assert found[prompt.track] == prompt.phonemes
    assert "(" not in found[prompt.track]  # a change of language: letters, spelled


@pytest.mark.parametrize("name", ["invite", "thanks", "greeting", "labels"])
def test_chinese_prompt_is_mandarin_syllables_with_the_tones_of_its_reading(name, spoken):
    found, readings = spoken
    prompt = BY_NAME["zh", name]
    characters = sum("\u4e00" <= char <= "\u9fff" for char in prompt.text)
    tones = [char for char in prompt.reading if char.isdigit()]
    assert len(tones) == characters == len(prompt.reading.replace(",", " ").split())
    tone_of = {"1": "55", "2": "35", "3": "214", "4": "51", "5": "11"}
    for answer in (found[prompt.track], readings[prompt.track]):
        assert is_mandarin(answer, prompt.text)
        digits = "".join(char if char.isdigit() else " " for char in answer).split()
        assert digits == [tone_of[tone] for tone in tones]


def test_letters_and_syllables_without_a_tone_are_no_mandarin():
    assert is_mandarin("n'i35n_ X'Au214_", "您好")
    for phonemes, text in (
        ("(en)n'In_h'aU(cmn)_", "您好"),
        ("n'In_ h'aU_", "您好"),
        ("n'i35n_", "您好"),
        ("n'i35n_ X'Au_", "您好"),
        ("", ""),
    ):
        assert not is_mandarin(phonemes, text)


# -- what fails a build


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c["prompts"]["thanks"].pop("ko"), "prompts.thanks.ko.text is missing"),
        (lambda c: c["prompts"]["labels"]["zh"].pop("pinyin"), "prompts.labels.zh.pinyin is missing"),
        (lambda c: c["voices"].pop("en"), "voices.en is missing"),
        (lambda c: c["prompts"].update(good={"zh": {}}), "prompts.good.zh is nothing that a terminal says"),
        (lambda c: c["prompts"]["invite"]["zh"].update(text="Qing nin pingjia."), "not be spoken as Mandarin"),
        (lambda c: c["voices"].update(zh="en-us"), "not be spoken as Mandarin"),
        (lambda c: c["prompts"]["greeting"]["zh"].update(pinyin="nin2 hao4"), "its pinyin says"),
        (lambda c: c["prompts"]["invite"]["en"].update(text="Please hate this service."), "the table says"),
        (lambda c: c["voices"].update(ko="nobody"), "no voice nobody"),
    ],
)
def test_what_is_missing_or_spoken_wrongly_fails_the_build_and_names_the_prompt(tmp_path, change, told):
    table = changed(tmp_path, change)
    lines = refused(build, "--table", table, "--out", tmp_path / "out")
    assert told in lines[0] and (str(table) in lines[0] or "nobody" in told)
    assert not (tmp_path / "out").exists()


def test_all_faults_of_a_table_are_told_at_once(tmp_path):
    def change(content):
        content["prompts"]["invite"]["zh"]["text"] = "评价"
        content["prompts"]["thanks"]["en"]["text"] = "Thanks."

    lines = refused(check, "--table", changed(tmp_path, change))
    assert len(lines) == 2 and "prompts.invite.zh" in lines[0] and "prompts.thanks.en" in lines[1]


def test_build_without_the_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(speech, "PACKAGE", "no_such_library")
    assert "install the extra yiping[dev]" in refused(build, "--out", tmp_path / "out")[0]


# -- the tracks


def test_synthetic_voice_says_the_same_each_time():
    prompt = BY_NAME["zh", "thanks"]
    first, second = (speech.speak(prompt.voice, prompt.text) for _ in range(2))
    assert first == second and first.rate_hz == RATE_HZ
    assert 1_000 < len(first.samples) * 1000 // RATE_HZ < 3_000
    assert max(first.samples) > 3_000


def test_tracks_are_files_that_the_module_plays_and_the_manifest_says_which(tmp_path):
    rows = prompt_pack.build(tmp_path / "pack", PROMPTS, {}, say_tone, "a tone")
    manifest = json.loads((tmp_path / "pack" / prompt_pack.MANIFEST).read_text(encoding="utf-8"))
    assert manifest["tracks"] == rows and [row["track"] for row in rows] == list(range(1, 13))
    for row, prompt in zip(rows, PROMPTS, strict=True):
        assert (row["text"], row["language"], row["phonemes"]) == (prompt.text, prompt.language, prompt.phonemes)
        with wave.open(str(tmp_path / "pack" / row["file"])) as file:
            assert file.getparams()[:3] == (1, 2, 16_000)
            assert file.getnframes() * 1000 // 16_000 == row["duration_ms"] == 400
        assert (tmp_path / "pack" / row["file"]).stat().st_size == 44 + 2 * file.getnframes()
    prompt_pack.check(tmp_path / "pack", PROMPTS)


def test_own_recording_wins_whatever_its_rate_and_loudness(tmp_path):
    (tmp_path / "own").mkdir()
    stereo = array("h", (value for left in tone(500, 1_000, 48_000, 900) for value in (left, left)))
    record(tmp_path / "own" / "invite.zh.wav", stereo, 48_000, 2)
    record(tmp_path / "own" / "thanks.ko.wav", tone(500, 800, 16_000, 30_000))
    found = prompt_pack.find_recordings(tmp_path / "own", PROMPTS)
    rows = {row["file"]: row for row in prompt_pack.build(tmp_path / "pack", PROMPTS, found, say_tone, "a tone")}
    assert {name for name, row in rows.items() if row["phonemes"] is None} == {"0001.wav", "0010.wav"}
    assert (rows["0001.wav"]["source"], rows["0001.wav"]["duration_ms"]) == ("invite.zh.wav", 1_000)
    assert (rows["0010.wav"]["source"], rows["0010.wav"]["duration_ms"]) == ("thanks.ko.wav", 800)
    for name in rows:
        _, samples = wave_file.read(tmp_path / "pack" / name)
        assert max(map(abs, samples)) == wave_file.PEAK


def test_build_from_recordings_alone_asks_no_library(tmp_path, monkeypatch):
    monkeypatch.setattr(speech, "PACKAGE", "no_such_library")
    (tmp_path / "own").mkdir()
    for prompt in PROMPTS:
        record(tmp_path / "own" / prompt.recording, tone(500, 400, 16_000))
    done = CliRunner().invoke(
        build, ["--out", str(tmp_path / "pack"), "--recordings", str(tmp_path / "own")], catch_exceptions=False
    )
    assert done.exit_code == 0 and "12 tracks, 12 of them recordings" in done.output


def test_recordings_that_cannot_be_used_are_all_told_and_nothing_is_written(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    record(own / "invite.zh.wav", tone(500, 8_000, 16_000))
    record(own / "invite.en.wav", array("h", bytes(20_000)))
    record(own / "invite.ko.wav", tone(500, 100, 16_000))
    record(own / "thanks.zh.wav", tone(500, 800, 16_000), width=1)
    record(own / "thanks.en.wav", tone(500, 800, 4_000), rate_hz=4_000)
    (own / "thanks.ko.wav").write_bytes(b"ID3")
    found = prompt_pack.find_recordings(own, PROMPTS)
    with pytest.raises(UserError) as caught:
        prompt_pack.build(tmp_path / "pack", PROMPTS, found, say_tone, "a tone")
    told = {line.split("own/")[1][:13]: line for line in caught.value.lines()}
    assert "lasts 8000 ms" in told["invite.zh.wav"] and "lasts 100 ms" in told["invite.ko.wav"]
    assert "nothing is heard" in told["invite.en.wav"] and "8 bit" in told["thanks.zh.wav"]
    assert "4000 Hz" in told["thanks.en.wav"] and "no WAV file" in told["thanks.ko.wav"]
    assert len(told) == 6 and not (tmp_path / "pack").exists()


def test_recording_of_another_name_is_told_with_the_names_that_count(tmp_path):
    record(tmp_path / "Invite_zh.wav", tone(500, 400, 16_000))
    with pytest.raises(UserError, match=r"recording of nothing .*Invite_zh.wav.* invite.en.wav"):
        prompt_pack.find_recordings(tmp_path, PROMPTS)
    with pytest.raises(UserError, match="cannot read the recordings"):
        prompt_pack.find_recordings(tmp_path / "none", PROMPTS)


def test_check_finds_what_is_not_on_a_module(tmp_path):
    prompt_pack.build(tmp_path / "pack", PROMPTS, {}, say_tone, "a tone")
    shutil.copytree(tmp_path / "pack", tmp_path / "module")
    (tmp_path / "module" / "0002.wav").unlink()
    (tmp_path / "module" / "0004.wav").write_bytes(b"RIFF")
    with pytest.raises(UserError) as caught:
        prompt_pack.check(tmp_path / "module", PROMPTS)
    lines = caught.value.lines()
    assert len(lines) == 2 and "missing" in lines[0] and "not the one in the manifest" in lines[1]
    (tmp_path / "module" / "music.mp3").write_bytes(b"")
    with pytest.raises(UserError, match="no prompt.*music.mp3"):
        prompt_pack.check(tmp_path / "module", PROMPTS)
    with pytest.raises(UserError, match="no manifest"):
        prompt_pack.check(tmp_path / "nowhere", PROMPTS)
    with pytest.raises(UserError, match="is not invite in en"):
        prompt_pack.check(tmp_path / "pack", [attrs.evolve(PROMPTS[0], language="en"), *PROMPTS[1:]])


def test_another_rate_keeps_what_is_heard_and_drops_what_would_fold():
    heard = wave_file.resampled(tone(1_000, 100), RATE_HZ, 16_000)
    expected = [8_000 * math.sin(2 * math.pi * 1_000 * n / 16_000) for n in range(len(heard))]
    middle = slice(200, len(heard) - 200)
    assert max(abs(a - b) for a, b in zip(heard[middle], expected[middle], strict=True)) < 30
    folded = wave_file.resampled(tone(10_000, 100), RATE_HZ, 16_000)
    assert max(map(abs, folded[middle])) < 80  # 40 dB below


@pytest.mark.slow
def test_whole_pack_with_the_synthetic_voice_twice_alike(tmp_path):
    for name in ("one", "two"):
        done = CliRunner().invoke(build, ["--out", str(tmp_path / name)], catch_exceptions=False)
        assert done.exit_code == 0 and "12 tracks, 0 of them" in done.output
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 13
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    prompt_pack.check(tmp_path / "one", PROMPTS)
