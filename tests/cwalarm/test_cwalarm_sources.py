"""Where definitions and datapoints come from: notation, CSV, Parquet, YAML templates, a live account."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_alarms import ERRORS, NOON, minutes, plain
from hypothesis import example, given
from hypothesis import strategies as st

from cwalarm.aws import CloudWatch, grain_seconds
from cwalarm.definitions import documents
from cwalarm.definitions.alarm import Metric, MetricStat, from_template
from cwalarm.errors import InputError
from cwalarm.evaluation.series import Series
from cwalarm.replay import datapoint_files
from cwalarm.unit_tests import notation

N = None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2 _ 4", [1, 2, N, 4]),
        ("0+10x3", [0, 10, 20, 30]),
        ("-2-1x2", [-2, -3, -4]),
        ("5x2", [5, 5, 5]),
        ("_x3 1.5e2", [N, N, N, 150]),
        ("1+0.5x1", [1, 1.5]),
        ("", []),
    ],
)
def test_the_compact_notation_means_what_promtool_means(text: str, expected: list[float | None]) -> None:
    assert notation.values(text) == expected


@pytest.mark.parametrize("text", ["stale", "1+2", "x3", "1xx2", "NaN", "0x9999999"])
def test_a_word_that_is_not_in_the_notation_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        notation.values(text)


@given(st.text(alphabet="0123456789+-x_. e", max_size=20))
def test_no_line_makes_the_notation_crash(text: str) -> None:
    try:
        assert all(value is None or value == value for value in notation.values(text))
    except InputError as error:
        assert error.next_step


def summed(series: Series, metric: Metric, start: datetime = NOON, span_minutes: int = 60) -> float | None:
    stat = MetricStat(*metric, 60, "Sum")
    return series.window(stat, int(start.timestamp()), int(start.timestamp()) + span_minutes * 60)


def test_a_line_is_added_at_its_interval() -> None:
    series = Series()
    notation.add(series, ERRORS, "1 _ 3", NOON, timedelta(minutes=5))
    assert [summed(series, ERRORS, NOON + minutes(5 * slot), 5) for slot in range(3)] == [1, None, 3]


def csv(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "history.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_csv_with_a_column_per_metric_is_read_and_its_gaps_stay_gaps(tmp_path: Path) -> None:
    path = csv(tmp_path, "time,Errors,Other", "2026-11-21T12:00:00Z,2,", "2026-11-21T13:05:00+01:00,,7")
    series = datapoint_files.read(path, [ERRORS, Metric("App", "Other")])
    assert summed(series, ERRORS) == 2
    assert series.extent(Metric("App", "Other")) == (NOON.timestamp() + 300, NOON.timestamp() + 300)


def test_a_csv_with_a_row_per_value_is_read_in_any_order(tmp_path: Path) -> None:
    path = csv(tmp_path, "time,metric,value", "2026-11-21T12:01:00Z,App/Errors,2", "2026-11-21T12:00:00Z,Errors,1")
    assert summed(datapoint_files.read(path, [ERRORS]), ERRORS) == 3


def test_columns_of_metrics_with_one_name_are_told_apart_by_their_dimensions(tmp_path: Path) -> None:
    functions = [Metric("AWS/Lambda", "Errors", (("FunctionName", name),)) for name in ("orders", "mails")]
    path = csv(tmp_path, "time,Errors{orders},AWS/Lambda/Errors{mails}", "2026-11-21T12:00:00Z,2,3")
    series = datapoint_files.read(path, functions)
    assert [summed(series, metric) for metric in functions] == [2, 3]
    choice = re.escape("call it one of: AWS/Lambda/Errors{mails}; AWS/Lambda/Errors{orders}.")
    with pytest.raises(InputError, match=f"column Errors may mean 2 metrics; {choice}"):
        datapoint_files.read(csv(tmp_path, "time,Errors", "2026-11-21T12:00:00Z,2"), functions)


def test_a_point_counts_from_its_published_time(tmp_path: Path) -> None:
    path = csv(tmp_path, "time,published,Errors", "2026-11-21T12:00:00Z,2026-11-21T12:09:00Z,2")
    series, start = datapoint_files.read(path, [ERRORS]), int(NOON.timestamp())
    stat = MetricStat(*ERRORS, 60, "Sum")
    assert [series.window(stat, start, start + 60, as_of=start + minute * 60) for minute in (8, 9)] == [None, 2]


def test_points_of_ten_seconds_stay_apart_and_add_up_over_a_minute(tmp_path: Path) -> None:
    path = csv(tmp_path, "time,Errors", *(f"2026-11-21T12:00:{second:02}Z,{second}" for second in range(0, 60, 10)))
    series, start = datapoint_files.read(path, [ERRORS]), int(NOON.timestamp())
    stat = MetricStat(*ERRORS, 10, "Sum")
    assert [series.window(stat, start + offset, start + offset + 10) for offset in range(0, 60, 10)] == [
        0,
        10,
        20,
        30,
        40,
        50,
    ]
    assert summed(series, ERRORS, NOON, 1) == 150


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "history.parquet"
    pq.write_table(pa.table({"time": [NOON, NOON + minutes(1)], "Errors": [1.0, None]}), path)
    assert summed(datapoint_files.read(path, [ERRORS]), ERRORS) == 1


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["time,Errors"], "holds no datapoints"),
        (["time,Errors", "2026-11-21T12:00:00,1"], "Row 2 of history.csv cannot be used: time .* has no zone"),
        (["time,Errors", "2026-11-21T12:00:00Z,nan"], "nan in column Errors is not a finite number"),
        (["time,Errors", "2026-11-21T12:00:00Z,many"], "Row 2"),
        (["time,Errors", ",1"], "it has no time"),
        (["time,Errors", "yesterday,1"], "Row 2"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        datapoint_files.read(csv(tmp_path, *lines), [ERRORS])


@pytest.mark.parametrize("name", ["missing.csv", "notes.txt", "latin.csv", "binary.csv", "text.parquet"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "latin.csv").write_bytes("time,Größe\n".encode("latin-1"))
    (tmp_path / "binary.csv").write_bytes(b"time,Errors\n\x00\x00\xff")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(InputError):
        datapoint_files.read(tmp_path / name, [ERRORS])


WORDS = st.sampled_from(
    [
        *("time", "published", "metric", "value", "Errors", "1", "nan", "1e400", '"', "\x00", "", "2026-11-21"),
        *("2026-11-21T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    ]
)
LINES = st.lists(st.lists(WORDS, max_size=4).map(",".join), max_size=4)


@given(
    content=st.one_of(st.binary(max_size=60), LINES.map(lambda lines: "\n".join(["time,Errors", *lines]).encode())),
    kind=st.sampled_from(["csv", "parquet"]),
)
@example(content=b"time,Errors\n0001-01-01T00:00:00+14:00,1", kind="csv")
def test_no_file_makes_the_reader_crash(tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"history.{kind}"
    path.write_bytes(content)
    try:
        assert datapoint_files.read(path, [ERRORS]).metrics() is not None
    except InputError as error:
        assert error.next_step


def test_an_alarm_on_a_metric_outside_the_history_is_named_with_the_way_out() -> None:
    series = Series()
    series.add(Metric("App", "Other"), NOON, 1)
    with pytest.raises(InputError, match="Alarm errors watches App/Errors") as raised:
        datapoint_files.require(plain(), series)
    assert "App/Other" in raised.value.next_step


YAML = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Environment: {Type: String, Default: prod}
Conditions:
  IsProd: !Equals [!Ref Environment, prod]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: jobs}
  Waiting:
    Type: AWS::CloudWatch::Alarm
    Condition: IsProd
    Properties:
      AlarmName: !Sub "${Environment}-${Queue.QueueName}"
      AlarmDescription: !GetAtt Queue.QueueName
      Namespace: AWS/SQS
      MetricName: !Join ["", [Approximate, NumberOfMessagesVisible]]
      Statistic: !If [IsProd, Maximum, Average]
      Period: 300
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
"""


def test_a_yaml_template_with_short_forms_is_read() -> None:
    alarm = from_template(documents.parse(YAML))[0]
    stat = alarm.queries[0].metric
    assert stat is not None
    assert (alarm.name, alarm.description, stat.name, stat.statistic) == (
        "prod-jobs",
        "jobs",
        "ApproximateNumberOfMessagesVisible",
        "Maximum",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "a: [",
        "just words",
        "{}",
        "Resources: []",
        "!!int",
        "!!float",
        '{"a":' * 5000,
        "Resources: !!set",
    ],
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        documents.parse(text)


class Paginator:
    def __init__(self, pages: list[dict[str, Any]], calls: list[dict[str, Any]]) -> None:
        self._pages, self._calls = pages, calls

    def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
        self._calls.append(arguments)
        return self._pages


class Client:
    """Answers as boto3's CloudWatch client does, from pages."""

    def __init__(self, **pages: list[dict[str, Any]]) -> None:
        self._pages = pages
        self.calls: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> Paginator:
        return Paginator(self._pages[operation], self.calls)


DESCRIBED = {
    "AlarmName": "errors",
    "Namespace": "App",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def test_a_live_accounts_alarms_come_from_every_page_and_what_is_refused_is_named() -> None:
    pages = [
        {"MetricAlarms": [DESCRIBED, {"AlarmName": "odd", "ThresholdMetricId": "ad1"}]},
        {"CompositeAlarms": [{"AlarmName": "all", "AlarmRule": "ALARM(errors)"}], "MetricAlarms": []},
    ]
    metric, composite, refused = CloudWatch(Client(describe_alarms=pages)).definitions("e")
    assert ([alarm.name for alarm in metric], [alarm.name for alarm in composite]) == (["errors"], ["all"])
    assert refused[0][0] == "odd"
    assert "anomaly detection" in refused[0][1]


def test_history_of_a_live_account_is_read_within_the_limit_of_datapoints() -> None:
    results = [
        {"Id": f"{stat}_0", "Timestamps": [NOON], "Values": [value]}
        for stat, value in {"sum": 6.0, "samplecount": 3.0, "minimum": 1.0, "maximum": 3.0}.items()
    ]
    client = Client(get_metric_data=[{"MetricDataResults": results}])
    start = NOON - timedelta(days=14)
    series = CloudWatch(client).history([ERRORS], start, NOON + timedelta(days=14), NOON)
    assert [call["StartTime"] for call in client.calls] == [start, start + minutes(25_200)]
    both = Client(get_metric_data=[{"MetricDataResults": results}])
    CloudWatch(both).history([ERRORS, Metric("App", "Other")], start, NOON, NOON)
    assert both.calls[1]["StartTime"] == start + minutes(12_600)
    assert series.window(MetricStat(*ERRORS, 60, "Maximum"), int(NOON.timestamp()), int(NOON.timestamp()) + 60) == 3


@pytest.mark.parametrize(("days", "seconds"), [(1, 60), (15, 60), (16, 300), (64, 3600)])
def test_the_grain_is_what_cloudwatch_still_keeps(days: int, seconds: int) -> None:
    assert grain_seconds(NOON - timedelta(days=days), NOON) == seconds


def test_history_older_than_cloudwatch_keeps_is_refused() -> None:
    with pytest.raises(InputError, match="455 days"):
        grain_seconds(NOON - timedelta(days=456), NOON)
