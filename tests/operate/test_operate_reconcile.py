"""`deliverywatch reconcile` on a stack: it finds what CloudWatch lacks, emits it, and then finds nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud


def test_in_a_stack_it_finds_emits_and_then_finds_nothing(
    cloud: LocalCloud, noon: datetime, run: Callable[..., Result]
) -> None:
    for minutes in range(0, 60, 10):
        moment = noon + timedelta(minutes=minutes)
        cloud.clock.advance_to(moment)
        assert cloud.invoke("deliverywatch-prod-sms-ingest", {"scheduled_time": moment.isoformat()}).error is None
    # Nobody has ticked the clock since: what the last run printed is not seen, as if it had been killed.
    cloud.clock.advance_to(noon + timedelta(hours=20))
    cloud.settle()
    same = json.loads(run("reconcile", "--dry-run", "--json").stdout)
    assert (same["differences"], same["emitted"]) == ([], 0)
    lose(cloud, noon)
    told = run("reconcile", "--dry-run", "--since", (noon - timedelta(days=30)).isoformat())
    assert "stay as they are: no run has" in told.stderr
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert "Nothing was emitted" in told.stderr
    emitted = json.loads(run("reconcile", "--json").stdout)
    assert emitted["emitted"] == len(emitted["differences"]) == 1
    assert emitted["differences"][0]["total"] == 5
    again = json.loads(run("reconcile", "--json").stdout)
    assert (again["differences"], again["emitted"]) == ([], 0)


def lose(cloud: LocalCloud, noon: datetime) -> None:
    """Take five messages from CloudWatch, which a killed run would not have printed."""
    stamp = noon - timedelta(minutes=20) + timedelta(minutes=12)
    cloud.client("cloudwatch").put_metric_data(
        Namespace="DeliveryWatch/Sms",
        MetricData=[
            {
                "MetricName": "Total",
                "Dimensions": [{"Name": "Environment", "Value": "prod"}],
                "Timestamp": stamp,
                "Value": -5.0,
                "Unit": "Count",
            }
        ],
    )
