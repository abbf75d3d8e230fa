"""Let the private data attributes of unrelated classes share their names before a firmware is compiled.

Each name costs a terminal 6 bytes and its length on a 32-bit heap, and the table of names doubles when it is full.
`self._rest` of one class and `self._glass` of another may both be `self.a`: no report of a fault shows data attributes.
Names of methods stay. An attribute keeps its name where anything but the first argument of a method of its class, or of
a relative, is asked for it, where a text, a definition or an f-string holds it, and where the letters are used up.
"""

import ast
from collections import defaultdict
from string import ascii_lowercase

from host_agent.bundle.arguments import replaced

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def shared(texts: dict[str, bytes]) -> dict[str, bytes]:
    """Return path → source with shared names, of all files of a firmware."""
    trees = {name: ast.parse(text) for name, text in texts.items()}
    uses = _Uses(list(trees.values()))
    names = uses.letters()
    return {name: replaced(text, _places(trees[name], names)) for name, text in texts.items()}


class _Uses:
    """Know which family of classes uses which private attributes; a family is what inherits from each other."""

    def __init__(self, trees: list[ast.Module]) -> None:
        self._families: dict[str, str] = {}  # class → a relative
        self._used: dict[str, set[str]] = defaultdict(set)  # class → attributes of its own objects, public ones too
        self._own: set[ast.Attribute] = set()
        self._kept: set[str] = set()
        self._asked: set[str] = set()  # of objects that are not the method's own
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    self._look_at(node)
        for tree in trees:
            for node in ast.walk(tree):
                self._keep(node)

    def letters(self) -> dict[str, str]:
        """Return attribute → letter: no two of one family have the same."""
        families: dict[str, set[str]] = defaultdict(set)
        for name, used in self._used.items():
            families[self._family(name)] |= used
        found: dict[str, str] = {}
        private = {name for used in families.values() for name in used if name[:1] == "_" and name[:2] != "__"}
        homes = {name: [used for used in families.values() if name in used] for name in private - self._kept}
        for name in sorted(homes, key=lambda one: (-max(len(used) for used in homes[one]), one)):
            near = {found.get(other, other) for used in homes[name] for other in used}
            letter = next((letter for letter in ascii_lowercase if letter not in near | self._asked), None)
            if letter is not None:
                found[name] = letter
        return found

    def _family(self, name: str) -> str:
        while name in self._families:
            name = self._families[name]
        return name

    def _look_at(self, node: ast.ClassDef) -> None:
        """Note bases, and what methods ask of their first argument."""
        for base in node.bases:
            parent = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
            if self._family(parent) != self._family(node.name):
                self._families[self._family(node.name)] = self._family(parent)
        self._used[node.name]  # a class without attributes is a link between its relatives, too
        for method in node.body:
            if not isinstance(method, _FUNCTIONS) or not method.args.args:
                continue
            own = method.args.args[0].arg
            for inner in ast.walk(method):
                if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == own:
                    self._own.add(inner)
                    self._used[node.name].add(inner.attr)

    def _keep(self, node: ast.AST) -> None:
        """Keep what is reached in another way."""
        if isinstance(node, ast.Attribute) and node not in self._own:
            self._kept.add(node.attr)
            self._asked.add(node.attr)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            self._kept.add(node.name)
        elif isinstance(node, ast.Name):
            self._kept.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._kept.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            self._kept |= {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}


def _places(tree: ast.Module, names: dict[str, str]) -> dict[tuple[int, int], tuple[str, str]]:
    """Return (line, column) → (old, new) of each attribute that gets another name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names and node.end_lineno and node.end_col_offset:
            place = (node.end_lineno, node.end_col_offset - len(node.attr.encode()))
            found[place] = (node.attr, names[node.attr])
    return found
