"""Read and fill the image of an internal flash with the interpreter that runs on it, while nothing else uses it."""

import os
import subprocess
from pathlib import Path

from simulator.errors import SimError
from simulator.process import interpreter
from simulator.stage import shims_folder

FULL_FILE = "photos.zip"

_BEGIN = b"OK\n"
_READ = """
import _flash, uos, sys
_flash.mount(sys.argv[1])
sys.stdout.buffer.write(b"OK\\n")
def walk(folder):
    for entry in uos.ilistdir(folder or "/"):
        path = folder + "/" + entry[0] if folder else entry[0]
        if entry[1] & 0x4000:
            walk(path)
            continue
        with open(path, "rb") as file:
            data = file.read()
        sys.stdout.buffer.write("%d %d %s" % (len(path.encode()), len(data), path))
        sys.stdout.buffer.write(data)
walk("")
"""
_WRITE = """
import _flash, uos, sys
_flash.mount(sys.argv[1])
sys.stdout.buffer.write(b"OK\\n")
take = sys.stdin.buffer.read
for _ in range(int(sys.argv[2])):
    name = take(int.from_bytes(take(4), "little")).decode()
    left = int.from_bytes(take(4), "little")
    parts = name.split("/")[:-1]
    for n in range(len(parts)):
        try:
            uos.mkdir("/".join(parts[:n + 1]))
        except OSError:
            pass
    with open(name, "wb") as file:
        file.write(take(left))
"""
_FILL = """
import _flash, uos, sys
_flash.mount(sys.argv[1])
sys.stdout.buffer.write(b"OK\\n")
left = int(sys.argv[2])
with open(sys.argv[3], "wb") as file:
    while uos.statvfs("/")[4] * 4096 > left:
        file.write(bytes(4096))
        file.flush()
"""


def _run(script: str, *arguments: str, given: bytes = b"") -> bytes:
    command = [*interpreter(), "-X", "heapsize=8M", "-c", script]
    environment = {"MICROPYPATH": f"{shims_folder()}:.frozen", "PATH": os.environ.get("PATH", "")}
    done = subprocess.run(
        [*command, *arguments], env=environment, input=given, capture_output=True, timeout=60, check=False
    )
    if not done.stdout.startswith(_BEGIN) or b"Traceback" in done.stderr:
        raise SimError(f"the flash cannot be used: {(done.stderr or done.stdout).decode(errors='replace')[-300:]}")
    return done.stdout[len(_BEGIN) :]


def read_files(image: Path) -> dict[str, bytes]:
    """Return the files of an image by path. Raises SimError."""
    found: dict[str, bytes] = {}
    data = _run(_READ, str(image))
    at = 0
    while at < len(data):
        path_bytes, data_bytes, rest = data[at : at + 400].split(b" ", 2)
        start = at + len(path_bytes) + len(data_bytes) + 2
        path = rest[: int(path_bytes)].decode()
        start += int(path_bytes)
        at = start + int(data_bytes)
        found[path] = data[start:at]
    return found


def write_files(image: Path, files: dict[str, bytes]) -> None:
    """Write files, by path, into an image, with their folders. Raises SimError."""
    parts = [(path.encode(), data) for path, data in files.items()]
    given = b"".join(_sized(path) + _sized(data) for path, data in parts)
    _run(_WRITE, str(image), str(len(files)), given=given)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def fill(image: Path, free_bytes: int) -> None:
    """Fill an image with a file until about `free_bytes` are free. Raises SimError."""
    _run(_FILL, str(image), str(free_bytes), FULL_FILE)
