"""The bare board of a flashing station: its boot drive, the prompt that mpremote drives, its faults."""

import contextlib
import json
import random
import selectors
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from simulator import board_faults, uf2
from simulator.bare_board import BareBoard
from simulator.chips.boot_rom import INDEX, INFO, BootRom, micropython_in
from simulator.chips.rp2_chip import CHIPS
from simulator.clock import Clock
from simulator.console import Console
from simulator.errors import SimError
from simulator.ports_folder import claim_port
from simulator.serial_port import SerialPort
from tests.unit.simulated import wait_for

RP2350 = CHIPS["rp2350"]


@contextlib.contextmanager
def board(folder: Path, *faults: str, **options: object) -> Iterator[BareBoard]:
    """Run a board with a plan of faults."""
    made = BareBoard(folder, faults=board_faults.plan(faults), **options).start()
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def prompt(bare: BareBoard, soft_reset: bool = False) -> Iterator[SerialTransport]:
    """Enter the raw prompt with mpremote."""
    wait_for(lambda: bare.port is not None, "the console's port")
    transport = SerialTransport(str(bare.port), 115_200)
    try:
        transport.enter_raw_repl(soft_reset=soft_reset)
        yield transport
        transport.exit_raw_repl()
    finally:
        with contextlib.suppress(OSError):
            transport.close()


# -- the boot drive


def test_boot_rom_takes_blocks_in_any_order_and_is_done_with_the_last():
    blocks = uf2.blocks(random.Random(1).randbytes(5000), RP2350.family)
    rom = BootRom(RP2350)
    shuffled = random.Random(2).sample(blocks, len(blocks))
    assert [rom.block(block) for block in shuffled] == [False] * (len(blocks) - 1) + [True]
    assert rom.image()[:5000] == random.Random(1).randbytes(5000)


@pytest.mark.parametrize(
    "offset", [0, 4, 511, 28, 12, 16], ids=["magic", "magic 2", "end", "family", "address", "size"]
)
def test_boot_rom_passes_over_a_block_that_is_damaged_in_its_frame(offset: int):
    first, *rest = uf2.blocks(bytes(1000), RP2350.family)
    damaged = bytearray(first)
    damaged[offset] ^= 0x55
    rom = BootRom(RP2350)
    assert not any(rom.block(block) for block in (bytes(damaged), *rest))
    assert rom.block(first)


def test_boot_rom_takes_no_image_of_the_other_chip():
    rom = BootRom(RP2350)
    assert not any(rom.block(block) for block in uf2.blocks(bytes(1000), CHIPS["rp2040"].family))
    assert rom.ignored == 4


def test_image_tells_its_micropython():
    file = uf2.micropython("1.28.1")
    image = b"".join(file[at + 32 : at + 288] for at in range(0, len(file), 512))
    assert micropython_in(image) == ("1.28.1", "2026-06-01")
    assert micropython_in(bytes(4096)) is None


def test_uf2_on_the_drive_brings_the_prompt(tmp_path: Path):
    with board(tmp_path) as bare:
        wait_for(lambda: bare.drive is not None, "the drive")
        drive = bare.drive
        assert drive.name == "RP2350" and bare.state_name == "boot"
        assert (drive / INFO).read_text().splitlines()[2] == "Board-ID: RP2350"
        assert "raspberrypi.com" in (drive / INDEX).read_text()
        foreign, cut = uf2.micropython(chip="rp2040"), uf2.micropython()[:-512]
        (drive / "foreign.uf2").write_bytes(foreign)
        (drive / "cut.uf2").write_bytes(cut)
        wait_for(lambda: bare.status()["drive_blocks"] == len(foreign + cut) // 512, "the drive to read both")
        assert bare.drive == drive and bare.port is None
        (drive / "micropython.uf2").write_bytes(uf2.micropython("1.29.0"))
        with prompt(bare) as repl:
            assert not drive.exists()
            assert repl.eval("__import__('os').uname()[2]") == "1.29.0"


# -- the prompt


def test_prompt_is_micropython_of_the_chip_on_a_littlefs_of_its_size(tmp_path: Path):
    with board(tmp_path, micropython=True) as bare, prompt(bare, soft_reset=True) as repl:
        repl.exec("import os, sys, machine")
        assert repl.eval("sys.implementation[1]") == (1, 29, 0, "")
        assert repl.eval("(sys.platform, os.uname()[4])") == ("rp2", "Raspberry Pi Pico2 with RP2350")
        assert repl.eval("os.statvfs('/')")[:3] == (4096, 4096, 768)
        data = random.Random(3).randbytes(9000)
        repl.fs_mkdir("lib")
        repl.fs_writefile("lib/data.bin", data)
        repl.fs_writefile("lib/own.py", b"SAYS = 'hello'")
        assert repl.fs_readfile("lib/data.bin") == data
        assert repl.eval("__import__('own').SAYS") == "hello"
        bare.unplug()
        assert bare.files() == {"lib/data.bin": data, "lib/own.py": b"SAYS = 'hello'"}
        bare.plug()
        with prompt(bare) as again:
            assert again.eval("__import__('own').SAYS") == "hello"
            assert bare.console(1_000_000).count("raw REPL") == 3, (
                "twice before the power cut, and once when asked after it"
            )
        repl.exit_raw_repl = lambda: None  # its port is gone


def test_soft_reset_runs_boot_py_and_from_the_friendly_prompt_main_py(tmp_path: Path):
    with board(tmp_path, micropython=True) as bare:
        with prompt(bare) as repl:
            repl.fs_writefile("boot.py", b"print('boot')")
            repl.fs_writefile("main.py", b"print('main')\nimport time\nwhile True: time.sleep(1)")
        with prompt(bare, soft_reset=True) as repl:
            assert "main" not in bare.console()
            repl.exec("x = 1")
            repl.exit_raw_repl()
            repl.serial.write(b"\x04")
            assert repl.read_until(1, b"boot\r\nmain\r\n", timeout=5).endswith(b"boot\r\nmain\r\n")
            repl.serial.write(b"\x03")
            assert repl.read_until(1, b"KeyboardInterrupt: \r\n", timeout=5).endswith(b"KeyboardInterrupt: \r\n")
            repl.enter_raw_repl(soft_reset=False)
            repl.exec_raw_no_follow("while True: pass")
            repl.serial.write(b"\x03")
            assert b"KeyboardInterrupt" in repl.follow(5)[1]


def test_console_whose_program_did_not_read_before_a_reset_hears_the_next_interpreter(tmp_path: Path):
    clock, selector, heard = Clock(), selectors.DefaultSelector(), []
    console = Console(clock, selector, tmp_path / "log")
    console.open()
    console.on_data = lambda data: False
    console.restarts(soft=True)
    seat = console.seat()
    console.on_data = lambda data: bool(heard.append(data) or True)
    clock.advance(10_000)
    clock.run_next(10_000)
    seat.stdio.send(b"hello")
    for key, _ in selector.select(0):
        key.data()
    console.ended()
    seat.stdio.close()
    assert b"".join(heard).endswith(b"soft reboot\r\nhello")


def test_reset_and_bootloader_do_what_they_do_on_the_chip(tmp_path: Path):
    with board(tmp_path, micropython=True) as bare:
        with prompt(bare) as repl:
            repl.exec_raw_no_follow("import time, machine; time.sleep_ms(100); machine.reset()")
            wait_for(lambda: bare.port is None, "the reset")
            repl.exit_raw_repl = lambda: None
        with prompt(bare) as repl:
            assert bare.engine.resets[-1][1] == "reset"
            repl.exec_raw_no_follow("import time, machine; time.sleep_ms(100); machine.bootloader()")
            wait_for(lambda: bare.drive is not None, "the drive")
            repl.exit_raw_repl = lambda: None
        assert bare.state_name == "boot" and bare.port is None


# -- faults


def test_full_flash_raises_no_space_and_says_so_before(tmp_path: Path):
    with board(tmp_path, "full", micropython=True) as bare, prompt(bare) as repl:
        free = repl.eval("__import__('os').statvfs('/')[4]") * 4096
        assert 32_768 <= free <= 65_536
        with pytest.raises((TransportError, OSError), match=r"28|space"):
            repl.fs_writefile("big.bin", bytes(free + 8192))


def test_cable_is_pulled_at_the_byte_of_the_plan_once(tmp_path: Path):
    with board(tmp_path, "unplug@3000", micropython=True) as bare:
        with pytest.raises((OSError, TransportError)), prompt(bare) as repl:
            repl.fs_writefile("data.bin", bytes(20_000))
        assert bare.state_name == "off"
        bare.plug()
        with prompt(bare) as repl:
            repl.fs_writefile("data.bin", bytes(20_000))
            assert repl.fs_stat("data.bin").st_size == 20_000


def test_port_that_comes_back_has_no_name_before_its_file_is_there(tmp_path: Path):
    seen = []

    def claim(device: str) -> Path:
        seen.append(port.link)
        return claim_port(tmp_path, device)

    clock, selector = Clock(), selectors.DefaultSelector()
    port = SerialPort(Console(clock, selector, tmp_path / "log"), clock, selector, claim)
    for _ in range(2):
        port.appear()
        assert port.link.exists()
        port.vanish()
    assert seen == [None, None]


def test_bad_write_spoils_one_byte_of_a_file_once(tmp_path: Path):
    with board(tmp_path, "bad-write@700", micropython=True) as bare, prompt(bare) as repl:
        for expected in (1, 0):
            repl.fs_writefile("data.bin", bytes(1000))
            assert sum(byte != 0 for byte in repl.fs_readfile("data.bin")) == expected


def test_port_that_never_answers_and_other_version_and_other_number(tmp_path: Path):
    with board(tmp_path / "silent", "silent", micropython=True) as bare:
        wait_for(lambda: bare.port is not None, "the port")
        transport = SerialTransport(str(bare.port), 115_200)
        with pytest.raises(TransportError):
            transport.enter_raw_repl(soft_reset=False, timeout_overall=1)
        transport.close()
    with board(tmp_path / "old", "version@1.24.1", "renumber@7", micropython=True) as bare, prompt(bare) as repl:
        assert bare.port.name == "ttyACM7"
        assert repl.eval("__import__('sys').implementation[1]") == (1, 24, 1, "")


@pytest.mark.parametrize("word", ["unplug", "unplug@x", "full@3", "fire", "version"])
def test_plan_with_an_unknown_word_is_refused(word: str):
    with pytest.raises(SimError, match="no fault"):
        board_faults.plan([word])


def test_command_runs_boards_by_hand_and_tells_their_state_as_json(tmp_path: Path):
    command = [
        str(Path(sys.executable).with_name("yiping")), "sim", "board", "--folder", str(tmp_path / "boards"),
        "--ports", str(tmp_path / "ports"), "--count", "2", "--fault", "2:version@1.20.0", "--json",
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout:
            states = [(one["state"], one["micropython"]) for one in json.loads(line)]
            if states == [("prompt", "1.29.0"), ("prompt", "1.20.0")]:
                break
        assert sorted(path.name for path in (tmp_path / "ports").glob("tty*")) == ["ttyACM0", "ttyACM1"]
        assert len(list((tmp_path / "ports/serial/by-id").iterdir())) == 2
        rest, _ = running.communicate("unplug 1\nplug 1 bootsel\nplug 3\nstatus\nquit\n", timeout=30)
    assert f"1: boot {tmp_path}/boards/drives/RP2350\n2: prompt {tmp_path}/ports/" in rest
    assert running.returncode == 0 and not [path for path in (tmp_path / "ports").rglob("*") if path.is_symlink()]
