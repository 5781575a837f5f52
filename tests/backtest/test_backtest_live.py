"""A live account's alarms and datapoints, back-tested: the local cloud in the account's place."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from backtest.backtest_world import template
from cwalarm.aws import stretches
from deliverywatch.cli import main
from deliverywatch.errors import InputError
from deliverywatch.local.cloud.cloud import LocalCloud

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
SLOTS = 24
BAD_SLOT = 15


@pytest.fixture(scope="module")
def account() -> Iterator[LocalCloud]:
    """Four hours of orders, a bad slot in the third, and one alarm of each kind."""
    with LocalCloud(NOON + timedelta(hours=4)) as cloud:
        metrics = cloud.client("cloudwatch")
        for number in range(SLOTS):
            stamp = NOON + number * timedelta(minutes=10)
            values = {"Total": 50.0, "Failed": 20.0 if number == BAD_SLOT else 0.0}
            data = [{"MetricName": name, "Timestamp": stamp, "Value": value} for name, value in values.items()]
            metrics.put_metric_data(Namespace="Shop", MetricData=data)
        shared = {"Namespace": "Shop", "MetricName": "Failed", "Period": 600, "EvaluationPeriods": 1}
        above = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 10.0, "TreatMissingData": "notBreaching"}
        acting = {
            "AlarmActions": ["arn:aws:sns:us-east-1:111122223333:x"],
            "OKActions": ["arn:aws:sns:us-east-1:111122223333:x"],
        }
        metrics.put_metric_alarm(AlarmName="failed", Statistic="Sum", **shared, **above, **acting)
        # In the long form, because the emulator gives a short one with ExtendedStatistic an average as well.
        stat = {"Metric": {"Namespace": "Shop", "MetricName": "Failed"}, "Period": 600, "Stat": "p99"}
        percentile = [{"Id": "slow", "MetricStat": stat, "ReturnData": True}]
        metrics.put_metric_alarm(AlarmName="slow", EvaluationPeriods=1, Metrics=percentile, **above)
        yield cloud


@pytest.fixture
def run(account: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    # The key is the local cloud's own, which is in the environment while it runs.
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.endpoint)

    def called(*arguments: object) -> Result:
        span = ["--from", NOON.isoformat(), "--to", (NOON + timedelta(hours=4)).isoformat()]
        return CliRunner().invoke(main, ["backtest", *map(str, arguments), "--history", "cloudwatch", *span])

    return called


def test_the_accounts_own_alarms_are_replayed_over_its_own_datapoints(run: Any) -> None:
    result = json.loads(run("--template", "cloudwatch", "--json").stdout)
    assert [(mail["time"][11:16], mail["event"]) for mail in result["variants"][0]["mails"]] == [
        ("14:31", "OPENED"),
        ("14:41", "RESOLVED"),
    ]


def test_an_alarm_on_a_percentile_is_left_out_by_name_and_with_the_reason(run: Any) -> None:
    result = json.loads(run("--template", "cloudwatch", "--json").stdout)
    assert result["left_out"] == ["slow"]
    assert "CloudWatch returns no values of which a percentile could be made again." in result["notes"]


def test_a_template_is_replayed_over_the_accounts_datapoints(run: Any, tmp_path: Path) -> None:
    result = json.loads(run("--template", template(tmp_path), "--json").stdout)
    assert [mail["event"] for mail in result["variants"][0]["mails"]] == ["OPENED", "RESOLVED"]


def test_four_hours_of_an_account_recommend_nothing_and_show_what_its_alarm_did(run: Any) -> None:
    result = json.loads(run("--template", "cloudwatch", "--recommend", "--alarm", "failed", "--json").stdout)
    assert "are less than 7" in result["refusals"][0]
    assert [one["mails_count"] for one in result["settings"]] == [2]
    assert result["coverage"]["percent"] == 100


def test_an_account_has_no_parameters(run: Any) -> None:
    result = run("--template", "cloudwatch", "--set", "Limit=5")
    assert (result.exit_code, "An account has no parameters." in result.stderr) == (2, True)


NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def test_each_stretch_of_time_is_requested_as_fine_as_it_is_kept() -> None:
    parts = stretches(NOW - timedelta(days=100), NOW, NOW)
    assert [period for _, _, period in parts] == [3600, 300, 60]
    assert [begin for begin, _, _ in parts[1:]] == [end for _, end, _ in parts[:-1]]
    assert parts[2][0] >= NOW - timedelta(days=15)
    assert (parts[0][0], parts[-1][1]) == (NOW - timedelta(days=100), NOW)


def test_datapoints_that_are_forgotten_are_not_requested() -> None:
    with pytest.raises(InputError, match="keeps no datapoints"):
        stretches(NOW - timedelta(days=500), NOW, NOW)


def test_an_alarm_finer_than_what_is_kept_is_named_with_the_way_out(run: Any, tmp_path: Path) -> None:
    path = template(tmp_path)
    path.write_text(path.read_text().replace("1800", "60"))
    arguments = ["backtest", "--template", str(path), "--history", "cloudwatch"]
    early = (datetime.now(UTC) - timedelta(days=20)).date().isoformat()
    result = CliRunner().invoke(main, [*arguments, "--from", early])
    assert result.exit_code == 2
    assert "Alarm orders has a period of 60 s, and CloudWatch keeps only periods of 300 s" in result.stderr
