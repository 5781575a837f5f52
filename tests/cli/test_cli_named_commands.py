"""Every command that a message, a mail or a page names exists, with the options that it names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cwalarm.cli.main import main as cwalarm
from deliverywatch.cli import main as deliverywatch

ROOT = Path(__file__).parents[2]
PROGRAMS = {"deliverywatch": deliverywatch, "cwalarm": cwalarm}
# A program, the words and options after it; what is filled in stands as a brace.
NAMED = re.compile(r"(?<![\w.-])(?<!s/)(deliverywatch|cwalarm)((?: (?:--?)?[a-z][\w-]*(?:[= ]{1,2}[A-Z{<][^\s`']*)?)+)")
# English, not a command: `deliverywatch` as a name in a sentence.
_QUOTES = "`'\""


def literals(path: Path) -> Iterator[str]:
    """Return the texts of a module, each with `{}` where a value is filled in, or a template as it is."""
    source = path.read_text("utf-8")
    if path.suffix != ".py":
        yield source
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def named(text: str) -> Iterator[tuple[str, list[str]]]:
    """Return the program and the words of each command that stands in quotes, is an example or begins a line."""
    for match in NAMED.finditer(text):
        before = text[: match.start()].removesuffix(".venv/bin/")
        if not before or before[-1] in _QUOTES or before.endswith(("\n", "    ", "Example: ")):
            yield match[1], match[2].split()


def problem(program: str, words: list[str]) -> str:
    """Return what is wrong with a command, or nothing."""
    command: click.Command = PROGRAMS[program]
    context = click.Context(command)
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        name = words.pop(0)
        chosen = command.get_command(context, name)
        if chosen is None:
            return f"{program} has no {name}"
        command = chosen
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    wrong = [word for word in words if word.startswith("--") and word.partition("=")[0] not in options | {"--help"}]
    return f"{command.name} has no {', '.join(wrong)}" if wrong else ""


FILES = sorted(
    {path for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".j2", ".md", ".toml")}
    | {ROOT / "README.md", ROOT / "cfn/README.md", ROOT / ".github/CONTRIBUTING.md", *(ROOT / "cfn").rglob("*.py")}
)


def test_every_command_that_is_named_exists_with_its_options() -> None:
    commands = [
        (path.relative_to(ROOT), program, words)
        for path in FILES
        for text in literals(path)
        for program, words in named(text)
    ]
    assert len(commands) > 100
    wrong = {f"{path}: {problem(program, list(words))}" for path, program, words in commands}
    assert [one for one in sorted(wrong) if not one.endswith(": ")] == []


@pytest.mark.parametrize(
    "text", ["Run 'deliverywatch stauts'.", "Run `deliverywatch cost --deploid`.", "`cwalarm lint --cases x`"]
)
def test_a_command_that_does_not_exist_is_seen(text: str) -> None:
    [(program, words)] = named(text)
    assert problem(program, words)
