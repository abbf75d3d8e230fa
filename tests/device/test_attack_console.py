"""The dishonest PC at the data port of the whole terminal: nothing that it sends opens a console or harms the journal.

docs/security.md has a row for each test; tests/city/test_attacks.py compares the two.
"""

import random
from pathlib import Path

import pytest

from protocol import frame, messages, rating, reasons
from tests.device.counter import Counter

# What mpremote, ampy, rshell, Thonny and a person at a keyboard send to reach the prompt of MicroPython.
KEYSTROKES = {
    "control-c": b"\r\x03\x03" * 5 + b"\x03" * 300,
    "control-d, soft reset": b"\x04\x04\r\n" * 20,
    "raw REPL": b"\r\x03\x03\r\x01import machine\nmachine.reset()\n\x04" * 5,
    "raw-paste mode": b"\r\x03\x03\r\x01\x05A\x01" + b"import os; os.remove('settings.json')\x04" * 5,
    "paste mode": b"\x03\x05import os\nos.listdir()\n\x04" * 5,
    "normal REPL": b"\x02\r\nprint(open('settings.json').read())\r\nhelp()\r\n" * 10,
    "shells and boot-loaders": b"\x1b[A\r\n+++ATZ\r\nuf2\r\nreboot bootsel\r\n" * 10,
    "framed": b"\x00\r\x03\x03\x01\x04\x00" * 50,
}
PROMPTS = (b">>>", b"===", b"raw REPL", b"MicroPython", b"Traceback", b"KeyboardInterrupt", b"R\x01", b"secret")
SEND_BREAK = 0x23  # CDC PSTN 1.2, section 6.3.13


class Pc:
    """A program of the PC that has taken the port from the agent; it keeps what it hears."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        counter.peer.detach()
        self.usb = counter.terminal.engine.soc.usb
        self.usb.on_data = self._hear
        self.heard = bytearray()
        self.usb.open()

    def _hear(self, data: bytes) -> bool:
        self.heard += data
        return True

    def send(self, data: bytes, wait_ms: int = 300) -> None:
        """Write bytes and wait."""
        self.usb.write(data)
        self._counter.run(wait_ms)

    def lines(self, state: int) -> None:
        """Set DTR and RTS."""
        self.usb._set_lines(state)
        self._counter.run(50)

    def leave(self) -> None:
        """Give the port back to the agent."""
        self.usb.close()
        self.usb.on_data = self._counter.terminal._usb_data


@pytest.fixture
def counter(tmp_path: Path):
    with Counter(tmp_path, seed=1) as counter:
        counter.login()
        counter.open_invite(1)
        counter.press(5)
        counter.settle()
        yield counter


def unharmed(counter: Counter, pc: Pc) -> None:
    """Hold that nothing but frames was heard, and that the terminal is as it was and rates on."""
    settings = counter.terminal.state.settings.read_bytes()
    counter.run(5_000)
    reader = frame.Reader()
    assert all(frame_[0] in messages.TABLE for frame_ in reader.feed(bytes(pc.heard) + b"\x00"))
    assert reader.counters["skipped_bytes"] == 0, bytes(pc.heard)
    assert not any(prompt in pc.heard for prompt in PROMPTS), bytes(pc.heard)
    pc.leave()
    assert counter.terminal.state.settings.read_bytes() == settings
    assert len(counter.terminal.resets) == 1 and not counter.terminal.engine.main_ended
    assert counter.terminal.console() == ""
    held = dict(counter.events)
    counter.connect()
    counter.login()
    counter.open_invite(2)
    counter.press(1)
    counter.settle()
    assert counter.levels(1) == [1] and counter.levels(2) == [5]
    assert {seq: counter.events[seq] for seq in held} == held
    assert counter.told(rating.FAULT) == counter.told(rating.MAINTENANCE) == []
    assert [clear.boot for clear, _ in counter.told()] == [1] * len(counter.events)
    counter.check_chain()


def test_attack_tries_the_console_with_every_key_sequence_gets_no_answer(counter: Counter) -> None:
    pc = Pc(counter)
    for data in KEYSTROKES.values():
        pc.send(data)
        for byte in data[:40]:
            pc.send(bytes([byte]), 5)
    unharmed(counter, pc)


def test_attack_tries_the_console_in_the_middle_of_a_rating_disturbs_nothing(counter: Counter) -> None:
    counter.until_state("idle", 20_000)
    assert counter.invite(3) == reasons.OK
    pc = Pc(counter)
    counter.run(750)
    for key, data in enumerate(KEYSTROKES.values()):
        counter.terminal.press(1 + key % 5)
        pc.send(data, 400)
    sealed = len(counter.journalled(rating.RATED))
    assert sealed == 1 + 8, "every press, up to the eight that an invite takes, was sealed"
    unharmed(counter, pc)


def test_attack_toggles_dtr_rts_break_and_line_speed_resets_nothing(counter: Counter) -> None:
    pc = Pc(counter)
    for state in (0, 1, 2, 3, 0, 3, 1, 2, 0, 2, 0, 3):
        pc.lines(state)
    for baudrate in (1_200, 9_600, 300, 2_000_000, 1_200):
        pc.usb.close()
        counter.run(50)
        pc.usb.open(baudrate)
        counter.run(50)
        pc.lines(0)
        pc.lines(3)
    violations = counter.terminal.engine.soc.usb.violations
    for length_ms in (0, 100, 0xFFFF):
        pc.usb._control(SEND_BREAK, length_ms, b"")
        counter.run(200)
    assert [text for text in violations if "stalled" not in text] == []
    violations.clear()
    pc.usb.open()
    unharmed(counter, pc)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_attack_sends_random_bytes_to_the_terminal_is_counted_and_dropped(counter: Counter, seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    pc = Pc(counter)
    for _ in range(40):
        pc.send(rng.randbytes(rng.randrange(1, 600)), rng.randrange(1, 60))
    pc.send(b"\x00" * 64)
    unharmed(counter, pc)
    counter.run(11_000)
    assert counter.status["skipped_bytes"] > 1_000


def test_attack_commands_of_no_session_are_answered_with_no_session_only(counter: Counter) -> None:
    """Whoever says HELLO is an agent, and may invite; a PC that just sends requests moves nothing."""
    counter.cut_power()
    counter.run(200)
    counter.terminal.power_on()
    counter.run(4_000)
    pc = Pc(counter)
    counter.run(200)
    for type_, fields in (
        (messages.PAUSE, {"paused": True}),
        (messages.RESEND, {"from": 1, "to": 3}),
        (messages.CONFIG, {"policy": {"local_invite": "never"}}),
        (messages.ACK, {"next": 60, "bitmap": 0}),
    ):
        pc.send(frame.encode(type_, 9, 1, messages.encode(type_, fields)))
    assert {found[0] for found in frame.Reader().feed(bytes(pc.heard))} == {messages.NO_SESSION}
    assert counter.journalled(rating.PAUSED) == [] and counter.unacknowledged() == [3]
    pc.leave()
