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
        self.reached: set[str] = set()  # modules of which any name may be used
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._bind(alias.asname or alias.name.split(".")[0], alias.name)
                    if alias.asname is None and "." in alias.name:
                        self._bind(alias.name.split(".")[0], "")
                        self.reached.add(alias.name)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self._bind(alias.asname or alias.name, f"{node.module}.{alias.name}")

    def _bind(self, local: str, target: str) -> None:
        known = self.imported.setdefault(local, target)
        if known != target:
            self.imported[local] = ""  # two meanings: not followed

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
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(plain_names(target)):
                found.update(zip(plain_names(target), value.elts, strict=False))
    bound = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)]
    bound += [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]
    bound += [name for node in ast.walk(tree) if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names]
    return {name: value for name, value in found.items() if _CONSTANT.fullmatch(name) and bound.count(name) == 1}
