"""A module -> every module of this project that it imports, and those of others: what a zip must hold, and no more.

Imports inside functions count, those for type checkers do not: nothing runs them.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

OURS = {"cwalarm", "deliverywatch"}


def closure(source: Path, module: str) -> dict[str, Path]:
    """Return the modules of this project that a module needs, itself and their packages among them, with their files.

    Raises FileNotFoundError if there is no such module.
    """
    if not file_of(source, module):
        raise FileNotFoundError(f"{source} has no module {module}")
    waiting = [module]
    files: dict[str, Path] = {}
    while waiting:
        name = waiting.pop()
        path = file_of(source, name)
        if path and name not in files:
            files[name] = path
            waiting += [*imported(path), *_packages(name)]
    return files


def others(source: Path, module: str) -> set[str]:
    """Return the packages of others, not of Python's own, that a module and all that it needs import."""
    names = {name.split(".")[0] for path in closure(source, module).values() for name in imported(path)}
    return names - sys.stdlib_module_names - OURS


def file_of(source: Path, module: str) -> Path | None:
    """Return the file of a module of this project, or none where the name is something in a module."""
    if module.split(".", maxsplit=1)[0] not in OURS:
        return None
    path = source.joinpath(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def imported(path: Path) -> set[str]:
    """Return the full names that a file imports when it runs: of modules, and of what it takes from them."""
    return {name for node in _running(ast.parse(path.read_text(encoding="utf-8"))) for name in _names(node)}


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node that is not only there for type checkers."""
    yield node
    skipped = node.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" else ()
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from _running(child)


def _packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]
