"""A NOR chip in RAM with the interface of drivers/nor_w25q, for tests of the journal under both interpreters."""

SECTOR = 4096
PAGE = 256
_BLANK = bytes((0xFF,)) * PAGE


class RamNor:
    """Program clears bits, erase sets them when it ends. Set `log` to a list to see what is done.

    `stuck` sectors never change; the next `deaf` programs do nothing.
    """

    def __init__(self, sectors: int, image: "bytearray | None" = None) -> None:
        self.image = bytearray(bytes((0xFF,)) * (sectors * SECTOR)) if image is None else image
        self.size = len(self.image)
        self.erasing = -1
        self.suspended = False
        self.polls = 0
        self.log = None
        self.programs = 0
        self.erases = [0] * (self.size // SECTOR)
        self.stuck = set()
        self.deaf = 0

    def read_into(self, address: int, buffer: "bytearray | memoryview") -> None:
        assert self.erasing < 0 or self.suspended, "read while busy"
        buffer[:] = self.image[address : address + len(buffer)]

    def program(self, address: int, data: "bytes | bytearray | memoryview") -> bool:
        assert self.erasing < 0 or self.suspended, "program while busy"
        assert address % PAGE + len(data) <= PAGE, "crosses a page"
        assert self.erasing < 0 or address // SECTOR != self.erasing // SECTOR
        self.programs += 1
        if self.log is not None:
            self.log.append(("program", address, bytes(data)))
        if self.deaf:
            self.deaf -= 1
            return True
        if address // SECTOR in self.stuck:
            return True
        for i in range(len(data)):
            assert self.image[address + i] == 0xFF or data[i] == 0xFF, "programmed twice"
            self.image[address + i] &= data[i]
        return True

    def erase_start(self, address: int) -> None:
        assert self.erasing < 0
        self.erases[address // SECTOR] += 1
        if self.log is not None:
            self.log.append(("erase", address, b""))
        self.erasing = address
        self.polls = 2

    def busy(self) -> bool:
        assert not self.suspended
        self.polls -= 1
        if self.polls <= 0:
            self._end()
        return self.erasing >= 0

    def wait(self) -> bool:
        assert not self.suspended
        self._end()
        return True

    def suspend(self) -> bool:
        assert not self.suspended
        self.suspended = self.erasing >= 0
        return self.suspended

    def resume(self) -> None:
        assert self.suspended
        self.suspended = False

    def _end(self) -> None:
        if self.erasing >= 0:
            if self.erasing // SECTOR not in self.stuck:
                for address in range(self.erasing, self.erasing + SECTOR, PAGE):
                    self.image[address : address + PAGE] = _BLANK
            self.erasing = -1
