"""`deliverywatch demo --system email`: a morning of two streams through the deployed stack.

Read from `perform` on. A newsletter goes to a list that was not cleaned for a year; somebody switches the event
destination of the transactional stream off; something that is no event of SES gets into Firehose. Mails are sent
through SES, the events land as Parquet by the deployed transform, and Athena counts them at the end.
"""

from __future__ import annotations

import math
import random
import tempfile
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deliverywatch import athena
from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play, report
from deliverywatch.local.demo.play import STACK, Outcome
from deliverywatch.local.demo.report import File, Result, Table
from deliverywatch.local.demo.timeline import Happening, happenings, letters

if TYPE_CHECKING:
    from deliverywatch.local.demo.play import Progress

STREAMS = ("newsletter", "transactional")
SENDER = "news@example.com"
_LENGTH, _FAST = timedelta(hours=8), timedelta(hours=4)
_DOMAINS = ("example.com", "example.net", "example.org")
_LINKS = ("https://example.com/offer", "https://example.com/story", "https://example.com/unsubscribe")
_NEWSLETTER_COUNT, _NEWSLETTER_MINUTES = 300, 10


@dataclass(frozen=True, slots=True)
class Plan:
    """When what happens; the newsletter bounces for six hours in the alarm's window."""

    start: datetime
    end: datetime

    def after(self, minutes: int) -> datetime:
        """Return a moment of the play."""
        return self.start + timedelta(minutes=minutes)

    @property
    def acts(self) -> tuple[tuple[datetime, str], ...]:
        """What is done, for the timeline."""
        return (
            (self.after(30), f"The newsletter goes to {_NEWSLETTER_COUNT} people, one in eight of whom is gone"),
            (self.after(75), "Somebody puts a record into Firehose that is no event of SES"),
            (self.after(90), "The transactional event destination is switched off"),
            (self.after(180), "The transactional event destination is switched on again"),
        )


def perform(out: Path, progress: Progress, _environ: Mapping[str, str], now: datetime, *, fast: bool) -> Outcome:
    """Play the morning; `local.play` says what a play is."""
    start = now.replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=1)
    plan = Plan(start, start + (_FAST if fast else _LENGTH))
    play.prepare(out)
    with tempfile.TemporaryDirectory(prefix="deliverywatch-build-") as folder:
        progress.step("Building the template and the functions")
        template = play.build(Path(folder), ["email"])
        progress.step("Starting the local cloud")
        with LocalCloud(start) as cloud:
            progress.step("Deploying the stack")
            outputs = deploy(cloud, template, Path(folder))
            world = World(cloud, plan)
            play.live(cloud, plan.start, plan.end, progress, world.act)
            cloud.firehose.flush()
            progress.step("Writing the result")
            return _told(cloud, plan, outputs, out)


def deploy(cloud: LocalCloud, template: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Deploy the stack onto configuration sets that are there already, as in an account that sends."""
    ses = cloud.client("sesv2")
    for stream in STREAMS:
        ses.create_configuration_set(ConfigurationSetName=configuration_set(stream))
    outputs = play.deploy(cloud, template, folder, {})
    ses.create_email_identity(EmailIdentity=SENDER)
    return outputs


def configuration_set(stream: str) -> str:
    """Return the name that the template's defaults give a stream's configuration set."""
    return f"daily-system-design-{stream}-prod"


def send(cloud: LocalCloud, stream: str, recipient: str, subject: str, campaign: str) -> None:
    """Send one mail through SES with the stream's configuration set."""
    body = {"Text": {"Data": "Hello."}}
    cloud.client("sesv2").send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": [recipient]},
        Content={"Simple": {"Subject": {"Data": subject}, "Body": body}},
        ConfigurationSetName=configuration_set(stream),
        EmailTags=[{"Name": "campaign", "Value": campaign}],
    )


class World:
    """Who sends, who opens, and what goes wrong."""

    def __init__(self, cloud: LocalCloud, plan: Plan) -> None:
        self._cloud = cloud
        self._plan = plan
        self._draw = random.Random(12)  # noqa: S311 - a play, not a secret
        self._looked_at = 0

    def act(self, minute: datetime) -> None:
        """Do what happens in a minute."""
        number = int((minute - self._plan.start).total_seconds() // 60)
        self._transactional(number)
        if 0 <= number - 30 < _NEWSLETTER_MINUTES:
            self._newsletter(number - 30)
        if number == 75:
            self._cloud.client("firehose").put_record(
                DeliveryStreamName="email-events-newsletter-prod", Record={"Data": b"this is no event\n"}
            )
        if number in (90, 180):
            self._switch(enabled=number == 180)
        self._visits(minute)

    def _transactional(self, number: int) -> None:
        if number % 2 == 0:
            person = f"customer{number % 90}@{_DOMAINS[number % 3]}"
            send(self._cloud, "transactional", person, "Your order", "orders")

    def _newsletter(self, number: int) -> None:
        each = _NEWSLETTER_COUNT // _NEWSLETTER_MINUTES
        for place in range(number * each, (number + 1) * each):
            who = "bounce" if place % 8 == 0 else "complaint" if place == 50 else "reader"
            send(self._cloud, "newsletter", f"{who}{place}@{_DOMAINS[place % 3]}", "Issue 12", "issue-12")

    def _switch(self, *, enabled: bool) -> None:
        ses = self._cloud.client("sesv2")
        name = configuration_set("transactional")
        for found in ses.get_configuration_set_event_destinations(ConfigurationSetName=name)["EventDestinations"]:
            if "KinesisFirehoseDestination" in found:
                kept = ("MatchingEventTypes", "KinesisFirehoseDestination")
                definition = {"Enabled": enabled, **{key: found[key] for key in kept}}
                ses.update_configuration_set_event_destination(
                    ConfigurationSetName=name, EventDestinationName=found["Name"], EventDestination=definition
                )

    def _visits(self, minute: datetime) -> None:
        """Half of the readers open, some click, some of both are programs."""
        fresh = self._cloud.ses.sent[self._looked_at :]
        self._looked_at += len(fresh)
        for sent in fresh:
            is_reader = sent.recipients[0].startswith(("reader", "customer"))
            if is_reader and self._draw.random() < 0.5:
                moment = minute + timedelta(minutes=self._draw.randrange(2, 60))
                verdict = "Likely" if self._draw.random() < 0.2 else "Unlikely"
                self._cloud.ses.publish(sent, moment, sent.visit("Open", moment, verdict))
                if self._draw.random() < 0.3:
                    link = self._draw.choice(_LINKS)
                    clicked = moment + timedelta(seconds=30)
                    event = sent.visit("Click", clicked, verdict, link=link, linkTags=None)
                    self._cloud.ses.publish(sent, clicked, event)


def ask(cloud: LocalCloud, sql: str) -> list[list[str]]:
    """Run a query in the stack's Athena workgroup; returns its rows as text.

    Raises:
        ConfigurationError: The query fails.
    """
    workgroup = athena.Workgroup(
        cloud.client("athena"), "email-analytics-prod", "email_events_db_prod", lambda _: nullcontext()
    )
    execution = athena.run(athena.Statement(sql), workgroup, athena.TimeBudget(time.sleep, lambda: math.inf))
    if execution.status is not athena.Status.SUCCEEDED:
        raise ConfigurationError(f"Athena refuses a query: {execution.reason}.")
    _, rows = workgroup.result(execution.id)
    return [[cell or "" for cell in row] for row in rows]


def events_of(cloud: LocalCloud, stream: str, day: datetime) -> dict[str, int]:
    """Return how many events of each type a stream's table holds, from a day on."""
    sql = (
        f"SELECT event_type, count(DISTINCT event_id) FROM {stream}_events "  # noqa: S608 - of our own words
        f"WHERE dt >= DATE '{day:%Y-%m-%d}' GROUP BY event_type ORDER BY 2 DESC"
    )
    return {kind: int(count) for kind, count in ask(cloud, sql)}


def _told(cloud: LocalCloud, plan: Plan, outputs: Mapping[str, str], out: Path) -> Outcome:
    counts = {stream: events_of(cloud, stream, plan.start) for stream in STREAMS}
    _keep(cloud, outputs["EmailBucket"], out / "lake")
    acts = [(at, text) for at, text in plan.acts if at < plan.end]
    mails = letters(cloud, STACK)
    lines = happenings(cloud, STACK, mails, acts)
    page = report.write(_result(plan, counts, lines, mails), out)
    total = sum(sum(each.values()) for each in counts.values())
    bounced = counts["newsletter"].get("Bounce", 0)
    summary = f"{plan.start:%d %B %Y} UTC: {total:,} events in both tables, {bounced} newsletters bounced"
    return Outcome(page, summary, lines)


def _result(plan: Plan, counts: dict[str, dict[str, int]], lines: tuple[Happening, ...], mails: Any) -> Result:
    kinds = sorted({kind for each in counts.values() for kind in each})
    rows = tuple((kind, *(f"{counts[stream].get(kind, 0):,}" for stream in STREAMS)) for kind in kinds)
    sent = sum(each.get("Send", 0) for each in counts.values())
    return Result(
        title="A morning of e-mail",
        lead=f"Two streams on {plan.start:%d %B %Y}, sent through SES, landed by Firehose, counted by Athena.",
        numbers=(
            (f"{len(kinds)}", "kinds of events in the tables"),
            (f"{sum(sum(each.values()) for each in counts.values()):,}", "events"),
            (f"{sent:,}", "mails sent"),
            (f"{len(mails)}", "mails to support"),
        ),
        letters=mails,
        happenings=lines,
        tables=(Table("Events in both tables, as Athena counts them", ("event", *STREAMS), rows),),
        files=(File("lake/", "the bucket: Parquet by day, error records with their reasons", _REPORT),),
    )


_REPORT = "deliverywatch email report --lake demo/lake --html report.html"


def _keep(cloud: LocalCloud, bucket: str, folder: Path) -> None:
    s3 = cloud.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", ()):
            path = folder / each["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
