"""A declaration's TOML -> its document, and the line on which each part of it stands.

Python's reader of TOML keeps no lines. A statement of TOML (a header, or a key with its value) is the fewest lines that
can be read by themselves, so that reader finds them, and every path gets the line on which its statement begins.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deliverywatch.errors import ConfigurationError

# Names of tables and fields, and positions in lists, from the outside in.
Path = tuple[str | int, ...]
# Stands for the stack's environment in names and folders, as in CloudFormation, which fills it in in the template.
PLACEHOLDER = "${Environment}"
# A value that has more lines is found with its table: reading grows with the square of them.
_LONGEST_VALUE_LINES = 200
# As the parameter Environment.
_LONGEST_ENVIRONMENT = 16
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9]*")


@dataclass(frozen=True, slots=True)
class Source:
    """The file of a declaration as messages name it, what it holds, and the lines of its parts (from 1)."""

    file: str = "cfn/pipelines.toml"
    document: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[Path, int] = field(default_factory=dict)

    def place(self, path: Path) -> str:
        """Return the file, with the line of a path or of the nearest table around it, where that is known."""
        for length in range(len(path), 0, -1):
            if line := self.lines.get(path[:length]):
                return f"{self.file}:{line}"
        return self.file


def read(content: str | bytes, file: str) -> Source:
    """Return the declaration in a TOML file; raise ConfigurationError with file and line if it is no TOML."""
    try:
        text = content.decode() if isinstance(content, bytes) else content
        # Editors of Windows begin a file with a mark of its encoding.
        text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not TOML: it is not in UTF-8.", next_step="Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        # What is opened and never closed is found at the end only.
        begin = f", in what begins at line {_never_ended(text)}" if "end of document" in str(error) else ""
        raise ConfigurationError(
            f"{file} is not TOML: {error}{begin}.",
            next_step="Correct it; the comments of cfn/pipelines.example.toml explain every field.",
        ) from error
    return Source(file, document, lines_of(text))


def in_environment(value: Any, environment: str) -> Any:
    """Return a declaration, or a part of it, with the environment in place of `${Environment}`."""
    if isinstance(value, str):
        return value.replace(PLACEHOLDER, environment)
    if isinstance(value, list):
        return [in_environment(one, environment) for one in value]
    if isinstance(value, dict):
        return {in_environment(name, environment): in_environment(one, environment) for name, one in value.items()}
    return value


def shared(one: str, other: str) -> str | None:
    """Return what two names both are, in the same environment; None if they differ in all of them."""
    if one == other or PLACEHOLDER not in one + other:
        return one if one == other else None
    # Where they can be the same, the environment stands in one of them as it is.
    parts = [part for name in (one, other) for part in name.split(PLACEHOLDER)]
    environments = {
        part[start:end]
        for part in parts
        for start in range(len(part))
        for end in range(start + 1, min(start + _LONGEST_ENVIRONMENT, len(part)) + 1)
        if _ENVIRONMENT.fullmatch(part, start, end)
    }
    names = [(in_environment(one, made), in_environment(other, made)) for made in sorted(environments)]
    return next((name for name, same in names if name == same), None)


def lines_of(text: str) -> dict[Path, int]:
    """Return the line on which each table and each field of a TOML document begins; the first of several."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for line, is_header, body in _statements(text):
        path = _path_of(body)
        if is_header:
            table = path = _numbered(path, body, counts)
            if isinstance(path[-1], int):
                lines.setdefault(path[:-1], line)
        else:
            path = (*table, *path)
        # `steps.Ingest = "ingest"` begins the table of steps, too.
        for length in range(min(len(table) + 1, len(path)), len(path) + 1):
            lines.setdefault(path[:length], line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, bool, dict[str, Any]]]:
    """Yield each statement: its line, whether it is the header of a table, and what it says, read by itself."""
    rows, start = text.split("\n"), 0
    while start < len(rows):
        count, body = _statement(rows[start : start + _LONGEST_VALUE_LINES])
        if body:
            yield start + 1, rows[start].lstrip().startswith("["), body
        start += count


def _statement(rows: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """Return how many rows the first statement has, and what it says; nothing for a comment."""
    for count in range(1, len(rows) + 1):
        try:
            return count, tomllib.loads("\n".join(rows[:count]))
        except (ValueError, RecursionError):
            continue
    return 1, {}


def _never_ended(text: str) -> int:
    """Return the line on which the first statement begins that does not end."""
    rows, start = text.split("\n"), 0
    while start < len(rows):
        count, body = _statement(rows[start : start + _LONGEST_VALUE_LINES])
        if not body and rows[start].partition("#")[0].strip():
            break
        start += count
    return start + 1


def _path_of(body: Any) -> Path:
    """Return the names down to what one statement sets: each holds but one, until there is a value or nothing."""
    path: list[str | int] = []
    while True:
        if isinstance(body, list) and body == [{}]:
            body = body[0]
        if not isinstance(body, dict) or len(body) != 1:
            return tuple(path)
        (name, body), *_ = body.items()
        path.append(name)


def _numbered(path: Path, body: Any, counts: dict[Path, int]) -> Path:
    """Return the path of a header with the position of each of its lists that was begun; `[[name]]` begins the next."""
    made: Path = ()
    for name in path:
        body, made = body[name], (*made, name)
        if isinstance(body, list):
            counts[made] = counts.get(made, -1) + 1
            body = body[0]
        if made in counts:
            made = (*made, counts[made])
    return made
