"""Which statements of firmware/drivers the device tests execute against the chip models.

`python -m tests.device.driver_lines` runs those tests with drivers whose every statement in a function leaves its line
in the flash folder of the simulated terminal, once a start, and prints what never left one. Nothing but the drivers is
changed; tests of what is allocated are left out, and two long ones that bring no further line.
"""

import ast
import sys
import tempfile
from pathlib import Path

import pytest

from host_agent.bundle import make
from simulator.stage import FIRMWARE

TESTS = Path(__file__).parent
RUN = (
    "test_keys_driver.py", "test_lcd_driver.py", "test_nor_driver.py", "test_rtc_driver.py", "test_uart_driver.py",
    "test_self_test_quick.py", "test_usb_driver.py", "test_touch.py", "test_voice.py", "test_voice_dfplayer.py",
    "test_watchdog_driver.py",
    "test_terminal_life.py::test_dead_task_is_sealed_and_ends_in_a_reset",
    "test_peer_on_line.py::test_reader_that_stops_reading_blocks_nothing",
)  # fmt: skip
LEFT_OUT = "not allocat and not asks"
NOTES = "seen-lines"
LINES_A_FILE = 1_000
# No allocation for a line that is known. In a hard interrupt nothing can be written: it is noted until something can.
SEEN = """
_seen = bytearray({size})
_waiting = []
def at(line):
    if _seen[line] == 1:
        return
    _seen[line] = 2
    try:
        with open("{notes}", "a") as file:
            for number in range({size}):
                if _seen[number] == 2:
                    file.write(str(number) + " ")
                    _seen[number] = 1
    except MemoryError:
        pass
"""


def drivers() -> list[Path]:
    """Return the drivers, in the order of their numbers."""
    return sorted((FIRMWARE / "drivers").glob("*.py"))


class _Marking(ast.NodeTransformer):
    """Put a call before each statement of each function."""

    def __init__(self, number: int) -> None:
        self.base = number * LINES_A_FILE
        self.lines: set[int] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:  # noqa: N802 - the name that ast calls
        self._mark(node)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def _mark(self, node: ast.AST) -> None:
        for field in ("body", "orelse", "finalbody", "handlers"):
            for child in getattr(node, field, []):
                self._mark(child)
            if field != "handlers" and isinstance(getattr(node, field, None), list):
                setattr(node, field, [new for old in getattr(node, field) for new in self._marked(old)])

    def _marked(self, statement: ast.stmt) -> list[ast.stmt]:
        if isinstance(statement, ast.Global | ast.Nonlocal) or _is_docstring(statement):
            return [statement]
        self.lines.add(statement.lineno)
        return [*ast.parse(f"_line_seen({self.base + statement.lineno})").body, statement]


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def marked(number: int, path: Path) -> tuple[str, set[int]]:
    """Return a driver that tells its lines, and the lines that it could tell."""
    marking = _Marking(number)
    tree = marking.visit(ast.parse(path.read_text(encoding="utf-8")))
    tree.body.insert(1, ast.parse("from line_seen import at as _line_seen").body[0])
    return ast.unparse(ast.fix_missing_locations(tree)), marking.lines


def run(folder: Path) -> dict[str, set[int]]:
    """Return driver → lines never executed. Raises RuntimeError when a test failed."""
    lines = {}
    for number, path in enumerate(drivers()):
        text, lines[number] = marked(number, path)
        (folder / path.name).write_text(text, encoding="utf-8")
    size = LINES_A_FILE * len(lines)
    (folder / "line_seen.py").write_text(SEEN.format(size=size, notes=NOTES), encoding="utf-8")
    compiled = make.compile_firmware

    def with_marks(files: dict[str, Path]) -> dict[str, Path]:
        changed = {name: folder / path.name if name.startswith("drivers/") else path for name, path in files.items()}
        return compiled(changed | {"line_seen.py": folder / "line_seen.py"})

    make.compile_firmware = with_marks
    try:
        kept = folder / "runs"
        options = ["-q", "-p", "no:cacheprovider", "-o", "tmp_path_retention_policy=all", f"--basetemp={kept}"]
        code = pytest.main([*options, "-k", LEFT_OUT, *(str(TESTS / name) for name in RUN)])
    finally:
        make.compile_firmware = compiled
    if code:
        raise RuntimeError(f"the device tests ended with {code}")
    seen = {int(number) for notes in kept.rglob(NOTES) for number in notes.read_text().split()}
    return {
        path.name: {line for line in lines[number] if number * LINES_A_FILE + line not in seen}
        for number, path in enumerate(drivers())
    }


def main() -> int:
    """Print what is not executed; return 1 when there is some."""
    with tempfile.TemporaryDirectory() as folder:
        missed = run(Path(folder))
    for name, lines in missed.items():
        text = (FIRMWARE / "drivers" / name).read_text(encoding="utf-8").splitlines()
        for line in sorted(lines):
            print(f"{name}:{line}: {text[line - 1].strip()}")
    print(f"{sum(len(lines) for lines in missed.values())} statements of {len(missed)} drivers not executed")
    return 1 if any(missed.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
