"""StateReason and StateReasonData of real accounts, as people published them, beside what is written here.

Each was recorded by somebody and stands in a public place, which its id names. More reasons are in the conformance set.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from engine_alarms import ERRORS, plain

from cwalarm.evaluation.evaluate import Evaluation, evaluate
from cwalarm.evaluation.series import Series

N = None


@dataclass(frozen=True)
class Recorded:
    """The values of the periods, oldest first; `query_date` as in StateReasonData; what was recorded."""

    source: str
    members: dict[str, Any]
    values: list[float | None]
    query_date: str
    reason: str
    data: dict[str, Any] = field(default_factory=dict)


def above(threshold: float, **members: Any) -> dict[str, Any]:
    return {"ComparisonOperator": "GreaterThanThreshold", "Threshold": threshold, "Period": 60, **members}


def datapoint(time: str, value: float | None = None, count: float | None = None) -> dict[str, Any]:
    members = {"timestamp": f"{time}.000+0000", "sampleCount": count, "value": value}
    return {name: member for name, member in members.items() if member is not None}


RECORDED = [
    Recorded(
        "user guide, alarms on Metrics Insights, PARTIAL_DATA",
        above(0, EvaluationPeriods=3, DatapointsToAlarm=1, Statistic="Average"),
        [20000, 20000, 20000],
        "2022-11-08T11:26:05.399+0000",
        "Threshold Crossed: 3 out of the last 3 datapoints [20000.0 (08/11/22 11:25:00), 20000.0 (08/11/22 11:24:00), "
        "20000.0 (08/11/22 11:23:00)] were greater than the threshold (0.0) (minimum 1 datapoint for OK -> ALARM "
        "transition).",
        {
            "startDate": "2022-11-08T11:23:00.000+0000",
            "recentDatapoints": [20000.0, 20000.0, 20000.0],
            "evaluatedDatapoints": [datapoint("2022-11-08T11:25:00", 20000.0, 1.0)],
        },
    ),
    Recorded(
        "guardian/support-service-lambdas, alarms-handler",
        above(0, TreatMissingData="notBreaching", EvaluationPeriods=1),
        [1, N],
        "2025-05-15T15:31:44.984+0000",
        "Threshold Crossed: 1 datapoint [1.0 (15/05/25 15:29:00)] was greater than the threshold (0.0).",
        {
            "version": "1.0",
            "startDate": "2025-05-15T15:29:00.000+0000",
            "statistic": "Sum",
            "period": 60,
            "recentDatapoints": [1.0],
            "threshold": 0.0,
            "evaluatedDatapoints": [datapoint("2025-05-15T15:29:00", 1.0, 1.0)],
        },
    ),
    Recorded(
        "a database's alarm, January 2022, DescribeAlarms",
        above(10, Period=300, EvaluationPeriods=2, DatapointsToAlarm=2, Statistic="Average"),
        [11.488333333333333, 15.398333333333332, N],
        "2022-01-17T14:52:42.271+0000",
        "Threshold Crossed: 2 out of the last 2 datapoints [15.398333333333332 (17/01/22 14:42:00), 11.488333333333333 "
        "(17/01/22 14:37:00)] were greater than the threshold (10.0) (minimum 2 datapoints for OK -> ALARM "
        "transition).",
        {
            "startDate": "2022-01-17T14:37:00.000+0000",
            "recentDatapoints": [11.488333333333333, 15.398333333333332],
            "evaluatedDatapoints": [
                datapoint("2022-01-17T14:42:00", 15.398333333333332, 1.0),
                datapoint("2022-01-17T14:37:00", 11.488333333333333, 1.0),
            ],
        },
    ),
    Recorded(
        "a video channel's mail, December 2021: the datapoints that speak for OK, not the newest ones",
        above(0, EvaluationPeriods=5, DatapointsToAlarm=3),
        [1, 0, 1, 0, 0],
        "2021-12-21T06:46:11.000+0000",
        "Threshold Crossed: 3 out of the last 5 datapoints [0.0 (21/12/21 06:45:00), 0.0 (21/12/21 06:44:00), 0.0 "
        "(21/12/21 06:42:00)] were not greater than the threshold (0.0) (minimum 3 datapoints for ALARM -> OK "
        "transition).",
    ),
    Recorded(
        "a firewall's notification, March 2024: one datapoint among missing ones",
        above(1, ComparisonOperator="GreaterThanOrEqualToThreshold", EvaluationPeriods=20, DatapointsToAlarm=1,
              TreatMissingData="notBreaching"),
        [613],
        "2024-03-16T12:16:45.770+0000",
        "Threshold Crossed: 1 out of the last 20 datapoints [613.0 (16/03/24 12:15:00)] was greater than or equal to "
        "the threshold (1.0) and 19 missing datapoints were treated as [NonBreaching] (minimum 1 datapoint for OK -> "
        "ALARM transition).",
    ),
    Recorded(
        "a poller's runbook, August 2026: back to OK while data comes again",
        above(0, ComparisonOperator="LessThanOrEqualToThreshold", Period=900, EvaluationPeriods=8,
              TreatMissingData="breaching"),
        [2],
        "2026-08-19T09:51:49.318+0000",
        "Threshold Crossed: 1 datapoint [2.0 (19/08/26 09:36:00)] was not less than or equal to the threshold (0.0) "
        "and 7 missing datapoints were treated as [Breaching].",
    ),
    Recorded(
        "a poller's runbook, August 2026: nothing came for two hours",
        above(0, ComparisonOperator="LessThanOrEqualToThreshold", Period=900, EvaluationPeriods=8,
              TreatMissingData="breaching"),
        [N],
        "2026-08-19T08:14:49.319+0000",
        "Threshold Crossed: no datapoints were received for 8 periods and 8 missing datapoints were treated as "
        "[Breaching].",
        {
            "recentDatapoints": [],
            "evaluatedDatapoints": [
                datapoint(f"2026-08-19T{time}:00")
                for time in ("07:59", "07:44", "07:29", "07:14", "06:59", "06:44", "06:29", "06:14")
            ],
        },
    ),
    Recorded(
        "a poller's runbook, August 2026: three periods of three minutes",
        above(0, Period=180, EvaluationPeriods=3),
        [1, 3, 2],
        "2026-08-19T05:53:32.119+0000",
        "Threshold Crossed: 3 datapoints [2.0 (19/08/26 05:50:00), 3.0 (19/08/26 05:47:00), 1.0 (19/08/26 05:44:00)] "
        "were greater than the threshold (0.0).",
    ),
    Recorded(
        "a cluster's cron job, September 2026",
        above(1, ComparisonOperator="LessThanThreshold", Period=900, EvaluationPeriods=2, TreatMissingData="breaching"),
        [1],
        "2026-09-25T22:06:48.919+0000",
        "Threshold Crossed: 1 datapoint [1.0 (25/09/26 21:51:00)] was not less than the threshold (1.0) and 1 missing "
        "datapoint was treated as [Breaching].",
    ),
    Recorded(
        "a data warehouse's chat message, May 2020: five are listed after the sentence",
        above(400000, Period=300, EvaluationPeriods=5, DatapointsToAlarm=5),
        [2126585, 1893750, 1054630, 1223375, 624630],
        "2020-05-21T18:36:10.000+0000",
        "Threshold Crossed: 5 out of the last 5 datapoints were greater than the threshold (400000.0). The most recent "
        "datapoints which crossed the threshold: [624630.0 (21/05/20 18:31:00), 1223375.0 (21/05/20 18:26:00), "
        "1054630.0 (21/05/20 18:21:00), 1893750.0 (21/05/20 18:16:00), 2126585.0 (21/05/20 18:11:00)] (minimum 5 "
        "datapoints for OK -> ALARM transition).",
    ),
    Recorded(
        "an alarm forwarder, January 2020",
        above(1, ComparisonOperator="GreaterThanOrEqualToThreshold", EvaluationPeriods=1,
              TreatMissingData="notBreaching"),
        [N],
        "2020-01-22T11:09:02.049+0000",
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
        "[NonBreaching].",
    ),
]  # fmt: skip


def evaluated(one: Recorded) -> Evaluation:
    alarm = plain(**one.members)
    now, series = datetime.fromisoformat(one.query_date), Series()
    for age, value in enumerate(reversed(one.values), 1):
        if value is not None:
            start = now.replace(second=0, microsecond=0) - timedelta(seconds=age * alarm.period_seconds)
            series.add(ERRORS, start, value)
    return evaluate(alarm, series, now)


@pytest.mark.parametrize("one", RECORDED, ids=lambda one: one.source)
def test_the_reason_is_the_one_that_was_recorded(one: Recorded) -> None:
    assert evaluated(one).reason == one.reason


@pytest.mark.parametrize("one", [one for one in RECORDED if one.data], ids=lambda one: one.source)
def test_the_reason_data_has_what_was_recorded(one: Recorded) -> None:
    data = evaluated(one).reason_data
    assert data["queryDate"] == one.query_date
    assert ("startDate" in data) == ("startDate" in one.data)
    assert {name: data[name] for name in one.data} == one.data


@pytest.mark.parametrize(
    ("m", "values", "state", "count"),
    [(2, [9, 9, 9, 9], "ALARM", 2), (2, [0, 0, 0, 0], "OK", 3), (4, [0, 0, 0, 0], "OK", 1), (1, [0, 0, 0, 0], "OK", 4)],
)
def test_as_many_datapoints_are_listed_as_the_state_needs(m: int, values: list[float], state: str, count: int) -> None:
    members = above(3, EvaluationPeriods=4, DatapointsToAlarm=m)
    result = evaluated(Recorded("", members, list(values), "2026-08-19T05:53:32.119+0000", ""))
    newest = [f"2026-08-19T05:{minute}:00.000+0000" for minute in (52, 51, 50, 49)]
    assert result.state == state
    assert [point["timestamp"] for point in result.reason_data["evaluatedDatapoints"]] == newest[:count]
    assert result.reason_data["recentDatapoints"] == values
