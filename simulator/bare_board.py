"""BareBoard: one board as it comes out of the box and through its life: boot drive, MicroPython's prompt, terminal.

What a computer sees of it appears in two folders: ports (links ttyACM0, … to ptys, and serial/by-id) and drives. Real
time; every method may be called from any thread. What is flashed on it lies in `folder` and is there again when it is
started again.

flash.img   what the internal flash has for files, a littlefs
board.json  which MicroPython is on it, which faults have been
nor.bin, rtc.json, console.log  as of any simulated terminal
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from simulator.assembly import RTC_UNSET, assemble, keep
from simulator.board_faults import Faults
from simulator.boot_drive import BootDrive
from simulator.chips.boot_rom import micropython_in
from simulator.chips.rp2_chip import CHIPS
from simulator.chips.w25q import TYPICAL
from simulator.clock import RealClock
from simulator.console import Console, banner
from simulator.engine import Engine
from simulator.errors import SimError
from simulator.flash_files import FULL_FILE, fill, read_files, write_files
from simulator.ports_folder import claim_port, is_free, name_by_id
from simulator.process import interpreter
from simulator.runner import Runner
from simulator.serial_port import PortHost, SerialPort
from simulator.state import State
from simulator.wiring import Wiring, load_board

STOCK_RELEASE, STOCK_DATE = "1.29.0", "2026-06-01"
BOOT_DRIVE, PROMPT, TERMINAL, MAINTENANCE, STARTING, OFF = (
    "boot",
    "prompt",
    "terminal",
    "maintenance",
    "starting",
    "off",
)
_FREE_BYTES = 65_536  # that a full flash still has
_SECOND_ITF = 2  # of USB interfaces, those of the console are 0 and 1
_NAME_LOOK_US = 20_000

Result = TypeVar("Result")


class BareBoard:
    """One board. `micropython=True` is one whose image was put on it before, else it starts as a boot drive."""

    def __init__(
        self, folder: str | Path, board: str = "k5", seed: int = 0, *, ports: str | Path | None = None,
        drives: str | Path | None = None, chip: str = "rp2350", micropython: bool = False, jumper: bool = False,
        faults: Faults | None = None,
    ) -> None:  # fmt: skip
        self.folder = Path(folder).resolve()
        self.ports = Path(ports).absolute() if ports is not None else self.folder / "ports"
        self.drives = Path(drives).absolute() if drives is not None else self.folder / "drives"
        self.state = State(self.folder)
        self.image = self.folder / "flash.img"
        self.faults = faults or Faults()
        self.seed = seed
        self._chip = CHIPS[chip]
        self._data = load_board(board)
        self._micropython = micropython
        self._jumper = jumper
        self._plugged = False
        self._about: dict = {}
        self._written = 0
        self._clock = RealClock()
        self._engine = Engine(self._clock, self.state, seed=seed)
        self._runner = Runner(self._engine, f"board {self.folder.name}")
        self._console = Console(self._clock, self._runner.selector, self.state.console)
        self._drive = BootDrive(self._clock, self._chip, self.drives, self._programmed)
        self._by_id: dict[SerialPort, Path] = {}
        self._data_port = self._serial(self._engine.soc.usb)
        self._console_port = self._serial(self._console)

    def _serial(self, host: PortHost) -> SerialPort:
        port = SerialPort(host, self._clock, self._runner.selector, lambda device: self._claim(port, device))
        return port

    def _claim(self, port: SerialPort, device: str) -> Path:
        """Give a port both its names, the one that tells whose it is first."""
        is_second = port is self._data_port and self._console_port.link is not None
        self._by_id[port] = name_by_id(self.ports, device, self.usb_serial, _SECOND_ITF if is_second else 0)
        swapped = self.faults.swap if port is self._data_port else None
        return claim_port(self.ports, device, self.faults.renumber if swapped is None else swapped)

    # -- life

    def start(self, plugged: bool = True, bootsel: bool = False) -> Self:
        """Begin to live in the folder; the cable is in unless `plugged` is False. Raises SimError, UserError."""
        interpreter()
        self.state.lock()
        try:
            self._prepare()
        except BaseException:
            self.state.unlock()
            raise
        self._runner.start()
        if plugged:
            self.plug(bootsel)
        return self

    def _prepare(self) -> None:
        for folder in (self.ports, self.drives, self.state.flash):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            self._about = json.loads((self.folder / "board.json").read_text())
        except FileNotFoundError:
            self._about = {"chip": self._chip.name, "release": None, "date": None, "spent": []}
            if self._micropython:
                self._about |= {"release": self.faults.version or STOCK_RELEASE, "date": STOCK_DATE}
            self._make_flash()
            self._keep_about()
        wiring = assemble(self._data, self._engine, self.state, self.seed + 1, TYPICAL, RTC_UNSET)
        if self.faults.dead_nor:
            wiring.kill_nor()
        wiring.set_jumper(self._jumper, 0)
        self._connect(wiring)

    def _make_flash(self) -> None:
        with self.image.open("wb") as image:
            image.truncate(self.faults.small_bytes or self._chip.file_system_bytes)
        if self.faults.full:
            fill(self.image, _FREE_BYTES)

    def _connect(self, wiring: Wiring) -> None:
        usb, engine, console = self._engine.soc.usb, self._engine, self._console
        engine.console = console
        engine.on_bootloader = self._drive.appear
        console.interrupt = engine.soc.keyboard_interrupt
        console.silent = self.faults.silent
        console.on_data = self._console_port.deliver
        console.on_input = self._count
        usb.on_data = self._data_port.deliver
        usb.on_port = lambda port: self._show(self._data_port, False) if port is None else self._show_data_port()
        usb.on_console = lambda present: self._show(self._console_port, present)

    def _show(self, port: SerialPort, present: bool) -> None:
        if present:
            port.appear()
            return
        link = self._by_id.pop(port, None)
        if link is not None:
            link.unlink(missing_ok=True)
        if port is self._console_port:
            self._console.close()  # a program that had it open has it no more
        port.vanish()

    def _show_data_port(self) -> None:
        """Show the terminal's port, as soon as the name is free that it is to have."""
        if self._engine.soc.usb.port is None:
            return
        if self.faults.swap is not None and not is_free(self.ports, self.faults.swap):
            self._clock.after(_NAME_LOOK_US, self._show_data_port)
            return
        self._show(self._data_port, True)

    def _keep_about(self) -> None:
        part = self.folder / "board.part"
        part.write_text(json.dumps(self._about) + "\n")
        os.replace(part, self.folder / "board.json")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Pull the cable and end; the folder keeps what the chips keep."""
        try:
            self.unplug()
        except SimError:
            self._engine.close()
        self._runner.stop()
        keep(self._engine.wiring, self.state, self._clock.now_us)
        self.state.unlock()

    def _do(self, call: Callable[[], Result]) -> Result:
        return self._runner.do(call)

    # -- cable, jumper, image

    def plug(self, bootsel: bool = False) -> None:
        """Put the cable in, the board's power; with BOOTSEL held, or without an image, the boot drive comes."""
        self._do(lambda: self._plug(bootsel))

    def _plug(self, bootsel: bool) -> None:
        if self._plugged:
            return
        self._plugged = True
        if bootsel or not self._about["release"]:
            self._drive.appear()
        else:
            self._power_on()

    def unplug(self) -> None:
        """Pull the cable: the board loses its power at this instant."""
        self._do(self._unplug)

    def _unplug(self) -> None:
        self._plugged = False
        self._drive.vanish()
        self._engine.power_off()

    def set_jumper(self, fitted: bool) -> None:
        """Fit or remove the maintenance jumper; the firmware looks at it when it starts."""
        self._do(lambda: self._engine.wiring.set_jumper(fitted, self._clock.now_us))

    def open_case(self, is_open: bool) -> None:
        """Open or shut the case."""
        self._do(lambda: self._engine.wiring.set_case_open(is_open, self._clock.now_us))

    def press(self, key: int | str, hold_ms: int = 120) -> None:
        """Press a key and let it go after `hold_ms`; returns at once."""

        def begin() -> None:
            button = self._engine.wiring.keys[key]
            button.press()
            self._clock.after(hold_ms * 1000, button.release)

        self._do(begin)

    def _power_on(self) -> None:
        release, date = self._about["release"], self._about["date"]
        self._console.banner = banner(release, date, self._chip.machine)
        self._console.environment = {
            "SIM_FLASH": str(self.image), "SIM_RELEASE": release, "SIM_DATE": date, "SIM_MACHINE": self._chip.machine,
        }  # fmt: skip
        if self.faults.bad_write_at is not None:
            spent = self.folder / "bad-write"
            self._console.environment["SIM_BAD_WRITE"] = f"{self.faults.bad_write_at}:{spent}"
        self._engine.power_on()

    def _programmed(self, image: bytes) -> None:
        found = micropython_in(image)
        self._about |= {"release": None, "date": None}
        if found is not None:
            release, date = found
            self._about |= {"release": self.faults.version or release, "date": date}
        self._keep_about()
        if found is not None:
            self._power_on()  # another image runs, but shows no port

    def _count(self, data: bytes) -> bytes:
        """Pull the cable at the byte that the plan names; return what still arrives."""
        at = self.faults.unplug_at
        before = self._written
        self._written += len(data)
        if at is None or self._written < at or "unplug" in self._about["spent"]:
            return data
        self._about["spent"].append("unplug")
        self._keep_about()
        self._clock.after(0, self._unplug)
        return data[: at - before]

    # -- what is seen of it

    @property
    def drive(self) -> Path | None:
        """Return the folder of the boot drive, while there is one."""
        return self._drive.path

    @property
    def port(self) -> Path | None:
        """Return the port of the console, while there is one."""
        return self._console_port.link

    @property
    def data_port(self) -> Path | None:
        """Return the data port of the terminal, while there is one."""
        return self._data_port.link

    @property
    def usb_serial(self) -> str:
        """Return what the device tells as its serial number: the image its chip's id, our firmware its own."""
        return self._engine.soc.usb.serial_number or self._engine.uid.hex()

    @property
    def state_name(self) -> str:
        """Return off, boot, starting, prompt, terminal or maintenance."""
        if not self._plugged:
            return OFF
        if self.drive is not None:
            return BOOT_DRIVE
        names = {(True, False): PROMPT, (False, True): TERMINAL, (True, True): MAINTENANCE}
        return names.get((self.port is not None, self.data_port is not None), STARTING)

    @property
    def wiring(self) -> Wiring:
        """Return the chips, for tests that look inside."""
        return self._engine.wiring

    @property
    def engine(self) -> Engine:
        """Return the engine, for tests that look inside."""
        return self._engine

    def files(self) -> dict[str, bytes]:
        """Return the files of the internal flash by path; the board must be unplugged. Raises SimError."""
        if self._plugged:
            raise SimError("the flash is in use: unplug the board first")
        return {name: data for name, data in read_files(self.image).items() if name != FULL_FILE}

    def put_files(self, files: dict[str, bytes]) -> None:
        """Put files on the internal flash without a cable; the board must be unplugged. Raises SimError."""
        if self._plugged:
            raise SimError("the flash is in use: unplug the board first")
        write_files(self.image, files)

    def console(self, last_bytes: int = 4000) -> str:
        """Return the end of what the board printed."""
        try:
            return self.state.console.read_bytes()[-last_bytes:].decode(errors="replace")
        except OSError:
            return ""

    def status(self) -> dict:
        """Return the board's condition as plain data."""
        return {
            "folder": str(self.folder),
            "board": str(self._data["name"]),
            "chip": self._chip.name,
            "state": self.state_name,
            "micropython": self._about.get("release"),
            "drive": None if self.drive is None else str(self.drive),
            "port": None if self.port is None else str(self.port),
            "data_port": None if self.data_port is None else str(self.data_port),
            "drive_blocks": self._drive.blocks,
            "written_bytes": self._written,
            "resets": len(self._engine.resets),
            "last_reset": self._engine.resets[-1][1] if self._engine.resets else None,
            "faults": {name: value for name, value in self.faults._asdict().items() if value},
            "error": None if self._runner.error is None else repr(self._runner.error),
        }
