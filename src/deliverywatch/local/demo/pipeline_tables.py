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
DATABASE = "sf_user"
_COLUMNS = {
    "users": {"user_id": "bigint", "email": "string", "loaded_at": "timestamp", "changed_at": "timestamp"},
    "users_history": {
        "user_id": "bigint",
        "email": "string",
        "plan": "string",
        "valid_from": "timestamp",
        "valid_to": "timestamp",
        "is_current": "boolean",
        "is_deleted": "boolean",
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
        empty_count: Of these, without an e-mail address.
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
    cloud.client("glue").create_database(DatabaseInput={"Name": DATABASE})
    for name, columns in _COLUMNS.items():
        play.create_table(cloud, DATABASE, f"s3://{DATA}/{name}/", "parquet", columns)


def leave(cloud: LocalCloud, run: str, started_at: datetime, left: Left) -> None:
    """Write what a run leaves behind; it wrote its rows five minutes after its start."""
    s3 = cloud.client("s3")
    for name, rows in (("users", _users(started_at, left)), ("users_history", _history(started_at, left))):
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
            "user_id": number,
            "email": None if number < left.empty_count else f"user{number}@example.com",
            "loaded_at": loaded,
            "changed_at": loaded - left.age - timedelta(seconds=number),
        }
        for number in range(left.row_count)
    ]


def _history(started_at: datetime, left: Left) -> list[dict[str, Any]]:
    first, second = started_at - timedelta(days=9), started_at - timedelta(days=2)
    rows = []
    for number in range(_ROWS):
        is_twice, overlaps = number < left.twice_current_count, number < left.overlapping_count
        end = None if is_twice else second + timedelta(hours=3) if overlaps else second
        common = {"user_id": number, "email": f"user{number}@example.com", "is_deleted": False}
        rows.append({**common, "plan": "free", "valid_from": first, "valid_to": end, "is_current": is_twice})
        rows.append({**common, "plan": "paid", "valid_from": second, "valid_to": None, "is_current": True})
    return rows


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
        "run": [node(f"model.sf_user.{name}", "success") for name in ("stg_users", "dim_users", "fct_logins")],
        "test": [node(f"test.sf_user.{name}", "pass", 0) for name in ("not_null_users_id", "unique_users_id")],
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
