"""What a run of the reference pipeline leaves behind: rows, a history of them, and dbt's results, as objects in S3."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play
from deliverywatch.local.demo.pipeline_machine import ARTIFACTS, artifact

DATA = "sf-user-data"
_RAW, _CURATED = "sf_raw_prod", "sf_curated_prod"
_USERS, _HISTORY = "sf_user", "dim_sf_user_scd"
# As Glue has them, which writes every name in lower case.
_COLUMNS = {
    _USERS: {
        "id": "string",
        "name": "string",
        "division": "string",
        "audit_phase__c": "string",
        "lastmodifieddate": "timestamp",
        "_extracted_at": "timestamp",
    },
    _HISTORY: {
        "user_id": "string",
        "name": "string",
        "division": "string",
        "audit_phase__c": "string",
        "is_current": "boolean",
        "is_deleted": "boolean",
        "effective_from": "timestamp",
        "effective_to": "timestamp",
    },
}
_ROWS = 240
# No later than the shortest run that dbt is a part of.
_DBT_ENDS_AFTER = timedelta(minutes=11)


@dataclass(frozen=True, slots=True)
class Left:
    """What a run leaves behind.

    Attributes:
        row_count: Rows that it wrote.
        empty_count: Of these, without a name.
        age: How old the newest change of the source is.
        overlapping_count: Keys of the history whose first version ends too late.
        twice_current_count: Keys of the history with two current versions.
        results: Results of dbt's nodes, by command; None for a file that was cut off.
        results_age: How long before the run they were written, for those that are of another run.
    """

    row_count: int = _ROWS
    empty_count: int = 0
    age: timedelta = timedelta(minutes=40)
    overlapping_count: int = 0
    twice_current_count: int = 0
    results: Mapping[str, Sequence[Mapping[str, Any]] | None] = field(default_factory=dict)
    results_age: timedelta = timedelta(0)


def create(cloud: LocalCloud) -> None:
    """Make the buckets, the database and the two tables."""
    for bucket in (DATA, ARTIFACTS):
        cloud.client("s3").create_bucket(Bucket=bucket)
    for database, name in ((_RAW, _USERS), (_CURATED, _HISTORY)):
        cloud.client("glue").create_database(DatabaseInput={"Name": database})
        play.create_table(cloud, database, f"s3://{DATA}/{name}/", "parquet", _COLUMNS[name])


def leave(cloud: LocalCloud, run: str, started_at: datetime, left: Left) -> None:
    """Write what a run leaves behind; it wrote its rows five minutes after its start."""
    s3 = cloud.client("s3")
    for name, rows in ((_USERS, _users(started_at, left)), (_HISTORY, _history(started_at, left))):
        s3.put_object(Bucket=DATA, Key=f"{name}/part-0.parquet", Body=_parquet(rows, _COLUMNS[name]))
    for command in ("run", "test"):
        key = artifact(run, command).removeprefix(f"s3://{ARTIFACTS}/")
        s3.put_object(Bucket=ARTIFACTS, Key=key, Body=_results(run, command, started_at, left))


def node(unique_id: str, status: str, failures: int | None = None, message: str = "") -> dict[str, Any]:
    """Return one result of dbt."""
    return {"unique_id": unique_id, "status": status, "failures": failures, "message": message, "adapter_response": {}}


def _users(started_at: datetime, left: Left) -> list[dict[str, Any]]:
    loaded = started_at + timedelta(minutes=5)
    return [
        {
            **_user(number, "Sales", None if number < left.empty_count else f"User {number}"),
            "id": _id(number),
            "lastmodifieddate": loaded - left.age - timedelta(seconds=number),
            "_extracted_at": loaded,
        }
        for number in range(left.row_count)
    ]


def _history(started_at: datetime, left: Left) -> list[dict[str, Any]]:
    first, second = started_at - timedelta(days=9), started_at - timedelta(days=2)
    rows = []
    for number in range(_ROWS):
        is_twice, overlaps = number < left.twice_current_count, number < left.overlapping_count
        end = None if is_twice else second + timedelta(hours=3) if overlaps else second
        common = {"user_id": _id(number), "is_deleted": False}
        before, after = _user(number, "Support", f"User {number}"), _user(number, "Sales", f"User {number}")
        rows.append({**common, **before, "effective_from": first, "effective_to": end, "is_current": is_twice})
        rows.append({**common, **after, "effective_from": second, "effective_to": None, "is_current": True})
    return rows


def _id(number: int) -> str:
    return f"0055g00000{number:05}AAA"


def _user(number: int, division: str, name: str | None) -> dict[str, Any]:
    return {"name": name, "division": division, "audit_phase__c": f"Phase {number % 3 + 1}"}


def _parquet(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> bytes:
    import pyarrow as pa  # both only where something is written
    from pyarrow import parquet

    kinds = {"bigint": pa.int64(), "string": pa.string(), "boolean": pa.bool_(), "timestamp": pa.timestamp("ms")}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    naive = [
        {key: value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value for key, value in row.items()}
        for row in rows
    ]
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(naive, schema), buffer)
    return buffer.getvalue()


def _results(run: str, command: str, started_at: datetime, left: Left) -> bytes:
    good = {
        "run": [node(f"model.sf_user.{name}", "success") for name in ("stg_sf_user", "dim_sf_user_scd")],
        "test": [
            node(f"test.sf_user.{name}", "pass", 0)
            for name in ("not_null_dim_sf_user_scd_user_id", "unique_dim_sf_user_scd_user_id")
        ],
    }
    nodes = left.results.get(command, good[command])
    document = {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
            "dbt_version": "1.10.0",
            "invocation_id": f"{run}-{command}",
            "generated_at": (started_at + _DBT_ENDS_AFTER - left.results_age).isoformat(),
        },
        "results": list(nodes or ()),
        "elapsed_time": 12.0,
        "args": {"which": command},
    }
    body = json.dumps(document).encode()
    return body if nodes is not None else body[: len(body) // 2]
