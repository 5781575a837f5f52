"""What `doctor` asks of AWS, over boto3, and of ClickSend with the credentials in SSM."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import botocore

from deliverywatch.errors import ConfigurationError
from deliverywatch.operate.account.aws import described_alarms, existing, listed, translated
from deliverywatch.operate.doctor import aws_deployed, aws_drift
from deliverywatch.operate.doctor.checks_alarms import FailedAction, Mute
from deliverywatch.operate.doctor.checks_mail import Identity, Sending, Subscription
from deliverywatch.operate.doctor.checks_stack import BucketProtection, Function, Key
from deliverywatch.sms.clicksend.credentials import Credentials
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.storage.s3 import Bucket
from deliverywatch.thresholds import DRIFT_WAIT_SECONDS

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.account.resources import Resource
    from deliverywatch.operate.doctor.checks_changed import Compared
    from deliverywatch.sms.clicksend.credit import Credit

_PRIVATE = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_LOOK_BACK = timedelta(hours=3)
_PAUSE_SECONDS = 2


class Account:
    """One account and region; a question that AWS denies is an error, not an answer."""

    def __init__(self, cloud: Cloud, read_credit: Callable[[Credentials, str], Credit] | None = None) -> None:
        """Look at an account; without `read_credit`, which asks ClickSend, `credit` must not be called."""
        self._cloud, self._client = cloud, cloud.client
        self._read_credit = read_credit

    @property
    def sdk(self) -> str:
        """The version of botocore here: in the nightly checks that of Lambda's runtime."""
        return str(botocore.__version__)

    def identity(self, name: str) -> Identity | None:
        """Return an address or a domain in SES, or none."""
        with translated(f"The SES identity {name}"):
            identity = existing(
                lambda: self._client("sesv2").get_email_identity(EmailIdentity=name), "NotFoundException"
            )
        if identity is None:
            return None
        dkim = (identity.get("DkimAttributes") or {}).get("Status", "NOT_STARTED")
        return Identity(name, bool(identity["VerifiedForSendingStatus"]), dkim)

    def suppression(self, address: str) -> str:
        """Return why SES delivers nothing to an address, such as `BOUNCE`; empty if it does."""
        with translated(f"The suppression of {address}"):
            answer = existing(
                lambda: self._client("sesv2").get_suppressed_destination(EmailAddress=address), "NotFoundException"
            )
        return str(answer["SuppressedDestination"]["Reason"]) if answer else ""

    def sending(self) -> Sending:
        """Return what SES lets the account do."""
        with translated("The state of SES"):
            account = self._client("sesv2").get_account()
        return Sending(
            bool(account.get("ProductionAccessEnabled")),
            bool(account.get("SendingEnabled", True)),
            account.get("EnforcementStatus", "HEALTHY"),
        )

    def credit(self, parameters: str, url: str) -> Credit:
        """Return the credit of the ClickSend account whose credentials are SSM parameters under a path."""
        names = [f"{parameters}/username", f"{parameters}/api_key"]
        with translated("The ClickSend credentials"):
            stored = self._client("ssm").get_parameters(Names=names, WithDecryption=True)["Parameters"]
        values = {parameter["Name"]: parameter["Value"].strip() for parameter in stored}
        if missing := [name for name in names if not values.get(name)]:
            raise ConfigurationError(
                f"The ClickSend credentials are not stored: {' and '.join(missing)}.",
                next_step=f"aws ssm put-parameter --type SecureString --name {missing[0]} --value ...",
            )
        if self._read_credit is None:
            raise ConfigurationError("ClickSend is not asked here.")
        return self._read_credit(Credentials(values[names[0]], values[names[1]]), url)

    def bucket(self, name: str) -> BucketProtection | None:
        """Return a bucket, or none."""
        s3 = self._client("s3")
        with translated(f"The bucket {name}"):
            if existing(lambda: s3.head_bucket(Bucket=name), "404", "NoSuchBucket") is None:
                return None
            block = existing(lambda: s3.get_public_access_block(Bucket=name), "NoSuchPublicAccessBlockConfiguration")
            encryption = existing(
                lambda: s3.get_bucket_encryption(Bucket=name), "ServerSideEncryptionConfigurationNotFoundError"
            )
        blocked = (block or {}).get("PublicAccessBlockConfiguration", {})
        return BucketProtection(all(blocked.get(way) for way in _PRIVATE), encryption is not None)

    def lake(self, name: str) -> Bucket:
        """Return the bucket as what the systems remember lies there."""
        return Bucket(name, self._client("s3"))

    def workgroup(self, name: str) -> str | None:
        """Return the state of an Athena workgroup, or none."""
        with translated(f"The workgroup {name}"):
            answer = existing(lambda: self._client("athena").get_work_group(WorkGroup=name), "InvalidRequestException")
        return None if answer is None else str(answer["WorkGroup"].get("State", "ENABLED"))

    def functions(self, names: Sequence[str]) -> list[Function]:
        """Return those of the functions that exist."""
        with translated("The functions"):
            functions = [self._function(name) for name in names]
        return [function for function in functions if function]

    def _function(self, name: str) -> Function | None:
        client = self._client("lambda")
        made = existing(lambda: client.get_function_configuration(FunctionName=name), "ResourceNotFoundException")
        if made is None:
            return None
        reason = made.get("StateReason") or made.get("LastUpdateStatusReason") or ""
        update = made.get("LastUpdateStatus", "Successful")
        return Function(made["FunctionName"], made.get("State", "Active"), update, reason)

    def reserved(self, names: Sequence[str]) -> dict[str, int | None]:
        """Return by function how many of it may run at once; none for no limit of its own, and for one that is gone."""
        ask = self._client("lambda").get_function_concurrency
        with translated("The concurrency of the functions"):
            made = {name: existing(partial(ask, FunctionName=name), "ResourceNotFoundException") for name in names}
        return {name: (answer or {}).get("ReservedConcurrentExecutions") for name, answer in made.items()}

    def has_active_tag(self, key: str) -> bool:
        """Return whether AWS bills by a tag; only the account that is billed may know."""
        with translated(f"Whether AWS bills by the tag {key}"):
            ce = self._client("ce", "us-east-1")
            answer = ce.list_cost_allocation_tags(TagKeys=[key], Status="Active")
        return bool(answer.get("CostAllocationTags"))

    def function_policy(self, name: str) -> Mapping[str, Any] | None:
        """Return the policy that says who may start a function, or none."""
        with translated(f"The policy of {name}"):
            answer = existing(lambda: self._client("lambda").get_policy(FunctionName=name), "ResourceNotFoundException")
        return None if answer is None else dict(json.loads(answer["Policy"]))

    def schedules(self, names: Sequence[str]) -> dict[str, str | None]:
        """Return the states of schedules; none for one that does not exist."""
        client = self._client("scheduler")
        with translated("The schedules"):
            made = {
                name: existing(partial(client.get_schedule, Name=name), "ResourceNotFoundException") for name in names
            }
        return {name: schedule and str(schedule["State"]) for name, schedule in made.items()}

    def stored_parameters(self, names: Sequence[str]) -> set[str]:
        """Return those of the SSM parameters that exist, without their values."""
        filters = [{"Key": "Name", "Option": "Equals", "Values": list(names)}]
        with translated("The SSM parameters"):
            stored = listed(self._client("ssm"), "describe_parameters", "Parameters", ParameterFilters=filters)
        return {parameter["Name"] for parameter in stored}

    def alarms(self, prefix: str) -> list[Mapping[str, Any]]:
        """Return the alarms whose names begin so, composite ones too, as DescribeAlarms does."""
        with translated("The alarms"):
            return described_alarms(self._client("cloudwatch"), AlarmNamePrefix=prefix)

    def compare(
        self, deployment: Deployment, template: Mapping[str, Any], resources: Sequence[Resource]
    ) -> list[Compared]:
        """Return each resource of a stack with what is not as it was deployed."""
        return aws_deployed.compare(self._cloud, deployment, template, resources)

    def drift(self, stack: str) -> list[Compared]:
        """Return the resources that CloudFormation calls changed; it takes its time.

        Raises:
            CloudUnavailable: It takes longer than a person may wait.
        """
        end = time.monotonic() + DRIFT_WAIT_SECONDS

        def pause() -> bool:
            time.sleep(_PAUSE_SECONDS)
            return time.monotonic() < end

        return aws_drift.changed(self._cloud, stack, pause)

    def topics(self) -> set[str]:
        """Return the ARNs of the topics in this region."""
        with translated("The topics"):
            return {topic["TopicArn"] for topic in listed(self._client("sns"), "list_topics", "Topics")}

    def failed_actions(self, prefix: str, since: datetime) -> list[FailedAction]:
        """Return the actions of alarms whose names begin so that failed."""
        request = {"HistoryItemType": "Action", "StartDate": since, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        with translated("The alarm history"):
            items = listed(self._client("cloudwatch"), "describe_alarm_history", "AlarmHistoryItems", **request)
        return [
            FailedAction(item["AlarmName"], item["Timestamp"], item["HistorySummary"])
            for item in items
            if item["AlarmName"].startswith(prefix) and item["HistorySummary"].startswith("Failed")
        ]

    def subscriptions(self, topic: str) -> list[Subscription]:
        """Return the subscriptions of a topic; one that is gone has none."""
        ask = partial(listed, self._client("sns"), "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic)
        with translated(f"The topic {topic.rpartition(':')[2]}"):
            answer = existing(ask, "NotFound", "NotFoundException") or []
        return [
            Subscription(made["Protocol"], made["Endpoint"], made["SubscriptionArn"].startswith("arn:"))
            for made in answer
        ]

    def key(self, arn: str) -> Key | None:
        """Return a KMS key, or none."""
        kms = self._client("kms")
        with translated(f"The key {arn}"):
            key = existing(lambda: kms.describe_key(KeyId=arn), "NotFoundException")
            if key is None:
                return None
            policy = kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
        return Key(bool(key["KeyMetadata"]["Enabled"]), json.loads(policy))

    def last_run(self, environment: str, now: datetime) -> datetime | None:
        """Return the newest minute of the last three hours with a successful run."""
        dimensions = [{"Name": "Environment", "Value": environment}]
        metric = {"Namespace": NAMESPACE, "MetricName": "Runs", "Dimensions": dimensions}
        request = {
            "MetricDataQueries": [{"Id": "runs", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}],
            "StartTime": now - _LOOK_BACK,
            # Stamps are up to 2 minutes ahead: a slot is published as of 2 minutes after its end.
            "EndTime": now.astimezone(UTC) + timedelta(minutes=5),
        }
        with translated("The metric of the runs"):
            results = listed(self._client("cloudwatch"), "get_metric_data", "MetricDataResults", **request)
        points = (point for result in results for point in zip(result["Timestamps"], result["Values"], strict=True))
        return max((at for at, value in points if value > 0), default=None)

    def queue_counts(self, urls: Sequence[str]) -> dict[str, int]:
        """Return how many messages wait in each queue."""
        name, sqs = "ApproximateNumberOfMessages", self._client("sqs")
        with translated("The queues of dead letters"):
            answers = {url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name]) for url in urls}
        return {url: int(answer["Attributes"][name]) for url, answer in answers.items()}

    def mutes(self) -> list[Mute]:
        """Return the rules that mute alarms now."""
        request = {"Statuses": ["ACTIVE"]}
        with translated("The mute rules"):
            rules = listed(self._client("cloudwatch"), "list_alarm_mute_rules", "AlarmMuteRuleSummaries", **request)
        # arn:aws:cloudwatch:<region>:<account>:alarm-mute-rule:<name>
        return [Mute(rule["AlarmMuteRuleArn"].rpartition(":")[2], rule.get("ExpireDate")) for rule in rules]
