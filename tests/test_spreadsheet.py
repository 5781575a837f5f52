"""CSV that is written here is shown by a spreadsheet, never run."""

import ast
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.spreadsheet import csv_of, neutral, neutral_lines

SOURCES = Path(__file__).parents[1] / "src"


@pytest.mark.parametrize(
    "cell",
    [
        *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "-cmd|' /C calc'!A0", "-", "--1", "-1 ", "-1\n"),
        *("\N{FULLWIDTH EQUALS SIGN}1", "\N{FULLWIDTH HYPHEN-MINUS}1", "\N{ZERO WIDTH NO-BREAK SPACE}=1", "\xa0@x"),
    ],
)
def test_what_a_spreadsheet_would_run_goes_behind_an_apostrophe(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("+61411111111;=1", "'+61411111111;'=1"),
        ("x;=1+1;y", "x;'=1+1;y"),
        ("x; @SUM(A1)", "x; '@SUM(A1)"),
        ('x;"=1', "x;\"'=1"),
        ("two\nlines\n=1", "two\nlines\n'=1"),
        ("two\r\n-1+1\r\n", "two\r\n'-1+1\r\n"),
        ("-5;-6.5\r\n+7;a=1; b", "'-5;-6.5\r\n+7;a=1; b"),
    ],
)
def test_no_part_runs_either_where_semicolons_separate(cell: str, written: str) -> None:
    assert neutral(cell) == written


@pytest.mark.parametrize(
    "cell", ["-5", "-5.25", "-1e-3", "+61411111111", "Optus", "a=b", "", "2026-11-21", -5, 1.5, None, True]
)
def test_everything_else_stays_as_it_is(cell: object) -> None:
    assert neutral(cell) == cell


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=1))
def test_no_cell_of_any_text_begins_a_formula_and_every_text_is_still_there(texts: list[str]) -> None:
    [_, row] = csv.reader(io.StringIO(csv_of(["x"] * len(texts), [texts]), newline=""))
    assert [cell.replace("'", "") for cell in row] == [text.replace("'", "") for text in texts]
    assert not [cell for cell in row if cell.lstrip().startswith(("=", "@"))]


@given(st.lists(st.lists(st.none() | st.text('=+-@ab,;"\n\r 1', max_size=5), min_size=2, max_size=2), max_size=4))
def test_lines_of_others_keep_their_cells_and_none_of_them_runs(rows: list[list[str | None]]) -> None:
    def written(cell: str | None) -> str:
        return "" if cell is None else '"' + cell.replace('"', '""') + '"'

    text = "".join(",".join(map(written, row)) + "\n" for row in rows)
    lines = [*neutral_lines(text.splitlines(keepends=True))]
    assert [*csv.reader(io.StringIO("".join(lines), newline=""))] == [
        ["" if cell is None else neutral(cell) for cell in row] for row in rows
    ]
    assert "".join(lines).count('",') == text.count('",')  # NULL is still nothing, and an empty text is one


def test_lines_with_nothing_to_run_are_as_they_were() -> None:
    lines = ['"a","b"\n', '"x=1",\n', '"-5","two\n', 'lines"\n', "\n", '"","+61411111111"\n']
    assert "".join(neutral_lines(lines)) == "".join(lines)


def test_nothing_else_writes_csv() -> None:
    writers = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("csv.writer", "csv.DictWriter")
    }
    # The local cloud writes results as Athena does, which runs nothing and neutralises nothing.
    assert writers == {"deliverywatch/spreadsheet.py", "deliverywatch/local/cloud/athena/answers.py"}
