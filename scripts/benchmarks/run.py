"""Whole runs against a ClickSend server on loopback: speed, memory, and that a second run changes and emits nothing.

The server is a process of its own. The run is another one, which finds only what the function's zip ships.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measure import ROOT, Figure, python, ship

SHIPPED = ("aws-embedded-metrics", "orjson", "pyarrow", "urllib3")
SMALL, LARGE = 100_000, 1_000_000
LIMIT_BYTES = 200_000_000
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took; the fields are those of one_run.py."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    rows: int
    written: int
    slot_documents: int
    documents: int
    modules: list[str]


def run_twice(messages: int, shipped: Path) -> tuple[Run, Run]:
    """Read so many messages of 24 hours into an empty lake, and again into the same lake."""
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = end - timedelta(days=1)
    with tempfile.TemporaryDirectory() as lake, server(messages, begin) as url:
        first = run(Path(lake), url, shipped, begin, end)
        return first, run(Path(lake), url, shipped, begin, end)


def run(lake: Path, url: str, shipped: Path, begin: datetime, end: datetime) -> Run:
    """Do a run in a fresh process that covers [begin, end) of the sending."""
    watermark = lake / "state" / "sms-watermark.json"
    watermark.parent.mkdir(exist_ok=True)
    # As after the run before: a day of sending is new to the first run, nothing is new to the second one.
    if not watermark.exists():
        watermark.write_text(json.dumps({"covered_until": f"{begin:%Y-%m-%dT%H:%M:%SZ}"}), encoding="utf-8")
    arguments = {
        "now": end.isoformat(),
        "lake": str(lake),
        "url": url,
        "path": [str(ROOT / "src"), str(shipped), str(Path(__file__).parent)],
    }
    # -S leaves out all site-packages, -I the environment.
    command = ["-I", "-S", str(Path(__file__).with_name("one_run.py")), json.dumps(arguments)]
    return Run(**json.loads(python(*command, env=os.environ | memory_settings())))


def memory_settings() -> dict[str, str]:
    """Return what the template sets for the function's memory."""
    from blocks.parts import MEMORY_SETTINGS

    return dict(MEMORY_SETTINGS)


@contextmanager
def server(messages: int, begin: datetime) -> Iterator[str]:
    """Serve so many messages over 24 hours in a process of its own; yields its address."""
    module = ["-m", "deliverywatch.local.clicksend.server", "--messages", str(messages), "--day", f"{begin:%Y-%m-%d}"]
    with subprocess.Popen(
        [sys.executable, *module], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def figures(small: int = SMALL, large: int = LARGE) -> Iterator[Figure]:
    """All figures of this module."""
    with tempfile.TemporaryDirectory() as shipped:
        ship(Path(shipped), SHIPPED)
        few, again = run_twice(small, Path(shipped))
        many, _ = run_twice(large, Path(shipped))
    yield _speed(few)
    yield _speed(many)
    peak = f"{few.peak_bytes / MEGABYTE:.0f} MB"
    limit = f"{LIMIT_BYTES / MEGABYTE:.0f} MB, the limit"
    yield Figure(
        f"a run over {few.rows:,} rows, peak memory",
        peak,
        limit,
        few.peak_bytes / LIMIT_BYTES,
        few.peak_bytes <= LIMIT_BYTES,
    )
    larger = f"{many.peak_bytes / MEGABYTE:.0f} MB"
    yield Figure(f"... over {many.rows:,} rows of the same day", larger, peak, many.peak_bytes / few.peak_bytes)
    written = again.written / few.written
    yield Figure("the same run again, objects written", f"{again.written}", f"{few.written}", written, not written)
    slots = again.slot_documents / few.slot_documents
    yield Figure(
        "the same run again, slots emitted", f"{again.slot_documents}", f"{few.slot_documents}", slots, not slots
    )
    loaded = ", ".join({*few.modules, *many.modules, *again.modules}) or "none"
    yield Figure("of pandas, numpy, pyarrow.compute loaded", loaded, "none", float(loaded != "none"), loaded == "none")


def _speed(measured: Run) -> Figure:
    rate = f"{measured.rows / measured.seconds:,.0f}"
    alone = f"{measured.rows / measured.processor_seconds:,.0f} by processor time, without the server"
    share = measured.processor_seconds / measured.seconds
    return Figure(f"a run over {measured.rows:,} rows, rows a second", rate, alone, share)
