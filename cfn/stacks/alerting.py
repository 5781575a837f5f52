"""The alert path: alarm messages -> the notifier -> one mail per change, and the way out when that fails."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, If, Ref, Sub, awslambda, sns

from blocks.alarms import Metric, Rule, metric_alarm
from blocks.parts import PREFIX, Function, Stack, Statement, allow, dead_letters, named, schedule, title
from blocks.tables import JSON_LINES, saved_queries, table
from deliverywatch.alerting.incidents.outbox import COLUMNS
from deliverywatch.thresholds import SWEEP_FROM_MINUTE, SWEEP_MINUTES
from stacks.shared import objects

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
DEAD_LETTERS = "alerting-notify-dead-letters"
# A mail that was claimed and never sent is retried within 10 minutes, between the runs of the ingest function.
SWEEP_EXPRESSION = f"cron({SWEEP_FROM_MINUTE}/{SWEEP_MINUTES} * * * ? *)"
_ASKED = ("DescribeAlarms", "GetMetricData", "GetMetricWidgetImage", "ListAlarmMuteRules")


def stack() -> Stack:
    """Return the notifier with all that calls it and all that catches what it drops."""
    notify, digest = _notify(), _digest()
    return Stack(
        resources=[
            table("mails", "One row per mail, as claimed and sent", "mails", COLUMNS, JSON_LINES),
            *saved_queries("alerting"),
            *dead_letters(DEAD_LETTERS, [_from_alerts()]),
            *_calls(),
            *schedule("alerting-sweep", notify, SWEEP_EXPRESSION, {"sweep": SCHEDULED_TIME}, 2),
            *_each_week(digest),
            _mail_failed(),
        ],
        functions=[notify, digest],
        outputs={"DeadLettersUrl": ("Queue of alarm messages that could not be mailed", Ref(title(DEAD_LETTERS)))},
    )


def _notify() -> Function:
    return Function(
        room="alerting",
        verb="notify",
        description="Alarm messages -> one mail per change of an incident",
        # It holds 55 MB; 256 buys the share of a processor that keeps a cold start short.
        memory_megabytes=256,
        timeout_seconds=60,
        packages=("jinja2", "tzdata"),
        environment={
            **_about_mails(),
            "DELIVERYWATCH_WORKGROUP": Sub(PREFIX),
        },
        statements=_notify_may(),
    )


def _about_mails() -> dict[str, Any]:
    return {
        "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
        "DELIVERYWATCH_PREFIX": Sub(PREFIX),
        "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
        "DELIVERYWATCH_SENDER": Ref("SenderAddress"),
        "DELIVERYWATCH_RECIPIENTS": Ref("AlertRecipients"),
        "DELIVERYWATCH_CRITICAL_RECIPIENTS": Ref("CriticalRecipients"),
        "DELIVERYWATCH_FALLBACK_TOPIC": Ref("FallbackTopic"),
        "DELIVERYWATCH_TIME_ZONE": Ref("TimeZone"),
        "DELIVERYWATCH_DASHBOARD": If("HasDashboard", named("sms"), ""),
    }


def _digest() -> Function:
    return Function(
        room="operate",
        verb="digest",
        description="A week of this stack -> one mail that says whether the silence was health",
        # It runs 52 times a year: 256 buys the share of a processor that ends it within seconds.
        memory_megabytes=256,
        timeout_seconds=120,
        packages=("jinja2", "tzdata"),
        environment={**_about_mails(), "DELIVERYWATCH_STACK": Ref("AWS::StackName")},
        statements=_digest_may(),
    )


def _digest_may() -> list[Statement]:
    rules = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm-mute-rule:*"
    this = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/${AWS::StackName}/*"
    return [
        allow("s3:GetObject", objects("incidents", "mails", "state")),
        allow("s3:PutObject", objects("mails", "mail-bodies")),
        allow("s3:ListBucket", GetAtt("LakeBucket", "Arn")),
        _may_send(),
        allow(["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:ListAlarmMuteRules"], "*"),
        allow("cloudwatch:GetAlarmMuteRule", Sub(rules)),
        # What it costs is counted from the template as it is deployed.
        allow(["cloudformation:DescribeStacks", "cloudformation:GetTemplate"], Sub(this)),
        allow("sns:Publish", Ref("FallbackTopic")),
        If("HasKmsKey", allow(["kms:Decrypt", "kms:GenerateDataKey"], Ref("KmsKeyArn")), Ref("AWS::NoValue")),
    ]


def _each_week(digest: Function) -> list[Any]:
    # Monday morning where the readers are; Scheduler knows IANA names and clock changes.
    made = schedule("operate-digest-weekly", digest, "cron(0 7 ? * MON *)", {"scheduled_time": SCHEDULED_TIME}, 2)
    made[-1].ScheduleExpressionTimezone = Ref("TimeZone")
    made[-1].State = If("HasDigest", "ENABLED", "DISABLED")
    return made


def _notify_may() -> list[Statement]:
    return [
        allow(["s3:GetObject", "s3:PutObject"], objects("incidents", "mails")),
        allow("s3:PutObject", objects("mail-bodies")),
        allow("s3:GetObject", objects("state")),
        # Without it S3 answers 403 where an object is not there yet, instead of 404; a condition on s3:prefix would
        # bring the 403 back, because reading an object has no prefix.
        allow("s3:ListBucket", GetAtt("LakeBucket", "Arn")),
        _may_send(),
        # CloudWatch knows no resources for these four.
        allow([f"cloudwatch:{action}" for action in _ASKED], "*"),
        allow("sns:Publish", Ref("FallbackTopic")),
        If("HasKmsKey", allow(["kms:Decrypt", "kms:GenerateDataKey"], Ref("KmsKeyArn")), Ref("AWS::NoValue")),
        allow("sqs:SendMessage", GetAtt(title(DEAD_LETTERS), "Arn")),
    ]


def _may_send() -> Statement:
    ses = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}"
    # The condition is what limits it to the sender. SES asks for a right on the sender's identity (its address or its
    # domain), on each recipient's that is verified in this account too, as all are in the sandbox, and on the
    # configuration set that an identity may bring (github.com/aws/aws-sdk-js/issues/3641).
    resources = [Sub(f"{ses}:identity/*"), Sub(f"{ses}:configuration-set/*")]
    only_from = {"StringEquals": {"ses:FromAddress": Ref("SenderAddress")}}
    return allow(["ses:SendEmail", "ses:SendRawEmail"], resources, only_from)


def _from_alerts() -> Statement:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Condition": {"ArnEquals": {"aws:SourceArn": Ref("AlertsTopic")}},
    }


def _calls() -> list[Any]:
    arn = GetAtt("AlertingNotify", "Arn")
    dead_letters_arn = GetAtt(title(DEAD_LETTERS), "Arn")
    return [
        awslambda.Permission(
            "AlertingNotifyPermission",
            FunctionName=arn,
            Action="lambda:InvokeFunction",
            Principal="sns.amazonaws.com",
            SourceArn=Ref("AlertsTopic"),
        ),
        sns.SubscriptionResource(
            "AlertingNotifySubscription",
            TopicArn=Ref("AlertsTopic"),
            Protocol="lambda",
            Endpoint=arn,
            RedrivePolicy={"deadLetterTargetArn": dead_letters_arn},
        ),
        awslambda.EventInvokeConfig(
            "AlertingNotifyRetries",
            FunctionName=Ref("AlertingNotify"),
            Qualifier="$LATEST",
            MaximumRetryAttempts=2,
            DestinationConfig=awslambda.DestinationConfig(OnFailure=awslambda.OnFailure(Destination=dead_letters_arn)),
        ),
    ]


def _mail_failed() -> Any:
    rule = Rule(
        description="The notifier could not handle an alarm message, and nobody may have been told: it waits in the "
        "queue of dead letters. This mail comes from CloudWatch itself, past the notifier.",
        threshold=0,
        period_seconds=300,
        # An empty queue that nobody uses has no metric at all.
        missing="notBreaching",
        on_alarm=["FallbackTopic"],
    )
    queue = {"QueueName": GetAtt(title(DEAD_LETTERS), "QueueName")}
    return metric_alarm("mail-failed", rule, Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, "Maximum"))
