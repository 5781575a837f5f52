"""`deliverywatch` itself: help, version, times, and how failures are told."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cwalarm.cli.terminal import Time, as_called
from deliverywatch.cli import main
from deliverywatch.errors import ConfigurationError


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_the_verbs_and_what_to_try_first(option: str) -> None:
    printed = CliRunner().invoke(main, [option]).stdout
    assert "deliverywatch ingest --once --lake lake" in printed
    assert all(f"\n  {verb} " in printed for verb in ("demo", "ingest", "backfill", "lake", "render", "alarms"))


@pytest.mark.parametrize("verb", ["ingest", "backfill", "lake", "render", "demo", "alarms"])
def test_every_verb_has_help(verb: str) -> None:
    assert CliRunner().invoke(main, [verb, "-h"]).exit_code == 0


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"deliverywatch, version {version('deliverywatch')}\n"


def test_an_unknown_verb_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["ingst"]).exit_code == 2


@pytest.mark.parametrize(("verb", "code"), [("render", 2), ("alarms", 2), ("ingest", 1)])
def test_a_missing_package_is_wrong_usage_of_a_verb_that_asks_nothing_of_aws(
    verb: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def lacking() -> None:
        raise ConfigurationError("PyYAML is not installed.", next_step="Run `pip install pyyaml`.")

    monkeypatch.setattr(type(main), "get_command", lambda *_: lacking)
    result = CliRunner().invoke(main, [verb])
    assert (result.exit_code, result.stderr) == (code, "Error: PyYAML is not installed. Run `pip install pyyaml`.\n")


def test_help_imports_nothing_that_takes_time() -> None:
    slow = {"pyarrow", "urllib3", "boto3", "rich", "jinja2", "duckdb", "numpy", "orjson", "aws_embedded_metrics"}
    program = "import sys; from deliverywatch.cli import main; main(['-h'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not slow & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21T11:30", datetime(2026, 11, 21, 11, 30, tzinfo=UTC)),
        ("2026-11-21T11:30Z", datetime(2026, 11, 21, 11, 30, tzinfo=UTC)),
        ("2026-11-21T11:30+10:00", datetime(2026, 11, 21, 11, 30, tzinfo=timezone(timedelta(hours=10)))),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str, moment: datetime) -> None:
    assert Time().convert(text, None, None) == moment


@pytest.mark.parametrize("text", ["", "now", "21.11.2026", "2026-13-01"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="2026-11-21T11:00Z"):
        Time().convert(text, None, None)


def test_an_unforeseen_failure_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def broken() -> None:
        raise KeyError("secret")

    monkeypatch.setattr("deliverywatch.cli.lake.lake", broken)
    result = CliRunner().invoke(main, ["lake"])
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: An unexpected KeyError: run again with 'deliverywatch --verbose' and report what it prints.\n"
    )


@pytest.mark.parametrize(
    ("program", "on_path", "said"),
    [
        ("/checkout/.venv/bin/deliverywatch", "", "Run '.venv/bin/deliverywatch status'."),
        ("/elsewhere/bin/deliverywatch", "", "Run '/elsewhere/bin/deliverywatch status'."),
        ("/checkout/.venv/bin/deliverywatch", "/usr/bin/deliverywatch", "Run 'deliverywatch status'."),
        ("/usr/bin/pytest", "", "Run 'deliverywatch status'."),
    ],
)
def test_an_error_advises_a_command_that_can_be_pasted(
    program: str, on_path: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: on_path or None)
    assert as_called("Run 'deliverywatch status'.", "deliverywatch", Path(program), Path("/checkout")) == said
