"""Every verb at the edge of a machine: no traceback, what is wrong and what to do, and all end alike."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TextIO

import click
import pytest
from click.testing import CliRunner, Result
from edge_world import full_disk, no_credentials, no_home, no_network, read_only
from hostile_world import HOSTILE, WORD, write_files
from test_cli_hostile_texts import ALL, PROGRAMS, QUIET, WAYS, asks_aws

from bundling import build, bundle
from cwalarm.cli.terminal import HarmlessGroup
from deliverywatch.errors import ConfigurationError
from deliverywatch.local.demo import play

pytestmark = pytest.mark.slow

# The other verbs, which need neither files nor AWS.
_ALONE: dict[str, list[str]] = {"cwalarm conformance": [], "deliverywatch demo": []}
CALLS = {**{path: ways[0] for path, ways in WAYS.items()}, **{path: way for path, (_, way) in QUIET.items()}, **_ALONE}
# A day of the demo takes half a minute: what fails before it is tried by itself.
QUICK = [path for path in ALL if path != "deliverywatch demo"]
# Called as it is here, `files process` reads its file only.
ASKING = [path for path in ALL if asks_aws(path) and path != "deliverywatch files process"]
_HISTORY = ["--template", "template.json", "--history", f"{HOSTILE}.csv"]
# What else writes into a folder, without asking AWS.
WRITING: dict[str, tuple[str, list[str]]] = {
    "report": ("deliverywatch backtest", [*_HISTORY, "--report", "report.html"]),
    "mails": ("deliverywatch backtest", [*_HISTORY, "--render-to", "mails"]),
    "rows": ("deliverywatch query", ["--local", "lake", "SELECT 1", "--out", "rows.csv"]),
    "parquet": ("deliverywatch query", ["--local", "lake", "SELECT 1", "--format", "parquet", "--out", "rows.parquet"]),
    "numbers": ("deliverywatch email report", ["--lake", "lake", "--html", "page.html"]),
    "sheets": ("deliverywatch email report", ["--lake", "lake", "--csv", "sheets"]),
    "junit": ("deliverywatch alarms check", ["cases.toml", "--template", "template.json", "--junit", "junit.xml"]),
    "sarif": ("deliverywatch alarms lint", ["template.json", "--sarif", "lint.sarif"]),
}

SENTENCE = re.compile(r"[.:](?=\s|$)")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    write_files(tmp_path)
    (tmp_path / "lake").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    yield tmp_path


def run(path: str, arguments: Sequence[str] | None = None) -> Result:
    program, *names = path.split()
    return CliRunner().invoke(PROGRAMS[program], [*names, *(CALLS[path] if arguments is None else arguments)])


def of_aws(path: str) -> list[str]:
    """Return how a verb is called for the stack in AWS."""
    return [word for word in CALLS[path] if word not in ("--lake", "--local", "lake")]


def check_kind(result: Result) -> None:
    """A failure is a sentence on what is wrong, and one on what to do."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    assert "An unexpected" not in result.output
    if result.exit_code in (1, 2):
        is_usage = result.stderr.startswith("Usage:")
        words = result.stderr.partition("Error: ")[2] or result.stdout
        assert is_usage or len(SENTENCE.findall(words)) > 1, result.output


@pytest.mark.parametrize("path", ASKING)
def test_without_region_and_credentials_a_verb_names_both_and_what_to_do(path: str, folder: Path) -> None:
    with no_credentials():
        result = run(path, of_aws(path))
    check_kind(result)
    assert result.exit_code == (3 if path == "deliverywatch doctor" else 1)
    words = " ".join(result.output.split())
    for sentence in ("No AWS region is set.", "No AWS credentials are set.", "Add --region", "'aws configure'"):
        assert sentence in words


@pytest.mark.parametrize("path", ASKING)
def test_without_a_network_a_verb_says_so(path: str, folder: Path) -> None:
    with no_network():
        result = run(path, of_aws(path))
    check_kind(result)
    assert "Check the network" in " ".join(result.output.split())
    assert result.exit_code == (5 if path == "deliverywatch doctor" else 1)


def test_without_a_network_clicksend_is_named_with_its_host(folder: Path) -> None:
    with no_network():
        result = run("deliverywatch ingest", ["--once", "--lake", "lake"])
    check_kind(result)
    assert "The name of rest.clicksend.com cannot be resolved" in result.stderr


@pytest.mark.parametrize("path", QUICK)
def test_without_files_and_a_build_a_verb_says_what_it_needs(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with no_credentials():
        check_kind(run(path))
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("path", ["cost", "backtest --template build/template.json --history lake", "deploy --yes"])
def test_what_is_made_by_a_build_names_it_where_there_is_none(path: str, folder: Path) -> None:
    verb, *arguments = path.split()
    with no_network() if verb == "deploy" else no_credentials():
        result = run(f"deliverywatch {verb}", arguments)
    check_kind(result)
    assert "cfn/build.py" in result.stderr or verb == "deploy"


def test_a_history_that_is_not_there_may_be_a_folder(folder: Path) -> None:
    result = run("deliverywatch backtest", ["--template", "template.json", "--history", "nowhere"])
    assert "--history takes the folder of a lake, such as demo/lake" in result.stderr


EDGES: dict[str, Callable[[Path], AbstractContextManager[None]]] = {
    "read-only": read_only,
    "no home": lambda _: no_home(),
    "full disk": lambda _: full_disk(),
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("path", QUICK)
def test_where_nothing_can_be_written_or_nobody_is_at_home_a_verb_says_so(path: str, edge: str, folder: Path) -> None:
    with EDGES[edge](folder):
        check_kind(run(path))


@pytest.mark.parametrize("edge", ["read-only", "full disk"])
@pytest.mark.parametrize("what", WRITING)
def test_a_file_that_cannot_be_written_is_named_with_the_reason(what: str, edge: str, folder: Path) -> None:
    path, arguments = WRITING[what]
    with EDGES[edge](folder):
        result = run(path, arguments)
    check_kind(result)
    assert result.exit_code == 2
    assert re.search(rf"Error: {arguments[-1]}\S* cannot be written: ", result.stderr)
    assert ("Name another place" if edge == "read-only" else "Make room") in result.stderr


def test_a_demo_into_a_folder_that_takes_nothing_is_one_sentence(folder: Path) -> None:
    with read_only(folder):
        result = run("deliverywatch demo")
    check_kind(result)
    assert result.stderr.startswith("Error: demo: Permission denied. Name another place")


@pytest.mark.parametrize("failure", [ConfigurationError("It fails."), KeyboardInterrupt()])
def test_a_demo_that_fails_or_is_stopped_leaves_no_folder(
    failure: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise failure

    monkeypatch.setattr(play, "build", fails)
    result = run("deliverywatch demo")
    assert result.exit_code == (130 if isinstance(failure, KeyboardInterrupt) else 1)
    assert not (folder / "demo").exists()


def written_to(stream: TextIO, path: str, arguments: Sequence[str]) -> tuple[object, str]:
    """Run a verb whose output goes there, as a process does; return its exit code and what it said on stderr."""
    program, *names = path.split()
    said = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with pytest.MonkeyPatch.context() as patch, no_credentials():
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", said)
        with pytest.raises(SystemExit) as ended:
            PROGRAMS[program].main([*names, *arguments], prog_name=program)
    said.seek(0)
    return ended.value.code, said.read()


def unread() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", encoding="utf-8")


SHOWING = {path: ["--help"] for path in ALL} | {
    "deliverywatch cost": ["--template", "template.json"],
    "deliverywatch alarms explain": CALLS["deliverywatch alarms explain"],
    "cwalarm lint": CALLS["cwalarm lint"],
    "deliverywatch doctor": [],
    "deliverywatch backtest": CALLS["deliverywatch backtest"],
    "deliverywatch query": ["--local", "lake", "SELECT 1"],
    "deliverywatch queries validate": CALLS["deliverywatch queries validate"],
    "deliverywatch pipeline lint": CALLS["deliverywatch pipeline lint"],
}


@pytest.mark.parametrize("path", SHOWING)
def test_a_reader_that_has_gone_ends_every_verb_without_a_word(path: str, folder: Path) -> None:
    stream = unread()
    assert written_to(stream, path, SHOWING[path]) == (141, "")
    stream.close()  # what is left is written nowhere


@pytest.mark.parametrize("path", SHOWING)
def test_a_full_disk_behind_the_output_is_one_sentence(path: str, folder: Path) -> None:
    stream = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115, PTH123 - it cannot be flushed
    code, said = written_to(stream, path, SHOWING[path])
    assert (code, said.count("No space left on device. Make room")) == (1, 1)
    with suppress(OSError):
        stream.close()


# Runs in a process of its own, as the encoding of files is settled when Python starts.
_EVERYTHING = """
import sys
from test_cli_edges import SHOWING, WRITING, program_of, WRITTEN
for path, arguments in [*SHOWING.items(), *WRITING.values(), *WRITTEN]:
    try:
        program_of(path).main([*path.split()[1:], *arguments], prog_name=path.split()[0])
    except SystemExit as ended:
        print(path, ended.code, file=sys.stderr)
"""
WRITTEN = [
    ("deliverywatch render", CALLS["deliverywatch render"]),
    ("deliverywatch email land", CALLS["deliverywatch email land"]),
    ("deliverywatch alarms explain", ["--template", "template.json"]),
]


def program_of(path: str) -> click.Group:
    return PROGRAMS[path.split(maxsplit=1)[0]]


def test_in_a_locale_without_letters_of_others_every_verb_works_in_utf_8(folder: Path) -> None:
    template = folder.joinpath("template.json").read_text(encoding="utf-8")
    folder.joinpath("template.json").write_text(template.replace("App", "Äpp"), encoding="utf-8")
    tests = Path(__file__).parent
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "COLUMNS": "80"}
    environment["PYTHONPATH"] = os.pathsep.join(
        map(str, [tests, tests.parent, *(tests.parents[1] / name for name in ("src", "cfn"))])
    )
    done = subprocess.run(
        [sys.executable, "-c", _EVERYTHING], cwd=folder, env=environment, capture_output=True, check=False
    )
    said = done.stderr.decode()
    assert (done.returncode, "Traceback" in said, "unexpected" in said) == (0, False, False), said
    codes = re.findall(r"^(?:deliverywatch|cwalarm)\b.* (\d)$", said, re.MULTILINE)
    assert len(codes) == len(SHOWING) + len(WRITING) + len(WRITTEN)
    assert WORD in done.stdout.decode()


def test_an_error_wraps_where_a_terminal_shows_it_and_is_one_line_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    long = "No such thing is here. " * 6 + "Run 'python cfn/build.py' first."

    class Refusing(HarmlessGroup):
        def get_command(self, *_: object) -> click.Command:
            raise click.UsageError(long)

    for is_terminal in (False, True):
        said = io.TextIOWrapper(io.BytesIO(), "utf-8")
        monkeypatch.setattr(said, "isatty", lambda: is_terminal, raising=False)  # noqa: B023
        monkeypatch.setattr(sys, "stderr", said)
        with pytest.raises(SystemExit):
            Refusing("main").main(["x"], prog_name="main")
        said.seek(0)
        lines = said.read().partition("Error: ")[2].strip().splitlines()
        assert (len(lines) > 1, max(map(len, lines)) < 40) == (is_terminal, is_terminal)
        assert " ".join(lines) == long


OUT = "Name another folder with --out."


@pytest.mark.parametrize(
    ("code", "place", "sentence"),
    [
        (errno.EACCES, "out/sms.zip", f"out/sms.zip cannot be written: Permission denied. {OUT}"),
        (errno.ENOSPC, None, f"out cannot be written: No space left on device. {OUT}"),
        (errno.EROFS, "/elsewhere/x", "/elsewhere/x: Read-only file system. Name another place"),
        (errno.ENOSPC, "/elsewhere/x", "/elsewhere/x: No space left on device. Make room"),
    ],
)
def test_a_build_names_what_it_could_not_write(
    code: int, place: str | None, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(code, os.strerror(code), place)

    monkeypatch.setattr(build, "build", fails)
    result = CliRunner().invoke(build.main, ["--out", "out"])
    assert result.exit_code == 1
    assert result.output.startswith(sentence)
    assert ("TMPDIR" in result.output) is ("--out" not in result.output)


def test_a_build_into_a_folder_that_takes_nothing_names_that(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_zip", lambda *_: bundle.Package(b"", 0))
    with read_only(folder):
        result = CliRunner().invoke(build.main, ["--bundle", "none", "--out", "out"])
    assert (result.exit_code, result.output) == (
        1,
        "out cannot be written: Permission denied. Name another folder with --out.\n",
    )


def test_a_build_that_is_stopped_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "build", stopped)
    assert CliRunner().invoke(build.main, []).exit_code == 130


LISTENING = re.compile(r"(?:Server|\.bind|start_server|__init__)\w*\(\s*\(?\(([^,()]+),")


def test_what_listens_listens_on_loopback_only() -> None:
    root = Path(__file__).parents[2]
    programs = [*root.glob("src/**/*.py"), *root.glob("scripts/**/*.py"), *root.glob("cfn/**/*.py")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in programs}
    hosts = [(name, host) for name, text in texts.items() for host in LISTENING.findall(text)]
    assert {host for _, host in hosts} == {'"127.0.0.1"', "HOST"}
    assert 'HOST = "127.0.0.1"' in texts["emulator.py"]
    assert [name for name, text in texts.items() if re.search(r"0\.0\.0\.0|INADDR_ANY", text)] == []
