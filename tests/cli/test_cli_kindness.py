"""What a terminal of 80 columns shows, what Ctrl-C says, and which setting an error names."""

import errno
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from deliverywatch.cli import _VERBS, main
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.time_options import Duration, TimeOrAge, parsed


def verbs(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every verb, and those below it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from verbs(below, (*path, name))


@pytest.mark.parametrize("path", list(verbs(main)), ids=" ".join)
def test_help_fits_into_80_columns(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    printed = CliRunner().invoke(main, [*path, "--help"]).stdout
    assert printed
    assert [line for line in printed.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        ("ingest", "Stopped. Hours that were written are kept"),
        ("route", "Stopped. CloudFormation goes on with the change"),
        ("deploy", "Stopped. What CloudFormation has begun goes on without you"),
        ("reconcile", "Stopped. Slots that were begun are left alone"),
        ("forget", "Stopped. Objects that were blanked stay blanked"),
        ("files", "Stopped. What was done until then is kept"),
        ("status", "Stopped. Nothing was changed."),
    ],
)
def test_ctrl_c_says_what_was_kept_and_how_to_go_on(verb: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(main), "get_command", lambda *_: interrupted)
    told = CliRunner().invoke(main, [verb])
    assert told.exit_code == 130
    assert told.stderr.startswith(f"\n{sentence}")
    assert "Error" not in told.stderr


@pytest.mark.parametrize(("setting", "is_coloured"), [("", True), ("1", False)])
def test_no_color_is_respected_where_there_would_be_colour(
    setting: str, is_coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def coloured() -> None:
        click.echo(click.style("CRITICAL", fg="red"))

    monkeypatch.setenv("NO_COLOR", setting)
    monkeypatch.setattr(type(main), "get_command", lambda *_: coloured)
    # `color` is what click finds out about a terminal; without NO_COLOR it is left to that.
    told = CliRunner().invoke(main, ["status"], color=True)
    assert ("\x1b[" in told.stdout) is is_coloured


def test_every_sentence_about_ctrl_c_is_of_a_verb_that_is_there() -> None:
    from deliverywatch.cli.terminal.interrupt import _KEPT

    assert set(_KEPT) <= set(_VERBS)


def test_a_reader_that_has_gone_is_no_failure_to_tell_of(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def cut_off() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(type(main), "get_command", lambda *_: cut_off)
    told = CliRunner().invoke(main, ["status"])
    assert (told.exit_code, told.stderr) == (141, "")


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), (KeyboardInterrupt, 130)])
def test_ctrl_c_at_a_question_is_ctrl_c_and_no_is_no(
    answer: str | type[BaseException], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def asking() -> None:
        if isinstance(answer, type):
            monkeypatch.setattr("click.termui.visible_prompt_func", interrupted)
        click.confirm("Go on?", abort=True)

    def interrupted(_question: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(main), "get_command", lambda *_: asking)
    assert CliRunner().invoke(main, ["status"], input="n\n").exit_code == code


@pytest.mark.parametrize(
    ("address", "sentence", "next_step"),
    [
        ("ftp://x", "is not one like https://rest.clicksend.com.", "Correct DELIVERYWATCH_CLICKSEND_URL in your"),
        ("http://rest.example.com", "is not https", "Correct DELIVERYWATCH_CLICKSEND_URL in your environment"),
    ],
)
def test_a_wrong_address_in_the_environment_is_not_mended_by_a_deploy(
    address: str, sentence: str, next_step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLICKSEND_USERNAME", "demo")
    monkeypatch.setenv("CLICKSEND_API_KEY", "demo-key")
    monkeypatch.setenv("DELIVERYWATCH_CLICKSEND_URL", address)
    told = CliRunner().invoke(main, ["ingest", "--once", "--lake", str(tmp_path)])
    assert told.exit_code == 1
    assert sentence in told.stderr
    assert next_step in told.stderr
    assert "deploy" not in told.stderr


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("1D", timedelta(days=1)),
        ("", None),
        ("2", None),
        ("h2", None),
        ("2h 5m", None),
    ],
)
def test_a_length_of_time_is_days_hours_and_minutes(text: str, length: timedelta | None) -> None:
    assert parsed(text) == length


def test_what_is_no_length_is_refused_with_examples() -> None:
    with pytest.raises(click.BadParameter, match="not a length of time such as 30m, 2h or 1d12h"):
        Duration().convert("soon", None, None)
    with pytest.raises(click.BadParameter, match="not a time such as"):
        TimeOrAge().convert("soon", None, None)


README = (Path(__file__).parents[2] / "src/deliverywatch/operate/README.md").read_text()


def test_readme_tells_every_exit_code() -> None:
    table = README.partition("| exit code | means |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| (\d) \|", table, re.MULTILINE) == [str(code.value) for code in Exit]


def test_every_command_of_the_section_for_day_and_night_is_there() -> None:
    section = README.partition("## When a mail comes")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\.venv/bin/deliverywatch ([a-z-]+)", section, re.MULTILINE))
    assert {"status", "explain", "ack", "mails", "mute", "review", "route", "test-fire", "cost"} == named & set(_VERBS)
