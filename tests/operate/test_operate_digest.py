"""The weekly mail: what it says of a good and of a bad week, and that it leaves the deployed stack once.

DELIVERYWATCH_UPDATE_GOLDEN=1 .venv/bin/pytest tests/operate/test_operate_digest.py writes its mails anew.
"""

from __future__ import annotations

import email
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from deliverywatch.alerting.dry_run import MessageAlarms, Pile
from deliverywatch.alerting.incidents.incident import Change, Event, Incident
from deliverywatch.alerting.incidents.outbox import Record
from deliverywatch.alerting.incidents.severity import Severity, Watch
from deliverywatch.alerting.inputs.alarm import Alarm
from deliverywatch.alerting.inputs.settings import Settings
from deliverywatch.alerting.mail.formatting import clock
from deliverywatch.alerting.ports import Ports
from deliverywatch.errors import InputError, MailUnavailable
from deliverywatch.local.demo import play
from deliverywatch.messages.context import Context, to_json
from deliverywatch.messages.group import Group
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Verdict
from deliverywatch.operate.account import aws
from deliverywatch.operate.cost.estimate import Estimate, Line, Volume
from deliverywatch.operate.digest import digest_id, send, volume
from deliverywatch.operate.doctor.findings import Finding, Findings
from deliverywatch.operate.incidents.aws_incidents import MuteRules
from deliverywatch.operate.incidents.mutes import Mute
from deliverywatch.operate.incidents.watch_verdicts import WatchVerdict
from deliverywatch.operate.weekly_digest import week
from deliverywatch.operate.weekly_digest.facts import facts
from deliverywatch.operate.weekly_digest.week import Runs, Tally, Week, start_of
from deliverywatch.storage.memory import Memory

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud

GOLDEN = Path(__file__).with_name("golden")
END = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
START = END - timedelta(days=7)
FUNCTION = "deliverywatch-prod-operate-digest"
SETTINGS = Settings(
    environment="prod",
    prefix="deliverywatch-prod",
    sender="alerts@example.com",
    recipients=("support@example.com", "duty@example.com"),
    time_zone="Australia/Sydney",
    dashboard="deliverywatch-prod-sms",
    region="ap-southeast-2",
)


def incident(opened: datetime, minutes: int, level: Level = Level.OK) -> Incident:
    changed = opened + timedelta(minutes=minutes)
    change = Change(1, Event.OPENED, Level.WARNING, Level.OK, opened)
    return Incident("sms-failures", f"INC-{opened:%m%d-%H%M}", level, opened, changed, "SMS failures", 1,
                    timeline=(change,))  # fmt: skip


def mail(number: int, event: str, **more: Any) -> Record:
    time = START + timedelta(days=2, minutes=number)
    known = {"sent_at": time, "channel": "ses", "subject": f"[{event}]"} | more
    return Record("INC-1118-0204", "sms-failures", number, event, "warning", time, "request", time, **known)


QUIET = Week(START, END, (Tally("SMS", 98_213, 791, 3.0),), (Runs("sms", 1008, 1008),), (), (), ())
BUSY = Week(
    START,
    END,
    (Tally("SMS", 98_213, 2_104, 3.0), Tally("transactional mails", 12_004, 31, 5.0)),
    (Runs("sms", 1007, 1008), Runs("email", 2016, None)),
    (incident(START + timedelta(days=2), 42), incident(END - timedelta(hours=3), 10, Level.CRITICAL)),
    (mail(1, "OPENED"), mail(2, "RESOLVED"), mail(3, "OPENED", channel="fallback"), mail(4, "ESCALATED", sent_at=None)),
    (Mute("deliverywatch-prod-mute-1", "moving to the new sender", "EXPIRED", ("deliverywatch-prod-sms-warning",),
          START + timedelta(days=3), "PT2H", is_ours=True),),
)  # fmt: skip
FINDING = Finding(
    "fallback", "Nobody is subscribed to the fallback topic.", "aws sns subscribe", END - timedelta(days=2)
)
SEEN = replace(
    QUIET,
    watches=(
        WatchVerdict("sms-failures", "SMS failures", Verdict.HEALTHY, "1 of the last 439 SMS failed."),
        WatchVerdict(
            "sms-credit", "SMS credit", Verdict.HEALTHY, "812.40 of credit is left, which lasts about 12 days."
        ),
        WatchVerdict("sms-silence", "SMS silence", Verdict.TOO_LITTLE, "The usual volume is learned until 4 Dec."),
    ),
    checks=Findings(
        END - timedelta(hours=14), (FINDING,), (replace(FINDING, check="alarms", until=END - timedelta(days=1)),)
    ),
    has_checks=True,
)
BLIND = replace(QUIET, runs=(Runs("sms", 810, 1008),))


def price(usage: Volume) -> Estimate:
    return Estimate((Line("metrics", f"for {usage.messages_per_day} a day", 2.89, 0.61),), 1.6, "")


def sent(week: Week, store: Memory | None = None, price: Callable[[Volume], Estimate] = price) -> list[bytes]:
    pile, told = Pile(), MessageAlarms()
    send(
        week,
        price,
        Ports(alarms=told, store=store or Memory(), mailer=pile, fallback=pile, charts=told),
        SETTINGS,
        "request-1",
    )
    return pile.messages


def text(message: bytes) -> str:
    parsed = email.message_from_bytes(message, policy=policy.default)
    return str(parsed.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def subject(message: bytes) -> str:
    return str(email.message_from_bytes(message, policy=policy.default)["Subject"])


def content(message: bytes) -> list[object]:
    parsed = email.message_from_bytes(message, policy=policy.default)
    parts = [(part.get_content_type(), part.get_content()) for part in parsed.walk() if not part.is_multipart()]
    return [[(name, " ".join(str(value).split())) for name, value in parsed.items()], *parts]


@pytest.mark.parametrize(("name", "week"), [("quiet", QUIET), ("busy", BUSY), ("blind", BLIND), ("watches", SEEN)])
def test_the_mail_of_a_week_is_as_recorded(name: str, week: Week) -> None:
    (message,) = sent(week)
    path = GOLDEN / f"digest-{name}.eml"
    if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
        path.write_bytes(message)
    assert content(message) == content(path.read_bytes()), f"{path.name} differs; look at it, then record it anew"


def test_a_quiet_week_is_told_by_the_runs_that_were_done() -> None:
    (message,) = sent(QUIET)
    assert subject(message) == "[WEEKLY] all watched, 98,213 sent, 0.8% failed - prod - 23 Nov"
    assert "1,008 of 1,008, none missing" in text(message)
    assert "27 % of the failure budget is used" in text(message)


def test_missing_runs_take_the_meaning_from_silence() -> None:
    (message,) = sent(BLIND)
    assert "198 runs are missing: for that time, silence proves nothing." in text(message)
    assert "deliverywatch doctor" in text(message)


def lines(week: Week) -> str:
    (message,) = sent(week)
    return " ".join(text(message).split())


def test_the_credit_and_what_is_too_little_to_tell_are_said() -> None:
    body = lines(SEEN)
    assert "Credit: 812.40 of credit is left, which lasts about 12 days." in body
    assert "Too little to tell: sms-silence: The usual volume is learned until 4 Dec." in body


def test_what_the_nightly_checks_found_is_said_with_its_end() -> None:
    body = lines(SEEN)
    assert "fallback fails since 21 Nov 2026 07:00 AEDT: Nobody is subscribed to the fallback topic." in body
    assert "alarms failed from 21 Nov 2026 07:00 AEDT to 22 Nov 2026 07:00 AEDT" in body
    assert "deliverywatch status, then deliverywatch doctor" in body


def test_nights_without_checks_are_said() -> None:
    assert "Nightly checks: never made" in lines(replace(QUIET, has_checks=True))
    late = replace(SEEN, checks=Findings(END - timedelta(days=3)))
    assert "Nightly checks: not made since 20 Nov 2026 07:00 AEDT" in lines(late)
    assert "Nightly checks: nothing wrong" in lines(replace(SEEN, checks=Findings(END - timedelta(hours=14))))
    assert "Nightly checks" not in lines(QUIET)


def test_a_watch_that_is_blind_takes_the_meaning_from_silence() -> None:
    blind = replace(
        SEEN, watches=(WatchVerdict("sms-overdue", "SMS late", Verdict.BLIND, "Its alarm does not exist."),)
    )
    (message,) = sent(blind)
    assert subject(message).startswith("[WEEKLY] blind at times")
    assert "What sms-overdue watches cannot be seen" in lines(blind)
    assert "Cannot be seen: sms-overdue: Its alarm does not exist." in lines(blind)


def test_mutes_that_cannot_be_read_are_not_none() -> None:
    unknown = replace(QUIET, unknown={"mutes": "The AWS SDK here is too old: it has no such operation."})
    (line,) = [value for name, value in facts(unknown, clock("UTC")) if name == "Mutes"]
    assert line.startswith("not known: The AWS SDK here is too old")


class Fails:
    """A source of which every reading fails."""

    def __getattr__(self, _: str) -> Any:
        return self

    def __call__(self, *_: object) -> Any:
        raise KeyError("odd")


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("store", {"lake"}),
        ("alarms", {"alarms"}),
        ("metrics", {"Sent of warning", "Runs of blind"}),
        ("rules", {"mutes"}),
        ("find", {"stack"}),
        ("declared", {"watches"}),
    ],
)
def test_what_cannot_be_read_costs_the_mail_a_line(source: str, parts: set[str]) -> None:
    metric = {"MetricStat": {"Metric": {"MetricName": "x"}}}
    counted = [{"Id": name, **metric} for name in ("failed", "total")]
    alarms = [
        Alarm("warning", threshold=3.0, queries=(*counted, {"Id": "rate", "Expression": "100 * failed / total"})),
        Alarm("blind", queries=({"Id": "runs", **metric},)),
    ]
    readable = {
        "store": Memory(),
        "alarms": SimpleNamespace(calling=lambda _: alarms, of_prefix=lambda _: alarms),
        "metrics": SimpleNamespace(sums=lambda *_: {"total": 9, "failed": 1, "runs": 3}),
        "rules": SimpleNamespace(names=lambda _: []),
        "find": lambda: SimpleNamespace(made_at=None, parameters={}),
        "declared": tuple,
    } | {source: Fails()}
    ports = {name: cast("Any", one) for name, one in readable.items()}
    find, declared = ports.pop("find"), ports.pop("declared")
    seen = week.collect(week.Sources(**ports), "topic", "deliverywatch-prod", END, find, declared)
    assert set(seen.unknown) == parts
    assert bool(seen.tallies) == (source not in ("alarms", "metrics"))
    (message,) = sent(seen)
    assert text(message).count("not known: ") >= 1
    assert ("not all could be read" in subject(message)) == (source != "rules")
    assert ("0 sent" in subject(message)) is False


def test_what_a_system_counts_itself_is_a_line_of_the_week() -> None:
    known = Context(failure_watches=("newsletter",), week=(Group("newsletter mails", 600, 72),))
    severities = (Severity("critical", Level.CRITICAL), Severity("warning", Level.WARNING))
    watches = [Watch(name, "Bounces", severities, "state/newsletter.json") for name in ("newsletter", "complaints")]
    sources = cast("Any", SimpleNamespace(store=Memory({"state/newsletter.json": to_json(known)})))
    alarms = [Alarm("critical", threshold=10), Alarm("warning", threshold=5)]
    assert week._counted(sources, alarms, watches) == [Tally("newsletter mails", 600, 72, 5)]


def test_a_mute_is_said_with_its_beginning_and_its_end() -> None:
    assert "from 19 Nov 2026 07:00 AEDT to 19 Nov 2026 09:00 AEDT: moving to the new sender" in lines(BUSY)


def test_one_run_of_a_thousand_that_is_missing_is_no_news() -> None:
    (message,) = sent(replace(QUIET, runs=(Runs("sms", 1007, 1008),)))
    assert subject(message).startswith("[WEEKLY] all watched")


def test_a_week_with_trouble_tells_all_of_it() -> None:
    (message,) = sent(BUSY)
    body = text(message)
    assert subject(message).startswith("[WEEKLY] 1 open, ")
    assert "4 (1 escalated, 2 opened, 1 resolved); 1 not sent; 1 by the fallback" in " ".join(body.split())
    assert "moving to the new sender" in " ".join(body.split())
    assert "SMS failures, for 42 min, INC-1117-2000" in body
    assert "deliverywatch explain INC-1122-1700" in body


def test_a_week_is_mailed_once_however_often_it_is_asked_for() -> None:
    store = Memory()
    assert len(sent(QUIET, store)) == 1
    assert sent(QUIET, store) == []
    assert len(store.keys("mails/")) == 1


def test_without_a_price_the_mail_goes_out_without_it() -> None:
    def refuses(_: Volume) -> Estimate:
        raise InputError("The template was deployed as YAML.")

    (message,) = sent(QUIET, price=refuses)
    assert "Cost: not known: The template was deployed as YAML." in text(message)
    assert "USD a month" in text(sent(QUIET)[0])


def test_nobody_who_takes_it_fails_the_run() -> None:
    class Refusing:
        def send(self, *_: object) -> str:
            raise MailUnavailable("SES is down.")

        def publish(self, *_: object) -> str:
            raise MailUnavailable("SNS is down.")

    told = MessageAlarms()
    with pytest.raises(MailUnavailable, match="SNS is down"):
        send(
            QUIET,
            price,
            Ports(alarms=told, store=Memory(), mailer=Refusing(), fallback=Refusing(), charts=told),
            SETTINGS,
            "request-1",
        )


def test_the_volume_of_the_week_is_a_months_for_the_estimate() -> None:
    assert volume(QUIET, 2) == Volume(messages_per_day=14_030, mails_per_month=0, recipients_per_mail=2)
    assert volume(replace(QUIET, start=END - timedelta(hours=1)), 2).messages_per_day == 98_213


@pytest.mark.parametrize(
    ("end", "name"),
    [(END, "WEEK-2026-47"), (datetime(2027, 1, 4, 7, tzinfo=UTC), "WEEK-2026-53")],
)
def test_a_week_has_the_number_of_the_days_that_it_tells_of(end: datetime, name: str) -> None:
    assert digest_id(end) == name


def test_a_stack_that_is_younger_is_told_of_since_it_was_made() -> None:
    assert start_of(END, START + timedelta(days=1)) == START + timedelta(days=1)
    assert start_of(END, START - timedelta(days=90)) == START
    assert start_of(END, END + timedelta(days=1)) == START


def test_the_deployed_stack_mails_its_week_under_its_own_role(cloud: LocalCloud) -> None:
    minute = cloud.clock.now.replace(second=0, microsecond=0)
    for number in (1, 2, 3):
        cloud.run_schedules(minute + number * timedelta(minutes=10))
    cloud.tick(minute + timedelta(minutes=31))
    cloud.client("cloudwatch").set_alarm_state(
        AlarmName="deliverywatch-prod-sms-critical", StateValue="ALARM", StateReason="Threshold Crossed: forced"
    )
    cloud.settle()
    before = len(cloud.outbox())
    moment = f"{cloud.clock.now + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    answer = cloud.invoke(FUNCTION, {"scheduled_time": moment})
    assert answer.error is None, answer.payload
    (mail,) = cloud.outbox()[before:]
    assert mail.subject.startswith("[WEEKLY] 1 open, ")
    assert answer.payload["subject"] == mail.subject
    body = text(mail.source)
    assert "USD a month at list price" in body
    assert "Runs of sms: 3 of 1,008, 1,005 missing" in body
    failed, total = re.search(r"SMS: ([\d,]+) of ([\d,]+) failed", body).groups()  # type: ignore[union-attr]
    assert int(total.replace(",", "")) > 100
    assert int(failed) < int(total.replace(",", "")) / 20
    assert "SMS failures, for " in body
    again = cloud.invoke(FUNCTION, {"scheduled_time": moment})
    assert (again.payload["subject"], len(cloud.outbox())) == ("", before + 1)


def test_it_is_started_on_monday_morning(cloud: LocalCloud) -> None:
    days = -cloud.clock.now.weekday() % 7 or 7
    monday = cloud.clock.now.replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(days=days)
    fired = [each.schedule for each in cloud.run_schedules(monday)]
    assert "deliverywatch-prod-operate-digest-weekly" in fired
    assert cloud.outbox()[-1].subject.startswith("[WEEKLY]")
    assert aws.find(aws.connect(), play.STACK).parameters["WeeklyDigest"] == "true"


def test_mute_rules_are_listed_by_a_boto3_that_knows_no_paginator_of_them() -> None:
    arn = "arn:aws:cloudwatch:us-east-1:111122223333:alarm-mute-rule:"
    pages: dict[str | None, dict[str, Any]] = {
        None: {"AlarmMuteRuleSummaries": [{"AlarmMuteRuleArn": f"{arn}one"}], "NextToken": "2"},
        "2": {"AlarmMuteRuleSummaries": [{"AlarmMuteRuleArn": f"{arn}two"}]},
    }

    def listed(*, Statuses: list[str], NextToken: str | None = None) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert Statuses == ["ACTIVE"]
        return pages[NextToken]

    client = SimpleNamespace(list_alarm_mute_rules=listed)
    rules = MuteRules(cast("aws.Cloud", SimpleNamespace(client=lambda _: client)))
    assert rules.names(("ACTIVE",)) == ["one", "two"]
