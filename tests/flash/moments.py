"""News of boards as runs of `yiping flash` tell them, moment by moment: for the table's tests and pictures."""

from host_agent.board import faults
from host_agent.flash import ledger
from host_agent.flash.stages_bench import ORDER
from host_agent.flash.worker import Line
from host_agent.provision.identity import terminal_id
from host_agent.self_test import bench

CENTRE = "C01"
WINDOWS = 8


def line(number: int, stage: str, **more: object) -> Line:
    """Return news of the board at a port."""
    known = {"window": f"{CENTRE}/W{number:02}", "uid": f"e66{number:013}"} if stage not in ("base", "detect") else {}
    if stage in ("self-test", "label", "done"):
        known["terminal"] = terminal_id(number)
    return Line(f"/dev/ttyACM{number}", stage=stage, group=f"e66{number:013}", **known | more)


def fault(number: int, stage: str, what: faults.BoardFault) -> Line:
    """Return news of a board that failed."""
    return line(number, stage, result=ledger.STAGE_FAILED, text=what.what, cure=what.cure, code=what.code)


def working() -> list[Line]:
    """Return several boards at different stages."""
    return [
        line(1, "done", result=ledger.OK, text="C01/W01: unplug it"),
        fault(2, "write", faults.unplugged("/dev/ttyACM2")),
        line(3, "write", done=217_088, total=391_168),
        line(4, "verify", done=30_000, total=391_168),
        line(5, "self-test"),
        line(6, "identify", text="waits for the first board to succeed"),
        line(7, "detect"),
    ]


def failing() -> list[Line]:
    """Return the longest causes there are, a long Chinese name, and a board in boot mode."""
    names = {"window": "滨海新区政务服务中心/3号综合受理窗口"}
    what = "the self-test found: the journal's chip does not answer; a key is stuck, dead or wired wrongly"
    cure = "look at U2 and its four wires; have the board examined, or take another one; free the key; look at its plug"
    swapped = faults.another_board("/dev/ttyACM2", "board e661410403196f2a", "board e6614104031a8f37")
    return [
        Line("/media/tech/RP2350", stage="base", result=ledger.OK, text="RPI_PICO2.uf2 is on it; it starts"),
        fault(2, "identify", swapped),
        fault(3, "detect", faults.locked("/dev/ttyACM3", terminal_id(3))),
        line(4, "self-test", result=ledger.STAGE_FAILED, text=what, cure=cure, **names),
        line(5, "write", result=ledger.STOPPED, text="stopped: run the same command again, it goes on here"),
    ]


def finished() -> list[Line]:
    """Return a fleet that is done."""
    return [line(n, "done", result=ledger.OK, text=f"C01/W{n:02}: unplug it") for n in range(1, WINDOWS + 1)]


def by_person() -> list[Line]:
    """Return boards that a person tests one after the other."""
    return [
        line(31, "bench", text="waits until the person has tested the board before"),
        line(32, "bench", text=f"{ORDER}{bench.in_words('key 3')}"),
        line(33, "bench", text="waits until the person has tested the board before"),
    ]


def many() -> list[Line]:
    """Return more boards than the window has room for."""
    return [*by_person(), *(line(n, "write", done=n, total=20) for n in range(10, 30)), *working()]
