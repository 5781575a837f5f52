"""The reconciler's plan from a cold start: our processor time, its growth, its memory, and the calls it makes.

Each plan is a process of its own. The reference is what no reconciler can do without: boto3's own time for as many
calls of GetSchedule, the wire left out, and JSON for the file.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measure import Figure, python

COUNTS = (100, 1_000, 10_000)
# What the last round knew of the file; the last kind has no limit: to read 10,000 statements takes longest.
KINDS = {"known": "file checked before", "new": "new file, 100 kinds of SQL", "strange": "new file, no two SQL alike"}
LIMIT_SECONDS = 5.0
LIMIT_BYTES = 256 * 1024 * 1024
# Of each kind, in the regions with the lowest quota.
QUOTA_PER_SECOND = 250
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """What one plan took: loading the code, planning, memory at its peak, calls, and the reference's time."""

    loading_seconds: float
    seconds: float
    peak_bytes: int
    calls: int
    reference_seconds: float


def figures() -> Iterator[Figure]:
    """Plans over 100 to 10,000 queries: of a file that the last round checked, and of one that is all new."""
    for kind, about in KINDS.items():
        for count in COUNTS if kind != "strange" else COUNTS[-1:]:
            yield _time(count, kind, about)
    largest = planned(COUNTS[-1], "strange")
    yield Figure(
        f"peak memory of a plan over {COUNTS[-1]:,} queries, MB",
        f"{largest.peak_bytes / MEGABYTE:.0f}",
        f"{LIMIT_BYTES / MEGABYTE:.0f}, the function's memory",
        largest.peak_bytes / LIMIT_BYTES,
        largest.peak_bytes <= LIMIT_BYTES,
    )
    rate = busiest_second(COUNTS[-1])
    quota = f"{QUOTA_PER_SECOND}, Scheduler's quota"
    yield Figure("calls in the busiest second", f"{rate}", quota, rate / QUOTA_PER_SECOND, rate <= QUOTA_PER_SECOND)


def planned(count: int, kind: str) -> Plan:
    """Plan once in a fresh process."""
    script = str(Path(__file__).with_name("one_plan.py"))
    return Plan(*json.loads(python(script, str(count), kind)))


def busiest_second(count: int) -> int:
    """Return the most calls that the token bucket lets out within any second."""
    from deliverywatch.queries.aws import _BURST, _CALLS_PER_SECOND
    from deliverywatch.queries.schedule.pace import Pace

    now = [0.0]
    pace = Pace(
        _CALLS_PER_SECOND, _BURST, clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    times = []
    for _ in range(count):
        pace.wait()
        times.append(now[0])
    return max(sum(second <= other < second + 1 for other in times[at : at + 600]) for at, second in enumerate(times))


def _time(count: int, kind: str, about: str) -> Figure:
    taken = planned(count, kind)
    whole = taken.loading_seconds + taken.seconds
    is_limited = count == COUNTS[-1] and kind != "strange"
    limit = f" (limit {LIMIT_SECONDS:.0f})" if is_limited else ""
    return Figure(
        f"plan of {count:,} queries, {about}, s",
        f"{whole:.2f}",
        f"{taken.reference_seconds:.2f}, boto3 and JSON alone{limit}",
        whole / taken.reference_seconds,
        whole <= LIMIT_SECONDS if is_limited else None,
    )
