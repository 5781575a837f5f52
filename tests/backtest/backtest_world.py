"""A day of messages -> a lake as the pipeline would have left it, and small templates and files to replay."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deliverywatch.backtest.inputs import lake
from deliverywatch.local.clicksend.traffic import day
from deliverywatch.sms.lake.columns import COLUMNS
from deliverywatch.sms.lake.slots import floor, hour_of, key_of

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
SLOT = timedelta(minutes=10)

Row = tuple[datetime, str, str, datetime]


def rows_of_the_demo() -> list[Row]:
    """The demo's day: a carrier drops 6 % from 11:00, 40 % from 11:50, and is back at 12:50."""
    rows: list[Row] = []
    for message in day(MIDNIGHT):
        ((known_at, outcome),) = message.outcomes
        verdict = ("delivered", "none") if outcome["status_code"] == "201" else ("failed", "carrier")
        rows.append((message.sent_at, *verdict, run_after(known_at)))
    return rows


def run_after(moment: datetime) -> datetime:
    """The run that sees what is known at a moment."""
    return floor(moment, 10) + SLOT


def write_lake(folder: Path, rows: list[Row], watermark: datetime | None = None) -> Path:
    for hour in sorted({hour_of(row[0]) for row in rows}):
        path = folder / key_of(hour)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = list(zip(*(row for row in rows if hour_of(row[0]) == hour), strict=True))
        types = (pa.timestamp("ms", "UTC"), pa.string(), pa.string(), pa.timestamp("ms", "UTC"))
        observed = {name: pa.array(column, kind) for name, column, kind in zip(lake.NAMES, columns, types, strict=True)}
        nothing = {column.name: pa.nulls(len(columns[0]), pa.string()) for column in COLUMNS}
        ids = pa.array([f"{hour:%H}-{number}" for number in range(len(columns[0]))], pa.string())
        pq.write_table(pa.table(nothing | observed | {"message_id": ids}), path)
    if watermark:
        state = folder / "state" / "sms-watermark.json"
        state.parent.mkdir()
        state.write_text(json.dumps({"covered_until": watermark.isoformat()}))
    return folder


def template(folder: Path, **changes: Any) -> Path:
    """A template with one alarm: more than `Limit` % of 30 minutes failed."""
    stats = [
        {"Id": name.lower(), "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 1800, "Stat": "Sum"}}
        for name in ("Total", "Failed")
        for metric in [{"Namespace": "Shop", "MetricName": name}]
    ]
    alarm = {
        "AlarmName": "orders",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": {"Ref": "Limit"},
        "TreatMissingData": "ignore",
        "Metrics": [{"Id": "value", "Expression": "100 * failed / total"}, *stats],
        "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:mails"],
        "OKActions": ["arn:aws:sns:us-east-1:123456789012:mails"],
    } | changes
    path = folder / "template.json"
    resources = {"Orders": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}}
    path.write_text(json.dumps({"Parameters": {"Limit": {"Default": "5"}}, "Resources": resources}))
    return path


def csv(folder: Path, failed: dict[int, int], slots: int = 144) -> Path:
    """A day of slots with 50 orders each, and so many failures in some of them."""
    lines = [f"{(MIDNIGHT + n * SLOT).isoformat()},50,{failed.get(n, 0)}" for n in range(slots)]
    path = folder / "orders.csv"
    path.write_text("\n".join(["time,Total,Failed", *lines]))
    return path
