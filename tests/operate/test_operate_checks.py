"""Every check of `doctor`, when all is well and when it is not: the sentence, and the command that fixes it."""

import importlib
import inspect
import pkgutil
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deliverywatch.operate import doctor
from deliverywatch.operate.account.deployment import Deployment
from deliverywatch.operate.doctor import checks_alarms as alarms
from deliverywatch.operate.doctor import checks_mail as mail
from deliverywatch.operate.doctor import checks_stack as stack
from deliverywatch.operate.doctor import diagnose
from deliverywatch.operate.doctor.aws_doctor import Account
from deliverywatch.operate.doctor.check import Check, Verdict
from deliverywatch.sms.clicksend.credit import Credit

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WATCH = "watch@example.com"
ADDRESS = mail.Identity(WATCH, is_verified=True, dkim="NOT_STARTED")
WAITING = mail.Identity(WATCH, is_verified=False, dkim="NOT_STARTED")
DOMAIN = mail.Identity("example.com", is_verified=True, dkim="SUCCESS")
FREE = mail.Sending(is_out_of_sandbox=True, is_enabled=True, enforcement="HEALTHY")
SANDBOX = mail.Sending(is_out_of_sandbox=False, is_enabled=True, enforcement="HEALTHY")
TOPIC = "arn:aws:sns:us-east-1:111122223333:deliverywatch-prod-fallback"
CONFIRMED = mail.Subscription("email", "oncall@example.com", is_confirmed=True)
PENDING = mail.Subscription("email", "oncall@example.com", is_confirmed=False)
NOTIFIER = mail.Subscription("lambda", "arn:aws:lambda:us-east-1:111122223333:function:notify", is_confirmed=True)
ALARM = {"AlarmName": "sms-warning", "ActionsEnabled": True, "AlarmActions": [TOPIC], "Threshold": 3.0, "Period": 60}
KEY = "arn:aws:kms:us-east-1:111122223333:key/1"


def deployment(**changes: str) -> Deployment:
    given = {"name": "deliverywatch-prod", "environment": "prod", "region": "us-east-1", "account": "111122223333"}
    return Deployment(**{**given, "status": "UPDATE_COMPLETE", "version": "0.1.0", **changes})  # type: ignore[arg-type]


def policy(*actions: str, service: str = "cloudwatch.amazonaws.com") -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions)}]}


def permission(topic: str = TOPIC) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "lambda:InvokeFunction"}
    return {"Statement": [{**statement, "Condition": {"ArnLike": {"AWS:SourceArn": topic}}}]}


def credit(balance: float, low: float = 5.0, *, active: bool = True, recharges: bool = False) -> Check:
    return stack.clicksend(Credit(balance, low, active, recharges))[-1]


def function(state: str = "Active", update: str = "Successful") -> stack.Function:
    return stack.Function("sms-ingest", state, update, "Its role is gone." if update == "Failed" else "")


def failure(hour: int) -> alarms.FailedAction:
    summary = "Failed to execute action arn:aws:sns:us-east-1:111122223333:x"
    return alarms.FailedAction("sms-warning", NOW.replace(hour=hour), summary)


def drift(**changes: Any) -> Check:
    wanted = {"sms-warning": {"Threshold": "3", "Period": "60", "TreatMissingData": "ignore"}}
    alarm = {**ALARM, "TreatMissingData": "ignore", **changes}
    return alarms.drift([alarm], wanted, {"sms-warning": "WarningThresholdPercent"})


FINE = {
    "stack": stack.stack(deployment(), "0.1.0"),
    "the oldest sdk": stack.sdk("1.34.145"),
    "functions": stack.functions([function()], ["sms-ingest"]),
    "bucket": stack.bucket("lake", stack.BucketProtection(is_private=True, is_encrypted=True)),
    "concurrency": stack.concurrency({"sms-ingest": None, "x": 5}),
    "schedules": stack.schedules({"a": "ENABLED", "b": "DISABLED"}, {"a": "ENABLED", "b": "DISABLED"}),
    "stored credentials": stack.credentials(["/c/username"], {"/c/username"}),
    "permission": mail.permission(permission(), "notify", TOPIC),
    "workgroup": stack.workgroup("w", "ENABLED"),
    "no key": stack.key("", None),
    "a key": stack.key(KEY, stack.Key(is_enabled=True, policy=policy("kms:Decrypt", "kms:GenerateDataKey*"))),
    "a key for all of KMS": stack.key(KEY, stack.Key(is_enabled=True, policy=policy("kms:*"))),
    "sender by its address": mail.sender(WATCH, {WATCH: ADDRESS}),
    "sender by its domain": mail.sender(WATCH, {"example.com": DOMAIN}),
    "dkim": mail.dkim(WATCH, {WATCH: ADDRESS, "example.com": DOMAIN}),
    "sending": mail.sending(FREE),
    "out of the sandbox": mail.sandbox(FREE, []),
    "no suppressed recipient": mail.suppressed({}),
    "fallback": mail.fallback(TOPIC, "oncall@example.com", [PENDING, CONFIRMED]),
    "notifier": mail.notifier([NOTIFIER], "notify"),
    "heartbeat": stack.heartbeat(NOW - timedelta(minutes=29), NOW, "f"),
    "dead letters": stack.dead_letters({"https://q/dead-letters": 0}),
    "credit": credit(10),
    "little credit that is topped up": credit(1, recharges=True),
    "alarms": alarms.present(["a", "b"], ["a", "b"]),
    "actions": alarms.actions([ALARM], {TOPIC}, {"sms-warning": {"AlarmActions": [TOPIC]}}),
    "history": alarms.history([], 7),
    "mutes": alarms.muted([]),
    "a budget": stack.budget(is_tag_active=True),
    "drift": drift(),
}

BAD: dict[str, tuple[Check, Verdict, str, str]] = {
    "a stack that failed": (
        stack.stack(deployment(status="UPDATE_ROLLBACK_FAILED"), "0.1.0"),
        Verdict.FAILED, "UPDATE_ROLLBACK_FAILED", "deliverywatch deploy",
    ),
    "an older version": (stack.stack(deployment(), "0.2.0"), Verdict.WARNING, "0.1.0", "cfn/build.py"),
    "an sdk below the floor": (
        stack.sdk("1.34.100"), Verdict.FAILED, "1.34.100 is older than 1.34.145", "put-runtime-management-config",
    ),
    "a function that is gone": (stack.functions([], ["x"]), Verdict.FAILED, "x does not exist", "--revert-drift"),
    "a function that failed": (
        stack.functions([function(update="Failed")], ["sms-ingest"]),
        Verdict.FAILED, "Its role is gone.", "aws lambda get-function",
    ),
    "a function that may not run": (
        stack.concurrency({"sms-ingest": 0}),
        Verdict.FAILED, "never runs", "aws lambda delete-function-concurrency --function-name sms-ingest",
    ),
    "a schedule that is off": (
        stack.schedules({"a": "DISABLED"}, {"a": "ENABLED"}), Verdict.FAILED, "a is switched off", "--revert-drift",
    ),
    "a schedule that is gone": (
        stack.schedules({"a": None}, {"a": "ENABLED"}), Verdict.FAILED, "a does not exist", "--revert-drift",
    ),
    "credentials that nobody stored": (
        stack.credentials(["/c/username", "/c/api_key"], {"/c/username"}),
        Verdict.FAILED, "not stored: /c/api_key", "aws ssm put-parameter --type SecureString --name /c/api_key",
    ),
    "a notifier without a policy": (
        mail.permission(None, "notify", TOPIC), Verdict.FAILED, "may not start notify", f"--source-arn {TOPIC}",
    ),
    "a notifier that another topic may start": (
        mail.permission(permission(f"{TOPIC}-2"), "notify", TOPIC), Verdict.FAILED, "may not start", "add-permission",
    ),
    "no bucket": (stack.bucket("lake", None), Verdict.FAILED, "does not exist", "deliverywatch deploy"),
    "a public bucket": (
        stack.bucket("lake", stack.BucketProtection(is_private=False, is_encrypted=True)),
        Verdict.FAILED, "not closed", "aws s3api put-public-access-block --bucket lake",
    ),
    "a bucket in clear": (
        stack.bucket("lake", stack.BucketProtection(is_private=True, is_encrypted=False)),
        Verdict.WARNING, "not encrypted", "--revert-drift",
    ),
    "no workgroup": (stack.workgroup("w", None), Verdict.FAILED, "does not exist", "--revert-drift"),
    "a workgroup that is off": (
        stack.workgroup("w", "DISABLED"), Verdict.FAILED, "is disabled", "update-work-group --work-group w",
    ),
    "a key that is gone": (stack.key(KEY, None), Verdict.FAILED, "does not exist", "aws kms"),
    "a key that is off": (
        stack.key(KEY, stack.Key(is_enabled=False, policy={})), Verdict.FAILED, "disabled", "aws kms enable-key",
    ),
    "a key that CloudWatch may only read with": (
        stack.key(KEY, stack.Key(is_enabled=True, policy=policy("kms:Decrypt"))),
        Verdict.FAILED, "does not let CloudWatch use it", "kms:GenerateDataKey",
    ),
    "a key for another service": (
        stack.key(KEY, stack.Key(is_enabled=True, policy=policy("kms:*", service="sns.amazonaws.com"))),
        Verdict.FAILED, "does not let CloudWatch use it", "put-key-policy",
    ),
    "a sender nobody knows": (
        mail.sender(WATCH, {}), Verdict.FAILED, "SES does not know it", f"--email-identity {WATCH}",
    ),
    "a sender that waits": (mail.sender(WATCH, {WATCH: WAITING}), Verdict.FAILED, "waits", "confirm the mail"),
    "a recipient that bounced once": (
        mail.suppressed({WATCH: "BOUNCE"}),
        Verdict.FAILED, f"{WATCH} (bounce)", f"delete-suppressed-destination --email-address {WATCH}",
    ),
    "no dkim": (mail.dkim(WATCH, {WATCH: ADDRESS}), Verdict.WARNING, "not signed", "--email-identity example.com"),
    "sending paused": (
        mail.sending(mail.Sending(is_out_of_sandbox=True, is_enabled=False, enforcement="SHUTDOWN")),
        Verdict.FAILED, "paused", "SES console",
    ),
    "sending on probation": (
        mail.sending(mail.Sending(is_out_of_sandbox=True, is_enabled=True, enforcement="PROBATION")),
        Verdict.WARNING, "probation", "SES console",
    ),
    "a sandbox that lets nobody in": (
        mail.sandbox(SANDBOX, ["a@example.org", "b@example.org"]),
        Verdict.FAILED, "a@example.org, b@example.org", "--email-identity a@example.org",
    ),
    "a sandbox": (mail.sandbox(SANDBOX, []), Verdict.WARNING, "200 mails a day", "production access"),
    "a fallback that waits": (
        mail.fallback(TOPIC, "oncall@example.com", [PENDING]),
        Verdict.FAILED, "has not confirmed yet", f"--topic-arn {TOPIC} --notification-endpoint oncall@example.com",
    ),
    "no fallback": (
        mail.fallback(TOPIC, "oncall@example.com", [NOTIFIER]),
        Verdict.FAILED, "Nobody is subscribed", "aws sns subscribe",
    ),
    "no notifier": (mail.notifier([CONFIRMED], "notify"), Verdict.FAILED, "no alarm becomes a mail", "deploy"),
    "runs that stopped": (
        stack.heartbeat(NOW - timedelta(minutes=31), NOW, "f"),
        Verdict.FAILED, "31 minutes ago", "aws logs tail /aws/lambda/f",
    ),
    "runs that never were": (stack.heartbeat(None, NOW, "f"), Verdict.FAILED, "or never", "aws logs tail"),
    "dead letters": (
        stack.dead_letters({"https://q/a-dead-letters": 2, "https://q/b-dead-letters": 0}),
        Verdict.FAILED, "2 in a-dead-letters", "receive-message --queue-url https://q/a-dead-letters",
    ),
    "an account that is closed": (credit(10, active=False), Verdict.FAILED, "closed or banned", "Ask ClickSend"),
    "no credit": (credit(0), Verdict.FAILED, "used up", "Top up"),
    "little credit": (credit(4.5), Verdict.WARNING, "4.50 of credit is left", "Top up"),
    "an alarm that is gone": (
        alarms.present(["a"], ["a", "b"]), Verdict.FAILED, "1 alarms are gone: b", "--revert-drift",
    ),
    "actions that are off": (
        alarms.actions([{**ALARM, "ActionsEnabled": False}], {TOPIC}, {}),
        Verdict.FAILED, "switched off", "enable-alarm-actions --alarm-names sms-warning",
    ),
    "actions that were taken away": (
        alarms.actions([{**ALARM, "AlarmActions": []}], {TOPIC}, {"sms-warning": {"AlarmActions": [TOPIC]}}),
        Verdict.FAILED, "Actions of sms-warning were taken away", "--revert-drift",
    ),
    "a topic that is gone": (alarms.actions([ALARM], set(), {}), Verdict.FAILED, "does not exist", "deploy"),
    "actions that failed": (
        alarms.history([failure(11), failure(9)], 7),
        Verdict.FAILED, "2 actions failed in 7 days, the last on 2026-11-21 11:00", "--alarm-name sms-warning",
    ),
    "a mute": (
        alarms.muted([alarms.Mute("maintenance", NOW)]),
        Verdict.WARNING, "maintenance until 2026-11-21 12:00", "deliverywatch unmute maintenance",
    ),
    "a budget that sees nothing": (
        stack.budget(is_tag_active=False),
        Verdict.WARNING, "the budget sees no cost", "TagKey=aws:cloudformation:stack-name,Status=Active",
    ),
    "a threshold changed by hand": (
        drift(Threshold=5.0), Verdict.FAILED, "Threshold is 5, deployed was 3", "--set WarningThresholdPercent=5",
    ),
    "missing data treated in another way": (
        drift(TreatMissingData="breaching"), Verdict.FAILED, "TreatMissingData is breaching", "--revert-drift",
    ),
    "an expression changed by hand": (
        drift(Metrics=[{"Id": "e", "Expression": "1"}]), Verdict.FAILED, "expression is 1", "--revert-drift",
    ),
}  # fmt: skip


@pytest.mark.parametrize("check", FINE.values(), ids=FINE)
def test_what_is_well_has_nothing_to_mend(check: Check) -> None:
    assert (check.verdict, check.fix) == (Verdict.OK, "")
    assert check.finding.endswith(".")


@pytest.mark.parametrize(("check", "verdict", "finding", "fix"), BAD.values(), ids=BAD)
def test_what_is_not_well_says_so_and_what_fixes_it(check: Check, verdict: Verdict, finding: str, fix: str) -> None:
    assert check.verdict is verdict
    assert finding in check.finding
    assert fix in check.fix


def test_one_queue_of_dead_letters_is_told_as_one() -> None:
    assert stack.dead_letters({"https://q/a": 0}).finding == "The queue of dead letters is empty."
    assert stack.dead_letters({"https://q/a": 0, "https://q/b": 0}).finding == "2 queues of dead letters are empty."


def test_ses_says_which_recipient_it_suppresses() -> None:
    class Ses:
        def get_suppressed_destination(self, EmailAddress: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
            if EmailAddress != "bounced@example.com":
                raise ClientError({"Error": {"Code": "NotFoundException"}}, "GetSuppressedDestination")
            return {"SuppressedDestination": {"EmailAddress": EmailAddress, "Reason": "BOUNCE"}}

    cloud: Any = SimpleNamespace(client=lambda _: Ses())
    account = Account(cloud)
    assert [account.suppression(f"{name}@example.com") for name in ("bounced", "well")] == ["BOUNCE", ""]


def test_every_check_was_seen_failing_or_warning() -> None:
    assert {check.name for check in FINE.values()} == {check.name for check, *_ in BAD.values()}


def test_doctor_makes_every_check_that_there_is() -> None:
    names = [module.name for module in pkgutil.iter_modules(doctor.__path__) if module.name.startswith("checks_")]
    modules = [importlib.import_module(f"{doctor.__name__}.{name}") for name in names]
    checks = {
        f"{name}.{check.__name__}("
        for name, module in zip(names, modules, strict=True)
        for check in vars(module).values()
        if inspect.isfunction(check) and check.__module__ == module.__name__
        and str(inspect.signature(check).return_annotation) in ("Check", "list[Check]", str(Check))
    }  # fmt: skip
    source = inspect.getsource(diagnose)
    assert len(checks) >= 19
    assert {check for check in checks if check not in source} == set()
    parts = {
        part
        for part in vars(diagnose).values()
        if getattr(part, "__annotations__", {}).get("return") == "Iterable[Check]"
    }
    assert {part for _, part in diagnose.CHECKS} == parts
