"""Which module may import which, derived from the tree: a new room, sub-room or handler needs no entry in a list.

What a list says better (the floors of the house, and that no two siblings import each other in a circle) are the
contracts in pyproject.toml.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/deliverywatch"
ENGINE = ROOT / "src/cwalarm"
SYSTEMS = {path.parent.name for path in PACKAGE.glob("*/handle_*.py")} - {"alerting", "operate"}
# The rooms on a person's machine, and the one whose purpose is to store.
PURE_ROOMS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {
    "backtest",
    "cli",
    "local",
    "operate",
    "storage",
}
PURE_FOLDERS = [ENGINE, *(PACKAGE / room for room in sorted(PURE_ROOMS))]

# What reaches outside the process, or costs every cold start that has it.
OUTSIDE = {"boto3", "botocore", "http", "os", "pyarrow", "requests", "socket", "subprocess", "urllib3"}
MAY_REACH_OUTSIDE = {
    "email/events/parquet.py": {"pyarrow"},
    "cwalarm/cli/terminal.py": {"os"},
    "cwalarm/conformance/run.py": {"subprocess"},
    "cwalarm/replay/datapoint_files.py": {"pyarrow"},
    "alerting/channels/protocol/http.py": {"socket", "urllib3"},
    "queries/config/http_source.py": {"urllib3"},
    "sms/clicksend/transport.py": {"socket", "urllib3"},
    "sms/lake/forget.py": {"pyarrow"},
    "sms/lake/parquet.py": {"pyarrow"},
    "sms/lake/seal.py": {"pyarrow"},
}


def module_name(path: Path, base: Path) -> str:
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path, ROOT / "src"): path for path in sorted((ROOT / "src").rglob("*.py"))}


def imported_names(path: Path) -> set[str]:
    """Everything that a file imports, for type checkers too: modules, and what it takes from them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def is_adapter(path: Path) -> bool:
    return path.stem == "aws" or path.stem.startswith(("aws_", "handle_"))


@pytest.mark.parametrize("name", [name for name in MODULES if name.count(".") >= 2])
def test_a_sub_room_never_imports_what_stands_above_it(name: str) -> None:
    package = MODULES[name].parent.relative_to(ROOT / "src").parts
    above = {".".join(package[:length]) for length in range(2, len(package))}
    climbing = {
        imported
        for imported in imported_names(MODULES[name]) & set(MODULES)
        if imported.rpartition(".")[0] in above and not is_package(imported)
    }
    assert not climbing or package[1] == "cli"


def is_package(name: str) -> bool:
    return MODULES[name].name == "__init__.py"


def test_a_handler_is_imported_by_nobody() -> None:
    handlers = {name for name in MODULES if name.rpartition(".")[2].startswith("handle_")}
    assert handlers
    assert not {name: both for name, path in MODULES.items() if (both := imported_names(path) & handlers)}


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_a_system_knows_no_other_system(system: str) -> None:
    others = {f"deliverywatch.{room}" for room in SYSTEMS - {system}}
    names = {name for path in (PACKAGE / system).rglob("*.py") for name in imported_names(path)}
    assert not {name for name in names if ".".join(name.split(".")[:2]) in others}


@pytest.mark.parametrize(
    "folder", [ENGINE, *(PACKAGE / room for room in sorted(PURE_ROOMS))], ids=lambda path: path.name
)
def test_only_adapters_reach_outside_the_process(folder: Path) -> None:
    reaching = {
        path.relative_to(folder.parent).as_posix(): outside
        for path in sorted(folder.rglob("*.py"))
        if not is_adapter(path) and (outside := {name.split(".")[0] for name in imported_names(path)} & OUTSIDE)
    }
    assert reaching == {file: names for file, names in MAY_REACH_OUTSIDE.items() if file.startswith(f"{folder.name}/")}
