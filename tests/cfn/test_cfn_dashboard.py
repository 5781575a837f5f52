"""The dashboard's body is what CloudWatch accepts, and shows what is deployed."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from cfn_values import GIVEN, of_type

from cwalarm.definitions.alarm import from_template
from cwalarm.metric_math.expression import names, parse
from deliverywatch.sms import counts
from deliverywatch.sms.mail_context.delay import Delays

NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)


def widgets(template: dict[str, Any], **parameters: str) -> dict[str, dict[str, Any]]:
    (dashboard,) = of_type(template, "AWS::CloudWatch::Dashboard", **parameters).values()
    body = json.loads(dashboard["DashboardBody"])
    return {widget["properties"]["title"]: widget for widget in body["widgets"]}


def test_it_shows_rate_volume_overdue_alarms_and_the_watching_itself(template: dict[str, Any]) -> None:
    assert list(widgets(template)) == [
        "Alarms",
        "SMS failed, share of 30 minutes",
        "SMS per 10 minutes",
        "SMS of 5 to 20 minutes ago without an outcome",
        "Runs and errors per 30 minutes",
        "Minutes until the outcome of SMS is known, half and 95 % of them, up to one slot too many",
    ]


def test_the_time_to_the_outcome_comes_from_the_log_lines_of_a_run_and_costs_no_metric(
    template: dict[str, Any],
) -> None:
    (query,) = [widget["properties"]["query"] for widget in widgets(template).values() if widget["type"] == "log"]
    groups = {group["LogGroupName"] for group in of_type(template, "AWS::Logs::LogGroup").values()}
    assert query.partition("'")[2].partition("'")[0] in groups
    delays = Delays(10)
    delays.add(0, "delivered", 1)
    line = json.loads(counts.document("prod", counts.run_datapoint(NOW, None, {"delay": delays.summed().document()})))
    assert {f"delay.{name}" for name in line["delay"]} == set(re.findall(r"delay\.\w+", query))


def test_it_is_made_on_demand_only(template: dict[str, Any]) -> None:
    assert not of_type(template, "AWS::CloudWatch::Dashboard", CreateDashboard="false")
    assert len(of_type(template, "AWS::CloudWatch::Dashboard", CreateDashboard="true")) == 1


def test_the_rate_is_of_the_window_that_the_alarms_look_at(template: dict[str, Any]) -> None:
    rate = widgets(template, WindowMinutes="60")["SMS failed, share of 60 minutes"]
    assert rate["properties"]["period"] == 3600


def test_the_rate_stands_between_both_thresholds_as_numbers(template: dict[str, Any]) -> None:
    rate = widgets(template, WarningThresholdPercent="5", CriticalThresholdPercent="40")[
        "SMS failed, share of 30 minutes"
    ]
    lines = rate["properties"]["annotations"]["horizontal"]
    assert [(line["label"], line["value"]) for line in lines] == [("critical", 40), ("warning", 5)]


def test_the_rate_is_computed_from_the_metrics_beside_it(template: dict[str, Any]) -> None:
    rate = widgets(template)["SMS failed, share of 30 minutes"]["properties"]
    (share,) = [row[0] for row in rate["metrics"] if "expression" in row[0]]
    assert names(parse(share["expression"])) == {row[-1]["id"] for row in rate["metrics"] if row[0] != share}
    assert rate["period"] == 1800


def metrics(widget: dict[str, Any]) -> set[tuple[str, ...]]:
    rows = widget["properties"].get("metrics", [])
    return {tuple(part for part in row if isinstance(part, str)) for row in rows if isinstance(row[0], str)}


def test_it_shows_only_metrics_that_exist(template: dict[str, Any]) -> None:
    alarmed = {
        (query.metric.namespace, query.metric.name, *(word for pair in query.metric.dimensions for word in pair))
        for alarm in from_template(template, GIVEN)
        for query in alarm.queries
        if query.metric
    }
    shown = set().union(*(metrics(widget) for widget in widgets(template).values()))
    assert shown - alarmed == {("AWS/Lambda", "Errors", "FunctionName", "deliverywatch-prod-alerting-notify")}


def test_it_shows_every_alarm_that_opens_something(template: dict[str, Any]) -> None:
    arns = widgets(template)["Alarms"]["properties"]["alarms"]
    opening = [alarm.name for alarm in from_template(template, GIVEN) if alarm.alarm_actions]
    assert sorted(arns) == sorted(f"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:{name}" for name in opening)


@pytest.mark.parametrize("environment", ["prod", "test"])
def test_nothing_overlaps_and_all_fits_into_24_columns(template: dict[str, Any], environment: str) -> None:
    cells = [
        (column, row)
        for widget in widgets(template, Environment=environment).values()
        for column in range(widget["x"], widget["x"] + widget["width"])
        for row in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) == 23
