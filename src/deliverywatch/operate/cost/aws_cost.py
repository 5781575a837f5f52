"""What `cost` asks of AWS: the template that is deployed, and what the month has cost so far.

Cost Explorer knows a stack by the tag that CloudFormation puts on resources, once that tag is activated in the
account's billing settings: docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import InputError
from deliverywatch.operate.account.aws import translated

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

STACK_TAG = "aws:cloudformation:stack-name"


def deployed_template(cloud: Cloud, stack: str) -> dict[str, Any]:
    """Return the template of a stack as it was deployed.

    Raises:
        CloudRefused: It cannot be read.
        CloudUnavailable: AWS does not answer.
        InputError: It was deployed as YAML.
    """
    with translated(f"The template of {stack}"):
        body = cloud.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
    try:
        # boto3 decodes JSON itself, and leaves everything else as text.
        return dict(json.loads(body) if isinstance(body, str) else body)
    except ValueError as error:
        raise InputError(
            f"The template of {stack} was deployed as YAML, which is not read here.",
            next_step="Package it with --use-json, as README shows, or count build/template.json.",
        ) from error


def month_to_date(cloud: Cloud, stack: str, today: date) -> dict[str, float]:
    """Return by service what a stack has cost since the first of the month, in USD; nothing where the tag is not on.

    Each call costs 0.01 USD.

    Raises:
        CloudRefused: These credentials may not ask Cost Explorer.
        CloudUnavailable: AWS does not answer.
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
    groups = [group for found in answer["ResultsByTime"] for group in found.get("Groups", ())]
    return {group["Keys"][0]: float(group["Metrics"]["UnblendedCost"]["Amount"]) for group in groups}
