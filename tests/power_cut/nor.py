"""The interface of drivers/nor_w25q on the memory array of the chip model: no SPI, no time."""

from simulator.chips.nor_array import NorArray


class ArrayNor:
    """One chip. An erase ends after it was asked `polls` times whether it is busy, or when waited for."""

    def __init__(self, array: NorArray, polls: int = 3) -> None:
        self.array = array
        self.size = len(array.image)
        self._polls = polls
        self._left = 0
        self._suspended = False

    def read_into(self, address: int, buffer: bytearray | memoryview) -> None:
        """Fill `buffer`; busy is an error of the caller."""
        array = self.array
        if array.erasing is not None:
            self._must_answer()
            array.read(address, 1)
        buffer[:] = array.image[address : address + len(buffer)]

    def program(self, address: int, data: bytes | bytearray | memoryview) -> bool:
        """Program at once."""
        self._must_answer()
        self.array.program(address, bytes(data))
        return True

    def erase_start(self, address: int) -> None:
        """Start an erase."""
        self._must_answer()
        self.array.begin_erase(address)
        self._left = self._polls

    def busy(self) -> bool:
        """Return whether the erase goes on; each question brings its end nearer."""
        if self.array.erasing is None:
            return False
        self._left -= 1
        if self._left > 0:
            return True
        self.array.end_erase()
        return False

    def wait(self) -> bool:
        """Let the erase end."""
        if self.array.erasing is not None:
            self.array.end_erase()
        return True

    def suspend(self) -> bool:
        """Suspend the erase; False when there is none."""
        self._suspended = self.array.erasing is not None
        return self._suspended

    def resume(self) -> None:
        """Resume it."""
        self._suspended = False

    def _must_answer(self) -> None:
        if self.array.erasing is not None and not self._suspended:
            self.array.violations.append("access while busy")
