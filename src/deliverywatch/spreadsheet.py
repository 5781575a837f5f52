"""Rows -> CSV that a spreadsheet shows and never runs: strangers name campaigns, carriers and files."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

# What a spreadsheet takes for the begin of a formula (OWASP, "CSV Injection"); a signed number, masked or not, is none.
_FORMULA = re.compile(r"\s*[=+\-@\t\r]")
# A cell of a line of CSV: in quotes, or up to the next comma.
_CELL = re.compile(r'"((?:[^"]|"")*)("|\Z)|([^",\n]+)')
_NUMBER = re.compile(r"[-+]\d[\d•]*(\.\d+)?([eE][-+]?\d+)?", re.ASCII)


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
    """Return a cell as it is, or behind an apostrophe."""
    is_formula = isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value)
    return f"'{value}" if is_formula else value


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
