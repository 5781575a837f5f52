"""`deliverywatch ingest` and `backfill`: what they print, what they keep, and how they end."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from deliverywatch.cli import main
from deliverywatch.cli.ingest import next_end
from deliverywatch.local.clicksend.faults import Fault
from deliverywatch.local.clicksend.history import Messages

if TYPE_CHECKING:
    from deliverywatch.local.clicksend.server import ClickSendServer

HOUR = timedelta(hours=1)
PROGRAM = [sys.executable, "-c", "from deliverywatch.cli import main; main()"]
# A shell makes what it starts in the background deaf to Ctrl-C, and a child inherits that.
HEEDS_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def ingest(lake: Path, begin: datetime, *more: object) -> Result:
    return run("ingest", "--once", "--lake", lake, "--since", begin.isoformat(), *more)


def documents(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def objects(lake: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in lake.glob("sms/*/*.parquet")}


def test_a_range_becomes_objects_and_documents(clicksend: ClickSendServer, begin: datetime, tmp_path: Path) -> None:
    printed = documents(ingest(tmp_path, begin))
    assert sum(document["Total"] for document in printed) == 162
    assert sum(document["Failed"] for document in printed) == 18
    assert len(objects(tmp_path)) == 3


def test_the_same_range_again_changes_and_prints_nothing(
    clicksend: ClickSendServer, begin: datetime, tmp_path: Path
) -> None:
    ingest(tmp_path, begin)
    before = objects(tmp_path)
    assert documents(ingest(tmp_path, begin)) == []
    assert objects(tmp_path) == before


def test_the_end_of_the_range_is_not_included(clicksend: ClickSendServer, begin: datetime, tmp_path: Path) -> None:
    ingest(tmp_path, begin, "--until", (begin + 2 * HOUR).isoformat())
    assert set(objects(tmp_path)) == {f"{begin + number * HOUR:%H}.parquet" for number in (0, 1)}


def test_a_run_without_a_range_reads_what_is_due_and_counts_as_a_run(
    clicksend: ClickSendServer, tmp_path: Path
) -> None:
    printed = documents(run("ingest", "--once", "--lake", tmp_path, "--environment", "test"))
    assert printed[-1]["Runs"] == 1
    assert {document["Environment"] for document in printed} == {"test"}
    assert len(documents(run("ingest", "--once", "--lake", tmp_path))) <= 2, "a second run has at most one new slot"


def test_chatter_is_not_on_stdout(clicksend: ClickSendServer, begin: datetime, tmp_path: Path) -> None:
    result = ingest(tmp_path, begin)
    assert "180 rows read: 180 new messages" in result.stderr
    assert f"deliverywatch lake show {tmp_path}" in result.stderr


@pytest.mark.parametrize(
    ("unset", "sentence"),
    [
        (["CLICKSEND_USERNAME"], "CLICKSEND_USERNAME is not set"),
        (["CLICKSEND_USERNAME", "CLICKSEND_API_KEY"], "CLICKSEND_USERNAME and CLICKSEND_API_KEY are not set"),
    ],
)
def test_missing_credentials_are_named_in_one_sentence(
    clicksend: ClickSendServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unset: list[str], sentence: str
) -> None:
    for name in unset:
        monkeypatch.setenv(name, "")
    result = run("ingest", "--once", "--lake", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {sentence} in the environment. Set ")


def test_a_refused_key_names_the_variables(
    clicksend: ClickSendServer, monkeypatch: pytest.MonkeyPatch, begin: datetime, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLICKSEND_API_KEY", "wrong-key")
    result = ingest(tmp_path, begin)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ClickSend refuses the API key (401). Check CLICKSEND_USERNAME")
    assert "Traceback" not in result.stderr


def test_the_traceback_is_there_for_who_wants_it(clicksend: ClickSendServer, begin: datetime, tmp_path: Path) -> None:
    clicksend.add_fault(Fault.FORBIDDEN)
    arguments = ["--verbose", "ingest", "--once", "--lake", str(tmp_path), "--since", begin.isoformat()]
    result = CliRunner().invoke(main, arguments)
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ClickSend accepts the API key but forbids")
    assert "demo-key" not in result.stderr


def test_a_folder_that_cannot_be_written_is_named(clicksend: ClickSendServer, begin: datetime, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = ingest(tmp_path / "file" / "lake", begin)
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"Error: {tmp_path}/file/lake")
    assert "Not a directory. Check the folder's name" in last


@pytest.mark.parametrize(
    "arguments",
    [
        ["--once", "--since", "yesterday"],
        ["--once", "--until", "2026-11-21"],
        ["--once", "--since", "2026-11-21", "--until", "2026-11-21T00:00+01:00"],
        ["--once", "--since", "2999-01-01"],
        ["--since", "2026-11-21"],
        ["--once", "--slot-minutes", "7"],
    ],
)
def test_wrong_usage_ends_with_2(clicksend: ClickSendServer, tmp_path: Path, arguments: list[str]) -> None:
    result = run("ingest", "--lake", tmp_path, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert clicksend.queries == []


@pytest.mark.parametrize(("minute", "end"), [("11:00", "11:10"), ("11:09:59", "11:10"), ("23:55", "00:00")])
def test_a_run_is_due_at_the_end_of_each_slot(minute: str, end: str) -> None:
    moment = datetime.fromisoformat(f"2026-11-21T{minute}").replace(tzinfo=UTC)
    assert f"{next_end(moment, 10):%H:%M}" == end


def test_without_once_it_runs_until_interrupted_and_outlives_a_failure(
    clicksend: ClickSendServer, tmp_path: Path
) -> None:
    clicksend.add_fault(Fault.THROTTLED, retry_after="9999")
    command = [PROGRAM[0], PROGRAM[1], HEEDS_INTERRUPTS + PROGRAM[2], "ingest", "--lake", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        told = [program.stderr.readline(), program.stderr.readline()]
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 130
    assert told[0] == f"Reading into {tmp_path} every 10 minutes; stop with Ctrl-C.\n"
    assert "failed: ClickSend answered 429 and asks to wait" in told[1]


def test_a_terminal_sees_a_progress_bar(clicksend: ClickSendServer, begin: datetime, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "ingest", "--once", "--lake", str(tmp_path), "--since", begin.isoformat()]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "hours" in shown
    assert all(line.startswith("{") for line in done.stdout.splitlines())


def backfill(lake: Path, since: datetime, *more: object) -> Result:
    return run("backfill", "--lake", lake, "--since", since.isoformat(), *more)


def test_a_backfill_fills_the_lake_and_emits_nothing(
    clicksend: ClickSendServer, begin: datetime, tmp_path: Path
) -> None:
    result = backfill(tmp_path, begin)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "180 new messages" in result.stderr
    assert len(objects(tmp_path)) == 3


def test_a_backfill_can_end_earlier(clicksend: ClickSendServer, begin: datetime, tmp_path: Path) -> None:
    backfill(tmp_path, begin, "--until", (begin + HOUR).isoformat())
    assert set(objects(tmp_path)) == {f"{begin:%H}.parquet"}


def test_a_backfill_again_changes_nothing(clicksend: ClickSendServer, begin: datetime, tmp_path: Path) -> None:
    backfill(tmp_path, begin)
    before = objects(tmp_path)
    assert "0 new messages" in backfill(tmp_path, begin).stderr
    assert objects(tmp_path) == before


class LockedOut(Messages):
    """An account whose key changes while its second hour is read."""

    def __init__(self, clicksend: ClickSendServer, messages: Messages, begin: datetime) -> None:
        super().__init__(messages._messages)
        self._clicksend, self._begin = clicksend, begin

    def between(self, first: int, last: int, now: datetime) -> range:
        if last > (self._begin + HOUR).timestamp():
            self._clicksend.api_key = "another"
        return super().between(first, last, now)


def test_an_interrupted_backfill_goes_on_where_it_stopped(
    clicksend: ClickSendServer, begin: datetime, tmp_path: Path
) -> None:
    assert isinstance(clicksend.history, Messages)
    whole = clicksend.history
    clicksend.history = LockedOut(clicksend, whole, begin)
    assert backfill(tmp_path, begin).exit_code == 1
    clicksend.history, clicksend.api_key = whole, "demo-key"
    clicksend.queries.clear()
    assert backfill(tmp_path, begin).exit_code == 0
    assert len(objects(tmp_path)) == 3
    assert min(query.date_from for query in clicksend.queries) >= (begin + HOUR).timestamp() - 1


def test_a_backfill_beyond_what_clicksend_keeps_is_refused(clicksend: ClickSendServer, tmp_path: Path) -> None:
    result = backfill(tmp_path, datetime.now(UTC) - timedelta(days=121))
    assert result.exit_code == 2
    assert "ClickSend keeps 120 days of history: --since can be 20" in result.stderr
