"""Mails of what is only held, and of what a system's data say: incidents made by hand, mailed as the notifier does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from alerting_fakes import PREFIX, WATCHES, World, at, metric, ratio_alarm
from alerting_stories import context, put

from deliverywatch.alerting.collect import collect
from deliverywatch.alerting.incidents.incident import Ack, Change, Event, Incident
from deliverywatch.alerting.incidents.severity import Reading, Severity, Watch
from deliverywatch.alerting.incidents.watch_state import WatchState
from deliverywatch.alerting.inputs.alarm import from_description
from deliverywatch.alerting.mail.message import render
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict

Story = Callable[[World], None]
CRITICAL, WARNING, OK, BLIND = Level.CRITICAL, Level.WARNING, Level.OK, Level.BLIND
ALARM, OVERDUE_ALARM = f"{PREFIX}-sms-critical", f"{PREFIX}-sms-overdue"
POINTS = "For 20 minutes, the share of SMS without an outcome was more than 10 points above this account's usual share."
THIN = [(3, 3), (3, 3), (3, 3), (0, 0), (0, 0), (2, 2)]
FAILURES, OVERDUE = (next(one for one in WATCHES if one.name == name) for name in ("sms-failures", "sms-overdue"))
SILENCE_ALARM = f"{PREFIX}-sms-silence"
SILENCE = Watch("sms-silence", "SMS silence", (Severity(SILENCE_ALARM, CRITICAL),), "state/sms.json", True)
UNKNOWN = Watch("sms-unknown", "SMS with unknown outcomes", (), "state/sms.json", True)
CREDIT = Watch("sms-credit", "SMS credit", (), "state/sms.json", True)


SILENT = ratio_alarm("sms-silence", 20) | {
    "ComparisonOperator": "LessThanThreshold",
    "Metrics": [
        {
            "Id": "share",
            "Label": "SMS sent, of what is usual (%)",
            "Expression": "IF(expected >= 20, 100 * total / expected)",
        },
        *(
            {"Id": name.lower(), "MetricStat": metric(name, 1800), "ReturnData": False}
            for name in ("Total", "Expected")
        ),
    ],
}


def judged(clock: str, sentence: str, value: float, verdict: Verdict = Verdict.FAILING, **rest: Any) -> Assessment:
    """Return what a system's data say at a time."""
    return Assessment(verdict=verdict, as_of=at(clock), sentence=sentence, value=value, **rest)


def change(seq: int, event: Event, level: Level, before: Level, clock: str, **rest: Any) -> Change:
    """Return an entry of a timeline."""
    return Change(seq, event, level, before, at(clock), **rest)


def by_data(seq: int, event: Event, level: Level, clock: str, assessment: Assessment, **rest: Any) -> Change:
    """Return a change that rests on what the system's data say."""
    said = {"value": assessment.value, "reason": assessment.sentence, "assessment": assessment}
    return change(seq, event, level, OK, clock, **said, **rest)


def mailed(watch: Watch, *changes: Change, acks: tuple[Ack, ...] = (), **context_changes: Any) -> Story:
    """Return the story of an incident of these changes, of which the last is mailed."""

    def story(world: World) -> None:
        first, last = changes[0], changes[-1]
        until = min(last.time, at("23:50"))
        put(world, context(f"{until:%H}:{until.minute // 10}0", THIN, **context_changes))
        world.cloudwatch.alarms[SILENCE_ALARM] = from_description(SILENT)
        described = {name: alarm for name, alarm in world.cloudwatch.alarms.items() if name in watch.alarms}
        if OVERDUE_ALARM in described:
            described[OVERDUE_ALARM] = replace(described[OVERDUE_ALARM], description=POINTS, threshold=10)
        readings = {name: Reading(alarm.state) for name, alarm in described.items()}
        incident = Incident(
            watch=watch.name,
            id="INC-1121-1204",
            level=last.level,
            opened_at=first.time,
            changed_at=last.time,
            title=watch.title,
            seq=last.seq,
            peak=max([one.value for one in changes if one.value is not None], default=None),
            timeline=changes,
            held_since=at("12:14"),
            acks=acks,
        )
        state = WatchState(watch, last.time, last.time, described, readings, is_live=True)
        notifier = world.notifier()
        message = collect(incident, last, state, notifier.ports, world.settings)
        world.ses.messages.append(render(message, world.settings).message)

    return story


OUTAGE = judged("12:04", "All of the last 9 SMS failed.", 100.0, opens=CRITICAL, holds=CRITICAL, seen_count=9)
SMALL = by_data(1, Event.OPENED, CRITICAL, "12:04", OUTAGE, alarm=ALARM)
LAST = "No SMS was sent for 70 minutes; before that, all of the last 9 SMS failed."
NOTHING = judged("13:14", LAST, 100.0, Verdict.TOO_LITTLE, last_seen=at("12:00"), seen_count=2)
HELD = {"alarm": ALARM, "value": 100.0, "assessment": NOTHING}
QUIET = change(2, Event.QUIET, CRITICAL, CRITICAL, "13:14", **HELD)
CLOSED = replace(change(3, Event.CLOSED, OK, CRITICAL, "13:14", **HELD), time=at("13:14") + timedelta(days=1))
GONE = {"alarm": ALARM, "missing": (ALARM,)}
UNSEEN = change(2, Event.UNSEEN, CRITICAL, CRITICAL, "12:24", **GONE)
OPENED = change(1, Event.OPENED, CRITICAL, OK, "12:04", value=29.0, failed=349, total=1204, alarm=ALARM)
STILL = replace(
    change(2, Event.REMINDER, CRITICAL, CRITICAL, "12:04", value=33.5, failed=403, total=1203, alarm=ALARM),
    time=at("12:04") + timedelta(days=1),
)
NO_SMS = judged("12:04", "You normally send about 900 SMS by this time of the day, and sent 0.", 0.0, holds=CRITICAL)
LATE = judged("12:06", "61 of 240 SMS (25 %) had no outcome 5 to 20 minutes after they were sent, usually 3 %.", 22.4)
WORDS = judged("12:04", "12 of 300 SMS (4 %) have an outcome that is not known: 'parked' (9), 'queued' (3).", 4.0)
SHORT = judged("12:04", "412.50 of credit is left, which lasts about 40 hours at up to 247.50 a day.", 40.0)
FINE = judged("13:34", "None of the last 12 SMS failed.", 0.0, Verdict.HEALTHY, seen_count=12)
EASED = judged("13:24", "2 of the last 12 SMS failed (16.7 %).", 16.7, holds=WARNING, seen_count=12)
BETTER = replace(by_data(3, Event.DOWNGRADED, WARNING, "13:24", EASED, alarm=ALARM), before=CRITICAL, value=0.0)
WELL = change(3, Event.RESOLVED, OK, CRITICAL, "13:34", alarm=ALARM, value=0.0, failed=11, total=23, assessment=FINE)
FACTS = [{"name": "Credit left", "value": "412.50"}, {"name": "Lasts", "value": "about 40 hours"}]

STORIES: dict[str, tuple[Story, list[str]]] = {
    "small-account": (mailed(FAILURES, SMALL), ["opened"]),
    "small-account-held": (mailed(FAILURES, SMALL, QUIET), ["quiet"]),
    "small-account-unknown": (mailed(FAILURES, SMALL, QUIET, CLOSED), ["closed"]),
    "small-account-well": (mailed(FAILURES, SMALL, QUIET, WELL), ["resolved"]),
    "small-account-better": (mailed(FAILURES, SMALL, QUIET, BETTER), ["downgraded"]),
    "alarm-gone": (mailed(FAILURES, OPENED, UNSEEN), ["unseen"]),
    "alarm-gone-alone": (mailed(FAILURES, change(1, Event.UNSEEN, BLIND, OK, "12:04", **GONE)), ["unseen"]),
    "day-later": (mailed(FAILURES, OPENED, STILL, acks=(Ack("Kim", at("12:20"), "calling them"),)), ["reminder"]),
    "silence": (mailed(SILENCE, by_data(1, Event.OPENED, CRITICAL, "12:04", NO_SMS, alarm=SILENCE_ALARM)), ["opened"]),
    "slow": (
        mailed(OVERDUE, by_data(1, Event.OPENED, WARNING, "12:06", LATE, alarm=OVERDUE_ALARM)),
        ["opened"],
    ),
    "unknown-words": (mailed(UNKNOWN, by_data(1, Event.OPENED, WARNING, "12:04", WORDS)), ["opened"]),
    "credit": (mailed(CREDIT, by_data(1, Event.OPENED, WARNING, "12:04", SHORT), facts=FACTS), ["opened"]),
}
