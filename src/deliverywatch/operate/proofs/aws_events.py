"""Proofs over a queue of their own: what Scheduler fills into an input, and which headers of a mail SES keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from deliverywatch.errors import error_code
from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.proofs.session import Outcome, Session, Verdict, judged

_INPUT = '{"scheduled_time": "<aws.scheduler.scheduled-time>"}'
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SIMULATOR = "success@simulator.amazonses.com"
# A role is known everywhere after seconds; Scheduler starts within its minute.
_SCHEDULE_SECONDS, _MAIL_SECONDS, _ROLE_SECONDS = 300.0, 180.0, 60.0
_AHEAD = timedelta(minutes=3)
_REFUSED = ("cron(*/60 * * * ? *)", "cron(0/60 * * * ? *)", "rate(10 seconds)", "cron(0 8 ? * MON#1,FRI#2 *)")
_WRAPPING = ("cron(0/30 20-2 ? * MON-FRI *)", "cron(0 8 ? * FRI-MON *)", "cron(0 21 LW * ? *)", "rate(2 minute)")
_UNDOCUMENTED = (
    "rate(1 hours)", "cron(50-10 * * * ? *)", "cron(0 8 25-5 * ? *)", "cron(0 8 1 NOV-FEB ? *)", "cron(0 */24 * * ? *)",
    "cron(0 8 ? * MON/2 *)", "cron(0 8 1,L * ? *)", "cron(0 8 ? * MON,FRIL *)", "cron(0 8 L-3 * ? *)",
    "cron(0 8 ? * mon-fri *)", "cron(0 0 30 2 ? *)",
)  # fmt: skip
_EXPRESSIONS = (
    ("scheduler-refuses-expressions", _REFUSED, False),
    ("scheduler-ranges-wrap", _WRAPPING, True),
    ("scheduler-takes-undocumented", _UNDOCUMENTED, True),
)


def scheduler_input(session: Session) -> Generator[Outcome]:
    """Yield whether Scheduler fills in the time for which an event was planned."""
    scheduler, name = session.cloud.client("scheduler"), session.name
    with session.tidied() as undo, translated("The schedule of the proof"):
        url, arn = _queue(session, undo)
        role = _role(session, undo, arn)
        at = session.now().replace(second=0, microsecond=0) + _AHEAD
        request = {
            "Name": name,
            "ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": arn, "RoleArn": role, "Input": _INPUT},
        }
        with session.making(undo, f"The schedule {name}", scheduler.delete_schedule, Name=name):
            is_made = session.awaited(lambda: _scheduled(scheduler, request), _ROLE_SECONDS)
        text = session.awaited(lambda: _received(session, url), _SCHEDULE_SECONDS) if is_made else None
    if text is None:
        why = "Its target received nothing." if is_made else f"Scheduler did not take the role {name} within a minute."
        yield Outcome("scheduler-fills-time", Verdict.OPEN, why)
        return
    is_filled = f"{at:%Y-%m-%dT%H:%M}" in text and bool(_TIME.search(text))
    yield judged("scheduler-fills-time", f"Its target received {text}", is_so=is_filled)


def scheduler_expressions(session: Session) -> Generator[Outcome]:
    """Yield which expressions Scheduler takes: of those that it is said to refuse, documents, or says nothing of."""
    scheduler, name = session.cloud.client("scheduler"), session.name
    with session.tidied() as undo, translated("The schedule of the proof"):
        # A schedule that is off sends nothing, so the queue need not exist.
        arn = _arn(session, session.cloud.client("sqs"), "sqs", name)
        target = {"Arn": arn, "RoleArn": _role(session, undo, arn)}
        request = {"Name": name, "State": "DISABLED", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
        first = {**request, "ScheduleExpression": "rate(1 day)"}
        with session.making(undo, f"The schedule {name}", scheduler.delete_schedule, Name=name):
            is_made = session.awaited(lambda: _scheduled(scheduler, first), _ROLE_SECONDS)
        takes = partial(_takes, scheduler, request)
        answers = {text: takes(text) for text in (*_REFUSED, *_WRAPPING, *_UNDOCUMENTED)} if is_made else {}
    for behaviour, expressions, is_taken in _EXPRESSIONS:
        if not is_made:
            why = f"Scheduler did not take the role {name} within a minute."
            yield Outcome(behaviour, Verdict.OPEN, why)
            continue
        others = [text for text in expressions if answers[text] is not is_taken]
        expected, other = ("taken", "refused") if is_taken else ("refused", "taken")
        finding = f"{', '.join(others)}: {other}." if others else f"All {len(expressions)} were {expected}."
        yield judged(behaviour, finding, is_so=not others)


def _takes(scheduler: Any, request: Mapping[str, Any], expression: str) -> bool:
    try:
        scheduler.update_schedule(**request, ScheduleExpression=expression)
    except ClientError as error:
        if error_code(error) != "ValidationException":
            raise
        return False
    return True


def _scheduled(scheduler: Any, request: Mapping[str, Any]) -> bool | None:
    """Make the schedule; with a role that is not known everywhere yet it is refused, and made at the next look."""
    try:
        scheduler.create_schedule(**request)
    except ClientError as error:
        # What is denied names the caller's own role, and stays denied.
        if error_code(error) != "ValidationException" or "role" not in str(error):
            raise
        return None
    return True


def mail_headers(session: Session) -> Generator[Outcome]:
    """Yield whether SES gives a mail an id of its own and keeps what it refers to."""
    ses, sns, name = session.cloud.client("sesv2"), session.cloud.client("sns"), session.name
    with session.tidied() as undo, translated("The mail of the proof"):
        url, arn = _queue(session, undo)
        lets_in = _policy("sns:Publish", session, "ses.amazonaws.com", Resource="*")
        topic = _arn(session, sns, "sns", name)
        with session.making(undo, f"The topic {name}", sns.delete_topic, TopicArn=topic):
            sns.create_topic(Name=name, Attributes={"Policy": lets_in})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        remove = partial(ses.delete_configuration_set, ConfigurationSetName=name)
        with session.making(undo, f"The configuration set {name}", remove):
            ses.create_configuration_set(ConfigurationSetName=name)
        destination = {"Enabled": True, "MatchingEventTypes": ["DELIVERY"], "SnsDestination": {"TopicArn": topic}}
        ses.create_configuration_set_event_destination(
            ConfigurationSetName=name, EventDestinationName="smoke", EventDestination=destination
        )
        root = f"<{session.name}@deliverywatch.invalid>"
        sent = _sent(session, root, _SIMULATOR, ConfigurationSetName=name)
        for _ in range(2 if session.mail_to else 0):
            _sent(session, root, session.mail_to)
        event = session.awaited(lambda: _delivery(_received(session, url)), _MAIL_SECONDS)
    kept = _kept(event or {}, sent, root)
    look = f" Look whether the two mails to {session.mail_to} are one conversation." if session.mail_to else ""
    yield replace(kept, finding=kept.finding + look)


def _delivery(text: str | None) -> Mapping[str, Any] | None:
    """Return the mail of an event; SES also publishes that it found the topic, in plain words."""
    event = json.loads(text) if text and text.startswith("{") else {}
    mail: Mapping[str, Any] | None = event.get("mail")
    return mail


def _kept(mail: Mapping[str, Any], message_id: str, root: str) -> Outcome:
    headers = {header["name"].lower(): header["value"] for header in mail.get("headers", ())}
    if not headers:
        return Outcome("ses-keeps-references", Verdict.OPEN, "SES published no delivery of the mail.")
    is_kept = headers.get("references") == root and headers.get("in-reply-to") == root
    finding = f"SES reports References as they were given, under its own id {message_id}."
    if not is_kept:
        finding = f"SES reports References as {headers.get('references')!r}."
    return judged("ses-keeps-references", finding, is_so=is_kept and mail.get("messageId") == message_id)


def _sent(session: Session, root: str, address: str, **about: str) -> str:
    """Send a mail that refers to a root, as the notifier's do, and return the id that SES gives it."""
    sender, mail = session.stack.parameters["SenderAddress"], EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, address, "DeliveryWatch: a test of SES's headers"
    mail["Message-ID"], mail["References"], mail["In-Reply-To"] = (
        f"<own-{session.id}@deliverywatch.invalid>",
        root,
        root,
    )
    mail.set_content("Sent by 'deliverywatch smoke'. Two mails like this should be one conversation.")
    content, to = {"Raw": {"Data": mail.as_bytes()}}, {"ToAddresses": [address]}
    ses = session.cloud.client("sesv2")
    return str(ses.send_email(FromEmailAddress=sender, Destination=to, Content=content, **about)["MessageId"])


def _queue(session: Session, undo: ExitStack) -> tuple[str, str]:
    """Make the queue that a service of this account may send to, and return its URL and ARN."""
    # A name cannot be used again for a minute after its deletion.
    sqs, name = session.cloud.client("sqs"), f"{session.name}-{len(session.queues)}"
    session.queues.append(name)
    arn = _arn(session, sqs, "sqs", name)
    policy = _policy("sqs:SendMessage", session, "sns.amazonaws.com", Resource=arn)
    with session.making(undo, f"The queue {name}", lambda: _delete_queue(sqs, name)):
        url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    return str(url), arn


def _delete_queue(sqs: Any, name: str) -> None:
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _arn(session: Session, client: Any, service: str, name: str) -> str:
    return f"arn:{client.meta.partition}:{service}:{session.stack.region}:{session.stack.account}:{name}"


def _received(session: Session, url: str) -> str | None:
    messages = session.cloud.client("sqs").receive_message(QueueUrl=url).get("Messages", ())
    return str(messages[0]["Body"]) if messages else None


def _role(session: Session, undo: ExitStack, queue: str) -> str:
    """Make the role that lets Scheduler send to the queue, and return its ARN once it can be used."""
    iam, name = session.cloud.client("iam"), session.name
    trust = _policy("sts:AssumeRole", session, "scheduler.amazonaws.com")
    with session.making(undo, f"The role {name}", iam.delete_role, RoleName=name):
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    document, about = _document("sqs:SendMessage", Resource=queue), {"RoleName": name, "PolicyName": "send"}
    with session.making(undo, f"The policy of {name}", iam.delete_role_policy, **about):
        iam.put_role_policy(**about, PolicyDocument=document)
    return str(role)


def _policy(action: str, session: Session, service: str, **about: Any) -> str:
    """Return the policy that lets a service in, for this account."""
    condition = {"StringEquals": {"aws:SourceAccount": session.stack.account}}
    return _document(action, Principal={"Service": service}, Condition=condition, **about)


def _document(action: str, **about: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **about}]})
