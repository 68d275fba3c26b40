"""Reads the project's own files for the tests that keep the house."""

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dev import ROOT

PACKAGES = ("contract", "service", "edge", "cloud", "firmware_sim")
DOT_NAMES_OF_OURS = {".ci", ".gitignore", ".github"}
MADE_BY_TOOLS = {"__pycache__", "build", "dist"}


def files(*folders: str, suffix: str = "") -> list[Path]:
    """Every file under the folders (default: the whole project) that is not made by a tool."""
    roots = [ROOT / folder for folder in folders] or [ROOT]
    return sorted(file for root in roots for file in walk(root) if file.name.endswith(suffix))


def walk(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        hidden = entry.name.startswith(".") and entry.name not in DOT_NAMES_OF_OURS
        if hidden or entry.name in MADE_BY_TOOLS:
            continue
        if entry.is_dir():
            yield from walk(entry)
        else:
            yield entry


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def module_name(file: Path) -> str:
    return dotted(relative(file))


def dotted(path: str) -> str:
    """`edge/keeper/wiegand.py` → `edge.keeper.wiegand`; a package's `__init__.py` is the package."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(source: str) -> set[str]:
    """Every name a file imports, wherever it does: `from a import b` is `a.b`, a relative one begins with a dot."""
    return imported(ast.walk(ast.parse(source)))


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            found |= {f"{start}.{alias.name}" for alias in node.names}
    return found


def top(name: str) -> str:
    """The package at the top of a dotted name."""
    return name.partition(".")[0]


@functools.cache
def module_graph() -> dict[str, set[str]]:
    """Every module of the packages → the names it imports."""
    return {module_name(file): imports(file.read_text()) for file in files(*PACKAGES, suffix=".py")}


def import_edges(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Every module → the other modules of the graph that it imports."""
    return {module: modules_meant(names, graph) - {module} for module, names in graph.items()}


def reach(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    """The start and all that its edges lead to, directly or not."""
    seen: set[str] = set()
    waiting = {start}
    while waiting:
        seen |= waiting
        waiting = set().union(*(edges[node] for node in waiting)) - seen
    return seen


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups whose members all lead to each other, each sorted; none when the graph is acyclic."""
    reached = {node: reach(node, edges) for node in edges}
    groups = {frozenset(other for other in reached[node] if node in reached[other]) for node in edges}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def modules_meant(names: Iterable[str], modules: Iterable[str]) -> set[str]:
    """Those of the modules that the names mean: `edge.journal.journal.Journal` means `edge.journal.journal`."""
    known = set(modules)
    return {module for name in names if (module := longest_known(name, known))}


def longest_known(name: str, known: set[str]) -> str:
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name
