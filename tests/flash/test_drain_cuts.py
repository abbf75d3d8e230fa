"""The cable comes out of a terminal with ratings in its queue while it is drained: nothing is lost."""

import pytest

from host_agent.board import faults
from host_agent.board.faults import StoppedError
from host_agent.flash import board_queue, ledger
from host_agent.flash.data_port import DataPort
from host_agent.provision.station import ENDED, WRITTEN
from host_agent.rescue import archive, chip_prompt
from host_agent.rescue import image as chip_image
from protocol import codes, messages, rating, reasons
from tests.flash.hall import Hall
from tests.unit.simulated import wait_for

RATINGS = 3
CLERK = {"number": "3017", "name": "欧阳晓静", "post": "综合受理窗口", "stars": 4}
INVITE = {"age_ms": 0, "ttl_ms": 60_000, "timeout_ms": 0, "origin": rating.ORIGIN_COUNTER, "qr": None}


def rate(board) -> None:
    """Take ratings at the keys, over a link that acknowledges nothing."""
    with DataPort(str(board.data_port)) as port:
        assert port.request(messages.CLERK, {"clerk": CLERK})[0] == reasons.OK
        for number in range(1, RATINGS + 1):
            assert port.request(messages.INVITE, {"invite": bytes([number] * 16)} | INVITE)[0] == reasons.OK
            while rated(sealed(board)) < number:
                board.press(number)
                port._pump(0.5)


def sealed(board) -> list[chip_image.Event]:
    """Return what stands on the queue chip now."""
    return list(chip_image.read((board.folder / "nor.bin").read_bytes()).sound())


def rated(events: list[chip_image.Event]) -> int:
    return sum(event.kind == codes.RATED for event in events)


def hello(board) -> tuple[str, int] | None:
    """Return as which terminal, in which epoch, the board answers; None while it starts."""
    try:
        with DataPort(str(board.data_port)) as port:
            return port.hello["terminal"], port.hello["epoch"]
    except faults.BoardFault:
        return None


def again(hall: Hall) -> None:
    """Set the jumper of the hall's terminal, which is to get another version."""
    hall.book.note(hall.book.boards()[0].uid, version="0.0.1")
    board = hall.boards[0]
    board.unplug()
    board.set_jumper(True)
    board.plug()
    wait_for(lambda: board.port is not None, "the console's port")


def while_it_seals(board, patch) -> None:
    nor, begin = board.wiring.nor, board.wiring.nor._begin_program
    call = chip_prompt.call

    def ask(prompt, function):
        if function == "end_epoch()":
            patch.setattr(nor, "_begin_program", program)
        return call(prompt, function)

    def program(*args):
        begin(*args)
        board._clock.after(0, board._unplug)  # in the midst of it

    patch.setattr(chip_prompt, "call", ask)


def once_it_sealed(board, patch) -> None:
    call = chip_prompt.call

    def ask(prompt, function):
        said = call(prompt, function)
        if function == "end_epoch()":
            board.unplug()
        return said

    patch.setattr(chip_prompt, "call", ask)


def while_its_chip_is_read(board, patch) -> None:
    reading, calls = chip_prompt._reading, []

    def read(*args):
        calls.append(args)
        if len(calls) == 2:
            board.unplug()
        return reading(*args)

    patch.setattr(chip_prompt, "_reading", read)


def once_it_is_archived(board, patch) -> None:
    def ended(*_args):
        board.unplug()
        raise StoppedError  # the program ends there, too

    patch.setattr(board_queue, "_ended", ended)


def once_the_station_knows(board, patch, stops: bool = True) -> None:
    real = board_queue._ended

    def ended(*args):
        real(*args)
        board.unplug()
        if stops:
            raise StoppedError

    patch.setattr(board_queue, "_ended", ended)


def once_the_ledger_knows(board, patch) -> None:
    once_the_station_knows(board, patch, stops=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cut", "is_told"),
    [
        (while_it_seals, True),
        (once_it_sealed, True),
        (while_its_chip_is_read, True),
        (once_it_is_archived, False),
        (once_the_station_knows, False),
        (once_the_ledger_knows, True),
    ],
)
def test_cable_pulled_while_a_queue_is_drained_loses_nothing_and_archives_it_once(hall, monkeypatch, cut, is_told):
    board = hall.board()
    assert hall.batch().run(), "\n".join(f"{line.stage}: {line.text}" for line in hall.lines[-6:])
    rate(board)
    again(hall)
    before = sealed(board)
    assert rated(before) == RATINGS
    with monkeypatch.context() as planted:
        cut(board, planted)
        assert not hall.batch(wait_s=0.5).run()
    assert [line.code for line in hall.lines if line.code] == ([faults.UNPLUGGED] if is_told else [])
    board.plug()
    assert hall.batch().run(), "\n".join(f"{line.stage}: {line.text}" for line in hall.lines[-6:])
    (kept,) = (hall.folder / "archive").iterdir()
    events = archive.read(kept)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert {event.evidence for event in before} <= {event.evidence for event in events}
    assert sum(event.kind == rating.LAST_OF_EPOCH for event in events) == 1
    assert events[-1].kind == rating.LAST_OF_EPOCH and {event.epoch for event in events} == {1}
    (known,) = hall.book.boards()
    epochs = [(place.epoch, place.state) for place in hall.station.epochs(known.terminal)]
    assert (known.state, epochs) == (ledger.DONE, [(1, ENDED), (2, WRITTEN)])
    assert hall.station.epochs(known.terminal)[0].last_seq == events[-1].seq
    board.unplug()
    board.set_jumper(False)
    board.plug()
    wait_for(lambda: hello(board) == (known.terminal, 2), "the terminal")
