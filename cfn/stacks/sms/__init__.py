"""SMS: the ingest function and its schedule, the table, the saved queries and the dashboard."""

from collections.abc import Collection, Sequence
from typing import Any

from troposphere import Equals, If, Ref, Sub

from blocks.extras import Extra
from blocks.parameters import given
from blocks.parts import MEMORY_SETTINGS, Function, Statement, allow, arn, limits, not_kept, reported, schedule
from blocks.stack import Stack, dashboard_url
from blocks.tables import LAKE, PARQUET, saved_queries, table, view, view_text
from deliverywatch.sms.assessments.delivery import DeliveryLimits
from deliverywatch.sms.assessments.failures import FailureLimits
from deliverywatch.sms.assessments.silence import SilenceLimits
from deliverywatch.sms.assessments.unknown import UnknownLimits
from deliverywatch.sms.lake.columns import COLUMNS
from deliverywatch.sms.lake.slots import DAY_OBJECT
from stacks.shared import MAY_LIST_LAKE, MAY_SET_ASIDE, may_publish, objects
from stacks.sms.alarms import WATCHES, WATCHES_SILENCE, WINDOWS
from stacks.sms.dashboard import sms_dashboard
from stacks.sms.parameters import PARAMETERS, RULES

# Athena's word for the name of a row's file is "$path".
_MESSAGES = """\
SELECT {columns}
FROM (
  SELECT
    *,
    "$path" LIKE '%/{day}' AS is_day,
    bool_or("$path" LIKE '%/{day}') OVER (PARTITION BY dt) AS has_day
  FROM sms_objects
)
WHERE is_day = has_day
"""

# Of the stack's own environment unless it is said otherwise, so that a second stack never reads the first's account.
_CREDENTIALS = If(
    "HasClickSendCredentials",
    Ref("ClickSendCredentials"),
    Sub("/deliverywatch/${Environment}/clicksend"),
)


def stack(_extras: Collection[Extra] = ()) -> Stack:
    """Return everything of the SMS system."""
    ingest, compact = _ingest(), _compact()
    columns = [(column.name, column.athena_type, column.comment) for column in COLUMNS]
    return Stack(
        resources=[
            table(
                "sms_objects",
                "Rows of all objects, some there twice: use sms_messages",
                f"{LAKE}sms/",
                columns,
                PARQUET,
            ),
            _messages(columns),
            *saved_queries("sms"),
            # A retry by Lambda would count as a second failed run, which is what the alarm sms-ingest-errors looks at.
            not_kept(
                "sms-ingest",
                "The next slot's run reads what this one missed.",
                "The alarms sms-ingest-errors and sms-blind.",
            ),
            reported("sms-compact"),
            *schedule("sms-ingest-slots", ingest, Sub("cron(0/${SlotMinutes} * * * ? *)")),
            *schedule(
                "sms-compact-nightly",
                compact,
                "cron(40 4 * * ? *)",
                State=If("CompactsLake", "ENABLED", "DISABLED"),
            ),
            sms_dashboard(),
        ],
        parameters=PARAMETERS,
        rules=RULES,
        mappings=WINDOWS,
        outputs=_OUTPUTS,
        conditions={
            "HasClickSendCredentials": given("ClickSendCredentials"),
            "CompactsLake": Equals(Ref("CompactLake"), "true"),
            WATCHES_SILENCE: Equals(Ref("SilenceWatch"), "true"),
        },
        functions=[ingest, compact],
        watches=WATCHES,
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
        packages=("aws-embedded-metrics", "orjson", "pyarrow", "tzdata", "urllib3"),
        environment={
            "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
            "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
            "DELIVERYWATCH_CREDENTIALS": _CREDENTIALS,
            "DELIVERYWATCH_CLICKSEND_URL": Ref("ClickSendUrl"),
            "DELIVERYWATCH_SLOT_MINUTES": Ref("SlotMinutes"),
            "DELIVERYWATCH_COUNT_RECIPIENT_FAULTS": Ref("CountRecipientFaults"),
            "DELIVERYWATCH_KEEP_ONE_CLIENT_AT_WARNING": Ref("KeepOneClientAtWarning"),
            "DELIVERYWATCH_RECIPIENT_NUMBERS": Ref("RecipientNumbers"),
            "DELIVERYWATCH_ALERTS_TOPIC": Ref("AlertsTopic"),
            "DELIVERYWATCH_CREDIT_WATCH": Ref("CreditWatch"),
            "DELIVERYWATCH_CREDIT_WARNING_HOURS": Ref("CreditWarningHours"),
            "DELIVERYWATCH_SILENCE_WATCH": Ref("SilenceWatch"),
            "DELIVERYWATCH_TIME_ZONE": Ref("TimeZone"),
            **limits(FailureLimits),
            **limits(SilenceLimits),
            **limits(DeliveryLimits),
            **limits(UnknownLimits),
            **MEMORY_SETTINGS,
        },
        statements=_ingest_may(),
    )


def _ingest_may() -> list[Statement]:
    parameters = Sub(arn("ssm", "parameter${Credentials}/*"), Credentials=_CREDENTIALS)
    # Whichever key encrypts the two parameters, and only for them.
    only_these = {
        "StringEquals": {"kms:ViaService": Sub("ssm.${AWS::Region}.amazonaws.com")},
        "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters},
    }
    return [
        allow(["s3:GetObject", "s3:PutObject"], objects("sms", "state")),
        MAY_LIST_LAKE,
        MAY_SET_ASIDE,
        allow("ssm:GetParameters", parameters),
        allow("kms:Decrypt", Sub(arn("kms", "key/*")), only_these),
        *may_publish("AlertsTopic"),
    ]


def _messages(columns: Sequence[tuple[str, str, str]]) -> Any:
    """The view without the hours of a day that is one object already: while it changes over, its rows are there twice.

    The window needs no column but the file's name and the day, so that it adds nothing to what is read and billed; and
    a condition on the day reaches the table through it.
    """
    named_columns = [*((name, kind) for name, kind, _ in columns), ("dt", "string")]
    sql = _MESSAGES.format(columns=", ".join(name for name, _ in named_columns), day=DAY_OBJECT)
    text = view_text(sql, named_columns, "deliverywatch_${Environment}")
    return view("sms_messages", "One row per SMS, with its newest outcome", named_columns, text)


def _compact() -> Function:
    return Function(
        room="sms",
        verb="compact",
        description="Old hours of the Parquet lake -> one object per day",
        # A day of a million rows takes 160 MB and 2 s of a whole processor, of which 512 MB buys a third.
        memory_megabytes=512,
        timeout_seconds=900,
        packages=("pyarrow",),
        environment={"DELIVERYWATCH_BUCKET": Ref("LakeBucket"), **MEMORY_SETTINGS},
        statements=[
            allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], objects("sms")),
            # To find what is due, too.
            MAY_LIST_LAKE,
            *may_publish("AlertsTopic"),
        ],
    )


_OUTPUTS = {
    "DashboardUrl": dashboard_url("sms", "The dashboard"),
    "NextSteps": (
        "Before the first run",
        Sub(
            "1. Put the SecureStrings ${Credentials}/username and ${Credentials}/api_key"
            " into SSM. 2. Confirm the subscription mail that AWS sends to ${FallbackAddress}. 3. While SES is in"
            " its sandbox, verify the recipients too.",
            Credentials=_CREDENTIALS,
        ),
    ),
}
