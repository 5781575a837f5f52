"""A deployed stack -> one line per check: how it is, and the command that fixes it.

Each check stands alone. What cannot be looked at, be it denied, unknown to the SDK, late or answered oddly, is unknown,
with the reason, and hides nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cwalarm.definitions.template import resources
from deliverywatch.errors import ConfigurationError, SourceRefused
from deliverywatch.messages.console import partition
from deliverywatch.operate.account.deployment import secret_names
from deliverywatch.operate.account.readings import known, reason
from deliverywatch.operate.cost.aws_cost import STACK_TAG
from deliverywatch.operate.doctor import checks_alarms, checks_changed, checks_mail, checks_records, checks_stack
from deliverywatch.operate.doctor.check import Check, failed, ok, unknown, warning
from deliverywatch.sms.lake.incomplete import read_incomplete
from deliverywatch.storage.records import DAMAGED

if TYPE_CHECKING:
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.account.resources import Resource
    from deliverywatch.operate.doctor.aws_doctor import Account

HISTORY_DAYS = 7
_ALARM = "AWS::CloudWatch::Alarm"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined, by a command of a version; of `history_days` is asked which actions of alarms failed.

    Instead of its resources or its template it has the error that reading them ended with.
    """

    deployment: Deployment
    resources: Sequence[Resource] | Exception
    template: Mapping[str, Any] | Exception
    version: str
    now: datetime
    history_days: int = HISTORY_DAYS

    def names(self, kind: str) -> list[str]:
        """Return the names that resources of a kind have in the account; of a queue its address."""
        return [resource.name for resource in known(self.resources) if resource.kind == kind]

    def parameter(self, name: str) -> str:
        """Return a parameter's value; empty if the stack has no such parameter."""
        return self.deployment.parameters.get(name, "")

    def alarms(self) -> dict[str, dict[str, Any]]:
        """Return by alarm name its properties as they were deployed."""
        return {str(made["AlarmName"]): made for _, made in self._resolved(_ALARM)}

    def schedules(self) -> dict[str, str]:
        """Return by the name of each schedule the state in which it was deployed."""
        resolved = self._resolved("AWS::Scheduler::Schedule")
        return {str(made["Name"]): str(made.get("State", "ENABLED")) for _, made in resolved}

    def thresholds(self) -> dict[str, str]:
        """Return by alarm name the parameter that its threshold comes from."""
        made_from = known(self.template)["Resources"]
        given = {name: made["Properties"].get("Threshold") for name, made in made_from.items()}
        return {
            str(made["AlarmName"]): given[name]["Ref"]
            for name, made in self._resolved(_ALARM)
            if isinstance(given[name], dict) and "Ref" in given[name]
        }

    def _resolved(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        template = known(self.template)
        given = {name: self.deployment.parameters[name] for name in template["Parameters"]}
        pseudo = {"AWS::Region": self.deployment.region, "AWS::AccountId": self.deployment.account}
        return resources(template, kind, {**given, **pseudo})


def examine(account: Account, subject: Subject, without: Collection[str] = ()) -> Iterator[Check]:
    """Yield one line per check, in the order in which things are fixed; `without` names groups of `CHECKS`."""
    for name, check in CHECKS:
        if name in without:
            continue
        try:
            yield from check(account, subject)
        except SourceRefused as error:
            path = subject.deployment.credentials
            fix = f"aws ssm put-parameter --overwrite --type SecureString --name {path}/api_key --value ..."
            yield failed(name, str(error), fix)
        except ConfigurationError as error:
            yield failed(name, str(error), error.next_step)
        except Exception as error:  # an odd answer fails as the code that reads it happens to
            yield unknown(name, error)


def _stack(account: Account, subject: Subject) -> Iterable[Check]:
    deployment = subject.deployment
    yield ok("credentials", f"AWS knows the credentials: account {deployment.account}.")
    yield ok("region", f"{deployment.name} is in {deployment.region}.")
    yield checks_stack.stack(deployment, subject.version)
    yield checks_stack.sdk(account.sdk)


def _functions(account: Account, subject: Subject) -> Iterable[Check]:
    names = subject.names("AWS::Lambda::Function")
    yield checks_stack.functions(account.functions(names), names)


def _concurrency(account: Account, subject: Subject) -> Iterable[Check]:
    yield checks_stack.concurrency(account.reserved(subject.names("AWS::Lambda::Function")))


def _schedules(account: Account, subject: Subject) -> Iterable[Check]:
    wanted = subject.schedules()
    yield checks_stack.schedules(account.schedules(list(wanted)), wanted)


def _stored(account: Account, subject: Subject) -> Iterable[Check]:
    if path := subject.deployment.credentials:
        names = [f"{path}/username", f"{path}/api_key"]
        yield checks_stack.credentials(names, account.stored_parameters(names))


def _secrets(account: Account, subject: Subject) -> Iterable[Check]:
    if names := secret_names(subject.deployment.parameters):
        yield checks_stack.secrets(names, account.stored_parameters(names))


def _sender(account: Account, subject: Subject) -> Iterable[Check]:
    address = subject.parameter("SenderAddress")
    names = (address, checks_mail.domain(address))
    identities = {identity.name: identity for name in names if (identity := account.identity(name))}
    yield checks_mail.sender(address, identities)
    yield checks_mail.dkim(address, identities)


def _sandbox(account: Account, subject: Subject) -> Iterable[Check]:
    state = account.sending()
    yield checks_mail.sending(state)
    recipients = subject.parameter("AlertRecipients").split(",")
    unverified = [] if state.is_out_of_sandbox else [name for name in recipients if not _is_verified(account, name)]
    yield checks_mail.sandbox(state, unverified)


def _suppressed(account: Account, subject: Subject) -> Iterable[Check]:
    named = ",".join(subject.parameter(name) for name in ("AlertRecipients", "CriticalRecipients"))
    addresses = dict.fromkeys(address.strip() for address in named.split(",") if address.strip())
    reasons = {address: reason for address in addresses if (reason := account.suppression(address))}
    yield checks_mail.suppressed(reasons)


def _is_verified(account: Account, address: str) -> bool:
    identities = (account.identity(name) for name in (address, checks_mail.domain(address)))
    return any(identity is not None and identity.is_verified for identity in identities)


def _clicksend(account: Account, subject: Subject) -> Iterable[Check]:
    if path := subject.deployment.credentials:
        yield from checks_stack.clicksend(account.credit(path, subject.parameter("ClickSendUrl")))


def _bucket(account: Account, subject: Subject) -> Iterable[Check]:
    name = subject.deployment.bucket
    yield checks_stack.bucket(name, account.bucket(name))


def _workgroup(account: Account, subject: Subject) -> Iterable[Check]:
    name = subject.deployment.prefix
    yield checks_stack.workgroup(name, account.workgroup(name))


def _alarms(account: Account, subject: Subject) -> Iterable[Check]:
    alarms = account.alarms(f"{subject.deployment.prefix}-")
    yield checks_alarms.present([alarm["AlarmName"] for alarm in alarms], subject.alarms())


def _actions(account: Account, subject: Subject) -> Iterable[Check]:
    alarms = account.alarms(f"{subject.deployment.prefix}-")
    yield checks_alarms.actions(alarms, account.topics(), subject.alarms())


def _drift(account: Account, subject: Subject) -> Iterable[Check]:
    alarms = account.alarms(f"{subject.deployment.prefix}-")
    yield checks_alarms.drift(alarms, subject.alarms(), subject.thresholds())


def _changed(account: Account, subject: Subject) -> Iterable[Check]:
    deployment = subject.deployment
    compared = account.compare(deployment, known(subject.template), known(subject.resources))
    yield from checks_changed.changed(compared, deployment.bucket)
    try:
        drifted = account.drift(deployment.name)
    except Exception as error:  # CloudFormation's own comparison is the second opinion
        yield warning(checks_changed.NAME, reason(error), getattr(error, "next_step", "") or "deliverywatch doctor")
    else:
        yield from checks_changed.drifted(drifted, compared, deployment)


def _history(account: Account, subject: Subject) -> Iterable[Check]:
    days = subject.history_days
    since = subject.now - timedelta(days=days)
    yield checks_alarms.history(account.failed_actions(f"{subject.deployment.prefix}-", since), days)


def _notifier(account: Account, subject: Subject) -> Iterable[Check]:
    deployment = subject.deployment
    topic, function = _topic(deployment, "alerts"), f"{deployment.prefix}-alerting-notify"
    yield checks_mail.notifier(account.subscriptions(topic), function)


def _permission(account: Account, subject: Subject) -> Iterable[Check]:
    deployment = subject.deployment
    topic, function = _topic(deployment, "alerts"), f"{deployment.prefix}-alerting-notify"
    yield checks_mail.permission(account.function_policy(function), function, topic)


def _fallback(account: Account, subject: Subject) -> Iterable[Check]:
    topic = _topic(subject.deployment, "fallback")
    yield checks_mail.fallback(topic, subject.parameter("FallbackAddress"), account.subscriptions(topic))


def _topic(deployment: Deployment, name: str) -> str:
    home = f"arn:{partition(deployment.region)}:sns:{deployment.region}:{deployment.account}"
    return f"{home}:{deployment.prefix}-{name}"


def _key(account: Account, subject: Subject) -> Iterable[Check]:
    arn = subject.parameter("KmsKeyArn")
    yield checks_stack.key(arn, account.key(arn) if arn else None)


def _heartbeat(account: Account, subject: Subject) -> Iterable[Check]:
    if subject.parameter("SlotMinutes"):
        last = account.last_run(subject.deployment.environment, subject.now)
        yield checks_stack.heartbeat(last, subject.now, f"{subject.deployment.prefix}-sms-ingest")


def _records(account: Account, subject: Subject) -> Iterable[Check]:
    bucket = subject.deployment.bucket
    yield checks_records.damaged(account.lake(bucket).keys(DAMAGED), bucket)


def _rows(account: Account, subject: Subject) -> Iterable[Check]:
    if subject.parameter("SlotMinutes"):
        store = account.lake(subject.deployment.bucket)
        yield checks_records.incomplete(read_incomplete(store), subject.now)


def _dead_letters(account: Account, subject: Subject) -> Iterable[Check]:
    urls = [url for url in subject.names("AWS::SQS::Queue") if "dead-letters" in url]
    yield checks_stack.dead_letters(account.queue_counts(urls))


def _budget(account: Account, subject: Subject) -> Iterable[Check]:
    if subject.names("AWS::Budgets::Budget"):
        yield checks_stack.budget(is_tag_active=account.has_active_tag(STACK_TAG))


def _mutes(account: Account, _: Subject) -> Iterable[Check]:
    yield checks_alarms.muted(account.mutes())


CHECKS: Collection[tuple[str, Callable[[Account, Subject], Iterable[Check]]]] = (
    ("stack", _stack),
    ("functions", _functions),
    ("concurrency", _concurrency),
    ("schedules", _schedules),
    ("bucket", _bucket),
    ("workgroup", _workgroup),
    ("kms", _key),
    ("sender", _sender),
    ("sandbox", _sandbox),
    ("suppressed", _suppressed),
    ("notifier", _notifier),
    ("notifier-policy", _permission),
    ("fallback", _fallback),
    ("clicksend-stored", _stored),
    ("secrets", _secrets),
    ("clicksend-key", _clicksend),
    ("heartbeat", _heartbeat),
    ("records", _records),
    ("clicksend-rows", _rows),
    ("alarms", _alarms),
    ("alarm-actions", _actions),
    ("drift", _drift),
    (checks_changed.NAME, _changed),
    ("alarm-history", _history),
    ("dead-letters", _dead_letters),
    ("budget", _budget),
    ("mutes", _mutes),
)
