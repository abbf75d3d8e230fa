"""drivers/voice_dfplayer against the chip model through a UART, and the model against the module's manual.

The board is k5 with this module in place of its own, in the firmware and in the simulator alike.
"""

import shutil
import textwrap
from pathlib import Path

import pytest

from simulator.chips.dfplayer import GAP_US, DFPlayer, frame
from simulator.chips.mp3_module import PAUSED, PLAYING, STOPPED, Heard
from simulator.clock import Clock
from simulator.stage import FIRMWARE
from simulator.terminal import SimTerminal
from tests.device.bench import terminal
from tests.device.counter import Counter

TRACKS = {1: 1_500, 2: 2_000, 300: 700}
DELIVERED = '"chip": "jq8900", "uart": 1, "busy": 14, "busy_level": 1'
SECOND = '"chip": "dfplayer", "uart": 1, "busy": 14, "busy_level": 0'
MAIN = """
voice = hw.voice
time.sleep_ms(3_100)
"""


def exchange_module(firmware: Path) -> Path:
    """Put the second source on the board, and take the driver of the delivered one away."""
    board = firmware / "boards" / "k5.py"
    text = board.read_text(encoding="utf-8")
    assert DELIVERED in text
    board.write_text(text.replace(DELIVERED, SECOND), encoding="utf-8")
    (firmware / "drivers" / "voice_jq8900.py").unlink()
    return firmware


def run(tmp_path, main: str, ms: int = 8_000):
    terminal(tmp_path, MAIN + textwrap.dedent(main))
    firmware = exchange_module(tmp_path / "firmware")
    running = SimTerminal(state_dir=tmp_path / "state", clock="virtual", firmware_dir=firmware)
    running.start(power=False)
    try:
        running.wiring.voice.tracks = dict(TRACKS)
        running.power_on()
        running.run_for(ms)
        assert running.violations == [], running.console()
        return running.wiring.voice, running.console().splitlines()
    finally:
        running.close()


def test_prompt_plays_to_its_end_at_the_volume_that_was_set_right_before(tmp_path):
    voice, lines = run(
        tmp_path,
        """
print(voice.playing())
voice.volume(50)
voice.play(1)
time.sleep_ms(100)
print(voice.playing())
time.sleep_ms(1800)
print(voice.playing())
""",
    )
    assert lines == ["False", "True", "False"]
    assert [(heard.track, heard.volume) for heard in voice.heard] == [(1, 15)]
    assert voice.heard[0].to_us - voice.heard[0].from_us == 1_500_000


def test_prompt_breaks_off_another_and_stop_is_silence(tmp_path):
    voice, lines = run(
        tmp_path,
        """
voice.volume(100)
voice.play(2)
time.sleep_ms(500)
voice.play(300)
time.sleep_ms(300)
voice.stop()
time.sleep_ms(20)
print(voice.playing())
""",
    )
    assert lines == ["False"]
    assert [(heard.track, heard.volume) for heard in voice.heard] == [(2, 30), (300, 30)]
    first, second = voice.heard
    assert first.to_us < second.from_us < first.from_us + 2_000_000
    assert second.to_us - second.from_us < 700_000


def test_percent_becomes_the_modules_thirty_steps_and_nothing_is_allocated(tmp_path):
    voice, lines = run(
        tmp_path,
        """
for percent in (0, 1, 33, 67, 99, 100):
    voice.volume(percent)
    voice.play(1)
    time.sleep_ms(300)
    voice.stop()
print(spent(voice.play, 1), spent(voice.volume, 70), spent(voice.stop), spent(voice.playing))
""",
    )
    assert [heard.volume for heard in voice.heard[:6]] == [0, 0, 10, 20, 30, 30]
    assert lines == ["0 0 0 0"]


def test_one_frame_waits_for_the_module_and_a_lone_one_does_not(tmp_path):
    _, lines = run(
        tmp_path,
        """
def took(call, *args):
    start_ms = time.ticks_ms()
    call(*args)
    return time.ticks_diff(time.ticks_ms(), start_ms)
alone = took(voice.volume, 10)
behind = took(voice.play, 1)
time.sleep_ms(200)
print(alone < 15, 30 <= behind <= 65, took(voice.stop) < 15)
""",
    )
    assert lines == ["True True True"]


def test_terminal_with_this_module_asks_and_thanks(tmp_path):
    shutil.copytree(FIRMWARE, tmp_path / "firmware", ignore=shutil.ignore_patterns("__pycache__"))
    with Counter(tmp_path, seed=1, firmware_dir=exchange_module(tmp_path / "firmware")) as counter:
        counter.login()
        counter.run(3_000)  # it reads its card
        counter.open_invite()
        counter.press(3)
        counter.until_state("idle", 20_000)
        voice = counter.terminal.wiring.voice
        assert isinstance(voice, DFPlayer)
        assert [(heard.track, heard.volume) for heard in voice.heard] == [(1, 18), (2, 18)]
        assert counter.terminal.violations == []


class Module:
    """A module with its pin and its answers written down, ready to listen."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.busy: list[int] = []
        self.sent = bytearray()
        self.chip = DFPlayer(self.clock, lambda level, t_us: self.busy.append(level), self.sent.extend, TRACKS)

    def take(self, data: str) -> None:
        self.pass_time(GAP_US)
        self.chip.receive(bytes.fromhex(data), self.clock.now_us)

    def pass_time(self, us: int) -> None:
        end_us = self.clock.now_us + us
        while self.clock.run_next(end_us):
            pass
        self.clock.advance(end_us)


def test_frames_of_the_manual_are_understood_however_they_are_split():
    assert frame(0x3F, 2).hex() == "7eff063f000002feba" + "ef"
    module = Module()
    module.take("7eff0606000014fee1ef")  # volume 20
    module.pass_time(GAP_US)
    for byte in bytes.fromhex("7eff0612010002fee6ef"):  # file 0002 of the folder MP3, answer wanted
        module.chip.receive(bytes([byte]), module.clock.now_us)
    assert (module.chip.state, module.chip.volume, module.chip.track) == (PLAYING, 20, 2)
    assert module.sent == frame(0x41, 0)
    module.take(frame(0x0E, 0).hex())
    assert module.chip.state == PAUSED and module.chip.heard[-1].to_us is not None
    module.take(frame(0x42, 0).hex())
    assert module.sent[10:] == frame(0x42, 0x0202)
    module.take(frame(0x16, 0).hex())
    assert module.chip.state == STOPPED and module.chip.violations == []
    for command, track in ((0x0D, 2), (0x02, 1), (0x01, 2)):
        module.take(frame(command, 0).hex())
        assert (module.chip.state, module.chip.track) == (PLAYING, track)


def test_busy_is_low_from_the_command_to_the_end_of_the_track_and_the_end_is_told():
    module = Module()
    assert module.busy[-1] == 1
    module.take(frame(0x12, 2).hex())
    assert module.busy[-1] == 0
    begins_us = module.clock.now_us + DFPlayer.START_US
    module.pass_time(DFPlayer.START_US + 2_000_000 - 1)
    assert module.busy[-1] == 0 and module.sent == b""
    module.pass_time(1)
    assert module.busy[-1] == 1 and module.sent == frame(0x3D, 2)
    assert module.chip.heard == [Heard(2, begins_us, begins_us + 2_000_000, DFPlayer.AT_POWER_ON)]


@pytest.mark.parametrize(
    ("data", "told", "error"),
    [
        ("7eff0612000002fee8ef", "wrong checksum", 2),
        ("7eff0612000002fee700", "is no frame", 1),
        ("7efe0612000002fee7ef", "is no frame", 1),
        (frame(0x06, 31).hex(), "volume 31", None),
        (frame(0x12, 9).hex(), "track 9 is not", None),
        ("00", "outside a frame", None),
        (frame(0x7F, 0).hex(), "not modelled", None),
    ],
)
def test_what_the_manual_forbids_is_told_and_starts_nothing(data, told, error):
    module = Module()
    module.take(data)
    assert told in module.chip.violations[0]
    assert module.sent == (b"" if error is None else frame(0x40, error))
    assert module.chip.heard == [] and module.chip.state == STOPPED


def test_frame_right_behind_another_is_lost():
    module = Module()
    module.take(frame(0x06, 10).hex())
    module.pass_time(GAP_US - 1)
    module.chip.receive(frame(0x12, 1), module.clock.now_us)
    assert "too early after another" in module.chip.violations[0] and module.chip.heard == []


def test_commands_too_early_after_power_on_are_lost_and_power_off_is_silence():
    module = Module()
    module.chip.power_on(module.clock.now_us)
    module.take(frame(0x12, 1).hex())
    assert "before the module listens" in module.chip.violations[0] and module.chip.heard == []
    module.pass_time(DFPlayer.POWER_ON_US)
    assert module.sent == frame(0x3F, 2)
    module.take(frame(0x06, 10).hex())
    module.take(frame(0x12, 1).hex())
    module.pass_time(300_000)
    module.chip.power_off(module.clock.now_us)
    assert module.busy[-1] == 1 and module.chip.heard[0].to_us == module.clock.now_us
    module.chip.power_on(module.clock.now_us)
    assert module.chip.volume == DFPlayer.AT_POWER_ON
    module.chip.power_off(module.clock.now_us)
    module.pass_time(DFPlayer.POWER_ON_US)
    assert module.sent == frame(0x3F, 2)
