"""The dishonest PC at every moment between two lives of the terminal: starts, trials, crashes open no console.

docs/security.md has a row for each test; tests/city/test_attacks.py compares the two.
"""

import json
import shutil
from pathlib import Path

import pytest

from protocol import content, rating, reasons
from simulator.stage import FIRMWARE
from simulator.terminal import SimTerminal
from tests.device import slot_modules
from tests.device.counter import Counter
from tests.device.test_attack_console import KEYSTROKES, PROMPTS, Pc, unharmed
from tests.device.test_content_push import pushed

STEP_MS = 20
BOOT_MS = 6_000
EVERYTHING = b"".join(KEYSTROKES.values())


class Besieged:
    """A terminal at whose port a program writes whenever there is one; it notes each sign of a way in."""

    def __init__(self, terminal: SimTerminal) -> None:
        self.terminal = terminal
        self.usb = terminal.engine.soc.usb
        self.usb.on_data = self._hear
        self.usb.on_console = self._console
        self.heard = bytearray()
        self.consoles = 0
        self.ports = 0
        self._sent = 0

    def _hear(self, data: bytes) -> bool:
        self.heard += data
        return True

    def _console(self, present: bool) -> None:
        self.consoles += present

    def run(self, ms: int) -> None:
        """Let time pass; at every step open the port if it is there, and write on."""
        for _ in range(ms // STEP_MS):
            self.terminal.run_for(STEP_MS)
            assert not self.terminal.engine.main_ended, self.terminal.console()
            if self.usb.port is None:
                continue
            if not self.usb.opened:
                self.ports += 1
                self.usb.open(1_200 if self.ports % 2 else 115_200)
            if self.usb.room() > 64:
                at = self._sent % len(EVERYTHING)
                self.usb.write(EVERYTHING[at : at + 64])
                self._sent += 64

    def found_nothing(self) -> None:
        """Hold that there was no console and that no prompt was heard."""
        assert self.consoles == 0 and not self.usb.console
        assert not any(prompt in self.heard for prompt in PROMPTS), bytes(self.heard[-300:])
        assert [text for text in self.terminal.violations if "went to the boot loader" in text] == []


def besieged(folder: Path, **options: object) -> SimTerminal:
    """Return a terminal in virtual time that has not been started."""
    return SimTerminal(state_dir=folder / "state", clock="virtual", seed=1, **options)


def after(folder: Path, name: str, line: str, own: str) -> Path:
    """Return a copy of the firmware in which one file has a line of the test's own after one of its lines."""
    copy = folder / "firmware"
    shutil.copytree(FIRMWARE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    source = (copy / name).read_text(encoding="utf-8")
    assert source.count(line) == 1, f"{line!r} in {name}"
    (copy / name).write_text(source.replace(line, line + own), encoding="utf-8")
    return copy


def test_attack_writes_at_each_instant_of_a_start_finds_no_console(tmp_path: Path) -> None:
    with besieged(tmp_path) as terminal:
        pc = Besieged(terminal)
        pc.run(BOOT_MS)
        terminal.power_off()
        terminal.run_for(200)
        terminal.power_on()
        pc.run(BOOT_MS)
        pc.found_nothing()
        assert pc.ports == 2 and [cause for _, cause in terminal.resets] == ["power_on"] * 2


@pytest.mark.parametrize("ms", [pytest.param(37, marks=pytest.mark.slow), pytest.param(613, marks=pytest.mark.slow)])
def test_attack_cuts_the_power_within_each_step_of_a_start_finds_no_console(tmp_path: Path, ms: int) -> None:
    with besieged(tmp_path) as terminal:
        pc = Besieged(terminal)
        for on_ms in range(ms, BOOT_MS, 613):
            pc.run(on_ms)
            terminal.power_off()
            terminal.run_for(50)
            terminal.power_on()
        pc.run(BOOT_MS)
        pc.found_nothing()
        assert pc.ports > 2


def test_attack_waits_for_the_watchdog_finds_no_console(tmp_path: Path) -> None:
    """Firmware that hangs is bitten: before, during and after that there is no prompt."""
    hangs = after(tmp_path, "link/tasks.py", "        dead = supervisor.check()\n", "        time.sleep(20)\n")
    with besieged(tmp_path, firmware_dir=hangs) as terminal:
        pc = Besieged(terminal)
        pc.run(25_000)
        pc.found_nothing()
        assert [cause for _, cause in terminal.resets][:3] == ["power_on", "watchdog", "watchdog"]


# what fails → (file, line after which it does, the line that fails)
FALLS = {
    "keys": ("link/tasks.py", "        await contacts.flag.wait()\n", "        1 / 0\n"),
    "time": ("link/tasks.py", "        due = desk.tick()\n", "        desk.nothing_of_this_name()\n"),
    "journal": ("link/tasks.py", "        more = False\n", "        raise MemoryError\n"),
    "supervisor": ("link/tasks.py", "        dead = supervisor.check()\n", "        raise SystemExit\n"),
    "interrupted": ("link/tasks.py", "        dead = supervisor.check()\n", "        raise KeyboardInterrupt\n"),
    "entry": ("entry.py", "    from assembly import compose\n", "    from assembly import nothing\n"),
    "port": ("port.py", "def start(console: bool) -> bool:\n", "    raise OSError(5)\n"),
    "boot.py": ("boot.py", "gc.threshold(8_192)", "\nimport no_such_module\n"),
    "main.py": ("main.py", "try:\n", "    import no_such_module\n"),
}
_QUICK = ("keys", "entry", "main.py")


@pytest.mark.parametrize(
    "what", [name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FALLS]
)
def test_attack_makes_the_firmware_fail_ends_in_a_reset_and_no_prompt(tmp_path: Path, what: str) -> None:
    with besieged(tmp_path, firmware_dir=after(tmp_path, *FALLS[what])) as terminal:
        pc = Besieged(terminal)
        pc.run(3_000)
        terminal.press(1)
        pc.run(13_000)
        pc.found_nothing()
        causes = [cause for _, cause in terminal.resets]
        assert len(causes) >= 2 and set(causes[1:]) <= {"reset", "watchdog", "soft_reset"}, causes


def test_attack_writes_through_a_trial_and_its_roll_back_finds_no_console(tmp_path: Path) -> None:
    """Slot b is on trial and cannot start: it ends in a reset, then slot a runs again, and nowhere a prompt."""
    with besieged(tmp_path) as terminal:
        pc = Besieged(terminal)
        pc.run(BOOT_MS)
        terminal.power_off()
        flash = terminal.state.flash
        shutil.copytree(flash / "a", flash / "b", dirs_exist_ok=True)
        slot_modules.put(flash / "b", "entry.mpy", None)
        slots = json.loads((flash / "slots.json").read_text())
        (flash / "slots.json").write_text(json.dumps(slots | {"trial": "b", "tries": 0}))
        terminal.power_on()
        pc.run(40_000)
        pc.found_nothing()
        slots = json.loads((flash / "slots.json").read_text())
        assert (slots["slot"], slots["trial"], slots["tries"]) == ("a", "", 0)
        assert [cause for _, cause in terminal.resets] == ["power_on", "power_on", "reset"]


# -- requests that only a program with the raw device can make

_VENDOR_OUT, _VENDOR_IN, _CLASS_OUT, _CLASS_IN = 0x41, 0xC1, 0x21, 0xA1
CONTROLS = {
    "reset to the boot drive (Pico SDK's reset interface)": (_CLASS_OUT, 1, 0, 2),
    "reset to the flash (the same)": (_CLASS_OUT, 2, 100, 2),
    "vendor reset": (_VENDOR_OUT, 1, 0, 0),
    "PICOBOOT interface reset": (_VENDOR_OUT, 0x41, 0, 1),
    "PICOBOOT status": (_VENDOR_IN, 0x42, 0, 1),
    "DFU detach": (_CLASS_OUT, 0, 1000, 0),
    "mass storage reset": (_CLASS_OUT, 0xFF, 0, 1),
    "mass storage units": (_CLASS_IN, 0xFE, 0, 1),
    "Microsoft's descriptors": (0xC0, 0xEE, 0, 4),
    "send an encapsulated command": (_CLASS_OUT, 0x00, 0, 0),
}


def test_attack_sends_usb_requests_of_other_interfaces_is_refused(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1) as counter:
        counter.login()
        counter.open_invite(1)
        counter.press(5)
        counter.settle()
        pc = Pc(counter)
        usb = pc.usb
        configuration = usb._descriptors[1]
        classes = [configuration[at + 5] for at in _descriptors(configuration, 4)]
        assert classes == [0x02, 0x0A], "nothing but the data port: no console, no drive, no reset interface"
        for kind, request, value, index in CONTROLS.values():
            setup = bytes((kind, request)) + b"".join(n.to_bytes(2, "little") for n in (value, index, 0))
            usb.request(setup)
            counter.run(50)
            assert usb.refused[-1] == setup
        assert len(usb.refused) == len(CONTROLS)
        unharmed(counter, pc)


def _descriptors(configuration: bytes, kind: int) -> list[int]:
    at, found = 0, []
    while at < len(configuration):
        if configuration[at + 1] == kind:
            found.append(at)
        at += configuration[at]
    return found


# -- the bulk flow

NAMES = (
    "../settings.json", "../slots.json", "boot.py", "/boot.py", "../boot.py", "../../main.py", "slots.mpy", "..", ".",
    "a/entry.mpy", "/a/entry.mpy", "C:\\boot.py", "bundle.key", "x\0.py", "\0", "part", "%2e%2e/boot.py", "z" * 40,
)  # fmt: skip


def test_attack_pushes_files_under_names_that_lead_elsewhere_changes_no_other_file(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1) as counter:
        flash = counter.terminal.state.flash
        before = _tree(flash)
        for name in NAMES:
            for kind in (content.STAFF_CARD, content.TAG_TABLE):
                assert pushed(counter, b"import os", name, kind) in (
                    reasons.OK, reasons.FULL, reasons.OUT_OF_RANGE, reasons.BAD_MESSAGE, reasons.UNSUPPORTED
                )  # fmt: skip
            assert pushed(counter, b"", name) is not None  # and take it away again: nothing else goes with it
        found = _tree(flash)
        assert {path: data for path, data in found.items() if not path.startswith("content/")} == before
        assert all("/" not in path.removeprefix("content/") for path in found if path.startswith("content/"))
        counter.restart()
        counter.login()
        counter.open_invite(1)
        counter.press(5)
        counter.settle()
        assert counter.levels(1) == [1] and counter.told(rating.FAULT) == []


def _tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
