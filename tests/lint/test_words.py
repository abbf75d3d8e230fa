"""Words and names that must not occur, and sizes that files and functions keep."""

import ast
import re
from pathlib import Path

from tests.lint.sources import ROOT, code_files, name, our_files, tree

# The firmware under test is the firmware that is flashed: it knows of no stand-in.
NOT_IN_FIRMWARE = re.compile(r"simulat|emulat|\bunix\b|\bmock|\bstub", re.IGNORECASE)
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
TEXT_SUFFIXES = (".py", ".md", ".toml", ".js", ".css", ".html", ".csv", ".yaml", ".json", ".sh")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def lines_with(pattern: re.Pattern, paths: list[Path]) -> list[str]:
    """Return place and text of each line that the pattern is found in."""
    return [
        f"{name(path)}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_firmware_names_no_stand_in():
    assert lines_with(NOT_IN_FIRMWARE, list(our_files(".py", under="firmware"))) == []


def test_no_file_has_a_name_that_says_nothing():
    assert [
        name(path) for path in our_files(".py", ".js", ".md", ".css") if path.stem.lower().strip("_") in EMPTY_NAMES
    ] == []
    assert [name(path) for path in code_files() if EMPTY_NAMES & set(path.relative_to(ROOT).parts)] == []


def test_nothing_is_left_unfinished():
    assert lines_with(UNFINISHED, list(our_files(*TEXT_SUFFIXES))) == []


def test_files_keep_their_size():
    sizes = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in code_files()}
    assert {path: lines for path, lines in sizes.items() if lines > MAX_FILE_LINES} == {}


def test_functions_keep_their_size():
    too_long = [
        f"{name(path)}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in code_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert too_long == []


def test_every_module_says_what_it_is():
    silent = [name(path) for path in code_files() if not ast.get_docstring(tree(path)) and path.read_text().strip()]
    assert silent == []


def test_every_test_can_fail():
    # A test without an assert, a raises or a call proves nothing.
    empty = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in our_files(".py", under="tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if not any(isinstance(part, ast.Assert | ast.Call) for part in ast.walk(node))
    ]
    assert empty == []


def is_sleep(node: ast.AST) -> bool:
    """Return True for a call of time.sleep or of an imported sleep."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    return (isinstance(called, ast.Attribute) and called.attr == "sleep" and ast.unparse(called.value) == "time") or (
        isinstance(called, ast.Name) and called.id == "sleep"
    )


def test_tests_do_not_sleep():
    # The pause between two looks at a condition is no sleep: it stands in a loop that has a deadline.
    sleepers = []
    for path in our_files(".py", under="tests"):
        loops = [node for node in ast.walk(tree(path)) if isinstance(node, ast.While)]
        polls = {part for loop in loops for part in ast.walk(loop)}
        sleepers += [
            f"{name(path)}:{node.lineno}" for node in ast.walk(tree(path)) if is_sleep(node) and node not in polls
        ]
    assert sleepers == []
