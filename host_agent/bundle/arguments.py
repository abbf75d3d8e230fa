"""Give the arguments of functions one-letter names before a firmware is compiled.

MicroPython keeps the name of every argument in memory, 6 bytes and its length on a 32-bit heap, for calls that name it;
no report of a fault shows them. An argument keeps its name where any call of the firmware names it so, and where it
could not be followed: in a function with a class inside, an f-string, or a second binding of the name.
"""

import ast
from string import ascii_lowercase

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def shortened(texts: dict[str, bytes]) -> dict[str, bytes]:
    """Return path → source with short names, of all files of a firmware."""
    trees = {name: ast.parse(text) for name, text in texts.items()}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    named = {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
    # What a call with `**` names stands somewhere as a text, which has its place in memory anyway.
    named |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {name: _Renamer(trees[name], text, named).text() for name, text in texts.items()}


def replaced(text: bytes, places: dict[tuple[int, int], tuple[str, str]]) -> bytes:
    """Return the source with other names at some places: (line, column in bytes) → (old, new)."""
    lines = text.splitlines(keepends=True)
    for (line, column), (old, new) in sorted(places.items(), reverse=True):
        before, end = lines[line - 1], column + len(old.encode())
        if before[column:end] != old.encode():
            raise ValueError(f"line {line}: {old} is not where it was parsed")
        lines[line - 1] = before[:column] + new.encode() + before[end:]
    return b"".join(lines)


class _Renamer:
    """Collect the places of one file where a name is another."""

    def __init__(self, tree: ast.Module, text: bytes, named: set[str]) -> None:
        self._text = text
        self._named = named
        self._places: dict[tuple[int, int], tuple[str, str]] = {}  # (line, column) → (old, new)
        self._look(tree, {})

    def text(self) -> bytes:
        """Return the source with the new names."""
        return replaced(self._text, self._places)

    def _look(self, node: ast.AST, known: dict[str, str]) -> None:
        """Follow the names that are known in this scope."""
        if isinstance(node, _FUNCTIONS):
            self._enter(node, known)
            return
        if isinstance(node, ast.Name) and node.id in known:
            self._place(node, node.id, known[node.id])
        for child in ast.iter_child_nodes(node):
            self._look(child, known)

    def _enter(self, function: Function, known: dict[str, str]) -> None:
        """Name the arguments of a function; what its head evaluates belongs to the scope around it."""
        body = function.body if isinstance(function.body, list) else [function.body]
        for child in ast.iter_child_nodes(function):
            if child not in body:
                self._look(child, known)
        arguments = function.args.posonlyargs + function.args.args
        own = {argument.arg for argument in [*arguments, *function.args.kwonlyargs]}
        inside = {name: new for name, new in known.items() if name not in own}
        taken = _names(function) | set(known) | set(known.values())
        letters = (letter for letter in ascii_lowercase if letter not in taken)
        kept = self._named | _unfollowed(body)
        for argument in arguments:
            new = None if argument.arg in kept else next(letters, None)
            if new is not None:
                inside[argument.arg] = new
                self._place(argument, argument.arg, new)
        for statement in body:
            self._look(statement, inside)

    def _place(self, node: ast.Name | ast.arg, old: str, new: str) -> None:
        self._places[node.lineno, node.col_offset] = (old, new)


def _names(function: ast.AST) -> set[str]:
    """Return every name that occurs in a function."""
    found = set()
    for node in ast.walk(function):
        for field in ("id", "arg", "name", "asname"):
            found.add(getattr(node, field, None))
        found.update(getattr(node, "names", ()) if isinstance(node, (ast.Global, ast.Nonlocal)) else ())
    return {name.split(".")[0] for name in found if isinstance(name, str)}


def _unfollowed(body: list) -> set[str]:
    """Return the names that are bound in a scope inside, or stand where their place is not known for sure."""
    found = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, (ast.ClassDef, ast.JoinedStr, ast.comprehension)):
                found |= _names(node if not isinstance(node, ast.comprehension) else node.target)
            elif isinstance(node, _FUNCTIONS):
                found |= {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
                found |= _bound(node)
            elif isinstance(node, (ast.ExceptHandler, ast.MatchAs)):
                found.add(node.name)
            elif isinstance(node, (ast.alias, ast.Global, ast.Nonlocal)):
                found |= _names(node)
    return found


def _bound(function: Function) -> set[str]:
    """Return the names that a function binds itself."""
    names = {
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    return names | {getattr(function, "name", "")}
