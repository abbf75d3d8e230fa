"""Collect tests/both twice: as usual, and each test function again under MicroPython. Let Hypothesis repeat itself."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.micropython_server import MicroPython

ROOT = Path(__file__).parent.parent
BOTH = ROOT / "tests" / "both"
SLOW_TO_COLLECT = [ROOT / "tests" / "unit" / "test_api_openapi.py"]  # all of it slow
HEAP = "280K"  # on the 64-bit port, stands for a board with 200 KB
TIMEOUT_S = 240.0  # for one test function; less than pytest's own
SERVER = pytest.StashKey[MicroPython]()

# The same examples in each run, on a machine of any speed; `--hypothesis-profile explore` looks for others.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("repeat", settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile("repeat")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the server; no process is started before the first MicroPython test."""
    config.stash[SERVER] = MicroPython(ROOT)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the server."""
    config.stash[SERVER].close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run three workers on two cores: a third of the time a test waits, for a broker, a browser or a timer."""
    cores = os.cpu_count() or 2
    return cores + (cores + 1) // 2


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what only the slow suite runs and what takes seconds to collect, in every worker."""
    is_quick = config.getoption("markexpr") == "not slow"
    return True if is_quick and collection_path in SLOW_TO_COLLECT else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Add the MicroPython twin of each test file in tests/both."""
    if file_path.parent == BOTH and file_path.name.startswith("test_") and file_path.suffix == ".py":
        return MicroPythonFile.from_parent(parent, path=file_path)
    return None


class MicroPythonFile(pytest.File):
    """The test functions of one file, found without importing it."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one item for each top-level test function."""
        for node in ast.parse(self.path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield MicroPythonItem.from_parent(
                    self, name=node.name + "[micropython]", test_name=node.name, line=node.lineno - 1
                )


class MicroPythonItem(pytest.Item):
    """One test function in a fresh MicroPython."""

    def __init__(self, test_name: str, line: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.test_name = test_name  # pytest takes `function` for the callable
        self.line = line

    def runtest(self) -> None:
        """Run it; it passes only if the function returned and said so."""
        runner = BOTH / "run_on_micropython.py"
        code, output = self.config.stash[SERVER].run(
            [str(runner), "tests.both." + self.path.stem, self.test_name],
            f"{ROOT}:{ROOT}/firmware:.frozen",
            HEAP,
            TIMEOUT_S,
        )
        if code != 0 or f"passed {self.test_name}\n" not in output:
            raise MicroPythonFailure(f"exit code {code}\n{output}")
        self.add_report_section("call", "stdout", output)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None) -> str:
        """Show what MicroPython printed."""
        if isinstance(excinfo.value, MicroPythonFailure):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name file, line and item for reports."""
        return self.path, self.line, self.name


class MicroPythonFailure(Exception):
    """The test function failed or never ran."""
