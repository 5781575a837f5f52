"""A deployed stack -> one line per check: how it is, and the command that mends it.

What cannot be looked at is a failed check too, with the reason: a right that is missing hides nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.engine.definitions.template import resources
from deliverywatch.errors import DeliveryWatchError, SourceRefused
from deliverywatch.operate.doctor import checks_alarms, checks_mail, checks_stack
from deliverywatch.operate.doctor.check import Check, failed, ok

if TYPE_CHECKING:
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.doctor.checks_alarms import FailedAction, Mute
    from deliverywatch.operate.doctor.checks_mail import Identity, Sending, Subscription
    from deliverywatch.operate.doctor.checks_stack import Bucket, Function, Key
    from deliverywatch.sms.clicksend.credit import Credit

HISTORY_DAYS = 7
_ALARM = "AWS::CloudWatch::Alarm"


class Account(Protocol):
    """What is asked of AWS and of ClickSend."""

    def identity(self, name: str) -> Identity | None:
        """Return an address or a domain in SES, or none."""

    def sending(self) -> Sending:
        """Return what SES lets the account do."""

    def credit(self, parameters: str, url: str) -> Credit:
        """Return the credit of the ClickSend account whose credentials are SSM parameters under a path."""

    def bucket(self, name: str) -> Bucket | None:
        """Return a bucket, or none."""

    def workgroup(self, name: str) -> str | None:
        """Return the state of an Athena workgroup, or none."""

    def functions(self, names: Sequence[str]) -> list[Function]:
        """Return those of the functions that exist."""

    def alarms(self, prefix: str) -> list[Mapping[str, Any]]:
        """Return the alarms whose names begin so, composite ones too, as DescribeAlarms does."""

    def topics(self) -> set[str]:
        """Return the ARNs of the topics in this region."""

    def failed_actions(self, prefix: str, since: datetime) -> list[FailedAction]:
        """Return the actions of alarms whose names begin so that failed."""

    def subscriptions(self, topic: str) -> list[Subscription]:
        """Return the subscriptions of a topic."""

    def key(self, arn: str) -> Key | None:
        """Return a KMS key, or none."""

    def last_run(self, environment: str, now: datetime) -> datetime | None:
        """Return the newest minute of the last three hours with a successful run."""

    def queue_counts(self, urls: Sequence[str]) -> dict[str, int]:
        """Return how many messages wait in each queue."""

    def mutes(self) -> list[Mute]:
        """Return the rules that mute alarms now."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined.

    Attributes:
        names: By kind of resource, the names in the account; of a queue its address.
        template: The stack's template.
        version: Of this command.
    """

    deployment: Deployment
    names: Mapping[str, Sequence[str]]
    template: Mapping[str, Any]
    version: str
    now: datetime

    def parameter(self, name: str) -> str:
        """Return a parameter's value; empty if the stack has no such parameter."""
        return self.deployment.parameters.get(name, "")

    def alarms(self) -> dict[str, dict[str, Any]]:
        """Return by alarm name its properties as they were deployed."""
        return {str(made["AlarmName"]): made for _, made in self._resolved()}

    def thresholds(self) -> dict[str, str]:
        """Return by alarm name the parameter that its threshold comes from."""
        given = {name: made["Properties"].get("Threshold") for name, made in self.template["Resources"].items()}
        return {
            str(made["AlarmName"]): given[name]["Ref"]
            for name, made in self._resolved()
            if isinstance(given[name], dict) and "Ref" in given[name]
        }

    def _resolved(self) -> Iterator[tuple[str, dict[str, Any]]]:
        there = self.deployment
        given = {name: there.parameters[name] for name in self.template["Parameters"]}
        where = {"AWS::Region": there.region, "AWS::AccountId": there.account}
        return resources(self.template, _ALARM, {**given, **where})


def examine(account: Account, subject: Subject) -> Iterator[Check]:
    """Yield one line per check, in the order in which things are mended."""
    for name, look in _LOOKS:
        try:
            yield from look(account, subject)
        except SourceRefused as error:
            path = subject.parameter("ClickSendCredentials")
            mend = f"aws ssm put-parameter --overwrite --type SecureString --name {path}/api_key --value ..."
            yield failed(name, str(error), mend)
        except DeliveryWatchError as error:
            yield failed(name, str(error), error.next_step)


def _place(_: Account, subject: Subject) -> Iterable[Check]:
    there = subject.deployment
    yield ok("credentials", f"AWS knows the credentials: account {there.account}.")
    yield ok("region", f"{there.name} is in {there.region}.")
    yield checks_stack.stack(there, subject.version)


def _functions(account: Account, subject: Subject) -> Iterable[Check]:
    names = subject.names.get("AWS::Lambda::Function", ())
    yield checks_stack.functions(account.functions(names), names)


def _sender(account: Account, subject: Subject) -> Iterable[Check]:
    address = subject.parameter("SenderAddress")
    names = (address, checks_mail.domain(address))
    identities = {each.name: each for name in names if (each := account.identity(name))}
    yield checks_mail.sender(address, identities)
    yield checks_mail.dkim(address, identities)


def _sandbox(account: Account, subject: Subject) -> Iterable[Check]:
    state = account.sending()
    yield checks_mail.sending(state)
    recipients = subject.parameter("AlertRecipients").split(",")
    unverified = [] if state.is_out_of_sandbox else [each for each in recipients if not _is_known(account, each)]
    yield checks_mail.sandbox(state, unverified)


def _is_known(account: Account, address: str) -> bool:
    found = (account.identity(name) for name in (address, checks_mail.domain(address)))
    return any(each is not None and each.is_verified for each in found)


def _clicksend(account: Account, subject: Subject) -> Iterable[Check]:
    if path := subject.parameter("ClickSendCredentials"):
        yield from checks_stack.clicksend(account.credit(path, subject.parameter("ClickSendUrl")))


def _bucket(account: Account, subject: Subject) -> Iterable[Check]:
    name = subject.deployment.bucket
    yield checks_stack.bucket(name, account.bucket(name))


def _workgroup(account: Account, subject: Subject) -> Iterable[Check]:
    name = subject.deployment.prefix
    yield checks_stack.workgroup(name, account.workgroup(name))


def _alarms(account: Account, subject: Subject) -> Iterable[Check]:
    found, wanted = account.alarms(f"{subject.deployment.prefix}-"), subject.alarms()
    yield checks_alarms.present([alarm["AlarmName"] for alarm in found], wanted)
    yield checks_alarms.actions(found, account.topics())
    yield checks_alarms.drift(found, wanted, subject.thresholds())


def _history(account: Account, subject: Subject) -> Iterable[Check]:
    since = subject.now - timedelta(days=HISTORY_DAYS)
    yield checks_alarms.history(account.failed_actions(f"{subject.deployment.prefix}-", since), HISTORY_DAYS)


def _notifier(account: Account, subject: Subject) -> Iterable[Check]:
    there = subject.deployment
    yield checks_mail.notifier(account.subscriptions(_topic(there, "alerts")), f"{there.prefix}-alerting-notify")


def _fallback(account: Account, subject: Subject) -> Iterable[Check]:
    topic = _topic(subject.deployment, "fallback")
    yield checks_mail.fallback(topic, subject.parameter("FallbackAddress"), account.subscriptions(topic))


def _topic(there: Deployment, name: str) -> str:
    partitions = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
    found = (partition for begin, partition in partitions.items() if there.region.startswith(f"{begin}-"))
    return f"arn:{next(found, 'aws')}:sns:{there.region}:{there.account}:{there.prefix}-{name}"


def _key(account: Account, subject: Subject) -> Iterable[Check]:
    arn = subject.parameter("KmsKeyArn")
    yield checks_stack.key(arn, account.key(arn) if arn else None)


def _heartbeat(account: Account, subject: Subject) -> Iterable[Check]:
    if subject.parameter("SlotMinutes"):
        last = account.last_run(subject.deployment.environment, subject.now)
        yield checks_stack.heartbeat(last, subject.now, f"{subject.deployment.prefix}-sms-ingest")


def _dead_letters(account: Account, subject: Subject) -> Iterable[Check]:
    urls = [url for url in subject.names.get("AWS::SQS::Queue", ()) if "dead-letters" in url]
    yield checks_stack.dead_letters(account.queue_counts(urls))


def _mutes(account: Account, _: Subject) -> Iterable[Check]:
    yield checks_alarms.muted(account.mutes())


_LOOKS: Collection[tuple[str, Callable[[Account, Subject], Iterable[Check]]]] = (
    ("stack", _place),
    ("functions", _functions),
    ("bucket", _bucket),
    ("workgroup", _workgroup),
    ("kms", _key),
    ("sender", _sender),
    ("sandbox", _sandbox),
    ("notifier", _notifier),
    ("fallback", _fallback),
    ("clicksend-key", _clicksend),
    ("heartbeat", _heartbeat),
    ("alarms", _alarms),
    ("alarm-history", _history),
    ("dead-letters", _dead_letters),
    ("mutes", _mutes),
)
