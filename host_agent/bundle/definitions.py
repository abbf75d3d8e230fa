"""What one Python file of the firmware imports and defines, for fold.py."""

import ast
import re
from collections.abc import Iterator

_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")


class Module:
    """One file: its imports of our own modules, and what each of its constants is assigned."""

    def __init__(self, name: str, source: bytes) -> None:
        self.name = name
        self.source = source
        self.tree = ast.parse(source)
        self.assigned = _assigned_once(self.tree)
        self.imported: dict[str, str] = {}  # local name → dotted name of a module, or of a name in one
        self.pinned: set[str] = set()  # names that must stay defined
        self.reached: set[str] = set()  # modules, and names in modules, that may be used in ways not followed
        self._import()

    def _import(self) -> None:
        """Note what each local name stands for, if it stands for one thing in the whole file."""
        targets: dict[str, set[str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.asname is None and "." in alias.name  # binds the package; what is meant is inside
                    targets.setdefault(alias.asname or alias.name.split(".")[0], set()).add(alias.name)
                    self.reached.update([alias.name] if whole else [])
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    targets.setdefault(alias.asname or alias.name, set()).add(f"{node.module}.{alias.name}")
        hidden = set(_bound(self.tree))
        for local, meant in targets.items():
            if len(meant) > 1 or local in hidden or meant & self.reached:
                self.imported[local] = ""
                self.reached |= meant
            else:
                self.imported[local] = next(iter(meant))

    def pin_all(self) -> None:
        """Keep every constant: what is used of this module is not known."""
        self.pinned.update(self.assigned)

    def imports(self) -> Iterator[str]:
        """Yield the dotted names of what it may load, of ours and of others."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def plain_names(target: ast.expr) -> list[str]:
    """Return the names that an assignment's target binds, none for anything but plain names."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple) and all(isinstance(item, ast.Name) for item in target.elts):
        return [item.id for item in target.elts if isinstance(item, ast.Name)]
    return []


def _assigned_once(tree: ast.Module) -> dict[str, ast.expr]:
    """Return name → expression for the names in capitals that only one statement of the module's body assigns."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Name):
                found[target.id] = value
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                if not any(isinstance(item, ast.Starred) for item in value.elts):
                    found.update(zip(plain_names(target), value.elts, strict=False))
    bound = _bound(tree) + [name for node in ast.walk(tree) for name in _imported_names(node)]
    return {name: value for name, value in found.items() if _CONSTANT.fullmatch(name) and bound.count(name) == 1}


def _bound(tree: ast.Module) -> list[str]:
    """Return each name as often as a file binds it otherwise than by an import, in whatever scope.

    Methods are left out: they hide nothing from the functions around them.
    """
    found: list[str] = []
    methods = {id(item) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for item in node.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.append(node.id)
        elif isinstance(node, ast.arg):
            found.append(node.arg)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            found += node.names
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.append(node.name)
        elif isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and id(node) not in methods):
            found.append(node.name)
        elif isinstance(node, ast.AsyncFunctionDef) and id(node) not in methods:
            found.append(node.name)
    return found


def _imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    return []
