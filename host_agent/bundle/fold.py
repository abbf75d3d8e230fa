"""Put the values of constants in the place of their names, across all modules of a firmware, before it is compiled.

MicroPython keeps every module-level name in memory: 8 bytes in the module's table and 7 plus its length as a string,
on a 32-bit heap. `const()` spares that for private names of one module only. Here a whole firmware is known, so a name
in capitals that is assigned once, to a number or to a short text, needs not be there at all: `reasons.FULL` becomes
`(13)`, its definition goes, and so does an import that nothing uses any more. Line numbers stay.

A constant stays where it is reached in a way that is not followed: a module passed as a value, `import *`, an f-string
of several lines, an import inside a function, an imported name that the file binds once more in whatever scope. A name
that another module sets is no constant. Not seen, and not used in the firmware: `globals()`, `exec`, and `setattr` on a
module.
"""

import ast
import operator

from host_agent.bundle.definitions import Module, plain_names

Value = int | str

_LONGEST_TEXT = 10  # bytes; longer ones are no interned strings, so that each use would be a copy
_LARGEST_INT = 1 << 30  # larger ones are objects on a 32-bit heap
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}


class Firmware:
    """The modules of a firmware by dotted name; of the package `shared` those that the others load."""

    def __init__(self, sources: dict[str, bytes], shared: str) -> None:
        every = {name: Module(name, source) for name, source in sources.items()}
        self.modules = {name: module for name, module in every.items() if name.split(".")[0] != shared}
        waiting = list(self.modules.values())
        while waiting:
            for name in waiting.pop().imports():
                for known in (name, name.rpartition(".")[0]):
                    if known in every and known not in self.modules:
                        self.modules[known] = every[known]
                        waiting.append(every[known])
        for module in self.modules.values():
            self._keep_unfollowed(module)
        for module in self.modules.values():
            _Rewriter(self, module)  # a first pass finds what has to stay

    def _keep_unfollowed(self, module: Module) -> None:
        """Keep what a file reaches in a way that is not followed; forget a value that it sets in another module."""
        for name in module.reached:
            owner, _, attribute = name.rpartition(".")
            if name in self.modules:
                self.modules[name].pin_all()
            elif owner in self.modules:
                self.pin(self.modules[owner], attribute)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                for owner, name in self.ways(module, node):
                    owner.assigned.pop(name, None)

    def folded(self, name: str) -> bytes:
        """Return the source of a module without its constants, line for line."""
        return _Rewriter(self, self.modules[name]).text()

    def constant(self, module: Module, node: ast.expr) -> Value | None:
        """Return the value that an expression always has, None for one that has none or too large a one."""
        value = self._evaluate(module, node, set())
        if isinstance(value, int):
            return value if abs(value) < _LARGEST_INT else None
        return value if value is not None and len(value.encode()) <= _LONGEST_TEXT else None

    def module_of(self, module: Module, node: ast.expr) -> Module | None:
        """Return the module that an expression stands for, None for anything else."""
        if isinstance(node, ast.Name):
            return self.modules.get(module.imported.get(node.id, ""))
        if isinstance(node, ast.Attribute):
            owner = self.module_of(module, node.value)
            if owner is not None:
                inner = self.modules.get(owner.imported.get(node.attr, ""))
                return inner or self.modules.get(f"{owner.name}.{node.attr}")
        return None

    def origin(self, module: Module, node: ast.expr) -> tuple[Module, str] | None:
        """Return the module and the name in it that an expression takes a value from."""
        ways = self.ways(module, node)
        return ways[-1] if ways else None

    def pin(self, module: Module, name: str) -> None:
        """Keep a name, and the one that it is imported from."""
        for owner, kept in [(module, name), *self.ways(module, ast.Name(name, ast.Load()))]:
            owner.pinned.add(kept)

    def ways(self, module: Module, node: ast.expr) -> list[tuple[Module, str]]:
        """Return the modules and names that an expression goes by, as one may import a name from another."""
        found: list[tuple[Module, str]] = []
        step = self._first_way(module, node)
        while step is not None and step not in found:
            found.append(step)
            step = None if step[1] in step[0].assigned else self._first_way(step[0], ast.Name(step[1], ast.Load()))
        return found

    def _first_way(self, module: Module, node: ast.expr) -> tuple[Module, str] | None:
        if isinstance(node, ast.Attribute):
            owner = self.module_of(module, node.value)
            return None if owner is None else (owner, node.attr)
        if isinstance(node, ast.Name):
            owner_name, _, attribute = module.imported.get(node.id, "").rpartition(".")
            owner = self.modules.get(owner_name)
            return (module, node.id) if owner is None else (owner, attribute)
        return None

    def _evaluate(self, module: Module, node: ast.expr, open_: set[tuple[str, str]]) -> Value | None:
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, (int, str)) and not isinstance(node.value, bool) else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "const":
            return self._evaluate(module, node.args[0], open_)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._evaluate(module, node.operand, open_)
            return -value if isinstance(value, int) else None
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = self._evaluate(module, node.left, open_), self._evaluate(module, node.right, open_)
            if isinstance(left, int) and isinstance(right, int):
                try:
                    return _OPERATORS[type(node.op)](left, right)
                except (ArithmeticError, ValueError):
                    return None
            return None
        found = self.origin(module, node)
        if found is None:
            return None
        owner, name = found
        if name not in owner.assigned or (owner.name, name) in open_:
            return None
        return self._evaluate(owner, owner.assigned[name], open_ | {(owner.name, name)})


class _Rewriter(ast.NodeVisitor):
    """Collect what is replaced in one file, and pin what is used but cannot be replaced."""

    def __init__(self, firmware: Firmware, module: Module) -> None:
        self._firmware = firmware
        self._module = module
        self._used: set[str] = set()  # local names that still stand somewhere
        self._cuts: list[tuple[int, int, bytes]] = []
        self._frozen = False  # inside an f-string, which is replaced as a whole or not at all
        self._starts = [0]
        for line in module.source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self.visit(module.tree)

    def text(self) -> bytes:
        """Return the new source."""
        for node in self._module.tree.body:
            if isinstance(node, ast.ImportFrom):
                self._trim(node)
            elif isinstance(node, ast.Assign) and self._is_gone(node):
                self._cut(node, b"")
        text = self._module.source
        for start, end, new in sorted(self._cuts, reverse=True):
            lines = text[start:end].count(b"\n") - new.count(b"\n")
            text = text[:start] + new + b"\n" * lines + text[end:]
        return text

    # -- expressions

    def visit_Name(self, node: ast.Name) -> None:  # noqa: N802, the library's name
        """Replace a constant; remember any other name."""
        if isinstance(node.ctx, ast.Load) and not self._replace(node):
            self._used.add(node.id)
            self._pin(node)
            self._pin_whole(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:  # noqa: N802, the library's name
        """Replace a constant of another module."""
        if isinstance(node.ctx, ast.Load) and self._replace(node):
            return
        self._pin_whole(node)
        inner = node.value
        while isinstance(inner, ast.Attribute) and self._firmware.module_of(self._module, inner) is not None:
            self._pin(inner)
            inner = inner.value
        if isinstance(inner, ast.Name) and self._firmware.module_of(self._module, inner) is not None:
            self._used.add(inner.id)
        else:
            self.visit(node.value)
        self._pin(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:  # noqa: N802, the library's name
        """Put constants into an f-string of one line; one of several lines stays."""
        outer, self._frozen = self._frozen, True
        filler = _Filler(self._firmware, self._module)
        filled = filler.visit(ast.parse(ast.unparse(node), mode="eval").body)
        if node.lineno == node.end_lineno and filler.filled and not outer:
            self._cut(node, ast.unparse(filled).encode())
            self.generic_visit(filled)
        else:
            self.generic_visit(node)
        self._frozen = outer

    def _replace(self, node: ast.expr) -> bool:
        value = self._firmware.constant(self._module, node)
        if value is None or self._frozen:
            return False
        self._cut(node, f"({value!r})".encode())
        return True

    def _pin_whole(self, node: ast.expr) -> None:
        """Keep all of a module that is used as a value."""
        whole = self._firmware.module_of(self._module, node)
        if whole is not None:
            whole.pin_all()

    def _pin(self, node: ast.expr) -> None:
        for owner, name in self._firmware.ways(self._module, node):
            owner.pinned.add(name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:  # noqa: N802, the library's name
        """Pin what a star or an import inside a function takes."""
        owner = self._firmware.modules.get(node.module or "")
        if owner is None:
            return
        for alias in node.names:
            if alias.name == "*":
                owner.pin_all()
            elif node.col_offset:
                self._firmware.pin(owner, alias.name)

    # -- statements

    def _is_gone(self, node: ast.Assign) -> bool:
        """Return whether all that a statement defines is a constant that nobody needs by name."""
        names = plain_names(node.targets[0])
        module = self._module
        return bool(names) and all(
            name in module.assigned
            and name not in module.pinned
            and self._firmware.constant(module, module.assigned[name]) is not None
            for name in names
        )

    def _trim(self, node: ast.ImportFrom) -> None:
        """Leave out what is not used any more; modules of ours do nothing but define."""
        kept = [alias for alias in node.names if not self._is_unused(node, alias)]
        if len(kept) < len(node.names):
            statement = ast.unparse(ast.ImportFrom(node.module, kept, node.level)) if kept else ""
            self._cut(node, statement.encode())

    def _is_unused(self, node: ast.ImportFrom, alias: ast.alias) -> bool:
        local = alias.asname or alias.name
        if alias.name == "*" or local in self._used or local in self._module.pinned:
            return False
        own = self._firmware.modules
        if f"{node.module}.{alias.name}" in own or alias.name == "const":
            return True
        owner = own.get(node.module or "")
        found = None if owner is None else self._firmware.origin(owner, ast.Name(alias.name, ast.Load()))
        return found is not None and found[1] in found[0].assigned

    def _cut(self, node: ast.expr | ast.stmt, new: bytes) -> None:
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        self._cuts = [cut for cut in self._cuts if not start <= cut[0] < end]
        self._cuts.append((start, end, new))


class _Filler(ast.NodeTransformer):
    """Put constants into an f-string."""

    def __init__(self, firmware: Firmware, module: Module) -> None:
        self._firmware = firmware
        self._module = module
        self.filled = False

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:  # noqa: N802, the library's name
        """Replace a whole constant by its text."""
        value = self._firmware.constant(self._module, node.value)
        if value is None or node.conversion != -1 or node.format_spec is not None:
            return self.generic_visit(node)
        self.filled = True
        return ast.Constant(str(value))

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802, the library's name
        """Replace a constant inside an expression."""
        return self._filled(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # noqa: N802, the library's name
        """Replace a constant of another module inside an expression."""
        return self._filled(node)

    def _filled(self, node: ast.expr) -> ast.AST:
        value = self._firmware.constant(self._module, node)
        if value is None:
            return self.generic_visit(node)
        self.filled = True
        return ast.Constant(value)
