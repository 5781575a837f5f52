"""A week of a stack -> one mail that says whether the silence was health.

Runs done and expected come first: a mail that reports no failures proves something only if somebody looked.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.deliver import deliver
from deliverywatch.alerting.incidents import outbox
from deliverywatch.alerting.incidents.outbox import Claim, Record
from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.footer import Entry
from deliverywatch.alerting.mail.headers import Envelope
from deliverywatch.alerting.mail.headline_numbers import HeadlineNumber
from deliverywatch.alerting.mail.links import dashboard_url
from deliverywatch.alerting.mail.message import Message
from deliverywatch.alerting.mail.view import View
from deliverywatch.errors import StoreUnavailable
from deliverywatch.messages.group import Group
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Verdict
from deliverywatch.operate.account.readings import Readings
from deliverywatch.operate.cost.estimate import DAYS_PER_MONTH, Volume
from deliverywatch.operate.weekly_digest.facts import facts, verdict
from deliverywatch.operate.weekly_digest.week import COST

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.alerting.ports import Ports
    from deliverywatch.operate.cost.estimate import Estimate
    from deliverywatch.operate.weekly_digest.week import Week

WATCH = "digest"
EVENT = "DIGEST"
# Of a hundred runs one may be lost to a deploy or a slow ClickSend: that is no news.
_TELLING_PERCENT = 1.0
_INCIDENT_COUNT = 10


@dataclass(frozen=True, slots=True)
class Digest:
    """What became of a digest: its id, and its subject if it was sent just now."""

    id: str
    subject: str = ""


def send(week: Week, price: Callable[[Volume], Estimate], ports: Ports, settings: Settings, invocation: str) -> Digest:
    """Send the mail of a week unless it is sent already.

    `price` returns what a month costs at a volume; `invocation` is Lambda's request id, by which a second start of the
    same run takes its claim over.
    """
    name = digest_id(week.end)
    record = Record(name, WATCH, 1, EVENT, Level.OK.value, week.end, invocation, week.end)
    with suppress(StoreUnavailable):  # without a claim it may be sent twice, which is better than never
        if outbox.claim(ports.store, record) is not Claim.OURS:
            return Digest(name)
    readings = Readings()
    estimate = readings.read(COST, lambda: price(volume(week, len(settings.recipients))), None)
    week = replace(week, estimate=estimate, unknown={**week.unknown, **readings.unknown})
    envelope = Envelope(name, WATCH, 1, week.end, week.end, EVENT, Level.OK, settings.recipients)
    try:
        return Digest(name, deliver(Message(digest_view(week, settings), envelope), record, ports, settings))
    except StoreUnavailable:
        sent, _ = ports.unrecorded.mails.get(outbox.record_key(record), (None, b""))
        if sent is None:
            raise
        return Digest(name, sent.subject or "")  # another try would only send it again


def digest_id(end: datetime) -> str:
    """Return the id of the digest of the week that ends then."""
    year, number, _ = (end - timedelta(days=1)).isocalendar()
    return f"WEEK-{year}-{number:02}"


def volume(week: Week, people: int) -> Volume:
    """Return this week's volume as a month's, for the estimate."""
    days = max(1.0, (week.end - week.start).total_seconds() / 86_400)
    return Volume(
        messages_per_day=round(sum(tally.total for tally in week.tallies) / days),
        mails_per_month=round(len(week.mails) * DAYS_PER_MONTH / days),
        recipients_per_mail=people,
    )


def digest_view(week: Week, settings: Settings) -> View:
    """Return what the mail of a week says."""
    clock = formatting.clock(settings.time_zone)
    span = f"{_day(week.start, clock)} to {_day(week.end, clock)}"
    groups = tuple(Group(tally.noun, tally.total, tally.failed) for tally in week.tallies)
    unsent = "1 mail of this week is" if week.unsent == 1 else f"{week.unsent} mails of this week are"
    url = dashboard_url(settings.region, settings.dashboard, week.start, week.end) if settings.region else ""
    return View(
        subject=_subject(week, settings.environment, clock),
        preheader=formatting.cut(_sentence(week), 90),
        tone=_tone(week),
        word="WEEKLY",
        event="WEEKLY",
        title=f"DeliveryWatch {settings.environment}",
        incident=span,
        sentence=_sentence(week),
        notes=(f"{unsent} not known to be sent.",) if week.unsent else (),
        headline_numbers=_headline_numbers(week),
        verdict=verdict(week),
        groups=(("kind", groups),) if len(groups) > 1 else (),
        facts=facts(week, clock),
        facts_title="The week in figures",
        steps=_steps(week),
        links=(("Dashboard of the week", url),) if url else (),
        timeline=_timeline(week, clock),
        footer=_footer(week, settings, clock, span),
        why="You get this mail once a week because your address is among the alert recipients of the stack "
        f"{settings.prefix}. The parameter WeeklyDigest=false ends it for everybody.",
    )


def _day(moment: datetime, clock: Clock) -> str:
    return moment.astimezone(clock.zone).strftime("%-d %b")


def _is_blind(week: Week) -> bool:
    expected = sum(run.expected or 0 for run in week.runs)
    return 100 * week.missing_runs > _TELLING_PERCENT * expected


def _tone(week: Week) -> str:
    if week.open:
        return max((incident.level for incident in week.open), key=lambda level: level.rank).value
    return "blind" if _is_blind(week) or week.is_partly_seen or week.watches_that_are(Verdict.BLIND) else "ok"


def _sentence(week: Week) -> str:
    if count := len(week.open):
        return "1 incident is still open." if count == 1 else f"{count} incidents are still open."
    if _is_blind(week):
        return f"{formatting.amount(week.missing_runs)} runs are missing: for that time, silence proves nothing."
    if week.is_partly_seen:
        return "Not everything of this week could be read: where it could not, silence proves nothing."
    if blind := week.watches_that_are(Verdict.BLIND):
        return f"What {blind[0].watch} watches cannot be seen: its silence proves nothing."
    if not week.incidents:
        return "A quiet week: everything was watched, and nothing was wrong."
    count = len(week.incidents)
    return f"Everything was watched; {'1 incident was' if count == 1 else f'{count} incidents were'} opened and closed."


def _headline_numbers(week: Week) -> tuple[HeadlineNumber, ...]:
    """Return the four numbers; without those that nobody could read at all."""
    known = _numbers(week)
    unread = {
        name for name, counted in (("Runs", week.runs), ("Sent", week.tallies), ("Failed", week.tallies)) if not counted
    }
    return tuple(one for one in known if not (week.is_partly_seen and one.label in unread))


def _numbers(week: Week) -> tuple[HeadlineNumber, ...]:
    expected_runs = [run for run in week.runs if run.expected is not None]
    done = sum(run.done for run in expected_runs or week.runs)
    expected = sum(run.expected or 0 for run in expected_runs)
    total, failed = sum(tally.total for tally in week.tallies), sum(tally.failed for tally in week.tallies)
    nouns = " and ".join(dict.fromkeys(tally.noun for tally in week.tallies)) or "messages"
    count = len(week.incidents)
    return (
        HeadlineNumber(
            "Runs", formatting.amount(done), f"of {formatting.amount(expected)} expected" if expected else ""
        ),
        HeadlineNumber("Sent", formatting.amount(total), nouns),
        HeadlineNumber(
            "Failed", formatting.percent(100 * failed / total if total else 0), f"{formatting.amount(failed)} of them"
        ),
        HeadlineNumber(
            "Mails", formatting.amount(len(week.mails)), "1 incident" if count == 1 else f"{count or 'no'} incidents"
        ),
    )


def _steps(week: Week) -> tuple[str, ...]:
    steps = []
    if week.open:
        steps.append(f"See what is open: deliverywatch explain {week.open[0].id}")
    if _is_blind(week):
        steps.append("Find out why runs are missing: deliverywatch doctor")
    elif (
        week.is_partly_seen
        or week.watches_that_are(Verdict.BLIND)
        or week.unchecked
        or (week.checks and week.checks.failing)
    ):
        steps.append("See what cannot be seen: deliverywatch status, then deliverywatch doctor")
    if week.unsent:
        steps.append("See which mails were not sent: deliverywatch mails --since 7d")
    return tuple(steps)


def _timeline(week: Week, clock: Clock) -> tuple[Entry, ...]:
    entries = tuple(_entry(incident, week, clock) for incident in week.incidents[-_INCIDENT_COUNT:])
    return entries or (Entry(_day(week.end, clock), "QUIET", "ok", "no incident all week"),)


def _entry(incident: Incident, week: Week, clock: Clock) -> Entry:
    began = incident.opened_at.astimezone(clock.zone).strftime("%a %H:%M")
    name = incident.title or incident.watch
    if incident.is_open:
        lasted = f"for {formatting.span(week.end - incident.opened_at)} so far"
        return Entry(began, "OPEN", incident.level.value, f"{name}, {lasted}, {incident.id}")
    lasted = f"for {formatting.span(incident.changed_at - incident.opened_at)}"
    return Entry(began, "OVER", "resolved", f"{name}, {lasted}, {incident.id}")


def _subject(week: Week, environment: str, clock: Clock) -> str:
    total, failed = sum(tally.total for tally in week.tallies), sum(tally.failed for tally in week.tallies)
    share = formatting.percent_short(100 * failed / total if total else 0)
    is_blind = _is_blind(week) or bool(week.watches_that_are(Verdict.BLIND))
    seen = "not all could be read" if week.is_partly_seen else "blind at times" if is_blind else "all watched"
    state = f"{len(week.open)} open" if week.open else seen
    counts = f"{formatting.amount(total)} sent, {share} failed" if week.tallies else "sent and failed not known"
    is_counted = week.tallies or week.is_partly_seen
    return f"[WEEKLY] {state}{f', {counts}' if is_counted else ''} - {environment} - {_day(week.end, clock)}"


def _footer(week: Week, settings: Settings, clock: Clock, span: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Stack", f"{settings.prefix} (environment {settings.environment})"),
        ("Week", f"{span}, {digest_id(week.end)}"),
        ("Time", clock.full(week.end)),
    )
