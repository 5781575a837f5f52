"""What `doctor` asks of AWS, over boto3, and of ClickSend with the credentials in SSM."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deliverywatch.errors import ConfigurationError
from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.doctor.checks_alarms import FailedAction, Mute
from deliverywatch.operate.doctor.checks_mail import Identity, Sending, Subscription
from deliverywatch.operate.doctor.checks_stack import Bucket, Function, Key
from deliverywatch.sms.clicksend import credit
from deliverywatch.sms.clicksend.credentials import Credentials
from deliverywatch.sms.counts import NAMESPACE

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

_PRIVATE = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_KINDS = ("MetricAlarms", "CompositeAlarms")
_LOOK_BACK = timedelta(hours=3)


class Account:
    """One account and region; a question that AWS denies is told as an error, not as an answer."""

    def __init__(self, cloud: Cloud) -> None:
        self._client = cloud.client

    def identity(self, name: str) -> Identity | None:
        """Return an address or a domain in SES, or none."""
        with translated(f"The SES identity {name}"):
            found = _unless(
                ("NotFoundException",), lambda: self._client("sesv2").get_email_identity(EmailIdentity=name)
            )
        if found is None:
            return None
        dkim = (found.get("DkimAttributes") or {}).get("Status", "NOT_STARTED")
        return Identity(name, bool(found["VerifiedForSendingStatus"]), dkim)

    def sending(self) -> Sending:
        """Return what SES lets the account do."""
        with translated("The state of SES"):
            found = self._client("sesv2").get_account()
        return Sending(
            bool(found.get("ProductionAccessEnabled")),
            bool(found.get("SendingEnabled", True)),
            found.get("EnforcementStatus", "HEALTHY"),
        )

    def credit(self, parameters: str, url: str) -> credit.Credit:
        """Return the credit of the ClickSend account whose credentials are SSM parameters under a path."""
        names = [f"{parameters}/username", f"{parameters}/api_key"]
        with translated("The ClickSend credentials"):
            found = self._client("ssm").get_parameters(Names=names, WithDecryption=True)["Parameters"]
        values = {each["Name"]: each["Value"].strip() for each in found}
        if missing := [name for name in names if not values.get(name)]:
            raise ConfigurationError(
                f"The ClickSend credentials are not stored: {' and '.join(missing)}.",
                next_step=f"aws ssm put-parameter --type SecureString --name {missing[0]} --value ...",
            )
        return credit.ask(Credentials(values[names[0]], values[names[1]]), url)

    def bucket(self, name: str) -> Bucket | None:
        """Return a bucket, or none."""
        s3 = self._client("s3")
        with translated(f"The bucket {name}"):
            if _unless(("404", "NoSuchBucket"), lambda: s3.head_bucket(Bucket=name)) is None:
                return None
            block = _unless(("NoSuchPublicAccessBlockConfiguration",), lambda: s3.get_public_access_block(Bucket=name))
            encryption = _unless(
                ("ServerSideEncryptionConfigurationNotFoundError",), lambda: s3.get_bucket_encryption(Bucket=name)
            )
        blocked = (block or {}).get("PublicAccessBlockConfiguration", {})
        return Bucket(all(blocked.get(each) for each in _PRIVATE), encryption is not None)

    def workgroup(self, name: str) -> str | None:
        """Return the state of an Athena workgroup, or none."""
        with translated(f"The workgroup {name}"):
            found = _unless(("InvalidRequestException",), lambda: self._client("athena").get_work_group(WorkGroup=name))
        return None if found is None else str(found["WorkGroup"].get("State", "ENABLED"))

    def functions(self, names: Sequence[str]) -> list[Function]:
        """Return those of the functions that exist."""
        client = self._client("lambda")
        with translated("The functions"):
            found = [
                _unless(
                    ("ResourceNotFoundException",),
                    lambda name=name: client.get_function_configuration(FunctionName=name),  # type: ignore[misc]
                )
                for name in names
            ]
        return [_function(each) for each in found if each]

    def alarms(self, prefix: str) -> list[Mapping[str, Any]]:
        """Return the alarms whose names begin so, composite ones too, as DescribeAlarms does."""
        with translated("The alarms"):
            pages = (
                self._client("cloudwatch")
                .get_paginator("describe_alarms")
                .paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
            )
            return [alarm for page in pages for kind in _KINDS for alarm in page.get(kind, ())]

    def topics(self) -> set[str]:
        """Return the ARNs of the topics in this region."""
        with translated("The topics"):
            pages = self._client("sns").get_paginator("list_topics").paginate()
            return {each["TopicArn"] for page in pages for each in page["Topics"]}

    def failed_actions(self, prefix: str, since: datetime) -> list[FailedAction]:
        """Return the actions of alarms whose names begin so that failed."""
        with translated("The alarm history"):
            pages = (
                self._client("cloudwatch")
                .get_paginator("describe_alarm_history")
                .paginate(HistoryItemType="Action", StartDate=since, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
            )
            found = [item for page in pages for item in page["AlarmHistoryItems"]]
        return [
            FailedAction(item["AlarmName"], item["Timestamp"], item["HistorySummary"])
            for item in found
            if item["AlarmName"].startswith(prefix) and item["HistorySummary"].startswith("Failed")
        ]

    def subscriptions(self, topic: str) -> list[Subscription]:
        """Return the subscriptions of a topic."""
        with translated(f"The topic {topic.rpartition(':')[2]}"):
            pages = self._client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
            found = [each for page in pages for each in page["Subscriptions"]]
        return [
            Subscription(each["Protocol"], each["Endpoint"], each["SubscriptionArn"].startswith("arn:"))
            for each in found
        ]

    def key(self, arn: str) -> Key | None:
        """Return a KMS key, or none."""
        kms = self._client("kms")
        with translated(f"The key {arn}"):
            found = _unless(("NotFoundException",), lambda: kms.describe_key(KeyId=arn))
            if found is None:
                return None
            policy = kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
        return Key(bool(found["KeyMetadata"]["Enabled"]), json.loads(policy))

    def last_run(self, environment: str, now: datetime) -> datetime | None:
        """Return the newest minute of the last three hours with a successful run."""
        metric = {
            "Namespace": NAMESPACE,
            "MetricName": "Runs",
            "Dimensions": [{"Name": "Environment", "Value": environment}],
        }
        query = {"Id": "runs", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
        # Stamps are up to 2 minutes ahead: a slot is published as of 2 minutes after its end.
        end = now.astimezone(UTC) + timedelta(minutes=5)
        with translated("The metric of the runs"):
            pages = (
                self._client("cloudwatch")
                .get_paginator("get_metric_data")
                .paginate(MetricDataQueries=[query], StartTime=now - _LOOK_BACK, EndTime=end)
            )
            found = [result for page in pages for result in page["MetricDataResults"]]
        pairs = (pair for each in found for pair in zip(each["Timestamps"], each["Values"], strict=True))
        return max((at for at, value in pairs if value > 0), default=None)

    def queue_counts(self, urls: Sequence[str]) -> dict[str, int]:
        """Return how many messages wait in each queue."""
        name = "ApproximateNumberOfMessages"
        with translated("The queues of dead letters"):
            answers = {
                url: self._client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name]) for url in urls
            }
        return {url: int(answer["Attributes"][name]) for url, answer in answers.items()}

    def mutes(self) -> list[Mute]:
        """Return the rules that mute alarms now."""
        with translated("The mute rules"):
            pages = self._client("cloudwatch").get_paginator("list_alarm_mute_rules").paginate(Statuses=["ACTIVE"])
            found = [each for page in pages for each in page["AlarmMuteRuleSummaries"]]
        # arn:aws:cloudwatch:<region>:<account>:alarm-mute-rule:<name>
        return [Mute(each["AlarmMuteRuleArn"].rpartition(":")[2], each.get("ExpireDate")) for each in found]


def _unless(codes: tuple[str, ...], ask: Callable[[], Any]) -> Any:
    """Return what is asked for, or none if AWS says that there is no such thing."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise


def _function(told: Mapping[str, Any]) -> Function:
    return Function(
        told["FunctionName"],
        told.get("State", "Active"),
        told.get("LastUpdateStatus", "Successful"),
        told.get("StateReason") or told.get("LastUpdateStatusReason") or "",
    )
