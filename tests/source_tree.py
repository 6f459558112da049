"""The project's own source read with ast, for the tests of the architecture: nothing is imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("engine", "gui", "resources")
QT = ("PySide6", "shiboken6", "PyQt5", "PyQt6", "qtpy", "superqt", "pyqtgraph")


@dataclass(frozen=True)
class Import:
    """One imported module, as a dotted name; ``from a import b`` counts as ``a`` and as ``a.b``."""

    name: str
    line: int
    where: str  # "top", "function" or "typing" (under TYPE_CHECKING)

    def inside(self, *packages: str) -> bool:
        """Whether this is one of ``packages`` or lies in one."""
        return any(self.name == p or self.name.startswith(p + ".") for p in packages)


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str  # dotted: "engine.cells.lstm"
    path: Path

    @property
    def place(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.path)

    @property
    def imports(self) -> tuple[Import, ...]:
        return _imports(self)


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def modules() -> dict[str, Module]:
    """Every module of the app by its dotted name."""
    found = {}
    files = [ROOT / "main.py"] if (ROOT / "main.py").exists() else []
    for package in PACKAGES:
        files += sorted((ROOT / package).rglob("*.py"))
    for path in files:
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path)
    return found


def under(*packages: str) -> list[Module]:
    """The modules of the packages, those of their folders included."""
    return [m for m in modules().values() if any(m.name == p or m.name.startswith(p + ".") for p in packages)]


@cache
def _imports(module: Module) -> tuple[Import, ...]:
    found: list[Import] = []
    _collect(module, module.tree.body, "top", found)
    return tuple(found)


def _collect(module: Module, nodes: list, where: str, found: list[Import]) -> None:
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, where) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            found.append(Import(base, node.lineno, where))
            found += [Import(f"{base}.{alias.name}", node.lineno, where) for alias in node.names]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            _collect(module, list(ast.iter_child_nodes(node)), "typing" if where == "typing" else "function", found)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            _collect(module, node.body, "typing", found)
            _collect(module, node.orelse, where, found)
        else:
            _collect(module, list(ast.iter_child_nodes(node)), where, found)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    package = parts if module.is_package else parts[:-1]
    package = package[: len(package) - (node.level - 1)]
    return ".".join([*package, *([node.module] if node.module else [])])


def edges(where: tuple[str, ...]) -> dict[str, set[str]]:
    """Which modules of the app each module imports, counting the imports at the given places.

    ``from a import b`` is an edge to ``a.b`` where that is a module, else to ``a``. That importing ``a.b``
    also runs ``a/__init__.py`` is left out: every package would be a cycle with its own contents.
    """
    known = modules()
    graph: dict[str, set[str]] = {name: set() for name in known}
    for module in known.values():
        lines: dict[int, list[str]] = {}
        for found in module.imports:
            if found.where in where and found.name in known:
                lines.setdefault(found.line, []).append(found.name)
        for names in lines.values():
            deepest = [n for n in names if not any(o.startswith(n + ".") for o in names)]
            graph[module.name].update(n for n in deepest if n != module.name)
        for found in module.imports:  # a package beside its modules, as in `from a import b, function_of_a`
            if found.where in where and found.name not in known:
                package = found.name.rpartition(".")[0]
                if package in known and package != module.name:
                    graph[module.name].add(package)
    return graph


def find_cycle(graph: dict[str, set[str]]) -> list[str] | None:
    """One cycle of the graph as a path that ends where it begins, or None."""
    done: set[str] = set()
    for start in graph:
        path: list[str] = []
        stack = [(start, iter(sorted(graph[start])))] if start not in done else []
        path += [start] if stack else []
        while stack:
            name, rest = stack[-1]
            follower = next(rest, None)
            if follower is None:
                done.add(name)
                stack.pop()
                path.pop()
            elif follower in path:
                return [*path[path.index(follower) :], follower]
            elif follower not in done:
                path.append(follower)
                stack.append((follower, iter(sorted(graph[follower]))))
    return None


def reaches(graph: dict[str, set[str]], start: str, goal: str) -> bool:
    """Whether a path of the graph leads from start to goal."""
    seen, todo = {start}, [start]
    while todo:
        name = todo.pop()
        if name == goal:
            return True
        todo += [n for n in graph.get(name, ()) if n not in seen]
        seen.update(graph.get(name, ()))
    return False


def loaded_after(statements: str) -> set[str]:
    """The names in ``sys.modules`` of a fresh interpreter that ran the statements in the project's folder."""
    code = f"{statements}\nimport sys\nprint('MODULES', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rsplit("MODULES", 1)[1].split())
