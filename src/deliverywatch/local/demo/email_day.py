"""`deliverywatch demo --system email`: a morning of two streams through the deployed stack.

Read from `perform` on. A newsletter goes to a list that was not cleaned for a year, and half of its bounces come late;
somebody switches the event destination of the transactional stream off; something that is not an event of SES gets into
Firehose. Mails are sent through SES, the events land as Parquet by the deployed transform, and Athena counts them.
"""

import math
import random
import time
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deliverywatch import athena
from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play, report
from deliverywatch.local.demo.play import Progress
from deliverywatch.local.demo.report import File, Outcome, Result, Table
from deliverywatch.local.demo.timeline import timeline

STREAMS = ("newsletter", "transactional")
SENDER = "news@example.com"
_LENGTH, _FAST = timedelta(hours=8), timedelta(hours=4)
_DOMAINS = ("example.com", "example.net", "example.org")
_LINKS = ("https://example.com/offer", "https://example.com/story", "https://example.com/unsubscribe")
_NEWSLETTER_COUNT, _NEWSLETTER_MINUTES, _LATE = 300, 10, 50


# By minutes after the start; the newsletter bounces for six hours in the alarm's window.
_NEWSLETTER, _GARBAGE, _OFF, _ON = 30, 75, 90, 180
_ACTS = {
    _NEWSLETTER: f"The newsletter goes to {_NEWSLETTER_COUNT} people, one in eight of whom is gone",
    _NEWSLETTER + _LATE: "Half of the servers of those who are gone say so only now",
    _GARBAGE: "Somebody puts a record into Firehose that is not an event of SES",
    _OFF: "The transactional event destination is switched off",
    _ON: "The transactional event destination is switched on again",
}
_REPORT = "deliverywatch email report --lake demo/lake --html report.html"


def perform(out: Path, progress: Progress, _environ: Mapping[str, str], now: datetime, *, fast: bool) -> Outcome:
    """Play the morning of yesterday."""
    start = play.yesterday(now, hour=8)
    end = start + (_FAST if fast else _LENGTH)
    with play.stage(out, progress, ["email"], start) as (cloud, template, folder):
        outputs = deploy(cloud, template, folder)
        play.live(cloud, start, end, progress, World(cloud, start).act)
        cloud.firehose.flush()
        progress.step("Writing the result")
        play.copy_objects(cloud, outputs["EmailBucket"], "", out / "lake")
        return report.write(_result(cloud, start, end), out)


def deploy(cloud: LocalCloud, template: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Deploy the stack onto configuration sets that exist already, as in an account that sends."""
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


def switch(cloud: LocalCloud, stream: str, *, enabled: bool) -> None:
    """Switch a stream's event destination to Firehose on or off, as somebody may in the console."""
    ses = cloud.client("sesv2")
    name = configuration_set(stream)
    for destination in ses.get_configuration_set_event_destinations(ConfigurationSetName=name)["EventDestinations"]:
        if "KinesisFirehoseDestination" in destination:
            kept = {key: destination[key] for key in ("MatchingEventTypes", "KinesisFirehoseDestination")}
            ses.update_configuration_set_event_destination(
                ConfigurationSetName=name,
                EventDestinationName=destination["Name"],
                EventDestination={"Enabled": enabled, **kept},
            )


class World:
    """Who sends, who opens, and what goes wrong."""

    def __init__(self, cloud: LocalCloud, start: datetime) -> None:
        self._cloud = cloud
        self._start = start
        self._draw = random.Random(12)  # noqa: S311 - a play, not a secret
        self._seen_count = 0

    def act(self, minute: datetime) -> None:
        """Do what happens in a minute."""
        number = int((minute - self._start) / play.MINUTE)
        self._transactional(number)
        if 0 <= number - _NEWSLETTER < _NEWSLETTER_MINUTES:
            self._newsletter(number - _NEWSLETTER)
        if number == _GARBAGE:
            self._cloud.client("firehose").put_record(
                DeliveryStreamName="email-events-newsletter-prod", Record={"Data": b"this is not an event\n"}
            )
        if number in (_OFF, _ON):
            switch(self._cloud, "transactional", enabled=number == _ON)
        self._visits(minute)

    def _transactional(self, number: int) -> None:
        if number % 2 == 0:
            person = f"customer{number % 90}@{_DOMAINS[number % 3]}"
            send(self._cloud, "transactional", person, "Your order", "orders")

    def _newsletter(self, number: int) -> None:
        count = _NEWSLETTER_COUNT // _NEWSLETTER_MINUTES
        for person in range(number * count, (number + 1) * count):
            who = {0: "bounce", 8: "gone"}.get(person % 16, "complaint" if person == 50 else "reader")
            send(self._cloud, "newsletter", f"{who}{person}@{_DOMAINS[person % 3]}", "Issue 12", "issue-12")
            if who == "gone":
                sent = self._cloud.ses.sent[-1]
                answered = sent.sent_at + _LATE * play.MINUTE
                self._cloud.ses.publish(sent, answered, sent.bounce(answered))

    def _visits(self, minute: datetime) -> None:
        """Half of the readers open, some click, some of both are programs."""
        fresh = self._cloud.ses.sent[self._seen_count :]
        self._seen_count += len(fresh)
        for sent in fresh:
            is_reader = sent.recipients[0].startswith(("reader", "customer"))
            if not (is_reader and self._draw.random() < 0.5):
                continue
            opened = minute + timedelta(minutes=self._draw.randrange(2, 60))
            verdict = "Likely" if self._draw.random() < 0.2 else "Unlikely"
            self._cloud.ses.publish(sent, opened, sent.visit("Open", opened, verdict))
            if self._draw.random() < 0.3:
                link = self._draw.choice(_LINKS)
                clicked = opened + timedelta(seconds=30)
                self._cloud.ses.publish(sent, clicked, sent.visit("Click", clicked, verdict, link=link, linkTags=None))


def query(cloud: LocalCloud, sql: str) -> list[list[str]]:
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
    return {kind: int(count) for kind, count in query(cloud, sql)}


def _result(cloud: LocalCloud, start: datetime, end: datetime) -> Result:
    counts = {stream: events_of(cloud, stream, start) for stream in STREAMS}
    acts = {start + minutes * play.MINUTE: text for minutes, text in _ACTS.items()}
    events = timeline(cloud, [(at, text) for at, text in acts.items() if at < end])
    kinds = sorted({kind for of_stream in counts.values() for kind in of_stream})
    rows = tuple((kind, *(f"{counts[stream].get(kind, 0):,}" for stream in STREAMS)) for kind in kinds)
    total = sum(sum(of_stream.values()) for of_stream in counts.values())
    sent = sum(of_stream.get("Send", 0) for of_stream in counts.values())
    bounced = counts["newsletter"].get("Bounce", 0)
    return Result(
        summary=f"{start:%d %B %Y} UTC: {total:,} events in both tables, {bounced} newsletters bounced",
        title="A morning of e-mail",
        lead=f"Two streams on {start:%d %B %Y}, sent through SES, landed by Firehose, counted by Athena.",
        numbers=(
            (len(kinds), "kinds of events in the tables"),
            (f"{total:,}", "events"),
            (f"{sent:,}", "mails sent"),
            (len(events.mails), "mails to support"),
        ),
        timeline=events,
        tables=(Table("Events in both tables, as Athena counts them", ("event", *STREAMS), rows),),
        files=(File("lake/", "the bucket: Parquet by day, error records with their reasons", _REPORT),),
    )
