"""Every page of the manual: short where it is read first, links that lead somewhere, commands that can be pasted."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from deliverywatch.cli import main
from deliverywatch.cli.terminal import time_options

ROOT = Path(__file__).parents[1]
# The changelog is history, and the list of proofs is generated.
PAGES = sorted(
    {ROOT / "README.md", ROOT / "cfn/README.md", ROOT / ".github/CONTRIBUTING.md", *ROOT.glob("src/**/README.md")}
)
# Of the engine's page, whose command is installed by its wheel.
ENGINE = ROOT / "src/cwalarm"
PROGRAMS = {
    *("scripts/setup", "scripts/demo", "scripts/test", "scripts/bench", "scripts/check", "scripts/lock"),
    *(".venv/bin/deliverywatch", ".venv/bin/python", "python3", "aws", "export", "git", "pip", "cwalarm", "gh"),
}


def commands(page: Path) -> list[str]:
    """Return the command lines of a page's shell blocks, continued lines joined and comments left out."""
    blocks = re.findall(r"```(?:sh|shell|bash)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    # A text in single quotes may go over several lines, a backslash joins two.
    text = re.sub(r"'[^'\n]*\[[^']*'", "'TEXT'", "\n".join(blocks)).replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


LINES = [(page.relative_to(ROOT), line) for page in PAGES for line in commands(page)]
OURS = sorted({line for _, line in LINES if line.startswith(".venv/bin/deliverywatch ")})


def test_the_readme_is_read_in_a_minute() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 10_240


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_or_a_heading(page: Path) -> None:
    for target in re.findall(r"\[[^]]*\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


def anchors(text: str) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("page", "line"), LINES, ids=str)
def test_a_command_pastes_as_it_stands(page: Path, line: str) -> None:
    words = shlex.split(line, comments=True)
    program = next(word for word in words if not re.match(r"\w+=", word))
    assert program in PROGRAMS, line
    assert not program.startswith("scripts/") or (ROOT / program).exists()
    assert not re.search(r"\b20\d\d-\d\d\b", line), "a date ages: say how long ago"


class _NextYear(datetime):
    @classmethod
    def now(cls, _zone: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) + timedelta(days=365)


@pytest.mark.parametrize("line", OURS)
def test_a_pasted_command_is_understood_a_year_from_now(
    line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(time_options, "datetime", _NextYear)
    monkeypatch.chdir(ROOT)
    words = shlex.split(re.split(r" [>|] ", line)[0], comments=True)[1:]
    context = click.Context(main)
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        chosen = command.get_command(context, name)
        assert chosen, f"there is no {name}"
        command = chosen
    made(command, words)


def made(command: click.Command, words: list[str]) -> None:
    """Read the options as the command would; a file that the reader has, and we have not, is not its fault."""
    try:
        # In the context of the program: click keeps the names of the help option from the first one.
        command.make_context(command.name, words, parent=click.Context(main, help_option_names=["-h", "--help"]))
    except click.exceptions.Exit:
        pass
    except click.BadParameter as error:
        assert "does not exist" in error.message, error.message


def test_a_time_that_cannot_be_read_is_seen() -> None:
    with pytest.raises(AssertionError, match="is not a time"):
        made(main.get_command(click.Context(main), "backfill"), ["--since", "yesterday"])  # type: ignore[arg-type]
