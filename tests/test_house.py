"""The rules of the house that no linter knows: where things live, how long they may be, what they may be called.

Import rules between rooms are contracts in pyproject.toml (`lint-imports`); who may talk to AWS is ruff's TID251.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("src/**/*.py"), *ROOT.glob("cfn/**/*.py")])
ROOMS = sorted([ROOT / "src/cwalarm", *(path.parent for path in ROOT.glob("src/deliverywatch/*/__init__.py"))])
VERB_GROUPS = {("cli", "deploy"), ("cli", "email"), ("cli", "files"), ("cli", "queries")}
FOLDERS = sorted({path.parent for path in SOURCES})
SUB_ROOMS = [path for path in FOLDERS if path.parent in ROOMS and (path.parent.name, path.name) not in VERB_GROUPS]

TOP_LEVEL = {"src", "cfn", "scripts", "tests", "pyproject.toml", "README.md", "requirements.lock", "LICENSE"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core", "shared_utils"}
# A guard against pits, not a reason to cut a thought in two: a thought has one file.
MAXIMUM_LINES = 400
MAXIMUM_MODULES = 20
MAXIMUM_HANDLER_LINES = 60


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked_files() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()


def test_the_top_level_holds_only_what_the_user_fixed() -> None:
    top = {name.split("/")[0] for name in tracked_files()}
    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAXIMUM_LINES
    assert ast.get_docstring(ast.parse(text)), "a module starts with a docstring: what it turns into what"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_has_a_name_that_says_something(path: Path) -> None:
    assert path.stem not in VAGUE_NAMES


@pytest.mark.parametrize("path", sorted(ROOT.glob("src/**/handle_*.py")), ids=name_of)
def test_a_handler_is_thin_and_stands_beside_its_flow(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAXIMUM_HANDLER_LINES
    assert path.with_name(path.name.removeprefix("handle_")).exists()


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_room_stands_on_the_map_and_says_which_file_to_read_first(room: Path) -> None:
    assert re.search(rf"^ +{room.name} ", (ROOT / "src/deliverywatch/__init__.py").read_text(), re.MULTILINE)
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    assert re.search(r"[Rr]ead `", docstring)


@pytest.mark.parametrize("room", [*ROOMS, ROOT / "cfn"], ids=name_of)
def test_a_room_has_a_page_of_its_own(room: Path) -> None:
    assert (room / "README.md").read_text().startswith("# ")


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_can_be_taken_in(folder: Path) -> None:
    verbs = folder == ROOT / "src/deliverywatch/cli"
    assert verbs or len(list(folder.glob("*.py"))) <= MAXIMUM_MODULES


@pytest.mark.parametrize("folder", SUB_ROOMS, ids=name_of)
def test_a_sub_room_says_what_comes_in_what_goes_out_and_what_to_read_first(folder: Path) -> None:
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    first = re.search(r"Read `(\w+)", docstring)
    assert "In: " in docstring and "Out: " in docstring
    assert first and ((folder / f"{first[1]}.py").exists() or (folder / first[1]).is_dir())


def test_no_module_of_cfn_hides_one_of_the_standard_library() -> None:
    assert not {path.stem for path in (ROOT / "cfn").glob("*.py")} & set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", sorted(ROOT.glob("scripts/*")), ids=name_of)
def test_a_script_can_be_run(path: Path) -> None:
    assert path.is_dir() or path.stat().st_mode & 0o111


@pytest.mark.parametrize("name", ["requirements.lock", "tests/requirements.lock", ".ci/audit/requirements.lock"])
def test_a_lock_file_is_hashed_and_names_no_address(name: str) -> None:
    lock = (ROOT / name).read_text()
    assert "://" not in lock
    requirements = re.split(r"\n(?=\S)", lock.strip())
    assert all("--hash=sha256:" in block for block in requirements)


# Words that only this project used, each with the field's word for it.
PRIVATE_WORDS = {
    "asked": "the name of the thing",
    "asking": "athena",
    "contrast": "comparison",
    "drill": "test message",
    "each": "the name of the thing",
    "figures": "headline numbers",
    "foreign": "untrusted",
    "found": "the name of the thing",
    "gather": "collect",
    "guide": "advice",
    "ladder": "severities",
    "ledger": "incident store",
    "mend": "fix",
    "misbehaviour": "faults",
    "rehearse": "dry run",
    "rung": "severity",
    "rungs": "severities",
    "scene": "context at",
    "sealing": "seal",
    "sight": "watch state",
    "situation": "status",
    "survey": "recent statistics",
    "told": "notified, written or printed",
    "trial": "dry run",
}


def names_in(path: Path) -> set[str]:
    """What a module calls its functions, classes, arguments, variables and imports."""
    names = {path.stem}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(asname=str(name)):
                names.add(name)
    return names


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_name_uses_the_words_of_the_field(path: Path) -> None:
    words = {word.lower() for name in names_in(path) for word in re.findall(r"[A-Z]?[a-z]+", name)}
    assert not {word: PRIVATE_WORDS[word] for word in words & set(PRIVATE_WORDS)}


@pytest.mark.parametrize(
    "name", re.findall(r"^import (\w+)$", (ROOT / "scripts/benchmarks/__main__.py").read_text(), re.MULTILINE)
)
def test_a_benchmark_has_figures(name: str) -> None:
    path = ROOT / f"scripts/benchmarks/{name}.py"
    if path.exists():
        assert any(
            isinstance(node, ast.FunctionDef) and node.name == "figures" for node in ast.parse(path.read_text()).body
        )
