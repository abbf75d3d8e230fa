"""A disk with little room for one process, so that it can be filled: no file of the machine and no right is needed.

The process gets a mount namespace of its own, as any user may have it, and in it a small tmpfs in place of a folder.
Where even that is forbidden (some containers), no file of the process may grow any more: to SQLite that is a disk that
takes nothing, though not for want of room.
"""

import errno
import functools
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

_MOUNT = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'
_WAYS = (["unshare", "--map-root-user", "--mount"], ["unshare", "--mount"])  # as anybody; as root
_READ = """import json, sqlite3, sys
conn = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(json.dumps(conn.execute(sys.argv[2]).fetchall()))
"""
_SPARE_BYTES = 64 * 1024


class SmallDisk:
    """Stand in the place of `folder` for the process that is started with `prefix`."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        """Find out which way there is."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._way = _way()
        self.prefix = [*self._way, "sh", "-c", _MOUNT, "small", str(size_bytes), str(folder)] if self._way else []
        self._most = resource.RLIM_INFINITY

    @property
    def really_full(self) -> bool:
        """Say whether it is room that is wanting."""
        return bool(self._way)

    def inside(self, pid: int) -> Path:
        """Return the folder as the process sees it."""
        return Path(f"/proc/{pid}/root{self._folder.resolve()}") if self._way else self._folder

    def read(self, pid: int, file: str, query: str) -> list:
        """Return the rows of a query to a database in it; no bytes, please."""
        command = [sys.executable, "-c", _READ, str(self._folder / file), query]
        if self._way:
            # SQLite resolves the path itself, so it must look from inside.
            own_user = ["--user", "--preserve-credentials"] if "--map-root-user" in self._way else []
            command = ["nsenter", "--target", str(pid), *own_user, "--mount", *command]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    def fill(self, pid: int) -> None:
        """Leave no room at all."""
        if not self._way:
            sizes = [path.stat().st_size for path in self._folder.glob("*.db*")]
            _, self._most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (max(sizes) + _SPARE_BYTES, self._most))
            return
        for size in (65_536, 512):
            try:
                with (self.inside(pid) / "ballast").open("ab", buffering=0) as file:
                    while file.write(bytes(size)):
                        pass
            except OSError as error:
                assert error.errno == errno.ENOSPC, error

    def empty(self, pid: int) -> None:
        """Give the room back."""
        if self._way:
            (self.inside(pid) / "ballast").unlink()
        else:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (self._most, self._most))


@functools.cache
def _way() -> list[str] | None:
    """Return the first way that works here."""
    with tempfile.TemporaryDirectory() as folder:
        for way in _WAYS:
            command = [*way, "sh", "-c", _MOUNT, "small", "65536", folder, "true"]
            try:
                if subprocess.run(command, check=False, capture_output=True).returncode == 0:
                    return way
            except OSError:
                continue
    return None
