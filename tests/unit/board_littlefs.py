"""The file system of an RP2's internal flash, as MicroPython's _boot.py makes it, in memory."""

from littlefs import LittleFS

BLOCK_BYTES = 4_096


def used_blocks(files: dict[str, bytes]) -> int:
    """Return how many blocks files, by path, take with their folders."""
    disk = LittleFS(
        block_size=BLOCK_BYTES, block_count=2_048, read_size=32, prog_size=256, cache_size=1_024, lookahead_size=32
    )
    for path, data in sorted(files.items()):
        disk.makedirs(path.rpartition("/")[0] or "/", exist_ok=True)
        with disk.open(path, "wb") as file:
            file.write(data)
    return disk.used_block_count
