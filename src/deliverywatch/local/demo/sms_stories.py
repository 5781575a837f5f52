"""`deliverywatch demo --play NAME`: some hours of SMS in which one thing goes wrong that failures alone do not show.

Each story has an account with its history, what happens to it, and what to look at. It is lived through the deployed
stack like the day of `sms_day`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from deliverywatch.local.clicksend.answers import Wallet
from deliverywatch.local.clicksend.history import Message, Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.local.clicksend.traffic import HEALTHY, Phase, day
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play, report, sms_day, sms_rates
from deliverywatch.local.demo.play import Progress
from deliverywatch.local.demo.report import Outcome, Result, Table
from deliverywatch.local.demo.timeline import timeline
from deliverywatch.sms.lake.slots import HOUR, floor, steps
from deliverywatch.sms.lake.volumes import KEY as VOLUMES
from deliverywatch.sms.lake.volumes import STEP_MINUTES, Volumes
from deliverywatch.thresholds import SLOT_MINUTES

_DAY = timedelta(days=1)
_HISTORY_DAYS = 28
_ROW_MINUTES = 30
# Of what the campaign of the story of the credit sends.
_ORDINARY = 1 / 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story.

    Attributes:
        lead: What happens and what is to be seen, in two or three sentences.
        phases: What is done to the messages, by the time after midnight.
        volume: Of the day of about 10,000 messages.
        hours: From when to when it is lived through minute by minute.
        metric: Of which the page shows the values beside those sent and failed, and what it is called there.
        remembers: Whether the account has four weeks of history behind it.
        top_ups: The balance by the time after midnight from which it is spent; the stack runs from the first one on.
    """

    title: str
    lead: str
    phases: tuple[Phase, ...]
    volume: float
    hours: tuple[float, float]
    metric: tuple[str, str] | None = None
    remembers: bool = False
    top_ups: Mapping[timedelta, float] = field(default_factory=dict)


STORIES = {
    "silence": Story(
        title="Nothing is sent, and nothing fails",
        lead="The system that sends the SMS stops at 11:00, on an ordinary day of an account with four weeks behind "
        "it. No message fails, so no share of failures ever moves: one mail says that far more SMS are usual at this "
        "hour, and one that they are sent again.",
        phases=(
            Phase(timedelta(0), "An ordinary day"),
            Phase(timedelta(hours=11), "The system that sends the SMS stops", volume=0),
            Phase(timedelta(hours=13), "It sends again"),
        ),
        volume=0.2,
        hours=(9.5, 14),
        metric=("Expected", "usual"),
        remembers=True,
    ),
    "small": Story(
        title="A small account, and every SMS fails",
        lead="An account sends about five SMS in half an hour, too few for a share to mean anything. From 11:00 on all "
        "of them fail: after the third the incident is critical, and it is over only when enough messages arrived.",
        phases=(
            Phase(timedelta(0), "An ordinary day"),
            Phase(timedelta(hours=11), "Every SMS fails", failed_percent=100, fails_everywhere=True),
            Phase(timedelta(hours=12, minutes=30), "SMS arrive again"),
        ),
        volume=0.012,
        hours=(10, 15),
    ),
    "slow": Story(
        title="Every SMS arrives, and half of them too late",
        lead="From 11:00 on every second SMS takes 40 minutes. None of them fails, then or later: the mail comes "
        "because more messages wait for their outcome than this account is used to.",
        phases=(
            Phase(timedelta(0), "An ordinary day"),
            Phase(timedelta(hours=11), "Every second SMS takes 40 minutes", late_percent=50),
            Phase(timedelta(hours=13), "SMS arrive within seconds again"),
        ),
        volume=0.2,
        hours=(9.5, 14.5),
        metric=("OverduePercent", "late, in points above usual"),
    ),
    "credit": Story(
        title="The credit runs out",
        lead="An account spends its credit as on any day, and a mail says three days before how long it will last. At "
        "11:00 a campaign spends twenty times as much: what was days are hours, and a second mail is critical. At "
        "13:00 somebody tops the account up.",
        phases=(
            Phase(timedelta(0), "An ordinary day", volume=_ORDINARY),
            Phase(timedelta(hours=11), "A campaign spends twenty times as much"),
            Phase(timedelta(hours=12), "The campaign is over", volume=_ORDINARY),
            Phase(timedelta(hours=13), "The account is topped up", volume=_ORDINARY),
        ),
        volume=4.0,
        hours=(8.5, 13.5),
        top_ups={-11 * HOUR: 472.0, timedelta(hours=13): 5000.0},
    ),
}


def perform(name: str, out: Path, progress: Progress, now: datetime) -> Outcome:
    """Play a story yesterday."""
    story, midnight = STORIES[name], play.yesterday(now)
    start, end = (midnight + hours * HOUR for hours in story.hours)
    began = midnight + min(story.top_ups) if story.top_ups else start
    messages = [*_day_before(story, midnight), *day(midnight, phases=story.phases, volume=story.volume)]
    with (
        ClickSendServer(Messages(messages), now=start) as server,
        play.stage(out, progress, ["sms"], began - sms_day.LEAD) as (cloud, template, folder),
    ):
        acts = tuple((midnight + phase.since, phase.text) for phase in story.phases if midnight + phase.since >= start)
        source = sms_day.synthetic(server, acts)
        sms_day.deploy(cloud, template, folder, source)
        if story.remembers:
            _remember(cloud, midnight, start, story)
        act = _acting(story, midnight, server, source.follow)
        act(began - sms_day.LEAD)
        sms_day.warm_up(cloud, source, began)
        _hurry(cloud, began, start, act)
        play.live(cloud, start, end, progress, act)
        progress.step("Writing the result")
        return _written(story, cloud, start, end, out, acts)


def _acting(
    story: Story, midnight: datetime, server: ClickSendServer, follow: Callable[[datetime], None]
) -> Callable[[datetime], None]:
    """Return what the world does at the beginning of a minute: time passes, and the account is topped up."""
    top_ups = {midnight + since: amount for since, amount in story.top_ups.items()}

    def act(minute: datetime) -> None:
        follow(minute)
        due = [time for time in top_ups if time <= minute] or [*top_ups][:1]
        if due and server.wallet.spends_from != due[-1]:
            server.wallet = Wallet(top_ups[due[-1]], spends_from=due[-1])

    return act


def _day_before(story: Story, midnight: datetime) -> list[Message]:
    quiet = (Phase(timedelta(0), "The day before", volume=story.phases[0].volume),)
    return day(midnight - _DAY, 2, phases=quiet, volume=story.volume) if story.top_ups else []


def _hurry(cloud: LocalCloud, start: datetime, end: datetime, act: Callable[[datetime], None]) -> None:
    """Let only one run an hour take place until the last hour: it reads what those between would have read."""
    for minute in [*steps(start, end - HOUR, 60), *steps(max(start, end - HOUR), end, SLOT_MINUTES)]:
        act(minute)
        cloud.run_schedules(minute)


def _remember(cloud: LocalCloud, midnight: datetime, start: datetime, story: Story) -> None:
    """Leave the record of volumes that the runs of four weeks would have left, without living through them."""
    counts: dict[datetime, int] = {}
    for back in range(_HISTORY_DAYS, -1, -1):
        morning = midnight - back * _DAY
        for number in range(_DAY // timedelta(minutes=STEP_MINUTES)):
            counts[morning + number * timedelta(minutes=STEP_MINUTES)] = 0
        for message in day(morning, 100 + back, phases=HEALTHY, volume=story.volume):
            counts[floor(message.sent_at, STEP_MINUTES)] += 1
    known = {step: count for step, count in counts.items() if step < floor(start - sms_day.LEAD, 60) - HOUR}
    cloud.bucket(play.lake_bucket(cloud)).write(VOLUMES, Volumes(known, midnight - _HISTORY_DAYS * _DAY).as_body())


def _written(
    story: Story, cloud: LocalCloud, start: datetime, end: datetime, out: Path, acts: tuple[tuple[datetime, str], ...]
) -> Outcome:
    rates, events = sms_rates.read(cloud, start, end), timeline(cloud, acts)
    result = Result(
        summary=f"{start:%d %B %Y} UTC: {story.title}. {story.lead}",
        title=story.title,
        lead=story.lead,
        numbers=(
            (f"{rates.total:,}", "messages"),
            (f"{rates.failed:,}", "failed"),
            (len(events.mails), "mails"),
        ),
        timeline=events,
        tables=(_table(story, cloud, rates),),
    )
    return report.write(result, out)


def _table(story: Story, cloud: LocalCloud, rates: sms_rates.Rates) -> Table:
    """Return what CloudWatch has of each half hour."""
    name, label = story.metric or ("", "")
    values = sms_rates.sums(cloud, name, rates.start, rates.end) if name else {}
    rows = []
    for slot in range(int((rates.end - rates.start) / timedelta(minutes=_ROW_MINUTES))):
        first = rates.start + slot * timedelta(minutes=_ROW_MINUTES)
        last = first + timedelta(minutes=_ROW_MINUTES)
        samples = [sample for sample in rates.samples if first < sample.at <= last]
        further = [value for at, value in values.items() if first < at <= last]
        shown = (
            [f"{max(further) if name == 'OverduePercent' else sum(further):,.0f}" if further else ""] if name else []
        )
        counts = (sum(sample.total for sample in samples), sum(sample.failed for sample in samples))
        rows.append((f"{first:%H:%M} to {last:%H:%M}", *(f"{count:,}" for count in counts), *shown))
    columns = ("time (UTC)", "sent", "failed", *([label] if label else []))
    return Table("Half hour by half hour, as CloudWatch has it", columns, tuple(rows))
