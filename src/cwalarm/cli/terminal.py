"""What the verbs share: options, sentences wrapped at the terminal's width, JSON, exit codes, files."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

import click

from cwalarm.errors import InputError

_WIDEST = 100


class Exit(IntEnum):
    """What a script learns from the code alone."""

    DONE = 0
    FAILED = 1
    # A wrong option, or input that cannot be used: running it again gives the same.
    USAGE = 2
    # The verb did its work and what it looked at is not as it should be.
    CHECK_FAILED = 3


class Time(click.ParamType[datetime]):
    """A date or a time in ISO 8601; without a zone it is UTC."""

    name = "time"
    examples = "2026-11-21T11:00Z, 2026-11-21T11:00+10:00 or 2026-11-21"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time in UTC, aware."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is not a time such as {self.examples}.", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


template_option = click.option(
    "--template",
    required=True,
    type=click.Path(path_type=Path),
    help="The CloudFormation template, JSON or YAML, such as build/template.json.",
)
settings_option = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the template; can be repeated."
)
without_option = click.option(
    "--without", multiple=True, metavar="PATTERN", help="Leave out alarms, such as '*-anomaly'."
)
junit_option = click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write JUnit XML, for CI."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")


# Around a style of our own; nobody who writes a text can know it, so that no text can style itself.
_MARK = f"\ufdd0{secrets.token_hex(8)}"
_STYLE = re.compile(rf"{_MARK}<([0-9;]*)>")
# What moves the cursor, changes colours, rings, or turns the direction of what follows; tabs and line breaks stay.
_ORDER = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def styled(text: str, colour: str | None = None, *, bold: bool = False) -> str:
    """Return a text that `echo` shows in a colour of click, such as `red`, where there is a terminal."""
    style = click.style("", fg=colour, bold=bold or None, reset=False)
    codes = ";".join(re.findall(r"\x1b\[([0-9;]*)m", style))
    return f"{_MARK}<{codes}>{text}{_MARK}<0>" if codes else text


def harmless(text: str) -> str:
    """Return a text without what a terminal would take for an order, with our own styles as they are."""
    return _STYLE.sub(lambda match: f"\x1b[{match[1]}m", _ORDER.sub("?", text)).replace("\ufdd0", "?")


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text to stdout or stderr; whatever strangers put into it gives the terminal no orders.

    Every verb prints with it: ruff refuses `click.echo` and `print`.
    """
    click.echo(harmless(str(text)), err=err, nl=nl)


class HarmlessGroup(click.Group):
    """A group of verbs whose refusals give the terminal no orders: click repeats what it was given."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Return the context of a call."""
        with _harmless_refusals():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb that was named."""
        with _harmless_refusals():
            return super().invoke(ctx)


@contextmanager
def _harmless_refusals() -> Iterator[None]:
    try:
        yield
    except click.ClickException as refused:
        vars(refused)["message"] = harmless(refused.message)
        raise


def columns() -> int:
    """Return how wide prose may be: the terminal's width, COLUMNS first, at most 100."""
    return min(_WIDEST, shutil.get_terminal_size().columns)


def wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """Return a paragraph as lines, each behind the indent; the first behind `first`, if that is another."""
    # A style takes no room on the terminal; here each counts as one letter.
    styles = _STYLE.findall(text)
    lines = textwrap.fill(
        _STYLE.sub("\ufdd1", text.replace("\ufdd1", "?")),
        columns() - 1,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    for codes in styles:
        lines = lines.replace("\ufdd1", f"{_MARK}<{codes}>", 1)
    return lines


def one_line(text: str) -> str:
    """Return untrusted text, such as the key of a file, without what a terminal would take for an order."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def counted(count: int, noun: str) -> str:
    """Return `1 row` or `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def print_json(document: object, *, indent: int | None = None) -> None:
    """Print a document; what a terminal would take for an order is written as JSON's escapes."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    escaped = _ORDER.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    echo(escaped.replace("\ufdd0", "\\ufdd0"))


def pairs(texts: Sequence[str], example: str = "--set WarningThresholdPercent=5") -> dict[str, str]:
    """Return the values of `NAME=VALUE` by their names.

    Raises:
        InputError: One is not of that form; the next step shows the example.
    """
    split = [text.partition("=") for text in texts]
    for text, (name, sign, _) in zip(texts, split, strict=True):
        if not name.strip() or not sign:
            raise InputError(f"'{text}' is not NAME=VALUE.", next_step=f"Write it like {example}.")
    return {name.strip(): value.strip() for name, _, value in split}


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, or raise InputError."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
