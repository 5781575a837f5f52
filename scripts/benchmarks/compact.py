"""A query over 30 days of the lake, one object per day against one per hour, in DuckDB in the same process.

Both sides read the view of the template, which hides the hours of a compacted day, and the query is the saved one.
Objects are counted as the engine opens them: every Parquet file under the 30 days. The last figure is a day of a
million rows, compacted in a process of its own with the settings of the function, against what the function has.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest import ours as object_of
from ingest import pages
from measure import ROOT, Figure, medians, python
from run import memory_settings

from deliverywatch.athena_duckdb import translated
from deliverywatch.local.cloud.athena.dialect import sql_of_view
from deliverywatch.sms import compact
from deliverywatch.sms.lake import slots
from deliverywatch.storage.folder import Folder

if TYPE_CHECKING:
    import duckdb

DAYS = 30
# 14,000 messages a day, as in the README's table of costs.
ROWS_PER_HOUR = 583
MILLION = 1_000_000
LIMIT_MEGABYTES = 512
BENCHMARKS = str(Path(__file__).parent)
END = datetime(2026, 11, 21, tzinfo=UTC)

_PROCESS = """
import sys, time
from datetime import datetime
from pathlib import Path
from deliverywatch.sms import compact
from deliverywatch.storage.folder import Folder
store = Folder(Path({root!r}))
due = compact.due(store.sizes("sms/"), datetime.fromisoformat({now!r}))
done = compact.compact(due, store, token="b")
assert (done.day_count, done.failures) == (1, dict())
sys.path.append({benchmarks!r})
from peak import peak_bytes
print(peak_bytes() / 2**20, time.process_time())
"""


def figures(rounds: int = 15) -> Iterator[Figure]:
    """All figures of this module."""
    with tempfile.TemporaryDirectory() as root:
        hours, days = Path(root, "hours"), Path(root, "days")
        _write_hours(hours)
        shutil.copytree(hours, days)
        store = Folder(days)
        started = time.process_time()
        compact.compact(compact.due(store.sizes("sms/"), END + timedelta(days=9)), store, token="b")
        seconds = time.process_time() - started
        yield _objects(hours, days)
        for name, sql in _queries():
            yield _speed(name, sql, hours, days, rounds)
        yield _bytes(hours, days, seconds)
    yield _memory()


def _write_hours(root: Path) -> None:
    """30 days whose hours repeat after a day: what is measured does not depend on what the rows say."""
    import ingest

    for number in range(24):
        for day in range(DAYS):
            ingest.HOUR = END - timedelta(days=DAYS - day) + timedelta(hours=number)
            path = root / slots.key_of(ingest.HOUR)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(object_of(pages(ROWS_PER_HOUR, seed=number * DAYS + day)))


def _queries() -> Iterator[tuple[str, str]]:
    text = (ROOT / "cfn/queries/sms/daily_summary.sql").read_text(encoding="utf-8")
    yield "saved daily summary", text.replace("current_timestamp", f"TIMESTAMP '{END:%Y-%m-%d}'")
    yield "failures per day", "SELECT dt, count(*), count_if(outcome = 'failed') FROM sms_messages GROUP BY dt"


def _objects(hours: Path, days: Path) -> Figure:
    before, after = (len(list(root.glob("sms/*/*.parquet"))) for root in (hours, days))
    return Figure("objects of a query over 30 days", f"{after}", f"{before} hour objects", after / before)


def _bytes(hours: Path, days: Path, seconds: float) -> Figure:
    before, after = (sum(each.stat().st_size for each in root.glob("sms/*/*.parquet")) for root in (hours, days))
    reference = f"{before / 1e6:.1f} MB in hour objects; compacting took {seconds:.1f} s of a processor"
    return Figure("bytes of 30 days", f"{after / 1e6:.1f} MB", reference, after / before)


def _speed(name: str, sql: str, hours: Path, days: Path, rounds: int) -> Figure:
    """Median of interleaved rounds, each in a connection of its own; answers must be the same."""
    answers: dict[Path, Any] = {}

    def ask(root: Path) -> None:
        database = _database(root)
        answers[root] = database.execute(translated(sql)).fetchall()
        database.close()

    seconds = medians(lambda: ask(days), lambda: ask(hours), rounds=rounds)
    if sorted(map(repr, answers[days])) != sorted(map(repr, answers[hours])):
        raise AssertionError("the compacted lake answers something else")
    ours_ms, theirs_ms = (1000 * each for each in seconds)
    return Figure(
        f"{name}, 30 days, DuckDB", f"{ours_ms:.0f} ms", f"{theirs_ms:.0f} ms over hours", ours_ms / theirs_ms
    )


def _memory() -> Figure:
    """The peak of a compaction of a day of a million rows."""
    hour = object_of(pages(-(-MILLION // 24)))
    with tempfile.TemporaryDirectory() as root:
        for number in range(24):
            path = Path(root) / slots.key_of(END + timedelta(hours=number))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(hour)
        code = _PROCESS.format(benchmarks=BENCHMARKS, root=root, now=(END + timedelta(days=9)).isoformat())
        printed = python("-c", code, env=os.environ | memory_settings())
    peak_megabytes, seconds = map(float, printed.split())
    name = f"a day of {MILLION:,} rows, peak memory ({seconds:.1f} s)"
    limit, share = f"{LIMIT_MEGABYTES} MB, the function's", peak_megabytes / LIMIT_MEGABYTES
    return Figure(name, f"{peak_megabytes:.0f} MB", limit, share, share <= 1)


def _database(root: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    database = duckdb.connect()
    hive = "hive_partitioning = true, hive_types = {'dt': VARCHAR}, filename = '$path'"
    database.execute(f"CREATE VIEW sms_objects AS SELECT * FROM read_parquet('{root}/sms/*/*.parquet', {hive})")
    database.execute(f"CREATE VIEW sms_messages AS {translated(_view())}")
    return database


def _view() -> str:
    import stacks
    from cwalarm.definitions.template import Resolver

    template = stacks.template(stacks.chosen(["sms"]), "arm64", "0").to_dict()
    table = Resolver(template, {}).properties("SmsMessagesTable")["TableInput"]
    return sql_of_view(table) or ""
