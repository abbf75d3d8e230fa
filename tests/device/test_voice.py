"""drivers/voice_jq8900 against the chip model through a UART, and the model against the module's manual."""

import textwrap

import pytest

from simulator.chips.jq8900 import JQ8900
from simulator.chips.mp3_module import PAUSED, PLAYING, STOPPED, Heard
from simulator.clock import Clock
from tests.device.bench import terminal
from tests.device.counter import Counter

AT_POWER_ON, POWER_ON_US, START_US = JQ8900.AT_POWER_ON, JQ8900.POWER_ON_US, JQ8900.START_US
TRACKS = {1: 1_500, 2: 2_000, 300: 700}
MAIN = """
from machine import UART, Pin
from drivers.voice_jq8900 import Voice
data = k5.BOARD["chips"]["voice"]
uart = UART(data["uart"], baudrate=9600, tx=Pin(20), rx=None)
voice = Voice(uart, Pin(data["busy"], Pin.IN), data["busy_level"])
time.sleep_ms(600)
"""


def run(tmp_path, main: str, ms: int = 6_000):
    running = terminal(tmp_path, MAIN + textwrap.dedent(main))
    running.start(power=False)
    try:
        running.wiring.voice.tracks = dict(TRACKS)
        running.power_on()
        running.run_for(ms)
        assert running.violations == [], running.console()
        return running.wiring.voice, running.console().splitlines()
    finally:
        running.close()


def test_prompt_plays_to_its_end_at_the_volume_that_was_set(tmp_path):
    voice, lines = run(
        tmp_path,
        """
print(voice.playing())
voice.volume(50)
voice.play(1)
time.sleep_ms(100)
print(voice.playing())
time.sleep_ms(1600)
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


def test_percent_becomes_the_modules_thirty_steps(tmp_path):
    voice, _ = run(
        tmp_path,
        """
for percent in (0, 1, 33, 67, 99, 100):
    voice.volume(percent)
    voice.play(1)
    time.sleep_ms(100)
    voice.stop()
    time.sleep_ms(10)
""",
    )
    assert [heard.volume for heard in voice.heard] == [0, 0, 10, 20, 30, 30]


def test_driver_allocates_nothing(tmp_path):
    _, lines = run(
        tmp_path,
        """
print(spent(voice.play, 1), spent(voice.volume, 70), spent(voice.stop), spent(voice.playing))
""",
    )
    assert lines == ["0 0 0 0"]


def test_terminal_asks_for_a_rating_and_thanks_alike_for_every_level(tmp_path):
    heard = []
    for key in (1, 3, 5):
        with Counter(tmp_path / str(key), seed=1) as counter:
            counter.login()
            counter.run(1_000)
            counter.open_invite()
            counter.press(key)
            counter.until_state("idle", 20_000)
            voice = counter.terminal.wiring.voice
            start_us = voice.heard[0].from_us
            heard.append([(sound.track, (sound.from_us - start_us) // 20_000, sound.volume) for sound in voice.heard])
    assert heard == [heard[0]] * 3
    assert [(track, volume) for track, _, volume in heard[0]] == [(1, 18), (2, 18)]


class Module:
    """A module with its pin and its answers written down."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.busy: list[int] = []
        self.sent = bytearray()
        self.chip = JQ8900(self.clock, lambda level, t_us: self.busy.append(level), self.sent.extend, TRACKS)

    def take(self, frame: str) -> None:
        self.chip.receive(bytes.fromhex(frame), self.clock.now_us)

    def pass_time(self, us: int) -> None:
        end_us = self.clock.now_us + us
        while self.clock.run_next(end_us):
            pass
        self.clock.advance(end_us)


def test_frames_of_the_manual_are_understood_however_they_are_split():
    module = Module()
    for byte in bytes.fromhex("aa13010ac8 aa07020001b4"):
        module.chip.receive(bytes([byte]), module.clock.now_us)
    assert (module.chip.state, module.chip.volume, module.chip.track) == (PLAYING, 10, 1)
    module.take("aa0100ab")
    assert module.sent == bytes.fromhex("aa010101ad")
    module.take("aa0300ad")
    assert module.chip.state == PAUSED and module.chip.heard[-1].to_us is not None
    module.take("aa0400ae")
    assert module.chip.state == STOPPED and module.chip.violations == []


def test_busy_is_high_from_the_command_to_the_end_of_the_track():
    module = Module()
    module.take("aa07020002b5")
    assert module.busy[-1] == 1
    module.pass_time(START_US + 2_000_000 - 1)
    assert module.busy[-1] == 1
    module.pass_time(1)
    assert module.busy[-1] == 0
    assert module.chip.heard == [Heard(2, START_US, START_US + 2_000_000, AT_POWER_ON)]


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ("aa0100ac", "wrong checksum"),
        ("aa1301ff bd", "volume 255"),
        ("aa07020009bc", "track 9 is not"),
        ("aa070101b3", "with 1 data bytes"),
        ("00", "outside a frame"),
        ("aa7f0029", "not modelled"),
    ],
)
def test_what_the_manual_forbids_is_told_and_starts_nothing(frame, told):
    module = Module()
    module.take(frame)
    assert told in module.chip.violations[0]
    assert module.chip.heard == [] and module.chip.state == STOPPED


def test_commands_too_early_after_power_on_are_lost_and_power_off_is_silence():
    module = Module()
    module.chip.power_on(module.clock.now_us)
    module.take("aa07020001b4")
    assert "before the module listens" in module.chip.violations[0] and module.chip.heard == []
    module.pass_time(POWER_ON_US)
    module.take("aa13010ac8 aa07020001b4")
    module.pass_time(200_000)
    module.chip.power_off(module.clock.now_us)
    assert module.busy[-1] == 0 and module.chip.heard[0].to_us == module.clock.now_us
    module.chip.power_on(module.clock.now_us)
    assert module.chip.volume == AT_POWER_ON
