"""The examples that come with the package: each does what its cases and its comments say."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cwalarm.definitions import alarm, composites, documents
from cwalarm.definitions.alarm import State
from cwalarm.evaluation.series import Series
from cwalarm.replay.outcome import replay
from cwalarm.unit_tests.check import check_states

FOLDER = Path(__file__).parents[2] / "src/cwalarm/examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_does_what_its_cases_say(name: str) -> None:
    results = check_states(FOLDER / f"{name}.toml", FOLDER / f"{name}.yaml")
    assert results and not [result.difference for result in results if result.difference]


def test_there_is_one_of_each_of_five_kinds() -> None:
    assert NAMES == ["alb_ratio", "composite_suppressor", "lambda_errors", "sparse_errors", "sqs_age"]


@pytest.mark.parametrize(("deploying", "notifications"), [(0, 1), (1, 0)])
def test_the_suppressor_holds_the_notification_back_while_a_deployment_is_under_way(
    deploying: int, notifications: int
) -> None:
    document, series = documents.read(FOLDER / "composite_suppressor.yaml"), Series()
    alarms = alarm.from_template(document)
    values = {"Errors": 9, "Latency": 200, "Deploying": deploying}
    for one in alarms:
        for minute in range(20):
            metric = one.metrics[0].metric
            bad = minute > 9 or metric.name == "Deploying"
            series.add(metric, NOON + timedelta(minutes=minute), values[metric.name] if bad else 0)
    end = NOON + timedelta(minutes=20)
    replayed = replay(alarms, composites.from_template(document), [], series, NOON, end)
    assert sum(action.alarm == "api" and action.state is State.ALARM for action in replayed.actions) == notifications
