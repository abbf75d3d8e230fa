"""How much of the internal flash files take: the simulated terminal has them in a folder of the host, which is larger.

As littlefs lays them out on an RP2: blocks of 4 KB; a file of at most INLINE bytes stands in its folder's blocks, any
other has blocks of its own, which name earlier ones; a folder has two blocks, two more for each half a block of names.
"""

from pathlib import Path

from simulator.errors import UserError

BLOCK = 4_096
INLINE = 512

_POINTER_BYTES = 8  # of a block, in the mean
_ENTRY_BYTES = 24  # of a file or folder, beside its name
_FOLDER_BYTES = BLOCK // 2  # that a pair of blocks has for entries, so that there is room to change them


def blocks(flash_bytes: int, files: dict[str, int]) -> tuple[int, int]:
    """Return the blocks of a flash, and how many of them files of these sizes, by path, leave free."""
    total = flash_bytes // BLOCK
    return total, max(0, total - used_blocks(files))


def require(flash_bytes: int, folder: Path) -> None:
    """Raise UserError when the files below a folder are more than a flash holds."""
    used = used_blocks(sizes(folder))
    if used * BLOCK > flash_bytes:
        what = f"the files need {used * BLOCK // 1024} KB, the flash has {flash_bytes // 1024}"
        raise UserError(what, str(folder), "take a chip with more flash, or a smaller firmware")


def used_blocks(files: dict[str, int]) -> int:
    """Return how many blocks files take with their folders; sizes in bytes by path."""
    entry_bytes = {"": 0}  # by folder
    for path in files:
        above = path.rpartition("/")[0]
        while above:
            entry_bytes[above] = 0
            above = above.rpartition("/")[0]
    used = 0
    for path in (*files, *entry_bytes):
        size = files.get(path, 0)
        folder, _, name = path.rpartition("/")
        entry_bytes[folder] += len(name) + _ENTRY_BYTES + (size if size <= INLINE else 0)
        used += 0 if size <= INLINE else -(-size // (BLOCK - _POINTER_BYTES))
    return used + sum(2 * (1 + count // _FOLDER_BYTES) for count in entry_bytes.values())


def sizes(folder: Path) -> dict[str, int]:
    """Return the size in bytes of every file below a folder, by path."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
