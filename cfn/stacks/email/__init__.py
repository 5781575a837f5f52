"""E-mail: SES events of two configuration sets -> Firehose -> Parquet, read with Athena, watched by alarms."""

from collections.abc import Collection
from typing import Any

from troposphere import GetAtt, If, Ref, Sub, budgets

from blocks.extras import Extra
from blocks.parts import CONSOLE, CONSOLE_OF, MEMORY_SETTINGS, Function, allow, limits, not_kept, reported, schedule
from blocks.stack import Stack
from blocks.tables import saved_queries
from deliverywatch.email.rates.rules import Limits
from stacks.email import lake, streams
from stacks.email.alarms import watches
from stacks.email.dashboard import email_dashboard
from stacks.email.parameters import BUDGET, BUDGET_CONDITIONS, CONDITIONS, PARAMETERS, RULES
from stacks.shared import MAY_LIST_LAKE, MAY_SET_ASIDE, may_publish

# Long after midnight: Firehose writes the last events of a day up to 15 minutes into the next.
_NIGHTLY = "cron(30 2 * * ? *)"
# What a stream's mails prove is too old for the notifier after half an hour.
_JUDGED = "cron(0/10 * * * ? *)"


_MAY_JUDGE = [
    allow(["s3:GetObject", "s3:PutObject"], Sub("${LakeBucket.Arn}/state/email-*")),
    MAY_LIST_LAKE,
    MAY_SET_ASIDE,
]


def stack(extras: Collection[Extra] = ()) -> Stack:
    """Return everything of the e-mail system."""
    transform, judge, compact = _transform(), _judge(), _compact()
    has_budget = Extra.BUDGET in extras
    return Stack(
        resources=[
            *lake.resources(),
            *saved_queries("email", "EmailDatabase", "EmailWorkgroup"),
            *streams.resources(transform),
            not_kept(
                "email-judge", "The next run judges all that this one would have.", "The alarm email-judge-errors."
            ),
            *schedule("email-judge-shares", judge, _JUDGED),
            reported("email-compact"),
            *schedule("email-compact-days", compact, _NIGHTLY),
            *([_budget()] if has_budget else []),
            email_dashboard(),
        ],
        parameters=PARAMETERS | (BUDGET if has_budget else {}),
        rules=RULES,
        conditions=CONDITIONS | (BUDGET_CONDITIONS if has_budget else {}),
        outputs=_outputs(),
        functions=[transform, judge, compact],
        watches=watches(),
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
            "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
            "DELIVERYWATCH_EMAIL_BUCKET": Ref("EmailBucket"),
            "DELIVERYWATCH_CAMPAIGN_TAG": Ref("EmailCampaignTag"),
            **limits(Limits),
        },
        statements=[allow("s3:PutObject", Sub("${EmailBucket.Arn}/errors/*")), *_MAY_JUDGE],
    )


def _judge() -> Function:
    return Function(
        room="email",
        verb="judge",
        description="What became of the mails of some days -> the shares that alarms and mails are about",
        timeout_seconds=60,
        packages=("aws-embedded-metrics",),
        environment={
            "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
            "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
            **limits(Limits),
        },
        statements=_MAY_JUDGE,
    )


def _compact() -> Function:
    return Function(
        room="email",
        verb="compact",
        description="The objects of a day of e-mail events -> one",
        # 60,000 events take 250 MB; this is for days of a few hundred thousand.
        memory_megabytes=1024,
        timeout_seconds=900,
        packages=("orjson", "pyarrow"),
        environment={"DELIVERYWATCH_EMAIL_BUCKET": Ref("EmailBucket"), **MEMORY_SETTINGS},
        statements=[
            allow("s3:ListBucket", GetAtt("EmailBucket", "Arn")),
            allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], lake.objects()),
            allow("s3:PutObject", Sub("${EmailBucket.Arn}/damaged/*")),
            *may_publish("AlertsTopic"),
        ],
    )


def _budget() -> Any:
    """Return a budget of all that the stack's tag is on: services alone would count what others use of them, too."""
    mail = {"Address": Ref("FallbackAddress"), "SubscriptionType": "EMAIL"}
    percentage = {"ComparisonOperator": "GREATER_THAN", "ThresholdType": "PERCENTAGE"}
    limits = (("ACTUAL", 80), ("FORECASTED", 100))
    alerts = [{**percentage, "NotificationType": kind, "Threshold": percent} for kind, percent in limits]
    properties = {
        "Budget": {
            "BudgetName": Sub("deliverywatch-${Environment}-email-${AWS::Region}"),
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": Ref("EmailBudgetDollars"), "Unit": "USD"},
            # The first $ stands between the tag and its value.
            "CostFilters": {"TagKeyValue": [Sub("aws:cloudformation:stack-name$${AWS::StackName}")]},
        },
        "NotificationsWithSubscribers": [{"Notification": alert, "Subscribers": [mail]} for alert in alerts],
    }
    budget = budgets.Budget.from_dict("EmailBudget", properties)
    budget.Condition = "HasEmailBudget"
    return budget


def _outputs() -> dict[str, tuple[str, Any]]:
    queries = f"{CONSOLE}/athena/home?region=${{AWS::Region}}#/saved-queries"
    return {
        "EmailBucket": ("Bucket of the e-mail events; it stays when the stack is deleted", Ref("EmailBucket")),
        "EmailDatabase": ("Glue database of the e-mail events", Ref("EmailDatabase")),
        "EmailWorkgroup": ("Athena workgroup of the e-mail queries", Ref("EmailWorkgroup")),
        "EmailPartitions": ("Folders of a day", If("HasEmailDays", "day", "year-month-day")),
        "EmailQueriesUrl": (
            "The saved queries about e-mail",
            Sub(f"{queries}?workgroup=email-analytics-${{Environment}}", **CONSOLE_OF),
        ),
    }
