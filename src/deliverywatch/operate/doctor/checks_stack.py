"""Whether what was deployed is there and works: functions, bucket, workgroup, queues, key, and the runs themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.operate.account.stack_status import Phase, phase, way_out
from deliverywatch.operate.doctor.check import Check, failed, ok, some, warning
from deliverywatch.sdk import FLOOR, is_below_floor
from deliverywatch.thresholds import WINDOW_SECONDS

if TYPE_CHECKING:
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.sms.clicksend.credit import Credit

_CLOUDWATCH = "cloudwatch.amazonaws.com"
# What a service needs of a key that encrypts a topic.
_OF_A_KEY = ("kms:Decrypt", "kms:GenerateDataKey")


@dataclass(frozen=True, slots=True)
class BucketProtection:
    """A bucket as it is; `is_private` if its public access is blocked in all four ways."""

    is_private: bool
    is_encrypted: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A function as Lambda describes it."""

    name: str
    state: str
    last_update: str
    reason: str


@dataclass(frozen=True, slots=True)
class Key:
    """A KMS key as it is."""

    is_enabled: bool
    policy: Mapping[str, Any]


def stack(deployment: Deployment, version: str) -> Check:
    """Return whether the stack stands, and is of this version."""
    status = deployment.status
    if phase(status) is Phase.MOVING:
        finding = f"CloudFormation is changing the stack ({status}): what follows can be half done."
        return warning("stack", finding, "Look again when it has ended: deliverywatch doctor")
    if phase(status) is not Phase.STANDING:
        fix = way_out(status, deployment.name) or "deliverywatch deploy"
        return failed("stack", f"The stack is in status {status}.", fix)
    if deployment.version != version:
        return warning(
            "stack",
            f"The stack is of version {deployment.version or 'unknown'}, this command of {version}.",
            "python cfn/build.py, then deliverywatch deploy",
        )
    return ok("stack", f"{deployment.name} is deployed, version {version}.")


def sdk(version: str) -> Check:
    """Return whether the SDK that makes these checks, of a function or of this machine, is new enough."""
    if is_below_floor(version):
        return failed(
            "sdk",
            f"botocore {version} is older than {FLOOR}, with which all functions are tested: some calls may fail.",
            "aws lambda put-runtime-management-config --update-runtime-on Auto --function-name ...",
        )
    return ok("sdk", f"botocore {version} is not older than {FLOOR}.")


def budget(*, is_tag_active: bool) -> Check:
    """Return whether the budget sees what the stack costs: it goes by a tag that has to be activated."""
    if is_tag_active:
        return ok("budget", "AWS bills by the stack's tag: the budget sees what it costs.")
    return warning(
        "budget",
        "AWS does not bill by the stack's tag: the budget sees no cost, and no mail would come from it.",
        "aws ce update-cost-allocation-tags-status --cost-allocation-tags-status "
        "TagKey=aws:cloudformation:stack-name,Status=Active",
    )


def functions(present: Sequence[Function], wanted: Sequence[str]) -> Check:
    """Return whether every function can run."""
    names = {function.name for function in present}
    if lost := [name for name in wanted if name not in names]:
        return failed("functions", f"{some(lost)} does not exist.", "deliverywatch deploy --revert-drift")
    broken = [one for one in present if one.state not in ("Active", "Inactive") or one.last_update == "Failed"]
    if broken:
        first = broken[0]
        finding = f"{first.name} cannot run: {first.reason or first.state}"
        return failed("functions", finding, f"aws lambda get-function --function-name {first.name}, then deploy again")
    return ok("functions", f"{len(present)} functions can run.")


def concurrency(reserved: Mapping[str, int | None]) -> Check:
    """Return whether every function may run at all: with a reserved concurrency of 0 none is ever started."""
    stopped = [name for name, count in reserved.items() if count == 0]
    if not stopped:
        return ok("concurrency", "Every function may run.")
    return failed(
        "concurrency",
        f"{some(stopped)} never runs: its reserved concurrency is 0.",
        f"aws lambda delete-function-concurrency --function-name {stopped[0]}",
    )


def schedules(states: Mapping[str, str | None], wanted: Mapping[str, str]) -> Check:
    """Return whether every schedule starts its function; both map a name to a state, None for one that is gone."""
    if lost := [name for name in wanted if states.get(name) is None]:
        return failed("schedules", f"The schedule {some(lost)} does not exist.", "deliverywatch deploy --revert-drift")
    off = [name for name, state in wanted.items() if state == "ENABLED" and states[name] != "ENABLED"]
    if off:
        finding = f"The schedule {some(off)} is switched off: what it starts does not run."
        return failed("schedules", finding, "deliverywatch deploy --revert-drift")
    return ok("schedules", f"{len(wanted)} schedules are as they were deployed.")


def credentials(names: Sequence[str], stored: Collection[str]) -> Check:
    """Return whether the SSM parameters with the ClickSend credentials are there; their values are not read."""
    lost = [name for name in names if name not in stored]
    if not lost:
        return ok("clicksend-stored", "The ClickSend credentials are stored.")
    return failed(
        "clicksend-stored",
        f"The ClickSend credentials are not stored: {some(lost)}.",
        f"aws ssm put-parameter --type SecureString --name {lost[0]} --value ...",
    )


def secrets(names: Sequence[str], stored: Collection[str]) -> Check:
    """Return whether the SSM parameters that parameters of the stack name are there; their values are not read."""
    lost = [name for name in names if name not in stored]
    if not lost:
        return ok("secrets", f"{len(names)} secrets that the stack names are stored.")
    finding = f"The stack names a secret that is not stored: {some(lost)}."
    return failed("secrets", finding, f"aws ssm put-parameter --type SecureString --name {lost[0]} --value ...")


def bucket(name: str, protection: BucketProtection | None) -> Check:
    """Return whether the lake is there, closed to the public and encrypted."""
    if protection is None:
        return failed("bucket", f"The bucket {name} does not exist: nothing is kept.", "deliverywatch deploy")
    if not protection.is_private:
        return failed(
            "bucket",
            f"The bucket {name} is not closed to the public.",
            f"aws s3api put-public-access-block --bucket {name} --public-access-block-configuration "
            "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
        )
    if not protection.is_encrypted:
        return warning("bucket", f"The bucket {name} is not encrypted.", "deliverywatch deploy --revert-drift")
    return ok("bucket", f"{name} is there, private and encrypted.")


def workgroup(name: str, state: str | None) -> Check:
    """Return whether the saved queries can run."""
    if state == "ENABLED":
        return ok("workgroup", f"Queries run in {name}.")
    if state is None:
        finding, fix = f"The Athena workgroup {name} does not exist.", "deliverywatch deploy --revert-drift"
    else:
        finding = f"The Athena workgroup {name} is {state.lower()}."
        fix = f"aws athena update-work-group --work-group {name} --state ENABLED"
    return failed("workgroup", finding, fix)


def dead_letters(counts: Mapping[str, int]) -> Check:
    """Return whether something could not be handled; the counts are by the queues' addresses."""
    full = {url: count for url, count in counts.items() if count}
    if not full:
        subject = "The queue of dead letters is" if len(counts) == 1 else f"{len(counts)} queues of dead letters are"
        return ok("dead-letters", f"{subject} empty.")
    url = next(iter(full))
    counted = [f"{count} in {url.rpartition('/')[2]}" for url, count in full.items()]
    return failed(
        "dead-letters",
        f"Could not be handled: {some(counted)}.",
        f"aws sqs receive-message --queue-url {url}, fix the cause, then aws sqs purge-queue --queue-url {url}",
    )


def key(arn: str, kms_key: Key | None) -> Check:
    """Return whether alarms and the notifier may use the topics' key; an empty ARN is no key."""
    if not arn:
        return ok("kms", "The topics use no key of yours, as they carry nothing personal.")
    if kms_key is None or not kms_key.is_enabled:
        finding = (
            f"The key {arn} {'does not exist' if kms_key is None else 'is disabled'}: alarms are lost without a trace."
        )
        return failed("kms", finding, f"aws kms enable-key --key-id {arn}")
    if not _lets_in(kms_key.policy, _CLOUDWATCH):
        return failed(
            "kms",
            f"The policy of {arn} does not let CloudWatch use it: alarms are lost without a trace.",
            f"aws kms put-key-policy --key-id {arn} --policy-name default --policy ..., with a statement that allows "
            f"{' and '.join(f'{action}*' for action in _OF_A_KEY)} to the service {_CLOUDWATCH}",
        )
    return ok("kms", "CloudWatch may use the key of the topics.")


def _lets_in(policy: Mapping[str, Any], service: str) -> bool:
    allowed: set[str] = set()
    for statement in policy.get("Statement", ()):
        principal = statement.get("Principal")
        services = _listed(principal.get("Service", ())) if isinstance(principal, dict) else [principal]
        if statement.get("Effect") == "Allow" and (service in services or "*" in services):
            allowed |= {action.rstrip("*") for action in _listed(statement.get("Action", ()))}
    return all(any(wanted.startswith(action) for action in allowed) for wanted in _OF_A_KEY)


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)


def heartbeat(last: datetime | None, now: datetime, function: str) -> Check:
    """Return whether runs succeed; `last` is the newest minute with a successful run, or none in three hours."""
    limit = timedelta(seconds=WINDOW_SECONDS)
    if last and now - last <= limit:
        return ok("heartbeat", f"The last successful run was {_minutes(now - last)} ago.")
    when = f"{_minutes(now - last)} ago" if last else "more than 3 hours ago, or never"
    return failed(
        "heartbeat",
        f"The last successful run was {when}: failures would not be seen.",
        f"aws logs tail /aws/lambda/{function} --since 1h",
    )


def _minutes(duration: timedelta) -> str:
    minutes = max(0, int(duration.total_seconds() // 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def clicksend(credit: Credit) -> list[Check]:
    """Return whether ClickSend takes the key, and whether the account can pay."""
    taken = ok("clicksend-key", "ClickSend takes the key.")
    fix = "Top up, or switch on auto top-up, under Billing in ClickSend's dashboard."
    if not credit.is_active:
        return [taken, failed("clicksend-credit", "ClickSend has closed or banned the account.", "Ask ClickSend why.")]
    if credit.balance <= 0 and not credit.recharges:
        finding = f"The credit is used up ({credit.balance:.2f}): ClickSend sends nothing, and nothing shows as failed."
        return [taken, failed("clicksend-credit", finding, fix)]
    if credit.balance < credit.low_balance and not credit.recharges:
        finding = (
            f"{credit.balance:.2f} of credit is left, less than the {credit.low_balance:.2f} that ClickSend warns at."
        )
        return [taken, warning("clicksend-credit", finding, fix)]
    return [taken, ok("clicksend-credit", f"{credit.balance:.2f} of credit is left.")]
