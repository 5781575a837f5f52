"""Mails and the truth -> what an operator compares: mails a month, at night, minutes to the mail, incidents missed."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

from cwalarm.definitions.alarm import Alarm
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.numeric import numpy
from deliverywatch.backtest.inputs.definitions import counts_of
from deliverywatch.backtest.inputs.history import History
from deliverywatch.backtest.results.result import HeadlineNumbers, Mail, Night, Span

# Fewer messages in a window than these are no incident that anybody can have missed.
TRUE_MINIMUM_COUNT = 100


def incidents(mails: Sequence[Mail], span: Span) -> list[tuple[str, Span]]:
    """Return watch and span of each incident that was open during the replay, as far as it was.

    The mails are from before the replay on, in order of time.
    """
    closed: list[tuple[str, Span]] = []
    opened: dict[str, datetime] = {}
    for mail in mails:
        if mail.event == "OPENED":
            opened[mail.watch] = mail.time
        elif mail.event in ("RESOLVED", "CLOSED") and mail.watch in opened:
            closed.append((mail.watch, Span(opened.pop(mail.watch), mail.time)))
    both = [*closed, *((watch, Span(start, span.end)) for watch, start in opened.items())]
    cut = [(watch, Span(max(open_.start, span.start), open_.end)) for watch, open_ in both if open_.end > span.start]
    return sorted(cut, key=lambda incident: incident[1].start)


def true_incidents(minutes: Minutes, alarm: Alarm, span: Span) -> list[Span]:
    """Return the spans in which the share of failures truly exceeded the threshold, of at least 100 messages.

    What came out later counts here from the beginning. A span is one of windows, each named by its last minute.
    """
    np = numpy()
    failed, total = counts_of(alarm)
    first, last = (int(moment.timestamp()) // 60 for moment in (span.start, span.end))
    late = max(minutes.late_minutes(stat.metric) for stat in (failed, total))
    counts = minutes.window(total, first, last, late).values
    failures = minutes.window(failed, first, last, late).values
    bad = (counts >= TRUE_MINIMUM_COUNT) & (100 * failures > alarm.threshold * counts)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], bad.view(np.int8), [0]))))
    times = [datetime.fromtimestamp((first + edge) * 60, UTC) for edge in edges.tolist()]
    return [Span(begin, end) for begin, end in zip(times[::2], times[1::2], strict=True)]


def headline_numbers(
    mails: Sequence[Mail],
    open_spans: Sequence[tuple[str, Span]],
    history: History,
    truths: Sequence[Span],
    ratio: Alarm | None,
    span: Span,
    night: Night,
) -> HeadlineNumbers:
    """Return the headline numbers of one set of parameters, from the mails of the replay, in order of time.

    `open_spans` are what `incidents` returned; `truths` what `true_incidents` returned for the template as it is, whose
    `ratio` says what bad is.
    """
    night_count = sum(night.holds(mail.time) for mail in mails)
    opened = [incident.start for _, incident in open_spans if incident.start > span.start]
    waits = list(_waits(opened, history, ratio)) if ratio else []
    missed = tuple(
        true for true in truths if not any(met.start < true.end and true.start < met.end for _, met in open_spans)
    )
    return HeadlineNumbers(
        mails_count=len(mails),
        incidents_count=len(open_spans),
        night_mails_count=night_count,
        mails_a_month=span.a_month(len(mails)),
        night_mails_a_month=span.a_month(night_count),
        minutes_to_mail=median(waits) if waits else None,
        missed=missed if ratio else None,
        open_minutes=_open_minutes(open_spans),
    )


def _open_minutes(open_spans: Sequence[tuple[str, Span]]) -> float:
    """Return how long any incident was open; their spans are in order of time and may overlap."""
    total, until = 0.0, None
    for _, incident in open_spans:
        begin = incident.start if until is None else max(incident.start, until)
        total += max(0.0, Span(begin, incident.end).minutes)
        until = max(begin, incident.end)
    return total


def _waits(opened: Sequence[datetime], history: History, ratio: Alarm) -> Iterator[float]:
    """Yield for each incident the minutes from its first bad message to its mail.

    Bad are the datapoints over the threshold; the first one is that of the last unbroken row of them before the mail.
    """
    failed, total = (history.values(stat.metric) for stat in counts_of(ratio))
    seconds = sorted(total)
    bad = [time for time in seconds if total[time] and 100 * failed.get(time, 0) > ratio.threshold * total[time]]
    for mailed in opened:
        before = bad[: bisect_left(bad, mailed.timestamp())]
        if before and before[-1] >= mailed.timestamp() - ratio.period_seconds - 60:
            first = _row_start(before, seconds)
            began = history.first_failures.get(first) or datetime.fromtimestamp(first, UTC)
            yield (mailed - began) / timedelta(minutes=1)


def _row_start(bad: Sequence[int], seconds: Sequence[int]) -> int:
    """Return the first of the last row of bad datapoints without a good one between them."""
    position = bisect_left(seconds, bad[-1])
    for second in reversed(bad):
        if seconds[position] != second:
            break
        position -= 1
    return seconds[position + 1]
