"""What a stack has cost so far this month, by Cost Explorer.

Cost Explorer knows a stack by the tag that CloudFormation puts on resources, once that tag is activated in the
account's billing settings: docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from deliverywatch.operate.account.aws import translated

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

STACK_TAG = "aws:cloudformation:stack-name"


def month_to_date(cloud: Cloud, stack: str, today: date) -> dict[str, float]:
    """Return by service what a stack has cost since the first of the month, in USD; nothing where the tag is not on.

    Each call costs 0.01 USD.
    """
    # The end is not part of the time, and Cost Explorer lives in one region.
    period = {"Start": today.replace(day=1).isoformat(), "End": (today + timedelta(days=1)).isoformat()}
    with translated("The cost of the month so far"):
        answer = cloud.client("ce", "us-east-1").get_cost_and_usage(
            TimePeriod=period,
            Granularity="MONTHLY",
            Metrics=["UnblendedCost"],
            Filter={"Tags": {"Key": STACK_TAG, "Values": [stack]}},
            GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
        )
    groups = [group for result in answer["ResultsByTime"] for group in result.get("Groups", ())]
    return {group["Keys"][0]: float(group["Metrics"]["UnblendedCost"]["Amount"]) for group in groups}
