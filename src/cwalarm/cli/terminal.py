"""What the verbs share: options, sentences wrapped at the terminal's width, JSON, exit codes, files."""

from __future__ import annotations

import codecs
import errno
import json
import os
import re
import secrets
import shutil
import sys
import textwrap
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import IO, Any, TextIO

import click

from cwalarm.errors import CwalarmError, InputError

_WIDEST = 100

# 128 and the number of the signal, as shells say it: SIGINT of Ctrl-C, SIGPIPE of a reader that has gone.
INTERRUPTED, CUT_OFF = 130, 141


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


class Stopped(click.ClickException):
    """A person stopped a verb with Ctrl-C; said without the word error, which it is not."""

    exit_code = INTERRUPTED

    def __init__(self, kept: str) -> None:
        """Say what is kept of it."""
        super().__init__(f"Stopped. {kept}")

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence on a line of its own: the terminal shows ^C on the one before."""
        echo(f"\n{self.format_message()}", err=file is None)


class _Unusable(click.ClickException):
    """Input that cannot be used: running the command again gives the same."""

    exit_code = Exit.USAGE


class HarmlessGroup(click.Group):
    """The verbs of a program: nothing they refuse gives the terminal orders, and all end alike."""

    program = "cwalarm"

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the program."""
        for stream in (sys.stdout, sys.stderr):
            _take_every_letter(stream)
        return super().main(*arguments, **options)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Return the context of a call."""
        with _ended_alike():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb that was named; whatever goes wrong is one sentence and an exit code."""
        with _ended_alike():
            try:
                return super().invoke(ctx)
            except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
                raise
            except (KeyboardInterrupt, click.Abort) as stopped:
                # click makes an Abort of Ctrl-C at a question, and of an answer that was no.
                if isinstance(stopped, click.Abort) and not isinstance(stopped.__context__, KeyboardInterrupt):
                    raise
                raise Stopped(self.kept(ctx)) from None
            except Exception as error:
                raise self._failure(ctx, error) from error

    def kept(self, ctx: click.Context) -> str:  # noqa: ARG002 - of the verb, where a verb changes something
        """Return what is kept of a verb that was stopped."""
        return "Nothing was changed."

    def is_unusable(self, ctx: click.Context, error: Exception) -> bool:  # noqa: ARG002 - of the verb, where it matters
        """Return whether an error is the caller's to change, as a wrong option is."""
        return isinstance(error, InputError)

    def _failure(self, ctx: click.Context, error: Exception) -> click.ClickException:
        is_verbose = ctx.params["verbose"]
        if is_verbose:
            echo(traceback.format_exc(), err=True, nl=False)
        word = f" [{error.kind}]" if is_verbose and isinstance(error, CwalarmError) else ""
        kind = _Unusable if self.is_unusable(ctx, error) else click.ClickException
        return kind(as_called(_sentence_of(error, self.program), self.program, Path(sys.argv[0]), Path.cwd()) + word)


def _take_every_letter(stream: TextIO | None) -> None:
    """Let a stream of another encoding take every letter: files and pipes are UTF-8, a terminal shows what it can."""
    if stream is not None and codecs.lookup(stream.encoding).name != "utf-8":
        encoding = stream.encoding if stream.isatty() else "utf-8"
        stream.reconfigure(encoding=encoding, errors="replace")  # type: ignore[attr-defined]


@contextmanager
def _ended_alike() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _write_nowhere()
        raise click.exceptions.Exit(CUT_OFF) from None
    except click.ClickException as refused:
        sentence = harmless(refused.format_message())
        vars(refused)["format_message"] = lambda: _fitted(sentence)
        raise


def _write_nowhere() -> None:
    """Drop what Python would still write when it ends: nobody reads it, and it would complain."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fitted(sentence: str) -> str:
    """Return what stands behind `Error: `, wrapped where a terminal shows it; a log has it on one line."""
    if sys.stderr is None or not sys.stderr.isatty():
        return sentence
    first, *rest = sentence.split("\n")
    begin = "Error: "
    return "\n".join([wrapped(first, first=begin).removeprefix(begin), *map(wrapped, rest)])


def _sentence_of(error: Exception, program: str) -> str:
    """Return what happened and what to do."""
    if isinstance(error, CwalarmError):
        return f"{error} {error.next_step}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'The output'}: {error.strerror}. {next_step_of(error)}"
    return f"An unexpected {type(error).__name__}: run again with '{program} --verbose' and report what it prints."


def as_called(sentence: str, program: str, called: Path, here: Path) -> str:
    """Return a sentence whose commands can be pasted: by the path of the program, where its name is on no PATH."""
    if called.name != program or shutil.which(program):
        return sentence
    shown = called.relative_to(here) if called.is_relative_to(here) else called
    return re.sub(rf"(?<=['`]){program} (?=[a-z-])", f"{shown} ", sentence)


def next_step_of(error: OSError) -> str:
    """Return what a person can do about a file or folder that cannot be used."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "Make room on that disk, or write to another, and run the command again."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "Name another place that you may read and write, or have its permissions changed."
    return "Check the path and its permissions."


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
    with writing(path):
        path.write_bytes(content)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translate what goes wrong while a file or folder is written to one sentence about it.

    Raises:
        InputError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        problem = f"{error.filename or path} cannot be written: {error.strerror}."
        raise InputError(problem, next_step=next_step_of(error)) from error
