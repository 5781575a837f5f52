"""A CloudWatch, a bucket, an SES and a fallback topic for the tests: they answer and fail as they are told."""

from __future__ import annotations

import email
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.incidents.incident import Incident, from_json
from deliverywatch.alerting.incidents.severity import Watch, watches
from deliverywatch.alerting.inputs.alarm import Alarm, State, from_description
from deliverywatch.alerting.inputs.settings import Settings
from deliverywatch.alerting.notify import Notifier
from deliverywatch.alerting.ports import Ports, Unrecorded
from deliverywatch.errors import MailUnavailable, MetricsUnavailable, StoreUnavailable
from deliverywatch.messages.untrusted import moment
from deliverywatch.storage.memory import Memory
from deliverywatch.storage.store import Unreachable

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.signed_link import Signer
    from deliverywatch.storage.store import Stored

PREFIX = "deliverywatch-prod"
ARN = "arn:aws:cloudwatch:ap-southeast-2:123456789012:alarm:"
DAY = datetime(2026, 11, 21, tzinfo=UTC)

WATCHES_DOCUMENT = {
    "watches": [
        {
            "name": "sms-failures",
            "title": "SMS failures",
            "context": "state/sms.json",
            "rungs": [
                {"alarm": "sms-critical", "level": "critical", "recovery": "sms-critical-recovery"},
                {"alarm": "sms-warning", "level": "warning", "recovery": "sms-warning-recovery"},
            ],
        },
        {
            "name": "sms-trickle",
            "title": "SMS failing in a trickle",
            "context": "state/sms.json",
            "rungs": [{"alarm": "sms-trickle", "level": "warning"}],
        },
        {
            "name": "sms-overdue",
            "title": "SMS without an outcome",
            "context": "state/sms.json",
            "rungs": [{"alarm": "sms-overdue", "level": "warning"}],
        },
        {
            "name": "sms-blind",
            "title": "SMS monitoring is blind",
            "context": "state/sms.json",
            "rungs": [
                {"alarm": "sms-blind", "level": "blind", "warm_up_minutes": 40},
                {"alarm": "sms-ingest-errors", "level": "blind"},
            ],
        },
    ]
}
WATCHES = watches(WATCHES_DOCUMENT, PREFIX)
# Failing messages as they are judged by their own data.
ASSESSED = (replace(WATCHES[0], is_assessed=True), *WATCHES[1:])

SETTINGS = Settings(
    environment="prod",
    prefix=PREFIX,
    sender="alerts@example.com",
    recipients=("support@example.com", "duty@example.com"),
    time_zone="Australia/Sydney",
    dashboard="deliverywatch-prod-sms",
    workgroup="deliverywatch-prod",
    region="ap-southeast-2",
)


def at(clock: str) -> datetime:
    """Return a time of the day on which all stories play, in UTC."""
    hours, minutes = clock.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


def metric(name: str, period_seconds: int, stat: str = "Sum") -> dict[str, Any]:
    named = {
        "Namespace": "DeliveryWatch/Sms",
        "MetricName": name,
        "Dimensions": [{"Name": "Environment", "Value": "prod"}],
    }
    return {"Metric": named, "Period": period_seconds, "Stat": stat}


def ratio_alarm(name: str, threshold: float, description: str = "", period_seconds: int = 1800) -> dict[str, Any]:
    """Return a ratio alarm as DescribeAlarms gives it."""
    share = "IF(total >= 10 AND failed >= 3, 100 * failed / total, 0)"
    return {
        "AlarmName": f"{PREFIX}-{name}",
        "AlarmArn": f"{ARN}{PREFIX}-{name}",
        "AlarmDescription": description,
        "StateValue": "OK",
        "StateReason": "",
        "StateUpdatedTimestamp": DAY,
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",
        "Metrics": [
            {"Id": "share", "Expression": share, "Label": "SMS failed (%)", "ReturnData": True},
            {"Id": "total", "MetricStat": metric("Total", period_seconds), "ReturnData": False},
            {"Id": "failed", "MetricStat": metric("Failed", period_seconds), "ReturnData": False},
        ],
    }


GUARD = "of the SMS of the last 30 minutes failed, with at least 10 sent and 3 failed."
DESCRIBED = [
    ratio_alarm("sms-critical", 25, f"Critical: more than 25 % {GUARD}"),
    ratio_alarm("sms-warning", 3, f"Warning: more than 3 % {GUARD}"),
    ratio_alarm("sms-critical-recovery", 15),
    ratio_alarm("sms-warning-recovery", 2),
    ratio_alarm("sms-trickle", 25, "More than 25 % of the SMS of the last 6 hours failed.", 21600),
    ratio_alarm(
        "sms-overdue", 50, "For 20 minutes, more than 50 % of the SMS sent 15 to 60 minutes before had no outcome."
    )
    | {
        "Metrics": [],
        "Namespace": "DeliveryWatch/Sms",
        "MetricName": "OverduePercent",
        "Dimensions": [{"Name": "Environment", "Value": "prod"}],
        "Statistic": "Average",
        "Period": 600,
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 2,
    },
    ratio_alarm("sms-blind", 1, "No run read ClickSend's history successfully for 30 minutes.")
    | {
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
        "Metrics": [
            {"Id": "filled", "Expression": "FILL(runs, 0)", "Label": "Successful runs", "ReturnData": True},
            {"Id": "runs", "MetricStat": metric("Runs", 1800), "ReturnData": False},
        ],
    },
    ratio_alarm("sms-ingest-errors", 0, "Runs failed in two of the last three periods of 10 minutes.")
    | {
        "Metrics": [],
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": [{"Name": "FunctionName", "Value": "deliverywatch-prod-sms-ingest"}],
        "Statistic": "Sum",
        "Period": 600,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "TreatMissingData": "notBreaching",
    },
]


@dataclass
class FakeCloudWatch:
    """Alarms with states and values that tests set by short names; counts how often it is asked."""

    alarms: dict[str, Alarm] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    picture: bytes | None = None
    is_down: bool = False
    muted: set[str] | None = field(default_factory=set)
    described: int = 0
    asked_at: list[datetime] = field(default_factory=list)
    summed: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    widgets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.alarms = {alarm.name: alarm for alarm in map(from_description, DESCRIBED)}

    def set(self, name: str, state: str, time: datetime) -> None:
        full = f"{PREFIX}-{name}"
        self.alarms[full] = replace(
            self.alarms[full], state=State(state), updated_at=time, reason=f"Threshold Crossed: {name}"
        )

    def measure(self, failed: float, total: float) -> None:
        """Set the newest values of all alarms that compare failed with total."""
        counts = {
            "failed": failed,
            "total": total,
            "share": 100 * failed / total if total >= 10 and failed >= 3 else 0.0,
        }
        self.values |= {alarm.name: counts for alarm in self.alarms.values() if alarm.is_ratio}

    def describe(self, names: Sequence[str]) -> list[Alarm]:
        self._answer()
        self.described += 1
        return [self.alarms[name] for name in names if name in self.alarms]

    def newest(self, alarms: Iterable[Alarm], now: datetime) -> Mapping[str, Mapping[str, float]]:
        self._answer()
        self.asked_at.append(now)
        return {alarm.name: self.values[alarm.name] for alarm in alarms if alarm.name in self.values}

    def sums(self, alarm: Alarm, start: datetime, end: datetime) -> Mapping[str, float]:
        self._answer()
        self.summed.append((alarm.name, start, end))
        return self.totals

    def is_muted(self, names: Sequence[str]) -> bool:
        self._answer()
        if self.muted is None:
            raise MetricsUnavailable("This boto3 knows no mute rules.")
        return bool(self.muted & set(names))

    def png(self, widget: str) -> bytes:
        self._answer()
        self.widgets.append(widget)
        if self.picture is None:
            raise MetricsUnavailable("GetMetricWidgetImage is not available in this region.")
        return self.picture

    def _answer(self) -> None:
        if self.is_down:
            raise MetricsUnavailable("CloudWatch is down.")


class KilledError(Exception):
    """The function is killed here."""


@dataclass
class FakeStore:
    """A bucket that can be down, and that kills its caller at a given call."""

    memory: Memory = field(default_factory=Memory)
    is_down: bool = False
    asked: int = 0
    down_for_writes: bool = False
    before_write: list[Any] = field(default_factory=list)
    steps: Steps | None = None

    def read(self, key: str) -> Stored | None:
        self._answer()
        return self.memory.read(key)

    def metadata(self, key: str) -> Mapping[str, str] | None:
        self._answer()
        return self.memory.metadata(key)

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        self._writing()
        self.memory.write_if_unchanged(key, body, etag, metadata)
        self._written()

    def write(self, key: str, body: bytes) -> None:
        self._writing()
        self.memory.write(key, body)
        self._written()

    def keys(self, prefix: str) -> list[str]:
        self._answer()
        return self.memory.keys(prefix)

    # The notifier uses no more of a store than that.
    delete = delete_if_unchanged = sizes = Unreachable.read

    def _answer(self) -> None:
        self.asked += 1
        if self.is_down:
            raise StoreUnavailable("S3 answers 503.")

    def _writing(self) -> None:
        self._answer()
        if self.down_for_writes:
            raise StoreUnavailable("S3 takes no writes.")
        if self.before_write:
            self.before_write.pop(0)()

    def _written(self) -> None:
        if self.steps:
            self.steps.take()


@dataclass
class Steps:
    """Counts what the notifier does to the world, and kills it after the given one."""

    until: int = -1

    def take(self) -> None:
        self.until -= 1
        if self.until == 0:
            raise KilledError


@dataclass
class FakeSes:
    """SES and the fallback topic; what was sent, and what they refuse with."""

    messages: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    refusal: str = ""
    topic_refusal: str = ""
    steps: Steps | None = None

    def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> str:
        if self.refusal:
            raise MailUnavailable(self.refusal)
        self.messages.append(message)
        self.envelopes.append((sender, tuple(recipients)))
        if self.steps:
            self.steps.take()
        return f"ses-{len(self.messages)}"

    def publish(self, subject: str, text: str) -> str:
        if self.topic_refusal:
            raise MailUnavailable(self.topic_refusal)
        self.texts.append((subject, text))
        return f"sns-{len(self.texts)}"

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(one, policy=policy.default) for one in self.messages]  # type: ignore[misc]

    @property
    def events(self) -> list[str]:
        return [str(mail["X-DeliveryWatch-Event"]) for mail in self.mails]

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]


@dataclass
class FakeStack:
    """A stack that may be being changed; counts how often it is asked."""

    changing: bool = False
    deleted: datetime | None = None
    asked: int = 0

    def is_changing(self) -> bool:
        self.asked += 1
        return self.changing

    def deleted_at(self) -> datetime | None:
        return self.deleted


@dataclass
class World:
    """Everything around the notifier."""

    cloudwatch: FakeCloudWatch = field(default_factory=FakeCloudWatch)
    store: FakeStore = field(default_factory=FakeStore)
    ses: FakeSes = field(default_factory=FakeSes)
    settings: Settings = SETTINGS
    watches: tuple[Watch, ...] = WATCHES
    invocation: int = 0
    now: datetime | None = None
    stack: FakeStack = field(default_factory=FakeStack)
    unrecorded: Unrecorded = field(default_factory=Unrecorded)
    signer: Callable[[datetime], Signer] | None = None

    def notifier(self, invocation: str = "") -> Notifier:
        self.invocation += 1
        ports = Ports(
            alarms=self.cloudwatch,
            store=self.store,
            mailer=self.ses,
            fallback=self.ses,
            charts=self.cloudwatch,
            stack=self.stack,
            unrecorded=self.unrecorded,
            signer=self.signer,
        )
        return Notifier(ports, self.settings, self.watches, invocation or f"request-{self.invocation}")

    def tell(self, message: Mapping[str, Any], invocation: str = "") -> list[Any]:
        """Hand a message over, no earlier than it says it was made; one from the next year is not waited for."""
        times = [time for time in _times(message) if time < DAY + timedelta(days=90)]
        self.now = max([*times, *([self.now] if self.now else [])], default=DAY)
        return self.notifier(invocation).run(message, self.now)

    def sweep(self, time: datetime) -> list[Any]:
        return self.tell({"sweep": time.isoformat()})

    def incident(self, watch: str) -> Incident:
        """Return the record of a watch."""
        incident = from_json(self.store.memory.objects[f"incidents/{watch}/current.json"])
        assert incident is not None
        return incident

    def assess(self, clock: str, verdict: str, **more: Any) -> None:
        """Let the system say what its data prove about failing messages."""
        judged = {"verdict": verdict, "as_of": at(clock).isoformat(), "sentence": f"{verdict} at {clock}"} | more
        self.store.memory.write("state/sms.json", json.dumps({"assessments": {"sms-failures": judged}}).encode())

    def alarm(self, name: str, state: str, clock: str, old: str = "OK") -> list[Any]:
        """Let an alarm change, and tell of it."""
        self.cloudwatch.set(name, state, at(clock))
        return self.tell(message(name, state, clock, old))


def _times(event: Mapping[str, Any]) -> list[datetime]:
    """Return the times that an event and its messages say."""
    own = [event.get(name) for name in ("sweep", "StateChangeTime", "time")]
    records = [record.get("Sns", {}).get("Timestamp") for record in event.get("Records", ())]
    return [time for time in map(moment, [*own, *records]) if time]


def message(name: str, state: str, clock: str, old: str = "OK") -> dict[str, Any]:
    """Return the bare message of an alarm of the stack."""
    (described,) = [one for one in DESCRIBED if one["AlarmName"] == f"{PREFIX}-{name}"]
    trigger = {key: value for key, value in described.items() if not key.startswith(("Alarm", "State"))}
    return {
        "AlarmName": described["AlarmName"],
        "AlarmDescription": described["AlarmDescription"],
        "AWSAccountId": "123456789012",
        "NewStateValue": state,
        "OldStateValue": old,
        "NewStateReason": f"Threshold Crossed: {name}",
        "StateChangeTime": f"{at(clock):%Y-%m-%dT%H:%M:%S}.000+0000",
        "Region": "Asia Pacific (Sydney)",
        "AlarmArn": described["AlarmArn"],
        "Trigger": trigger,
    }


def sns(*messages: object) -> dict[str, Any]:
    """Return the event that SNS gives a Lambda function."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": f"00000000-0000-4000-8000-{number:012}",
                    "Subject": "ALARM",
                    "Message": one if isinstance(one, str) else json.dumps(one),
                    "Timestamp": "2026-11-21T12:04:01.000Z",
                },
            }
            for number, one in enumerate(messages)
        ]
    }
