"""The notifier's ports over boto3: CloudWatch, CloudFormation, SES v2 and SNS, and the lake.

A client is made when it is first used: each costs 50 ms, and most invocations need two of the four.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from deliverywatch.alerting.inputs import metric_queries
from deliverywatch.alerting.inputs.alarm import from_description
from deliverywatch.alerting.inputs.settings import RECIPIENT_LIMIT
from deliverywatch.errors import ChannelUnavailable, DeliveryWatchError, MailUnavailable, MetricsUnavailable, error_code
from deliverywatch.messages.untrusted import moment
from deliverywatch.sdk import sendable
from deliverywatch.storage.s3 import Bucket

if TYPE_CHECKING:
    from deliverywatch.alerting.inputs.alarm import Alarm

# The function has a minute: a service that hangs, for 15 seconds at most, must leave time to report it through another.
_CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 4}, connect_timeout=2, read_timeout=5)
# The last is of an answer that is no JSON or XML.
_FAILURES = (BotoCoreError, ClientError, ResponseParserError)
# SendEmail is not idempotent: what SES may have taken is not sent again, so botocore repeats nothing. A slow SES gets
# about as long as the four attempts of the others.
_SEND_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=15)
_SEND_PAUSES_SECONDS = (0.5, 1.5)
# SES had nothing in its hands: no connection came about, or it said that it has too much to do.
_UNSENT = (ConnectTimeoutError, EndpointConnectionError)
_BUSY_STATUSES = frozenset({429, 503})
# The most names that DescribeAlarms takes.
_NAMES_PER_CALL = 100
# SNS subjects are at most 100 ASCII characters; a message is at most 256 KiB.
_TOPIC_SUBJECT_LIMIT = 100
_TOPIC_TEXT_LIMIT = 60_000


class CloudWatch:
    """Alarms, metrics and pictures of them."""

    def describe(self, names: Sequence[str]) -> list[Alarm]:
        """Return those of the alarms that exist, by their names as `untrusted.text` cleans them."""
        with _translated(MetricsUnavailable, "CloudWatch did not describe the alarms"):
            pages = [
                self._page(names[first : first + _NAMES_PER_CALL]) for first in range(0, len(names), _NAMES_PER_CALL)
            ]
            alarms = _alarms(pages)
            missing = set(names) - {alarm.name for alarm in alarms}
            return [*alarms, *(alarm for name in sorted(missing) for alarm in self._cleaned(name))]

    def _cleaned(self, name: str) -> list[Alarm]:
        """Return the alarm whose name is this one once it is cleaned: CloudWatch takes a space at its end, and more."""
        types = ["MetricAlarm", "CompositeAlarm"]
        pages = self._client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=name.partition(" ")[0] or name, AlarmTypes=types
        )
        return [alarm for alarm in _alarms(pages) if alarm.name == name]

    def newest(self, alarms: Iterable[Alarm], now: datetime) -> Mapping[str, Mapping[str, float]]:
        """Return by alarm name, by query id, the value of the alarm's period that ends at the minute of `now`."""
        alarms = list(alarms)
        requests = metric_queries.newest_requests(alarms, now)
        results = [result for request in requests for result in self._results(request)]
        return metric_queries.newest_values(alarms, results)

    def sums(self, alarm: Alarm, start: datetime, end: datetime) -> Mapping[str, float]:
        """Return by query id the sum of each of the alarm's own metrics over a time."""
        request = metric_queries.sums_request(alarm, start, end)
        sums: dict[str, float] = {}
        for result in self._results(request) if request else ():
            sums[result["Id"]] = sums.get(result["Id"], 0.0) + sum(result["Values"])
        return sums

    def is_muted(self, names: Sequence[str]) -> bool:
        """Return whether a mute rule holds back the actions of one of the alarms now."""
        with _translated(MetricsUnavailable, "CloudWatch did not name the mute rules"):
            return any(self._has_rule(name) for name in names)

    def _has_rule(self, name: str) -> bool:
        request: dict[str, Any] = {"AlarmName": name, "Statuses": ["ACTIVE"]}
        # A page can be empty though another one follows.
        while not (page := self._client.list_alarm_mute_rules(**request)).get("AlarmMuteRuleSummaries"):
            if not page.get("NextToken"):
                return False
            request["NextToken"] = page["NextToken"]
        return True

    def png(self, widget: str) -> bytes:
        """Return the picture of a widget definition."""
        with _translated(MetricsUnavailable, "CloudWatch drew no picture"):
            answer = self._client.get_metric_widget_image(MetricWidget=widget)
        if "MetricWidgetImage" not in answer:
            raise MetricsUnavailable("CloudWatch drew no picture.")
        return bytes(answer["MetricWidgetImage"])

    @cached_property
    def _client(self) -> Any:
        return boto3.client("cloudwatch", config=_CONFIG)

    def _page(self, names: Sequence[str]) -> Mapping[str, Any]:
        # Without the types CloudWatch leaves out composite alarms.
        types = ["MetricAlarm", "CompositeAlarm"]
        # Without their number it answers with the first 50.
        return dict(self._client.describe_alarms(AlarmNames=list(names), AlarmTypes=types, MaxRecords=_NAMES_PER_CALL))

    def _results(self, request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        with _translated(MetricsUnavailable, "CloudWatch did not return the metrics"):
            pages = self._client.get_paginator("get_metric_data").paginate(**request)
            return [result for page in pages for result in page["MetricDataResults"]]


def _alarms(pages: Iterable[Mapping[str, Any]]) -> list[Alarm]:
    kinds = ("MetricAlarms", "CompositeAlarms")
    return [from_description(alarm) for page in pages for kind in kinds for alarm in page.get(kind, [])]


class Stack:
    """The stack that the notifier belongs to."""

    def __init__(self, name: str) -> None:
        self._name = name

    def is_changing(self) -> bool:
        """Return whether it is being created, updated or deleted; False if that cannot be read: a loss is mailed."""
        stack = self._described()
        return stack.get("StackStatus", "").endswith("_IN_PROGRESS") or self.deleted_at() is not None

    def deleted_at(self) -> datetime | None:
        """Return when its deletion began; None if it is not being deleted."""
        stack = self._described()
        is_deleted = stack.get("StackStatus", "").startswith("DELETE_")
        return moment(stack.get("DeletionTime") or stack.get("CreationTime")) if is_deleted else None

    def _described(self) -> Mapping[str, Any]:
        try:
            with sendable(MetricsUnavailable):
                answer = boto3.client("cloudformation", config=_CONFIG).describe_stacks(StackName=self._name)
        except (*_FAILURES, MetricsUnavailable):
            return {}
        return dict(answer["Stacks"][0]) if answer["Stacks"] else {}


def lake(bucket: str) -> Bucket:
    """Return the lake's bucket, with time-outs that fit into the function's minute."""
    return Bucket(bucket, config=_CONFIG)


class Ses:
    """SES v2, which sends the message unchanged."""

    def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> str:
        """Send a message, in several calls if SES does not take all recipients at once, and return its first id."""
        groups = [recipients[first : first + RECIPIENT_LIMIT] for first in range(0, len(recipients), RECIPIENT_LIMIT)]
        try:
            with sendable(MailUnavailable):
                answers = [self._sent(message, sender, group) for group in groups]
        except _FAILURES as error:
            raise MailUnavailable(str(error)) from error
        return str(answers[0].get("MessageId", ""))  # it is sent, whatever the answer lacks

    def _sent(self, message: bytes, sender: str, recipients: Sequence[str]) -> Mapping[str, Any]:
        """Send to one group, again only where SES certainly took nothing."""
        request = {
            "FromEmailAddress": sender,
            "Destination": {"ToAddresses": list(recipients)},
            "Content": {"Raw": {"Data": message}},
        }
        for pause_seconds in _SEND_PAUSES_SECONDS:
            try:
                return dict(self._client.send_email(**request))
            except _FAILURES as error:
                if not _is_unsent(error):
                    raise
            time.sleep(pause_seconds)
        return dict(self._client.send_email(**request))

    @cached_property
    def _client(self) -> Any:
        return boto3.client("sesv2", config=_SEND_CONFIG)


def _is_unsent(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return isinstance(error, _UNSENT)
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _BUSY_STATUSES


class Topic:
    """The fallback topic."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def publish(self, subject: str, text: str) -> str:
        """Publish a text and return its id."""
        plain = subject.encode("ascii", "replace").decode()[:_TOPIC_SUBJECT_LIMIT]
        with _translated(MailUnavailable, f"Neither SES nor the fallback topic took the mail '{plain}'"):
            answer = boto3.client("sns", config=_CONFIG).publish(
                TopicArn=self._arn, Subject=plain, Message=text[:_TOPIC_TEXT_LIMIT]
            )
        return str(answer["MessageId"])


class Secrets:
    """SecureStrings of SSM, read when a channel is used."""

    def read(self, parameter: str) -> str:
        """Return a secret; what boto3 says of a failure is not repeated."""
        try:
            with sendable(ChannelUnavailable):
                answer = self._client.get_parameter(Name=parameter, WithDecryption=True)
        except _FAILURES as error:
            raise ChannelUnavailable(f"The SSM parameter {parameter} cannot be read: {error_code(error)}.") from error
        return str(answer["Parameter"]["Value"]).strip()

    @cached_property
    def _client(self) -> Any:
        return boto3.client("ssm", config=_CONFIG)


@contextmanager
def _translated(kind: type[DeliveryWatchError], what: str) -> Iterator[None]:
    """Raise boto3's errors as `kind`, after a sentence that says what did not happen."""
    try:
        with sendable(kind):
            yield
    except _FAILURES as error:
        raise kind(f"{what}: {error}") from error
