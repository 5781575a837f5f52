"""What a run of each function does, and how many there are: the assumptions behind the estimate, each to be replaced.

They are on the high side: every run starts cold, with the share of a processor that Lambda gives to so much memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import takewhile

from cwalarm.schedules import eventbridge
from cwalarm.schedules.eventbridge import At, Rate

HOURS_PER_MONTH = 730
# The starts of 2026: those after its eve and before its end.
_EVE, _YEAR_END = datetime(2025, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run takes: S3 writes are PUT and LIST, reads are GET and HEAD.

    `cloudwatch_calls` are requests such as DescribeAlarms; values of metrics are counted by themselves. `metrics` are
    those that nothing refers to, billed for the hour in which the run emits them.
    """

    seconds: float
    s3_writes: float = 0
    s3_reads: float = 0
    log_bytes: int = 1_000
    cloudwatch_calls: float = 0
    metrics: int = 0


# Of a function that nobody has measured.
UNMEASURED = Run(seconds=1, s3_writes=1, s3_reads=4)
# By the function's name without the stack's prefix; a run that a schedule starts. A test finds a function that lacks.
RUNS: Mapping[str, Run] = {
    # Counted over two simulated hours of 14,000 messages a day; the credit is read once an hour, by every sixth run.
    "sms-ingest": Run(seconds=1.8, s3_writes=5, s3_reads=30, log_bytes=5_000),
    # A day of 24 hour objects becomes one; each is deleted, which is free, after the last look.
    "sms-compact": Run(seconds=15, s3_writes=30, s3_reads=80, log_bytes=2_000),
    # The sweep lists the incidents, reads each, and describes all alarms at once.
    "alerting-notify": Run(seconds=0.4, s3_writes=1, s3_reads=4, cloudwatch_calls=1),
    "operate-digest": Run(seconds=3, s3_writes=8, s3_reads=100, cloudwatch_calls=10),
    # Some forty requests that cost nothing, to a dozen services.
    "operate-examine": Run(seconds=15, s3_writes=3, s3_reads=4, cloudwatch_calls=5, metrics=1),
    # One opening of the page: the key of links is read from SSM, which is free, and the incident from S3.
    "operate-acknowledge": Run(seconds=0.5, s3_reads=1, s3_writes=1, log_bytes=600),
    # Of a file; those that come together share a run. With the pusher it is that which asks S3 for the content type.
    "files-process": Run(seconds=0.2, s3_reads=1, log_bytes=500),
    "files-push": Run(seconds=0.3, log_bytes=500),
    # The state document of either stream.
    "email-judge": Run(seconds=0.3, s3_reads=2, s3_writes=2, log_bytes=1_500),
    **dict.fromkeys(("email-transform", "email-compact", "queries-reconcile", "queries-execute"), UNMEASURED),
    # One list of running executions per pipeline, which costs nothing.
    "pipeline-measure": Run(seconds=0.5, log_bytes=1_000),
    **dict.fromkeys(("pipeline-publish", "pipeline-report", "pipeline-validate"), UNMEASURED),
}
# A message that leads to a mail: look, write the incident twice, claim, send, keep, mark.
PER_MAIL = Run(seconds=2, s3_writes=6, s3_reads=6, log_bytes=2_000, cloudwatch_calls=4)
# A mail asks for the values of its watch's alarms and for one picture; the picture is most of its size.
METRICS_READ_PER_MAIL = 10
BYTES_PER_MAIL = 60_000
# A row of the lake, compressed, with the versions of a week that its hour is written anew; kept for a year.
BYTES_PER_MESSAGE = 100
DAYS_KEPT = 365
# Send, delivery, and every second one is opened or clicked; Firehose bills each as at least 5 KB.
EVENTS_PER_EMAIL = 2.5
FIREHOSE_MINIMUM_BYTES = 5_000
# One conditional write of an item below a kilobyte, whether it is the newer or not.
WRITES_PER_FILE = 1
# S3 sends a message; it is received and deleted, alone at worst.
SQS_REQUESTS_PER_FILE = 3
# Lambda asks an idle queue with five long polls of 20 seconds at a time.
POLLS_PER_MONTH = 5 * HOURS_PER_MONTH * 3600 / 20
# Athena bills at least this for a query.
ATHENA_MINIMUM_BYTES = 10_000_000


# A year of starts is counted one by one: a third of a second for every minute's.
@cache
def starts_per_month(expression: str) -> float:
    """Return how often `rate(...)`, `cron(...)` or `at(...)`, which is once, starts in 730 hours."""
    schedule = eventbridge.parse(expression)
    if isinstance(schedule, Rate):
        return HOURS_PER_MONTH * 3600 / schedule.every.total_seconds()
    if isinstance(schedule, At):
        return 0
    year = takewhile(lambda start: start < _YEAR_END, eventbridge.following(schedule, "UTC", _EVE, _EVE))
    return sum(1 for _ in year) * HOURS_PER_MONTH / (365 * 24)
