"""A recommendation -> the cells of its table, the document that `--json` prints, and one HTML page."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from deliverywatch.backtest.report import document as documents
from deliverywatch.backtest.report.page import rendered
from deliverywatch.backtest.report.table import number
from deliverywatch.backtest.results.recommendation import (
    LARGER,
    RECOMMENDED,
    SMALLER,
    TODAY,
    HoldOut,
    Incident,
    Outcome,
    Recommendation,
    Sample,
)
from deliverywatch.backtest.results.result import Span

HEADINGS = {TODAY: "today", SMALLER: "one smaller", RECOMMENDED: "recommended", LARGER: "one larger"}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Of a day, so many hours are one row.
_HOURS = 3
# Of more gaps the longest are named.
_GAPS = 10

Row = tuple[str, ...]


def rows(result: Recommendation) -> list[Row]:
    """Return a row for each parameter and each measure: its name, and a cell for each of the columns."""
    return [*_parameter_rows(result), *_mail_rows(result), *_incident_rows(result), *_time_rows(result)]


def _outcomes(result: Recommendation) -> list[Outcome]:
    return [outcome for _, outcome in result.columns]


def _parameter_rows(result: Recommendation) -> list[Row]:
    values = [dict(outcome.setting.values) for outcome in _outcomes(result)]
    names = list(dict.fromkeys(name for one in values for name in one))
    # What a setting does not change is as it is today.
    return [(name, *(one.get(name, result.parameters.get(name, "-")) for one in values)) for name in names]


def _mail_rows(result: Recommendation) -> list[Row]:
    per = " / month" if result.span.is_week else ""
    counts: dict[str, Callable[[Outcome], float]] = {
        f"mails{per}": lambda outcome: len(outcome.mails),
        f"at night{per}": lambda outcome: outcome.night_mails_count,
        f"about no incident{per}": lambda outcome: len(outcome.mails) - len(outcome.true_mails),
    }
    counted = [(name, *(_rate(outcome, of(outcome)) for outcome in _outcomes(result))) for name, of in counts.items()]
    weekly = [
        ("mails a week", *(f"{outcome.mails_a_week:.2f}" for outcome in _outcomes(result))),
        ("most in a week", *(f"{outcome.most_in_a_week}" for outcome in _outcomes(result))),
    ]
    days = ("days counted", *(f"{outcome.span.days:,.0f}" for outcome in _outcomes(result)))
    is_whole = all(outcome.span == result.span for outcome in _outcomes(result))
    return [*([] if is_whole else [days]), *counted, *(weekly if result.span.is_week else [])]


def _incident_rows(result: Recommendation) -> list[Row]:
    outcomes = _outcomes(result)
    needed = [("failures until it calls", *(number(one) for one in result.needed))] if result.needed else []
    waits = [outcome.waits for outcome in outcomes]
    return [
        *needed,
        ("minutes to first mail", *(number(outcome.minutes_to_mail) for outcome in outcomes)),
        ("longest, in minutes", *(number(max(one)) if one else "-" for one in waits)),
        ("missed", *(f"{len(one.missed)} of {len(one.missed) + len(one.waits)}" for one in outcomes)),
    ]


def _time_rows(result: Recommendation) -> list[Row]:
    outcomes = _outcomes(result)
    by_day = [
        (name, *(_rate(outcome, outcome.by_weekday[day]) for outcome in outcomes)) for day, name in enumerate(WEEKDAYS)
    ]
    by_hour = [
        (
            f"{hour:02}:00 to {hour + _HOURS:02}:00",
            *(_rate(outcome, sum(outcome.by_hour[hour : hour + _HOURS])) for outcome in outcomes),
        )
        for hour in range(0, 24, _HOURS)
    ]
    return [*by_day, *by_hour]


def _rate(outcome: Outcome, count: float) -> str:
    monthly = outcome.span.a_month(count)
    return f"{count:g}" if monthly is None else f"{monthly:,.1f}"


def deploy_command(result: Recommendation) -> str:
    """Return the command that sets what is recommended; empty if nothing is to be set, or not by parameters."""
    if not result.changes or any(" " in name for name, _ in result.changes):
        return ""
    return " ".join(["deliverywatch deploy", *(f"--set {name}={value}" for name, value in result.changes)])


def unchanged_sentence(result: Recommendation) -> str:
    """Return what to say where today's setting is the one; empty where there is another, or none."""
    if result.changes or result.recommended is None:
        return ""
    if result.recommended.violations(result.budget):
        return "No setting that was tried does what is wanted; today's comes nearest."
    return "Today's setting is the recommended one: there is nothing to change."


def coverage_sentence(result: Recommendation) -> str:
    """Return how much of the history can be judged, and where the longest gaps are."""
    coverage = result.coverage
    head = (
        f"{coverage.percent:.1f} % of the history can be judged: {coverage.present_count:,} of "
        f"{coverage.expected_count:,} slots of {coverage.slot_minutes} minutes have data."
    )
    longest = sorted(coverage.gaps, key=lambda gap: gap.start - gap.end)[:_GAPS]
    named = [_gap(gap) for gap in sorted(longest, key=lambda gap: gap.start)]
    more = len(coverage.gaps) - len(named)
    rest = f", and {more:,} shorter ones" if more else ""
    return f"{head} Gaps (UTC): {'; '.join(named)}{rest}." if named else head


def _gap(gap: Span) -> str:
    same_day = gap.start.date() == (gap.end - timedelta(minutes=1)).date()
    return f"{gap.start:%Y-%m-%d %H:%M} to {gap.end:{'%H:%M' if same_day else '%Y-%m-%d %H:%M'}}"


def hold_out_sentence(result: Recommendation) -> str:
    """Return what a setting learned from the first part did in the rest."""
    held = result.hold_out
    if held is None:
        return result.hold_out_note
    rest = held.rest
    judged = len(rest.missed) + len(rest.waits)
    kept = "it kept what was wanted" if judged else "it kept the number of mails, and no incident tried it"
    verdict = kept if not held.violations else f"it did not keep it: {'; '.join(held.violations)}"
    return (
        f"Hold-out: by what lies before {held.split:%Y-%m-%d} alone, {held.setting.label} is recommended. In the "
        f"{rest.span.days:.0f} days after that, which it had not seen, it sent {rest.mails_a_week:.2f} mails a week "
        f"({rest.night_mails_a_week:.2f} at night) and missed {len(rest.missed)} of {judged} incidents: {verdict}."
    )


def document(result: Recommendation) -> dict[str, Any]:
    """Return the document; times are ISO 8601 in UTC."""
    return {
        "from": documents.time(result.span.start),
        "to": documents.time(result.span.end),
        "time_zone": result.budget.night.time_zone,
        "night": result.budget.night.words,
        "mails_a_week": result.budget.mails_a_week,
        "night_mails_a_week": result.budget.night_mails_a_week,
        "alarm": result.alarm,
        "watch": result.watch,
        "coverage": {
            "percent": round(result.coverage.percent, 2),
            "slot_minutes": result.coverage.slot_minutes,
            "expected_count": result.coverage.expected_count,
            "present_count": result.coverage.present_count,
            "gaps": [_until(gap) for gap in result.coverage.gaps],
        },
        "incidents": {
            "source": "marked" if result.is_marked else "detected",
            "how": list(result.how),
            "judged": list(map(_incident, result.incidents)),
            "unjudged": list(map(_incident, result.unjudged)),
        },
        "refusals": list(result.refusals),
        "settings": [{"role": role, **_setting(outcome)} for role, outcome in result.columns],
        "set": dict(result.changes),
        "deploy": deploy_command(result),
        "reasons": list(result.reasons),
        "hold_out": _hold_out(result.hold_out) if result.hold_out else None,
        "mails": list(map(_sample, result.samples)),
        "notes": [*result.notes, *([result.hold_out_note] if result.hold_out_note else [])],
    }


def _until(span: Span) -> dict[str, str]:
    return {"from": documents.time(span.start), "until": documents.time(span.end)}


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        **_until(incident.span),
        "name": incident.name,
        "messages": incident.message_count,
        "failed": incident.failed_count,
        "usual_percent": None if incident.usual_percent is None else round(incident.usual_percent, 2),
    }


def _setting(outcome: Outcome) -> dict[str, Any]:
    span = outcome.span
    return {
        "parameters": dict(outcome.setting.values),
        "from": documents.time(span.start),
        "to": documents.time(span.end),
        "mails_count": len(outcome.mails),
        "night_mails_count": outcome.night_mails_count,
        "mails_a_month": documents.rounded(span.a_month(len(outcome.mails))),
        "night_mails_a_month": documents.rounded(span.a_month(outcome.night_mails_count)),
        "mails_a_week": round(outcome.mails_a_week, 3) if span.is_week else None,
        "night_mails_a_week": round(outcome.night_mails_a_week, 3) if span.is_week else None,
        "noise_count": len(outcome.mails) - len(outcome.true_mails),
        "most_in_a_week": outcome.most_in_a_week,
        "by_weekday": list(outcome.by_weekday),
        "by_hour": list(outcome.by_hour),
        "median_minutes_to_mail": documents.rounded(outcome.minutes_to_mail),
        "longest_minutes_to_mail": documents.rounded(max(outcome.waits, default=None)),
        "missed": [_incident(one) for one in outcome.missed],
    }


def _hold_out(held: HoldOut) -> dict[str, Any]:
    return {"split": documents.time(held.split), **_setting(held.rest), "violations": list(held.violations)}


def _sample(sample: Sample) -> dict[str, str]:
    mail = sample.mail
    return {"why": sample.why, "time": documents.time(mail.time), "subject": mail.subject, "text": sample.text}


def page(result: Recommendation) -> str:
    """Return the page, which needs no network and no script."""
    zone = ZoneInfo(result.budget.night.time_zone)
    return rendered(
        "recommended.html.j2",
        result=result,
        # A phone may break a long word there.
        headings=[HEADINGS[role].replace("recommended", "recom\u00admended") for role, _ in result.columns],
        marked=[role == RECOMMENDED for role, _ in result.columns],
        rows=[(_breakable(name), *cells) for name, *cells in rows(result)],
        coverage=coverage_sentence(result),
        command=deploy_command(result),
        unchanged=unchanged_sentence(result),
        hold_out=hold_out_sentence(result),
        shares=[_shares(outcome) for _, outcome in result.columns],
        incidents=[_listed(one, zone) for one in result.incidents],
        mails=[(sample, f"{sample.mail.time.astimezone(zone):%d %b %Y %H:%M}") for sample in result.samples],
    )


def _breakable(name: str) -> str:
    """Return the name of a parameter with a place to break before each word."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "\u200b", name)


def _shares(outcome: Outcome) -> tuple[Sequence[float], Sequence[float]]:
    """Return the heights of bars, 0 to 1, by weekday and by hour."""
    return tuple([count / (max(counts) or 1) for count in counts] for counts in (outcome.by_weekday, outcome.by_hour))  # type: ignore[return-value]


def _listed(incident: Incident, zone: ZoneInfo) -> Row:
    start, end = (moment.astimezone(zone) for moment in (incident.span.start, incident.span.end))
    counts = (
        f"{incident.failed_count:,} of {incident.message_count:,} failed"
        if incident.message_count and incident.failed_count is not None
        else ""
    )
    return f"{start:%d %b %Y %H:%M}", _end(start, end), counts, incident.name


def _end(start: datetime, end: datetime) -> str:
    return f"{end:%H:%M}" if start.date() == end.date() else f"{end:%d %b %Y %H:%M}"
