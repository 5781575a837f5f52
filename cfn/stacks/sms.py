"""SMS: the ingest function and its schedule, the table, the saved queries and the dashboard."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Ref, Sub, awslambda

from deliverywatch.sms.columns import COLUMNS
from parts import Function, Stack, Statement, allow, schedule
from stacks import sms_alarms, sms_choices, sms_dashboard
from stacks.shared import objects
from tables import PARQUET, saved_queries, table

# Arrow's own pool and one per thread of the C library's keep what they freed: 25 MB at a million rows.
MEMORY_SETTINGS = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}


def stack() -> Stack:
    """Return everything of the SMS system."""
    ingest = _ingest()
    columns = [(column.name, column.athena_type, column.comment) for column in COLUMNS]
    return Stack(
        resources=[
            table("sms_messages", "One row per SMS, with its newest outcome", "sms", columns, PARQUET),
            *saved_queries("sms"),
            _no_retries(),
            *schedule(
                "sms-ingest-slots", ingest, _each_slot(), {"scheduled_time": "<aws.scheduler.scheduled-time>"}, 2
            ),
            *sms_alarms.alarms(),
            sms_dashboard.dashboard(),
        ],
        choices=sms_choices.choices(),
        rules=sms_choices.rules(),
        outputs=_outputs(),
        functions=[ingest],
        watches=sms_alarms.WATCHES,
    )


def _ingest() -> Function:
    return Function(
        room="sms",
        verb="ingest",
        description="ClickSend history -> Parquet lake -> counts of failed and total",
        # 200 MB is the peak of a run over 100,000 rows; 512 buys the share of a processor that keeps a cold run short.
        memory_megabytes=512,
        # The most that Lambda gives: after days without ClickSend one run reads all that was missed.
        timeout_seconds=900,
        packages=("aws-embedded-metrics", "orjson", "pyarrow", "urllib3"),
        environment={
            "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
            "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
            "DELIVERYWATCH_CREDENTIALS": Ref("ClickSendCredentials"),
            "DELIVERYWATCH_CLICKSEND_URL": Ref("ClickSendUrl"),
            "DELIVERYWATCH_SLOT_MINUTES": Ref("SlotMinutes"),
            "DELIVERYWATCH_COUNT_RECIPIENT_FAULTS": Ref("CountRecipientFaults"),
            "DELIVERYWATCH_RECIPIENT_NUMBERS": Ref("RecipientNumbers"),
            **MEMORY_SETTINGS,
        },
        statements=_ingest_may(),
    )


def _ingest_may() -> list[Statement]:
    parameters = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${ClickSendCredentials}/*"
    # Whichever key encrypts the two parameters, and only for them.
    only_these = {
        "StringEquals": {"kms:ViaService": Sub("ssm.${AWS::Region}.amazonaws.com")},
        "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": Sub(parameters)},
    }
    keys = Sub("arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*")
    return [
        allow(["s3:GetObject", "s3:PutObject"], objects("sms", "state")),
        # Without it S3 answers 403 where an object is not there yet, instead of 404 (see alerting.py).
        allow("s3:ListBucket", GetAtt("LakeBucket", "Arn")),
        allow("ssm:GetParameters", Sub(parameters)),
        allow("kms:Decrypt", keys, only_these),
    ]


def _no_retries() -> Any:
    # The next slot's run reads what this one missed. A retry by Lambda would count as a second failed run, and that is
    # what the alarm sms-ingest-errors asks for.
    return awslambda.EventInvokeConfig(
        "SmsIngestRetries", FunctionName=Ref("SmsIngest"), Qualifier="$LATEST", MaximumRetryAttempts=0
    )


def _each_slot() -> Any:
    return Sub("cron(0/${SlotMinutes} * * * ? *)")


def _outputs() -> dict[str, tuple[str, Any]]:
    console = "https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}"
    return {
        "DashboardUrl": ("The dashboard", Sub(f"{console}#dashboards/dashboard/deliverywatch-${{Environment}}-sms")),
        "NextSteps": (
            "Before the first run",
            Sub(
                "1. Put the SecureStrings ${ClickSendCredentials}/username and ${ClickSendCredentials}/api_key"
                " into SSM. 2. Confirm the subscription mail that AWS sends to ${FallbackAddress}. 3. While SES is in"
                " its sandbox, verify the recipients too."
            ),
        ),
    }
