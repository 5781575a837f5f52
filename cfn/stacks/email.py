"""E-mail: SES events of two configuration sets -> Firehose -> Parquet, read with Athena, watched by alarms."""

from __future__ import annotations

from typing import Any

from troposphere import If, Ref, Sub, budgets

from parts import Function, Stack, allow
from stacks import email_alarms, email_choices, email_dashboard, email_lake, email_streams
from tables import saved_queries


def stack() -> Stack:
    """Return everything of the e-mail system."""
    transform = _transform()
    return Stack(
        resources=[
            *email_lake.resources(),
            *saved_queries("email", "EmailDatabase", "EmailWorkgroup"),
            *email_streams.resources(transform),
            _budget(),
            *email_alarms.alarms(),
            email_dashboard.dashboard(),
        ],
        choices=email_choices.choices(),
        rules=email_choices.rules(),
        conditions=email_choices.conditions(),
        outputs=_outputs(),
        functions=[transform],
        watches=email_alarms.watches(),
    )


def _transform() -> Function:
    return Function(
        room="email",
        verb="transform",
        description="Events of SES -> rows of the e-mail tables, a batch of Firehose at a time",
        # It holds 50 MB; 256 buys the share of a processor that keeps a batch of 1,000 events under a second.
        memory_megabytes=256,
        # Firehose gives up after five minutes, and tries again.
        timeout_seconds=120,
        packages=("aws-embedded-metrics", "orjson"),
        environment={
            "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
            "DELIVERYWATCH_EMAIL_BUCKET": Ref("EmailBucket"),
            "DELIVERYWATCH_CAMPAIGN_TAG": Ref("EmailCampaignTag"),
        },
        statements=[allow("s3:PutObject", Sub("${EmailBucket.Arn}/errors/*"))],
    )


def _budget() -> Any:
    services = ["Amazon Simple Email Service", "Amazon Kinesis Firehose", "AWS Glue", "Amazon Athena"]
    subscriber = budgets.Subscriber(Address=Ref("FallbackAddress"), SubscriptionType="EMAIL")
    alert = budgets.Notification(
        ComparisonOperator="GREATER_THAN", NotificationType="ACTUAL", Threshold=80, ThresholdType="PERCENTAGE"
    )
    return budgets.Budget(
        "EmailBudget",
        Condition="HasEmailBudget",
        Budget=budgets.BudgetData(
            BudgetName=Sub("deliverywatch-${Environment}-email-${AWS::Region}"),
            BudgetType="COST",
            TimeUnit="MONTHLY",
            BudgetLimit=budgets.Spend(Amount=Ref("EmailBudgetDollars"), Unit="USD"),
            CostFilters={"Service": services, "Region": [Ref("AWS::Region")]},
        ),
        NotificationsWithSubscribers=[
            budgets.NotificationWithSubscribers(Notification=alert, Subscribers=[subscriber])
        ],
    )


def _outputs() -> dict[str, tuple[str, Any]]:
    console = "https://${AWS::Region}.console.aws.amazon.com/athena/home?region=${AWS::Region}"
    return {
        "EmailBucket": ("Bucket of the e-mail events; it stays when the stack is deleted", Ref("EmailBucket")),
        "EmailDatabase": ("Glue database of the e-mail events", Ref("EmailDatabase")),
        "EmailWorkgroup": ("Athena workgroup of the e-mail queries", Ref("EmailWorkgroup")),
        "EmailPartitions": ("Folders of a day", If("HasEmailDays", "day", "year-month-day")),
        "EmailQueriesUrl": (
            "The saved queries about e-mail",
            Sub(f"{console}#/saved-queries?workgroup=email-analytics-${{Environment}}"),
        ),
    }
