"""A back-test -> the document that `--json` prints; its shape is in `deliverywatch backtest --help`."""

from datetime import datetime
from typing import Any

from deliverywatch.backtest.results.result import Curve, HeadlineNumbers, Result, Span, Variant


def document(result: Result) -> dict[str, Any]:
    """Return the document; times are ISO 8601 in UTC."""
    ratio = result.ratio
    return {
        "from": time(result.span.start),
        "to": time(result.span.end),
        "time_zone": result.night.time_zone,
        "notes": list(result.notes),
        "left_out": list(result.left_out),
        "true_incidents": {"alarm": ratio.name if ratio else None, "spans": list(map(_span, result.true_incidents))},
        "variants": [_variant(variant) for variant in result.variants],
        "sweep": _curve(result.curve) if result.curve else None,
    }


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "alarm": curve.alarm.name,
        **_span(curve.span),
        "knee": curve.knee,
        "points": [
            {
                "threshold": point.threshold,
                "mails_count": point.mails_count,
                "mails_a_month": rounded(curve.span.a_month(point.mails_count)),
            }
            for point in curve.points
        ],
    }


def _variant(variant: Variant) -> dict[str, Any]:
    return {
        "label": variant.definitions.label,
        "parameters": dict(variant.definitions.overrides),
        "figures": _numbers(variant.numbers),
        "transitions": [
            {
                "time": time(change.time),
                "alarm": change.alarm,
                "state": change.state.value,
                "previous": change.previous.value,
            }
            for change in variant.changes
        ],
        "incidents": [{"watch": watch, **_span(span)} for watch, span in variant.incidents],
        "mails": [
            {
                "time": time(mail.time),
                "incident": mail.incident,
                "watch": mail.watch,
                "event": mail.event,
                "level": mail.level,
                "subject": mail.subject,
            }
            for mail in variant.mails
        ],
    }


def _numbers(numbers: HeadlineNumbers) -> dict[str, Any]:
    return {
        "mails_count": numbers.mails_count,
        "incidents_count": numbers.incidents_count,
        "night_mails_count": numbers.night_mails_count,
        "mails_a_month": rounded(numbers.mails_a_month),
        "night_mails_a_month": rounded(numbers.night_mails_a_month),
        "median_minutes_to_mail": rounded(numbers.minutes_to_mail),
        "missed_count": None if numbers.missed is None else len(numbers.missed),
        "missed": list(map(_span, numbers.missed or ())),
        "open_minutes": round(numbers.open_minutes),
    }


def rounded(number: float | None) -> float | None:
    """Return a number as documents show it; None for one that cannot be said."""
    return None if number is None else round(number, 1)


def _span(span: Span) -> dict[str, str]:
    return {"from": time(span.start), "to": time(span.end)}


def time(moment: datetime) -> str:
    """Return a time as documents show it, in UTC."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
