"""Rows -> CSV that a spreadsheet shows and never runs: strangers name campaigns, carriers and files."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

# What a spreadsheet takes for the begin of a formula (OWASP, "CSV Injection"), in full width where it is set to
# Japanese; a signed number, masked or not, is none.
_SIGNS = "=+\\-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
_UNSEEN = "\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"
_NUMBER = r"[-+][0-9][0-9•]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_FORMULA = re.compile(rf"(?!{_NUMBER}\Z)[\s{_UNSEEN}]*[{_SIGNS}\t\r]")
# Where semicolons separate, as in most of Europe, quotes after a comma protect nothing: a cell ends at the next
# semicolon or line.
_PART = re.compile(rf"(?<=[;\n])((?:[^\S\n]|[\"{_UNSEEN}])*)(?!{_NUMBER}\r?(?:[;\n]|\Z))(?=[{_SIGNS}])")
# A cell of a line of CSV: in quotes, or up to the next comma.
_CELL = re.compile(r'"((?:[^"]|"")*)("|\Z)|([^",\n]+)')


class _Lines(list[str]):
    """The lines of a file, each ended by a newline alone; csv quotes a carriage return only if lines have one."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def csv_of(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a header and rows as CSV; an apostrophe goes before a text that a spreadsheet would run."""
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow([neutral(name) for name in names])
    writer.writerows([neutral(value) for value in row] for row in rows)
    return "".join(lines)


def neutral(value: object) -> object:
    """Return a cell as it is, or with an apostrophe before what would run: all of it, or a part after a separator."""
    if not isinstance(value, str):
        return value
    whole = f"'{value}" if _FORMULA.match(value) else value
    return _PART.sub(r"\1'", whole) if _PART.search(whole) else whole


def neutral_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines of CSV with an apostrophe in each cell that a spreadsheet would run, and all else as it was."""
    record = ""
    for line in lines:
        record += line
        if record.count('"') % 2 == 0:  # no cell goes on in the next line
            yield _CELL.sub(_neutral_cell, record)
            record = ""
    yield from [_CELL.sub(_neutral_cell, record)] if record else []


def _neutral_cell(match: re.Match[str]) -> str:
    quoted, end, plain = match.groups()
    return str(neutral(plain)) if plain is not None else f'"{neutral(quoted)}{end}'
