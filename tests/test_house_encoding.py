"""Files, and what other programs print, are read and written as UTF-8 whatever the locale."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = [*ROOT.glob("src/**/*.py"), *ROOT.glob("cfn/**/*.py"), *ROOT.glob("scripts/**/*.py")]


def of_the_locale(call: ast.Call) -> bool:
    """Whether a call reads or writes text in the encoding of the locale."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in given or None in given:
        return False
    if name in ("read_text", "write_text"):
        return len(call.args) < (2 if name == "write_text" else 1)
    if name == "open":
        return function_of_files(function) and not is_binary([*call.args, *given.values()])
    return name in ("run", "Popen", "check_output") and "text" in given


def function_of_files(function: ast.expr) -> bool:
    owner = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    return owner not in ("os", "webbrowser", "tarfile", "urllib.request", "life.shop")


def is_binary(values: list[ast.expr]) -> bool:
    return any(isinstance(value, ast.Constant) and "b" in str(value.value) for value in values)


def places(text: str) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [f"line {call.lineno}: {ast.unparse(call)}" for call in calls if of_the_locale(call)]


@pytest.mark.parametrize("path", sorted(PROGRAMS), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_program_reads_or_writes_in_the_encoding_of_the_locale(path: Path) -> None:
    assert places(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("out.write_text(words)", True),
        ("out.write_text(words, encoding='utf-8')", False),
        ("(ROOT / 'x').read_text()", True),
        ("out.open()", True),
        ("out.open('rb')", False),
        ("subprocess.run(command, text=True)", True),
        ("subprocess.run(command)", False),
    ],
)
def test_what_is_refused_is_known_by_its_call(text: str, is_refused: bool) -> None:
    assert bool(places(text)) is is_refused


def test_ruff_knows_no_other_place_in_the_whole_repository() -> None:
    # A rule in preview: turned on for all rules, preview would change others, too.
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--preview", "--select", "PLW1514", "."]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, encoding="utf-8")
    assert (result.returncode, result.stdout) == (0, "")
