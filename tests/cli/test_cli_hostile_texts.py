"""No verb lets a stranger's text give the terminal an order: each is run against a world that is full of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hostile_world import (
    HOSTILE,
    INCIDENT,
    NOW,
    WORD,
    fill_intake,
    fill_lake,
    fill_machine,
    orders_in,
    refused_by_aws,
    sms,
    write_files,
    written_by_strangers,
)

from cwalarm.cli.main import main as cwalarm
from deliverywatch.cli import main
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import email_day, play, sms_day

pytestmark = pytest.mark.slow

PROGRAMS: dict[str, click.Group] = {"deliverywatch": main, "cwalarm": cwalarm}
EXECUTION = "arn:aws:states:us-east-1:111122223333:execution:m:x"
# How each verb is called so that it shows what strangers or colleagues wrote; all of it in words, and as JSON.
WAYS: dict[str, list[list[str]]] = {
    "deliverywatch ingest": [["--once", "--lake", HOSTILE]],
    "deliverywatch render": [["notice.json", "--out", "mails"]],
    "deliverywatch backtest": [["--template", "template.json", "--history", f"{HOSTILE}.csv"]],
    "deliverywatch alarms check": [["cases.toml", "--template", "template.json"]],
    "deliverywatch alarms explain": [["--template", "template.json"]],
    "deliverywatch alarms lint": [["template.json"]],
    "deliverywatch status": [[]],
    "deliverywatch explain": [[INCIDENT]],
    "deliverywatch mails": [[], [INCIDENT, "--number", "1"]],
    "deliverywatch recipients": [
        ["--since", "4h", "--lake", "lake"],
        ["--since", "4h", "--lake", "lake", "--format", "table"],
    ],
    "deliverywatch ack": [[INCIDENT, "--by", HOSTILE, "--note", HOSTILE]],
    "deliverywatch mute": [["2h", "--reason", HOSTILE], []],
    "deliverywatch unmute": [["--dry-run"]],
    "deliverywatch review": [[INCIDENT]],
    "deliverywatch test-fire": [["--dry-run", "--by", HOSTILE]],
    "deliverywatch lake show": [["lake"]],
    "deliverywatch query": [
        ["--local", "lake", "SELECT * FROM sms_messages"],
        ["--local", "lake", "SELECT carrier FROM sms_messages", "--format", "csv"],
    ],
    "deliverywatch queries validate": [["queries.json"]],
    "deliverywatch queries next": [[HOSTILE, "--config", "queries.json"]],
    "deliverywatch queries plan": [["--config", "queries.json"]],
    "deliverywatch queries apply": [["--config", "queries.json"]],
    "deliverywatch queries history": [["orders"]],
    "deliverywatch queries run": [[HOSTILE]],
    "deliverywatch files find": [[HOSTILE]],
    "deliverywatch files process": [["pushed.json", "--dry-run"]],
    "deliverywatch files verify": [[]],
    "deliverywatch files dlq list": [[]],
    "deliverywatch files dlq show": [[""]],
    "deliverywatch email land": [["events.ndjson", "--out", "lake"]],
    "deliverywatch email report": [["--lake", "lake"]],
    "deliverywatch email drift": [["--lake", "lake"], ["events.ndjson"]],
    "deliverywatch email replay": [["--lake", "lake", "--dry-run"]],
    "deliverywatch pipeline lint": [["machine.json"]],
    "deliverywatch pipeline publish": [["run.json", "--dry-run"]],
    "deliverywatch pipeline diagnose": [[EXECUTION]],
    "cwalarm check": [["cases.toml", "--template", "template.json"]],
    "cwalarm explain": [["--template", "template.json"]],
    "cwalarm lint": [["template.json"]],
    "cwalarm backtest": [["--template", "template.json", "--history", f"{HOSTILE}.csv"]],
}
# Verbs that show nothing of the kind in a world that is well, why, and how they are called: AWS's refusals they show.
QUIET: dict[str, tuple[str, list[str]]] = {
    "deliverywatch backfill": ("counts and folders", ["--since", f"{NOW - timedelta(days=1):%Y-%m-%d}"]),
    "deliverywatch compact": ("counts and days", []),
    "deliverywatch cost": ("its own words and prices", ["--deployed"]),
    "deliverywatch deploy": (
        "names of the template, which have letters and digits only",
        ["--template", "template.json", "--yes"],
    ),
    "deliverywatch destroy": ("kinds and names of resources", ["--dry-run"]),
    "deliverywatch doctor": ("its own words", []),
    "deliverywatch email compact": ("counts and days", []),
    "deliverywatch files dlq redrive": ("counts and kinds", []),
    "deliverywatch files reprocess": ("counts", ["--prefix", ""]),
    "deliverywatch forget": ("counts", ["+61400000000", "--yes"]),
    "deliverywatch pipeline validate": ("names of checks", ["--pipelines", "pipelines.json"]),
    "deliverywatch queries import": ("JSON of what it adopts", []),
    "deliverywatch reconcile": ("times and counts", []),
    "deliverywatch route": ("addresses that SES takes", []),
    "deliverywatch smoke": ("its own words", ["--yes"]),
}
# Verbs that neither ask AWS nor read anything of others.
CLOSED = {
    "deliverywatch demo": "plays what it has made up itself",
    "cwalarm conformance": "compares cases of its own",
}


def verbs() -> Iterator[tuple[str, click.Command]]:
    for program, group in PROGRAMS.items():
        yield from _below(program, group)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from _below(f"{path} {name}", below)


ALL = dict(verbs())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the files; beside it the stack of all systems, and a ClickSend account, run."""
    folder = tmp_path_factory.mktemp("world")
    template = play.build(folder / "build", ("sms", "email", "pipeline", "files", "queries"))
    with ClickSendServer(sms()) as clicksend, LocalCloud(play.yesterday(NOW, 12)) as cloud:
        for stream in email_day.STREAMS:
            cloud.client("sesv2").create_configuration_set(ConfigurationSetName=email_day.configuration_set(stream))
        outputs = sms_day.deploy(cloud, template, folder / "build", sms_day.synthetic(clicksend, ()))
        fill_lake(cloud)
        fill_intake(cloud, outputs)
        fill_machine(cloud)
        write_files(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("COLUMNS", "80")
            patch.setenv("CLICKSEND_USERNAME", "demo")
            patch.setenv("CLICKSEND_API_KEY", "demo-key")
            patch.setenv("DELIVERYWATCH_CLICKSEND_URL", clicksend.url)
            run("deliverywatch backfill", ["--since", (NOW - timedelta(hours=4)).isoformat(), "--lake", "lake"])
            yield folder


def run(path: str, arguments: Sequence[str]) -> Result:
    program, *names = path.split()
    return CliRunner().invoke(PROGRAMS[program], ["--verbose", *names, *arguments], color=True)


def asks_aws(path: str) -> bool:
    return any("--stack" in parameter.opts for parameter in ALL[path].params)


def options(path: str) -> list[str]:
    """The options of a verb that take a value; a verb that runs for minutes is not run for them."""
    return (
        []
        if path in CLOSED
        else [one.opts[0] for one in ALL[path].params if isinstance(one, click.Option) and not one.is_flag]
    )


def in_words_and_json(path: str) -> list[list[list[str]]]:
    """The calls of a verb, and the same with --json if it has that; a mail is shown as text only."""
    if all("--json" not in parameter.opts for parameter in ALL[path].params):
        return [WAYS[path]]
    return [WAYS[path], [[*way, "--json"] for way in WAYS[path] if "--number" not in way]]


def test_every_verb_is_run_or_explained() -> None:
    assert sorted({**WAYS, **QUIET, **CLOSED}) == sorted(ALL)
    assert len(WAYS) + len(QUIET) + len(CLOSED) == len(ALL)


@pytest.mark.parametrize("path", WAYS)
def test_a_verb_shows_what_others_wrote_and_the_terminal_obeys_nothing(
    path: str, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for calls in in_words_and_json(path):
        with written_by_strangers(monkeypatch):
            printed = [run(path, arguments).output for arguments in calls]
        assert set().union(*map(orders_in, printed)) == set()
        assert WORD in str(printed)


@pytest.mark.parametrize("path", [path for path in ALL if asks_aws(path)])
def test_a_refusal_of_aws_is_repeated_without_its_orders(
    path: str, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = QUIET[path][1] if path in QUIET else WAYS[path][0]
    arguments = [word for word in way if word not in ("--lake", "--local", "lake")]
    with refused_by_aws(monkeypatch):
        result = run(path, arguments)
    assert orders_in(result.output) == set()
    assert WORD in result.output


@pytest.mark.parametrize("path", ALL)
def test_what_a_verb_was_called_with_is_repeated_without_its_orders(
    path: str, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = ["--once"] if path == "deliverywatch ingest" else []
    given = [[f"--{HOSTILE}"], [HOSTILE] * 9, *([*once, option, HOSTILE] for option in options(path))]
    with refused_by_aws(monkeypatch):
        printed = [run(path, [*arguments]).output for arguments in given]
    assert set().union(*map(orders_in, printed)) == set()
    assert WORD in printed[0]


def test_what_is_logged_gives_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    run("deliverywatch route", ["--level", "none"])
    assert logging.lastResort is not None
    logging.lastResort.handle(logging.LogRecord("x", logging.WARNING, "x.py", 1, "%s", (HOSTILE,), None))
    logged = capsys.readouterr().err
    assert (WORD in logged, orders_in(logged)) == (True, set())
