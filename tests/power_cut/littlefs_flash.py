"""Blocks of an internal flash in memory, for littlefs; the power fails at a chosen operation. For MicroPython."""

BLOCK = 4096
EIO = 5
CLEAN, TORN, TORN_LATE = 0, 1, 2  # of the operation that is cut: nothing, half, all but a byte was done


class Flash:
    """As many blocks as the image has; the power fails at operation `cut`, counted from 1."""

    def __init__(self, image: bytearray, cut: int, tear: int = TORN) -> None:
        self.image = image
        self.cut = cut
        self.tear = tear
        self.operations = 0

    @property
    def is_cut(self) -> bool:
        """Return whether the power has failed."""
        return self.operations >= self.cut

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> int:
        start = block * BLOCK + offset
        buffer[:] = self.image[start : start + len(buffer)]
        return 0

    def writeblocks(self, block: int, buffer: bytes, offset: int = 0) -> int:
        return self._change(block * BLOCK + offset, buffer)

    def ioctl(self, op: int, argument: int) -> int:
        if op == 4:
            return len(self.image) // BLOCK
        if op == 5:
            return BLOCK
        if op == 6:
            return self._change(argument * BLOCK, b"\xff" * BLOCK)
        return 0

    def _change(self, start: int, data: bytes) -> int:
        self.operations += 1
        if self.operations > self.cut:
            return -EIO
        whole = len(data)
        if self.operations == self.cut:
            whole = (0, whole // 2, whole - 1)[self.tear]
        self.image[start : start + whole] = data[:whole]
        return 0 if self.operations < self.cut else -EIO
