"""The alert path: alarm messages -> the notifier -> one mail per change; its way out; and the weekly digest."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from troposphere import GetAtt, If, Join, Ref, Sub, sns

from blocks.alarms import Alarm, Watch, waiting_in
from blocks.extras import Extra
from blocks.parts import (
    LOOKS_AT_FUNCTION,
    NO_VALUE,
    PREFIX,
    UNDELIVERED,
    Function,
    Statement,
    allow,
    arn,
    dead_letters,
    invocable,
    reported,
    retries,
    schedule,
    sender,
    title,
)
from blocks.stack import Stack
from blocks.tables import JSON_LINES, LAKE, saved_queries, table
from deliverywatch.alerting.incidents.outbox import CHANNEL_COLUMNS, CHANNELS, COLUMNS
from deliverywatch.thresholds import SWEEP_FROM_MINUTE, SWEEP_MINUTES
from stacks import channels, incident_page
from stacks.shared import MAY_LIST_LAKE, MAY_SET_ASIDE, may_publish, objects

# A mail that was claimed and never sent is retried within 10 minutes, between the runs of the ingest function.
SWEEP_EXPRESSION = f"cron({SWEEP_FROM_MINUTE}/{SWEEP_MINUTES} * * * ? *)"
_READ = ("DescribeAlarms", "GetMetricData", "GetMetricWidgetImage", "ListAlarmMuteRules")


def stack(watches: Sequence[Watch] = (), dashboard: Any = None, extras: Collection[Extra] = ()) -> Stack:
    """Return the notifier of some watches, with all that calls it and all that catches what it drops.

    `dashboard` is the name of the one that mails lead to, if there is any.
    """
    has_page = Extra.INCIDENT_PAGE in extras
    page = incident_page.part() if has_page else Stack(())
    about = {**_ABOUT_MAILS, "DELIVERYWATCH_DASHBOARD": If("HasDashboard", dashboard, "") if dashboard else ""}
    notify = _notify({**about, **_switched_off([*watches, *page.watches])}, has_page=has_page)
    digest, examine = _digest(about), _examine()
    return Stack(
        resources=[
            table("mails", "One row per mail, as claimed and sent", f"{LAKE}mails/", COLUMNS, JSON_LINES),
            table(
                "channel_messages",
                "One row per message to a channel beside mail",
                f"{LAKE}{CHANNELS}/",
                CHANNEL_COLUMNS,
                JSON_LINES,
            ),
            *saved_queries("alerting"),
            *dead_letters(UNDELIVERED, [sender("sns", Ref("AlertsTopic"))]),
            *_subscribed(),
            retries("alerting-notify", 2, UNDELIVERED),
            reported("operate-digest"),
            reported("operate-examine"),
            *schedule("alerting-sweep", notify, SWEEP_EXPRESSION, event="sweep"),
            *schedule(
                "operate-digest-weekly",
                digest,
                # Monday morning where the readers are; Scheduler knows IANA names and clock changes.
                "cron(0 7 ? * MON *)",
                ScheduleExpressionTimezone=Ref("TimeZone"),
                State=If("HasDigest", "ENABLED", "DISABLED"),
            ),
            *schedule(
                "operate-examine-nightly",
                examine,
                # Before the day begins where the readers are.
                "cron(30 5 * * ? *)",
                ScheduleExpressionTimezone=Ref("TimeZone"),
                State=If("HasDoctor", "ENABLED", "DISABLED"),
            ),
            _MAIL_FAILED.resource(),
            *page.resources,
        ],
        parameters={**page.parameters, "Chat and webhook": channels.PARAMETERS},
        conditions={**channels.CONDITIONS, **page.conditions},
        functions=[notify, digest, examine, *page.functions],
        watches=page.watches,
        outputs={"DeadLettersUrl": ("Queue of alarm messages that could not be mailed", Ref(title(UNDELIVERED)))},
    )


def _switched_off(watches: Sequence[Watch]) -> dict[str, Any]:
    """Return the names of the watches whose condition is not met: that their alarms are missing is no loss."""
    names = [If(watch.condition, "", watch.name) for watch in watches if watch.condition]
    return {"DELIVERYWATCH_SWITCHED_OFF": Join(",", names)} if names else {}


def _notify(about: Mapping[str, Any], *, has_page: bool) -> Function:
    return Function(
        room="alerting",
        verb="notify",
        description="Alarm messages -> one mail per change of an incident",
        timeout_seconds=60,
        packages=("jinja2", "tzdata", "urllib3"),
        environment={
            **about,
            "DELIVERYWATCH_WORKGROUP": Sub(PREFIX),
            "DELIVERYWATCH_STACK": Ref("AWS::StackName"),
            "DELIVERYWATCH_CLOSE_UNKNOWN_HOURS": Ref("CloseUnknownHours"),
            "DELIVERYWATCH_REMINDER_HOURS": Ref("ReminderHours"),
            **channels.environment(),
            **(incident_page.about_links_of_mails() if has_page else {}),
        },
        statements=[*_notify_may(), *(incident_page.may_sign() if has_page else [])],
    )


_ABOUT_MAILS = {
    "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
    "DELIVERYWATCH_PREFIX": Sub(PREFIX),
    "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
    "DELIVERYWATCH_SENDER": Ref("SenderAddress"),
    "DELIVERYWATCH_RECIPIENTS": Ref("AlertRecipients"),
    "DELIVERYWATCH_CRITICAL_RECIPIENTS": Ref("CriticalRecipients"),
    "DELIVERYWATCH_FALLBACK_TOPIC": Ref("FallbackTopic"),
    "DELIVERYWATCH_TIME_ZONE": Ref("TimeZone"),
}


def _digest(about: Mapping[str, Any]) -> Function:
    return Function(
        room="operate",
        verb="digest",
        description="A week of this stack -> one mail that says whether the silence was health",
        # What hangs, at most 16 seconds a reading, is said in the mail as not known, and must not cost the mail.
        timeout_seconds=300,
        packages=("jinja2", "pyyaml", "tzdata"),
        environment={**about, "DELIVERYWATCH_STACK": Ref("AWS::StackName")},
        statements=_digest_may(),
    )


def _examine() -> Function:
    return Function(
        room="operate",
        verb="examine",
        description="The checks of doctor that only read -> a notice of each that fails",
        timeout_seconds=300,
        packages=("aws-embedded-metrics", "pyyaml"),
        environment={"DELIVERYWATCH_STACK": Ref("AWS::StackName")},
        statements=_examine_may(),
    )


def _examine_may() -> list[Statement]:
    """Rights to read what the checks look at, and to leave what they find; none reads a secret."""
    return [
        allow(
            [f"cloudformation:{action}" for action in ("DescribeStacks", "GetTemplate", "ListStackResources")],
            Sub(arn("cloudformation", "stack/${AWS::StackName}/*")),
        ),
        allow(LOOKS_AT_FUNCTION, Sub(arn("lambda", f"function:{PREFIX}-*"))),
        allow("scheduler:GetSchedule", Sub(arn("scheduler", f"schedule/default/{PREFIX}-*"))),
        # CloudWatch, SNS, SES and SSM know no resources for these, which say nothing that is secret.
        allow(
            [
                *("cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"),
                *("sns:ListTopics", "ses:GetAccount", "ses:GetSuppressedDestination", "ssm:DescribeParameters"),
            ],
            "*",
        ),
        allow("ses:GetEmailIdentity", Sub(arn("ses", "identity/*"))),
        allow("sns:ListSubscriptionsByTopic", [Ref("AlertsTopic"), Ref("FallbackTopic")]),
        allow("sqs:GetQueueAttributes", Sub(arn("sqs", f"{PREFIX}-*"))),
        allow("athena:GetWorkGroup", Sub(arn("athena", f"workgroup/{PREFIX}"))),
        allow(["s3:GetBucketPublicAccessBlock", "s3:GetEncryptionConfiguration"], GetAtt("LakeBucket", "Arn")),
        MAY_LIST_LAKE,
        allow("s3:GetObject", objects("state")),
        allow("s3:PutObject", Sub("${LakeBucket.Arn}/state/operate-doctor*")),
        allow("s3:PutObject", objects("damaged")),
        If("HasKmsKey", allow(["kms:DescribeKey", "kms:GetKeyPolicy"], Ref("KmsKeyArn")), NO_VALUE),
        *may_publish("AlertsTopic"),
        allow("sns:Publish", Ref("FallbackTopic")),
    ]


def _digest_may() -> list[Statement]:
    return [
        allow("s3:GetObject", objects("incidents", "mails", "state")),
        allow("s3:PutObject", objects("mails", "mail-bodies")),
        MAY_LIST_LAKE,
        _may_send(),
        allow(["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:ListAlarmMuteRules"], "*"),
        allow("cloudwatch:GetAlarmMuteRule", Sub(arn("cloudwatch", "alarm-mute-rule:*"))),
        # What it costs is counted from the template as it is deployed.
        allow(
            ["cloudformation:DescribeStacks", "cloudformation:GetTemplate"],
            Sub(arn("cloudformation", "stack/${AWS::StackName}/*")),
        ),
        *may_publish("FallbackTopic"),
        allow("sns:Publish", Ref("AlertsTopic")),
    ]


def _notify_may() -> list[Statement]:
    return [
        allow(["s3:GetObject", "s3:PutObject"], objects("incidents", "mails", CHANNELS)),
        allow("s3:PutObject", objects("mail-bodies")),
        allow("s3:GetObject", objects("state")),
        MAY_LIST_LAKE,
        MAY_SET_ASIDE,
        _may_send(),
        # CloudWatch knows no resources for these four.
        allow([f"cloudwatch:{action}" for action in _READ], "*"),
        # Alarms that are gone while the stack is updated or deleted are no loss.
        allow("cloudformation:DescribeStacks", Sub(arn("cloudformation", "stack/${AWS::StackName}/*"))),
        *may_publish("FallbackTopic"),
        allow("sqs:SendMessage", GetAtt(title(UNDELIVERED), "Arn")),
        *channels.may_read_secrets(),
    ]


def _may_send() -> Statement:
    # The condition is what limits it to the sender. SES asks for a right on the sender's identity (its address or its
    # domain), on each recipient's that is verified in this account too, as all are in the sandbox, and on the
    # configuration set that an identity may bring (github.com/aws/aws-sdk-js/issues/3641).
    resources = [Sub(arn("ses", f"{kind}/*")) for kind in ("identity", "configuration-set")]
    only_from = {"StringEquals": {"ses:FromAddress": Ref("SenderAddress")}}
    return allow(["ses:SendEmail", "ses:SendRawEmail"], resources, only_from)


def _subscribed() -> list[Any]:
    return [
        invocable("AlertingNotifyPermission", "AlertingNotify", "sns.amazonaws.com", SourceArn=Ref("AlertsTopic")),
        sns.SubscriptionResource(
            "AlertingNotifySubscription",
            TopicArn=Ref("AlertsTopic"),
            Protocol="lambda",
            Endpoint=GetAtt("AlertingNotify", "Arn"),
            RedrivePolicy={"deadLetterTargetArn": GetAtt(title(UNDELIVERED), "Arn")},
        ),
    ]


_MAIL_FAILED = Alarm(
    "mail-failed",
    "The notifier could not handle an alarm message, and nobody may have been told, or a schedule could not start its "
    "function: it waits in the queue of dead letters. This mail comes from CloudWatch itself, past the notifier.",
    waiting_in(UNDELIVERED),
    on_alarm=("FallbackTopic",),
    on_ok=(),
)
