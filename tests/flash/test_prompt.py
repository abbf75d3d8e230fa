"""The prompt of a board over a pty whose other end is the test's: what is slow is waited for, what is gone is named."""

import os
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from host_agent.flash import faults
from host_agent.flash import prompt as flash_prompt
from host_agent.flash.prompt import Prompt

WINDOW = 32
STALL_S = 0.5  # more than a read once waited for; erasing a sector of the flash takes up to 0.4 s
CODE = "print('" + "x" * 3 * WINDOW + "')"


class Board:
    """The other end of a port: a raw prompt with paste mode; `stall` is called before each window is granted."""

    def __init__(self, port: Path, stall: Callable[["Board"], None]) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._open, self._lock = {self._master, self._slave}, threading.Lock()
        self.port = port
        port.symlink_to(os.ttyname(self._slave))
        self._stall = stall
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Take the port away in the middle of whatever goes on, and end."""
        self.port.unlink()
        self._let_go(self._slave, self._master)
        raise OSError

    def hang(self) -> None:
        """Take the port's name away and say nothing more, with the port still open."""
        self.port.unlink()
        raise OSError

    def close(self) -> None:
        """End; whoever had the port open has closed it."""
        self._let_go(self._slave)
        self._thread.join()
        self._let_go(self._master)

    def _let_go(self, *files: int) -> None:
        """Close each once, whichever thread comes first."""
        with self._lock:
            for file in self._open.intersection(files):
                self._open.remove(file)
                os.close(file)

    def _run(self) -> None:
        try:
            while True:
                self._serve(os.read(self._master, 1))
        except OSError:
            return

    def _serve(self, byte: bytes) -> None:
        if byte == b"\x01":
            os.write(self._master, b"raw REPL; CTRL-B to exit\r\n>")
        elif byte == b"\x05" and os.read(self._master, 2) == b"A\x01":
            os.write(self._master, b"R\x01" + WINDOW.to_bytes(2, "little") + b"\x01")
            self._take()
            os.write(self._master, b"\x04done\x04\x04>")

    def _take(self) -> None:
        count = 0
        while (byte := os.read(self._master, 1)) != b"\x04":
            count += len(byte)
            if count % WINDOW == 0:
                self._stall(self)
                os.write(self._master, b"\x01")


@contextmanager
def board(folder: Path, stall: Callable[[Board], None]) -> Iterator[Board]:
    made = Board(folder / "ttyACM0", stall)
    try:
        yield made
    finally:
        made.close()


def test_prompt_waits_for_a_board_that_pauses_while_it_is_told_what_to_do(tmp_path: Path) -> None:
    pauses = iter([STALL_S])
    with board(tmp_path, lambda _: threading.Event().wait(next(pauses, 0.0))) as made, Prompt(str(made.port)) as prompt:
        assert prompt.run(CODE) == "done"


def test_prompt_names_a_cable_that_came_out_while_it_told_the_board_what_to_do(tmp_path: Path) -> None:
    with board(tmp_path, Board.unplug) as made, Prompt(str(made.port)) as prompt:
        with pytest.raises(faults.BoardFault) as found:
            prompt.run(CODE)
        assert found.value.code == faults.UNPLUGGED


def test_prompt_names_a_cable_that_came_out_though_the_port_says_nothing_of_it(tmp_path: Path, monkeypatch) -> None:
    """A driver may keep an open port silent after its device went: its name is gone all the same."""
    monkeypatch.setattr(flash_prompt, "READ_S", 0.1)
    with board(tmp_path, Board.hang) as made, Prompt(str(made.port)) as prompt:
        with pytest.raises(faults.BoardFault) as found:
            prompt.run(CODE)
        assert found.value.code == faults.UNPLUGGED
