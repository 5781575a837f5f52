"""The design that this one was weighed against, priced from the same inputs: Athena asked for the rate every run.

A function reads ClickSend, writes one Parquet object per run, starts an Athena query over the last 30 minutes, waits
for it, compares with the thresholds and keeps in DynamoDB which messages it knows and what it has mailed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.operate.cost.estimate import DAYS_PER_MONTH, Line
from deliverywatch.operate.cost.prices import prices
from deliverywatch.operate.cost.usage_assumptions import (
    ATHENA_MINIMUM_BYTES,
    BYTES_PER_MAIL,
    BYTES_PER_MESSAGE,
    DAYS_KEPT,
)

if TYPE_CHECKING:
    from deliverywatch.operate.cost.estimate import Volume

# With the SDK, boto3 and requests a cold run took 4.0 s; Athena answers a small query after 4.5 s on average.
_SECONDS_PER_RUN = 4.0 + 4.5
_GIGABYTES = 0.5
_WRITES_PER_RUN = 3
# Athena reads a Parquet file's footer, then its columns.
_READS_PER_FILE = 3
_FOOTER_BYTES = 5_000


def monthly_lines(volume: Volume, runs_per_month: float, *, days_read: float = 1.5) -> tuple[Line, ...]:
    """Return the lines of a month.

    Args:
        volume: As for ours.
        runs_per_month: As for ours: each asks Athena once.
        days_read: How many days of objects a query has to open: 1.5 of a table partitioned by day, because half an
            hour may begin yesterday, and on average half of today is there; all 365 of one that is not partitioned.
    """
    usd = prices().usd
    files = days_read * runs_per_month / DAYS_PER_MONTH
    scanned_bytes = max(ATHENA_MINIMUM_BYTES, files * _FOOTER_BYTES)
    messages = volume.messages_per_month
    mails = volume.mails_per_month * volume.recipients_per_mail
    seconds = runs_per_month * _SECONDS_PER_RUN * _GIGABYTES
    reads = runs_per_month * files * _READS_PER_FILE
    # Athena lists a thousand objects at a time.
    lists = runs_per_month * max(2.0, files / 1000)
    stored = volume.messages_per_day * DAYS_KEPT * BYTES_PER_MESSAGE / 1e9
    return (
        _line("Lambda", f"{runs_per_month:,.0f} runs that wait for Athena, x86_64",
              seconds * usd["lambda_gigabyte_second_x86_64"] + runs_per_month / 1e6 * usd["lambda_million_requests"]),
        _line("Athena", f"{runs_per_month:,.0f} queries of {scanned_bytes / 1e6:,.0f} MB",
              runs_per_month * scanned_bytes / 1e12 * usd["athena_terabyte"]),
        _line("S3 requests of Athena", f"{reads:,.0f} GET and {lists:,.0f} LIST over {files:,.0f} objects a query",
              reads / 1e3 * usd["s3_thousand_reads"] + lists / 1e3 * usd["s3_thousand_writes"]),
        _line("S3 writes and storage", f"{runs_per_month * _WRITES_PER_RUN:,.0f} PUT, {stored:.2f} GB",
              runs_per_month * _WRITES_PER_RUN / 1e3 * usd["s3_thousand_writes"] + stored * usd["s3_gigabyte_month"]),
        _line("DynamoDB", f"{messages + runs_per_month:,.0f} writes and reads: one key per message, and the state",
              (messages + runs_per_month) / 1e6 * (usd["dynamodb_million_writes"] + usd["dynamodb_million_reads"])),
        _line("Scheduler", f"{runs_per_month:,.0f} starts", runs_per_month / 1e6 * usd["scheduler_million_starts"]),
        _line("mails", f"{volume.mails_per_month:,} to {volume.recipients_per_mail} people each",
              mails / 1e3 * usd["ses_thousand_recipients"] + mails * BYTES_PER_MAIL / 1e9 * usd["ses_gigabyte"]),
    )  # fmt: skip


def _line(item: str, how: str, usd: float) -> Line:
    return Line(item, how, usd, usd)
