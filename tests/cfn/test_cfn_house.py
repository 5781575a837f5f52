"""Imports in cfn go down only: build > stacks, checks > bundling > blocks, and no system knows another one."""

import ast
from pathlib import Path

import pytest

CFN = Path(__file__).parents[2] / "cfn"
MODULES = sorted(path.relative_to(CFN) for path in CFN.rglob("*.py"))
LEVELS = {"blocks": 0, "bundling": 1, "checks": 2, "stacks": 2, "build": 3}
# build.py is read by any Python, and hands over to this one.
BUILD = Path("bundling/build.py")


def imported(path: Path) -> set[str]:
    """The modules of cfn that a file names, those for type checkers too."""
    names = set[str]()
    for node in ast.walk(ast.parse((CFN / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.split(".")[0] in LEVELS}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_imports_from_its_own_folder_or_from_below(path: Path) -> None:
    own = "build" if path == BUILD else path.parts[0].removesuffix(".py")
    wrong = {name for name in imported(path) if name.split(".")[0] != own and LEVELS[name.split(".")[0]] >= LEVELS[own]}
    assert not wrong


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parts[0] == "stacks" and len(path.parts) > 2], ids=str
)
def test_a_system_knows_what_is_shared_and_no_other_system(path: Path) -> None:
    parts = {name.split(".")[1] for name in imported(path) if name.startswith("stacks.")}
    assert parts <= {path.parts[1], "shared"}


@pytest.mark.parametrize("folder", ["blocks", "bundling", "checks", "stacks"])
def test_modules_stand_in_no_circle(folder: str) -> None:
    modules = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES}
    waiting = {
        name: {
            other for other in imported(path) if other in modules and other != name and not name.startswith(f"{other}.")
        }
        for name, path in modules.items()
        if path.parts[0] == folder
    }
    while free := {name for name, others in waiting.items() if not others & waiting.keys()}:
        waiting = {name: others for name, others in waiting.items() if name not in free}
    assert not waiting


def test_tables_and_views_of_glue_are_made_in_one_place() -> None:
    makes = [path for path in MODULES if "glue.Table(" in (CFN / path).read_text()]
    assert makes == [Path("blocks/tables.py")]
