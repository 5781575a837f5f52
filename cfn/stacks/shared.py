"""What all systems share: the lake (bucket, database, workgroup), the two topics, and the parameters of all mails."""

from typing import Any

from troposphere import Equals, GetAtt, If, Ref, Sub, sns

from blocks.buckets import expiry, kept_bucket, week_to_undo
from blocks.parameters import address, addresses, further_addresses, given, one_of, switch, text, whole_number
from blocks.parts import CONSOLE, CONSOLE_OF, NO_VALUE, PREFIX, allow, arn, topic
from blocks.stack import Stack
from blocks.tables import database, workgroup
from blocks.zones import ZONES
from deliverywatch import thresholds


def stack() -> Stack:
    """Return the shared resources."""
    return Stack(
        resources=[
            *kept_bucket(
                "LakeBucket", [week_to_undo(), expiry("athena-results", "athena-results/", Ref("AthenaResultDays"))]
            ),
            database("Database", Sub("deliverywatch_${Environment}"), Sub("The lake of DeliveryWatch, ${Environment}")),
            workgroup("Workgroup", Sub(PREFIX), "Saved queries over the lake, with a limit on what one query may read"),
            *topic("alerts"),
            *topic("fallback"),
            sns.SubscriptionResource(
                "FallbackSubscription", TopicArn=Ref("FallbackTopic"), Protocol="email", Endpoint=Ref("FallbackAddress")
            ),
        ],
        parameters=_PARAMETERS,
        conditions={
            "HasKmsKey": given("KmsKeyArn"),
            "HasDigest": Equals(Ref("WeeklyDigest"), "true"),
            "HasDoctor": Equals(Ref("NightlyDoctor"), "true"),
            "HasDashboard": Equals(Ref("CreateDashboard"), "true"),
        },
        outputs=_OUTPUTS,
    )


def objects(*prefixes: str) -> list[Any]:
    """Return the ARNs of everything under these prefixes of the lake."""
    return [Sub(f"${{LakeBucket.Arn}}/{prefix}/*") for prefix in prefixes]


# Without it S3 answers 403 where an object is not there yet, instead of 404; a condition on s3:prefix would bring the
# 403 back, because reading an object has no prefix.
MAY_LIST_LAKE = allow("s3:ListBucket", GetAtt("LakeBucket", "Arn"))
# For whoever overwrites records: one that cannot be read is kept there first.
MAY_SET_ASIDE = allow("s3:PutObject", objects("damaged"))


def may_publish(topic: str) -> list[Any]:
    """Return the statements that let a function publish to a topic of ours, encrypted or not."""
    encrypts = allow(["kms:Decrypt", "kms:GenerateDataKey"], Ref("KmsKeyArn"))
    return [allow("sns:Publish", Ref(topic)), If("HasKmsKey", encrypts, NO_VALUE)]


def may_read_secret(parameter: str) -> list[Any]:
    """Return the statements that let a function read the SecureString that a parameter of the template names."""
    secret = Sub(arn("ssm", f"parameter${{{parameter}}}"))
    # Whichever key encrypts it, and only for it.
    only_this = {
        "StringEquals": {
            "kms:ViaService": Sub("ssm.${AWS::Region}.amazonaws.com"),
            "kms:EncryptionContext:PARAMETER_ARN": secret,
        }
    }
    return [allow("ssm:GetParameter", secret), allow("kms:Decrypt", Sub(arn("kms", "key/*")), only_this)]


_PARAMETERS = {
    "Where it runs": [
        text(
            "Environment",
            "Environment",
            "^[a-z][a-z0-9]{0,15}$",
            "Part of every name, so that prod and test can live in one account.",
            "must be 1 to 16 lower-case letters and digits and start with a letter.",
            default="prod",
        )
    ],
    "Who gets mail": [
        address("SenderAddress", "Sender", "Address that mails come from; verified in SES, it or its domain."),
        addresses("AlertRecipients", "Recipients", "Addresses that get the mails, separated by commas."),
        further_addresses(
            "CriticalRecipients",
            "Recipients of critical mails besides",
            "Addresses that also get the mails of critical incidents, to their end; empty for none.",
        ),
        address("FallbackAddress", "Fallback", "Address that SNS writes to when SES fails; confirm its first message."),
        whole_number(
            "CloseUnknownHours",
            "Hours until a quiet incident is closed",
            (1, 720),
            thresholds.CLOSE_UNKNOWN_HOURS,
            "An incident of which nothing is seen any more is closed as unknown this long after the mail that said so.",
            "must be a whole number of hours from 1 to 720.",
        ),
        whole_number(
            "ReminderHours",
            "Hours between reminders",
            (0, 720),
            thresholds.REMINDER_HOURS,
            "While an incident is open, a mail says what changed this long after the last one; 0 for none.",
            "must be a whole number of hours from 0 to 720.",
        ),
        switch(
            "WeeklyDigest",
            "Weekly mail",
            "A mail every Monday: runs done and expected, messages, failure rate, mails, mutes, cost.",
            # 52 runs and mails a year cost less than a cent a month, and prove that silence means health.
            default=True,
        ),
        switch(
            "NightlyDoctor",
            "Checks every night",
            "Makes the checks of `deliverywatch doctor` every night, and mails what would keep mails from coming.",
            default=True,
        ),
        one_of(
            "TimeZone",
            "Time zone",
            ZONES,
            "UTC",
            "Time zone of the times in mails, and of the hours by which silence is judged; all data is in UTC.",
            "must be a name of the IANA time zone database, such as UTC or Australia/Melbourne.",
        ),
    ],
    "Data and cost": [
        whole_number(
            "AthenaScanLimitMegabytes",
            "Athena: most megabytes per query",
            (10, 1_000_000),
            thresholds.ATHENA_SCAN_LIMIT_MEGABYTES,
            "Athena stops a query that reads more; 100 MB cost 0.0005 USD.",
            "must be a whole number from 10 (Athena's own minimum) to 1000000.",
        ),
        whole_number(
            "AthenaResultDays",
            "Athena: days that results are kept",
            (1, 3650),
            thresholds.ATHENA_RESULT_DAYS,
            "Query results are deleted after this many days; the lake itself is kept.",
            "must be a whole number of days from 1 to 3650.",
        ),
        one_of(
            "LogRetentionDays",
            "Days that logs are kept",
            (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
            thresholds.LOG_RETENTION_DAYS,
            "The functions' logs are deleted after this many days.",
        ),
        switch(
            "CreateDashboard",
            "Dashboard",
            "CloudWatch has three dashboards free of charge; each further one costs 3 USD a month.",
            default=True,
        ),
        text(
            "KmsKeyArn",
            "KMS key of the topics",
            r"^(|arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+)$",
            "Encrypts the two topics; empty for none. Its policy must let cloudwatch.amazonaws.com use kms:Decrypt and "
            "kms:GenerateDataKey*, or alarms are lost.",
            "must be empty or the ARN of a KMS key (arn:aws:kms:...:key/...).",
        ),
    ],
}


_OUTPUTS = {
    "LakeBucket": ("Bucket of the lake; it stays when the stack is deleted", Ref("LakeBucket")),
    "AlertsTopicArn": ("Topic for alarms; your own alarms may use it too", Ref("AlertsTopic")),
    "FallbackTopicArn": ("Topic of the way out when SES fails", Ref("FallbackTopic")),
    "AthenaWorkgroup": ("Athena workgroup of the saved queries", Ref("Workgroup")),
    "AlarmsUrl": (
        "All alarms of this stack",
        Sub(f"{CONSOLE}/cloudwatch/home?region=${{AWS::Region}}#alarmsV2:?search={PREFIX}", **CONSOLE_OF),
    ),
    "QueriesUrl": (
        "The saved queries",
        Sub(f"{CONSOLE}/athena/home?region=${{AWS::Region}}#/saved-queries?workgroup={PREFIX}", **CONSOLE_OF),
    ),
}
