"""A deployed function sees the simulated time, and its datetimes are the plain ones."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.compute.worker_clock import WorkerClock

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
# What the emulator's worker does, as far as it matters: it imports a module, then calls it at each line of its input.
WORKER = """
import datetime, importlib, json, sys
mod, handler_name = importlib.import_module("deliverywatch.messages.untrusted"), "moment"
if True:
    if True:
        handler_fn = getattr(mod, handler_name)
for line in sys.stdin:
    now = mod.datetime.now(mod.UTC)
    kinds = [type(value) is datetime.datetime for value in (now, mod.datetime(2026, 1, 1), handler_fn(line.strip()))]
    known = isinstance(datetime.datetime.now(), mod.datetime)
    print(json.dumps([now.isoformat(), kinds, known, abs(datetime.datetime.now().timestamp() - now.timestamp()) > 1]))
    sys.stdout.flush()
"""


@pytest.fixture
def clock() -> Iterator[WorkerClock]:
    clock = WorkerClock()
    yield clock
    clock.close()


def test_each_invocation_sees_the_time_that_was_set_before_it(clock: WorkerClock) -> None:
    clock.set(NOON)
    command = [sys.executable, "-c", clock.added_to(WORKER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin and worker.stdout
        for now in (NOON, NOON + timedelta(minutes=10)):
            clock.set(now)
            print("2026-11-21T11:00:00Z", file=worker.stdin, flush=True)
            assert json.loads(worker.stdout.readline()) == [now.isoformat(), [True] * 3, True, True]
        worker.stdin.close()


def test_another_emulator_is_refused(clock: WorkerClock) -> None:
    with pytest.raises(ConfigurationError, match="does not know"):
        clock.added_to("print('another worker')")
