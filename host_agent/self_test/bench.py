"""The bench's self-test through a board's prompt; firmware/self_test/bench.py asks the technician on the display."""

import re
from collections.abc import Callable
from typing import Protocol

import attrs

from host_agent.errors import UserError
from host_agent.self_test import parts
from host_agent.self_test.parts import Part

ANSWER_S = 90.0  # without a byte: the technician has a minute for each order
_RESULT = re.compile(r"^failed (\d+) judged (\d+)\s*$", re.M)
_WORDS = {"case open": "open the case", "case shut": "shut the case", "touch": "touch each field of the glass"}
# What boot.py sets where it runs: garbage left between modules would leave no room for big buffers.
_CODE = """import gc, sys
gc.collect()
gc.threshold(8_192)
if not sys.path or sys.path[0] not in ("/a:", "/b:"):
    import libraries
    libraries.use("a")
from self_test import bench
bench.run({board!r}, {person}, {utc_s})
"""


class Prompt(Protocol):
    """Run statements on a board; see host_agent/flash."""

    port: str

    def run(self, code: str, limit_s: float, heard: Callable[[bytes], None] | None) -> str:
        """Return what the statements printed; `heard` gets it as it comes, and b"" now and then in silence."""
        ...


@attrs.frozen
class Result:
    """What a test judged, and what of it failed: masks of protocol/self_test_parts.py."""

    failed: int
    judged: int

    @property
    def parts(self) -> list[Part]:
        """Return the parts that failed, in words and with their cures."""
        return parts.failed(self.failed)


class Orders:
    """Hears what a test prints and tells each order to the person, in words, when it is given."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Tell by `tell`."""
        self._tell = tell
        self._line = b""

    def hear(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            order = line.decode("utf-8", "replace").strip()
            if order.startswith("ask "):
                self._tell(in_words(order.removeprefix("ask ")))


def in_words(order: str) -> str:
    """Return what a person has to do for an order of firmware/self_test/bench.py."""
    return _WORDS.get(order) or (f"press {order}" if order.startswith("key ") else f"look or listen, answer: {order}")


def run(
    prompt: Prompt, board: str, person: bool = True, utc_s: int | None = None,
    heard: Callable[[bytes], None] | None = None,
) -> Result:  # fmt: skip
    """Test the board; without a person only what needs none, `utc_s` sets its clock first, `heard` is the prompt's.

    :raises UserError: the board told no result; whatever the prompt raises.
    """
    said = prompt.run(_CODE.format(board=board, person=person, utc_s=utc_s), ANSWER_S, heard)
    found = _RESULT.findall(said)
    if not found:
        last = said.strip().splitlines()[-1:] or ["nothing"]
        cure = "flash the board again; with the maintenance jumper set, no program runs beside the test"
        raise UserError(f"the self-test told no result, but {last[0][:80]!r}", prompt.port, cure)
    return Result(int(found[-1][0]), int(found[-1][1]))
