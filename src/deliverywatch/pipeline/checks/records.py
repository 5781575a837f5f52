"""The declared table of a run -> one Athena query over the rows it wrote, and its row -> checks and a score."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deliverywatch.pipeline.checks.sql import identifier, moment, table_name, time_of, timestamp, whole
from deliverywatch.pipeline.checks.validation import Check, Result, Score, Topic, beside
from deliverywatch.pipeline.declaration.limits import Limits
from deliverywatch.pipeline.declaration.pipelines import Records


def query(records: Records, since: datetime, until: datetime) -> str:
    """Return the query over the rows that were written from `since` on and before `until`."""
    missing = {column: _is_missing(column) for column in records.required}
    counts = [f"  COUNT_IF({condition}) AS missing_{number}" for number, condition in enumerate(missing.values())]
    # One row that is dated in the future must not make all others look fresh.
    changed_at = moment(records.changed_at)
    changed = f"CASE WHEN {changed_at} <= {timestamp(until)} THEN {changed_at} END"
    newest = f"MAX({changed})" if records.changed_at else "NULL"
    lines = [
        "  COUNT(*) AS processed",
        f"  COUNT_IF({' OR '.join(missing.values()) or 'FALSE'}) AS incomplete",
        f"  {newest} AS newest",
        *counts,
    ]
    loaded_at = identifier(records.loaded_at)
    in_run = f"{loaded_at} >= {timestamp(since)} AND {loaded_at} < {timestamp(until)}"
    return "SELECT\n" + ",\n".join(lines) + f"\nFROM {table_name(records.table)}\nWHERE {in_run}"


def _is_missing(column: str) -> str:
    name = identifier(column)
    return f"{name} IS NULL OR TRIM(CAST({name} AS VARCHAR)) = ''"


def checks_of(records: Records, limits: Limits, row: Mapping[str, Any], until: datetime) -> list[Check]:
    """Return the checks of the query's row: enough rows, fresh enough, every required column filled."""
    total = whole(row["processed"])
    required = [
        _required(records, column, whole(row[f"missing_{n}"]), total) for n, column in enumerate(records.required)
    ]
    quality = score_of(row).percent
    # Single rows without a value are reported; what fails the run is their share.
    is_low = quality is not None and quality < limits.quality_percent
    return [
        _enough(records, limits, total),
        *([_fresh(records, limits, age_hours(row, until))] if records.changed_at else []),
        *required,
        Check(
            name="quality",
            topic=Topic.QUALITY,
            result=Result.NO_DATA if quality is None else Result.FAILED if is_low else Result.PASSED,
            sentence=f"{records.table}: {_percent(quality, limits.quality_percent)} of the rows have every required "
            f"value, at least {limits.quality_percent:.12g} % must.",
            table=records.table,
            rows=whole(row["incomplete"]),
            keys=whole(row["incomplete"]),
            total=total,
            is_fatal=is_low,
        ),
    ]


def score_of(row: Mapping[str, Any]) -> Score:
    """Return rows with a value in every required column, of the rows of the run."""
    total = whole(row["processed"])
    return Score(total - whole(row["incomplete"]), total)


def age_hours(row: Mapping[str, Any], until: datetime) -> float | None:
    """Return how old the newest change of the source was at the validation; None without rows."""
    newest = time_of(row["newest"])
    return round((until - newest).total_seconds() / 3600, 3) if newest else None


def _enough(records: Records, limits: Limits, total: int) -> Check:
    least = limits.minimum_records_count
    return Check(
        name="minimum_records",
        topic=Topic.RECORDS,
        result=Result.PASSED if total >= least else Result.FAILED,
        sentence=f"{records.table}: the run wrote {total:,} records; fewer than {least:,} are too few.",
        table=records.table,
        rows=max(0, least - total),
        total=total,
    )


def _fresh(records: Records, limits: Limits, age: float | None) -> Check:
    if age is None:
        sentence, result = f"{records.table}: no row says when it changed: no freshness.", Result.NO_DATA
    else:
        result = Result.PASSED if age <= limits.stale_hours else Result.FAILED
        old, limit = beside(age, limits.stale_hours, 1), f"{limits.stale_hours:.12g}"
        sentence = f"{records.table}: the newest change is {old} hours old, over {limit} is too old."
    is_fatal = result is Result.FAILED
    return Check("freshness", Topic.FRESHNESS, result, sentence, records.table, total=None, is_fatal=is_fatal)


def _required(records: Records, column: str, missing: int, total: int) -> Check:
    result = Result.NO_DATA if not total else Result.FAILED if missing else Result.PASSED
    sentence = f"{records.table}: {column} is empty in {missing:,} of {total:,} rows."
    return Check(
        f"required_{column}", Topic.QUALITY, result, sentence, records.table, missing, missing, total, is_fatal=False
    )


def _percent(value: float | None, limit: float) -> str:
    return "none" if value is None else f"{beside(value, limit, 2)} %"
