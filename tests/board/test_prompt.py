"""The prompt of a board over a pty whose other end is the test's: what is slow is waited for, what is gone is named.

A board whose memory is full starts anew, and is found again wherever its port appears.
"""

import hashlib
import os
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from host_agent.board import faults
from host_agent.board import prompt as board_prompt
from host_agent.board.caller import Caller, tell_sectors
from host_agent.board.prompt import Prompt
from host_agent.errors import UserError

WINDOW = 32
STALL_S = 0.5  # more than a read once waited for; erasing a sector of the flash takes up to 0.4 s
CODE = "print('" + "x" * 3 * WINDOW + "')"


FREE, FULL, UID = 200_000, 60_000, "e6614c311b7e6f35"


class Board:
    """The other end of a port: a raw prompt with paste mode; `stall` is called before each window is granted.

    `says` is what any statements print; `reset` is called at a soft reset.
    """

    def __init__(
        self, port: Path, stall: Callable[["Board"], None] = lambda _: None, says: str = "done",
        reset: Callable[["Board"], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.says, self._reset = says, reset
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
        elif byte == b"\x04":
            self._reset(self)
        elif byte == b"\x05" and os.read(self._master, 2) == b"A\x01":
            os.write(self._master, b"R\x01" + WINDOW.to_bytes(2, "little") + b"\x01")
            self._take()
            os.write(self._master, b"\x04" + self.says.encode() + b"\x04\x04>")

    def _take(self) -> None:
        count = 0
        while (byte := os.read(self._master, 1)) != b"\x04":
            count += len(byte)
            if count % WINDOW == 0:
                self._stall(self)
                os.write(self._master, b"\x01")


@contextmanager
def board(folder: Path, stall: Callable[[Board], None] = lambda _: None, **options: Any) -> Iterator[Board]:
    made = Board(folder / options.pop("name", "ttyACM0"), stall, **options)
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
    monkeypatch.setattr(board_prompt, "READ_S", 0.1)
    with board(tmp_path, Board.hang) as made, Prompt(str(made.port)) as prompt:
        with pytest.raises(faults.BoardFault) as found:
            prompt.run(CODE)
        assert found.value.code == faults.UNPLUGGED


def test_board_with_room_in_its_memory_is_not_reset(tmp_path: Path) -> None:
    resets: list[Board] = []
    with board(tmp_path, says=f"{FREE} {UID}", reset=resets.append) as made, Prompt(str(made.port)) as prompt:
        assert not prompt.make_room(lambda: [str(made.port)])
    assert resets == []


def test_board_whose_memory_is_full_starts_anew_and_is_found_where_its_port_appears(tmp_path: Path) -> None:
    """The port goes with the reset; where it was, another board may be by then."""
    with (
        board(tmp_path, says=f"{FULL} {UID}", reset=Board.unplug) as full,
        board(tmp_path, says=f"{FREE} {UID[::-1]}", name="ttyACM1") as other,
        board(tmp_path, says=f"{FREE} {UID}", name="ttyACM2") as back,
        Prompt(str(full.port)) as prompt,
    ):
        ports = iter([[], [full.port], [other.port, back.port]])
        assert prompt.make_room(lambda: map(str, next(ports)))
        assert prompt.port == str(back.port) and prompt.run(CODE) == back.says


def test_board_that_starts_anew_and_does_not_come_back_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(board_prompt, "BACK_S", 0.0)
    with board(tmp_path, says=f"{FULL} {UID}", reset=Board.unplug) as made, Prompt(str(made.port)) as prompt:
        with pytest.raises(faults.BoardFault) as found:
            prompt.make_room(list)
        assert found.value.code == faults.UNPLUGGED


def test_port_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(faults.BoardFault, match="there is no such port") as found:
        Prompt(str(tmp_path / "ttyACM9"))
    assert found.value.code == faults.NO_ANSWER


def test_board_without_our_firmware_is_told_as_such(tmp_path: Path) -> None:
    says = "\x04Traceback:\r\nImportError: no module named 'bench'\r\n"
    with board(tmp_path, says=says) as made, Prompt(str(made.port)) as prompt:
        with pytest.raises(UserError, match="our firmware is not on this board"):
            Caller(prompt).run("import bench; bench.about()")


@pytest.mark.parametrize(
    ("is_seen", "told"), [(True, "\rread 8 of 9 sectors in use\rread 9 of 9 sectors in use\n"), (False, "")]
)
def test_progress_of_a_reading_is_for_people_at_a_terminal_window(
    is_seen: bool, told: str, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_seen)
    tell_sectors(8, 9)
    tell_sectors(9, 9)
    assert capsys.readouterr().err == told


def test_settings_that_read_back_wrong_do_not_take_the_place_of_the_old_ones(tmp_path: Path) -> None:
    wrong = "0" * 64
    ran: list[str] = []
    with board(tmp_path, says=wrong) as made, Prompt(str(made.port)) as prompt:
        run = prompt.run
        prompt.run = lambda code, *more: ran.append(code) or run(code, *more)  # ty: ignore[invalid-assignment]
        with pytest.raises(faults.BoardFault) as found:
            Caller(prompt).write("settings.json", b"{}")
    assert found.value.code == faults.BAD_WRITE
    assert any("settings.json.new" in code for code in ran) and not any("rename" in code for code in ran)


def test_settings_that_read_back_right_are_renamed(tmp_path: Path) -> None:
    ran: list[str] = []
    with board(tmp_path, says=hashlib.sha256(b"{}").hexdigest()) as made, Prompt(str(made.port)) as prompt:
        run = prompt.run
        prompt.run = lambda code, *more: ran.append(code) or run(code, *more)  # ty: ignore[invalid-assignment]
        Caller(prompt).write("settings.json", b"{}")
    assert ran[-1].splitlines()[0] == "os.rename('settings.json.new','settings.json')"
