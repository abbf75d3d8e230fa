"""The project's own files and what they import, found without running them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CODE_FOLDERS = ("protocol", "firmware", "host_agent", "simulator", "hardware", "tools")
NOT_OURS = {".git", "build", "dist", "typings", "demo-data", "node_modules", "__pycache__"}


def our_files(*suffixes: str, under: str = ".") -> Iterator[Path]:
    """Yield our files with one of the suffixes (all files without any), in order, below a folder of the project."""
    top = ROOT / under
    for path in sorted(top.rglob("*")):
        parts = path.relative_to(ROOT).parts
        ours = not any(part in NOT_OURS or (part.startswith(".") and part != ".ci") for part in parts)
        if ours and path.is_file() and (not suffixes or path.suffix in suffixes):
            yield path


def code_files() -> list[Path]:
    """Return every Python file that is not a test."""
    return [path for folder in CODE_FOLDERS for path in our_files(".py", under=folder)]


def name(path: Path) -> str:
    """Return the path as people write it, from the project's root."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full dotted name of everything a file imports, `from a import b` as a.b, also inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = absolute_base(path, node)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"
        elif isinstance(node, ast.Call) and is_dynamic_import(node):
            argument = node.args[0] if node.args else None
            yield node.lineno, argument.value if isinstance(argument, ast.Constant) else "<computed>"


def absolute_base(path: Path, node: ast.ImportFrom) -> str:
    """Return the dotted name that a `from` starts at, relative ones resolved from the file's place."""
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def is_dynamic_import(node: ast.Call) -> bool:
    """Return True for __import__(…) and import_module(…)."""
    called = node.func
    called_name = (
        called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    )
    return called_name in ("__import__", "import_module")
