"""The agent's disk, small and able to fail: a tmpfs of its own where this machine lets us mount one.

Where it does not, the disk is an ordinary folder: then a full and a read-only disk are stood for by the limit on file
sizes that a running process can be given from outside (RLIMIT_FSIZE: every write fails, as a whole).
"""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

SIZE_MB = 24
_CHUNK = bytes(65_536)


class Disk:
    """One folder; `mounted` says whether it is a file system of its own."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, and mount it if possible."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.mounted = sys.platform == "linux" and _mount("-t", "tmpfs", "-o", f"size={SIZE_MB}m", "soak", str(folder))
        self._filler = folder / "somebody-elses-file"

    def close(self) -> None:
        """Keep a copy of what lay here, and unmount."""
        if not self.mounted:
            return
        kept = self.folder.with_name(f"{self.folder.name}-kept")
        self._filler.unlink(missing_ok=True)
        shutil.copytree(self.folder, kept, dirs_exist_ok=True)
        subprocess.run(["umount", "-l", str(self.folder)], check=False, capture_output=True)
        self.mounted = False

    def fill(self) -> None:
        """Take all the room there is."""
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while True:
                file.write(_CHUNK)

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def read_only(self, wanted: bool) -> bool:
        """Mount it read-only or not; False when the system does not allow it now (somebody writes)."""
        return self.mounted and _mount("-o", f"remount,{'ro' if wanted else 'rw'}", str(self.folder))

    def empty(self) -> None:
        """Lose everything, as with a new disk."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def can_limit() -> bool:
    """Tell whether the limits of a running process can be set here."""
    return hasattr(resource, "prlimit")


def refuse_writes(pid: int, refused: bool) -> None:
    """Let every write of a running process fail (EFBIG), or succeed again; nothing when it is gone."""
    with contextlib.suppress(ProcessLookupError):
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if refused else most, most))


def _mount(*arguments: str) -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    return subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode == 0
