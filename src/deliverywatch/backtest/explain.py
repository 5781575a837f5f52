"""What a recommendation rests on -> sentences: how incidents were detected, why not smaller, what to be careful of."""

from __future__ import annotations

import email
from collections.abc import Iterator, Sequence
from datetime import timedelta
from email import policy
from typing import TYPE_CHECKING

from deliverywatch.backtest.results.recommendation import Coverage, Incident, Outcome, Recommendation, Sample, Setting
from deliverywatch.backtest.search import Depth, Rule, Search
from deliverywatch.thresholds import (
    BACKTEST_INCIDENT_POINTS,
    BACKTEST_LEAST_COVERAGE_PERCENT,
    BACKTEST_LEAST_DAYS,
    BACKTEST_NEW_USUAL_DAYS,
    BACKTEST_USUAL_DAYS,
)

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Alarm
    from deliverywatch.backtest.results.result import Mail, Span
    from deliverywatch.backtest.tuning.change_points import Detected

# Fewer incidents than these are a small sample.
_FEW_INCIDENTS = 3


def refusals(coverage: Coverage, span: Span, detected: Detected | None, *, is_empty: bool) -> Iterator[str]:
    """Yield why nothing can be recommended, a sentence each; `is_empty` says that nothing was sent at all."""
    if is_empty:
        yield (
            "Nothing was sent in this time, so that every setting looks the same. Choose one with traffic by --from "
            "and --to."
        )
    if not coverage.is_enough:
        yield (
            f"Only {coverage.percent:.1f} % of the history can be judged ({coverage.present_count:,} of "
            f"{coverage.expected_count:,} slots of {coverage.slot_minutes} minutes have data), and a recommendation "
            f"takes {BACKTEST_LEAST_COVERAGE_PERCENT} %: a gap may be an incident that nobody saw. Fill the gaps, or "
            "choose a time without them with --from and --to."
        )
    if not span.is_week:
        yield (
            f"{span.days:.1f} days are less than {BACKTEST_LEAST_DAYS}: nobody can say how many mails a week they "
            "make, nor what nights and week-ends are like. Wait, or name a longer history."
        )
    if detected and not detected.is_ordinary:
        yield (
            f"Incidents fill {100 * detected.in_incidents:.0f} % of the history, so that nobody can say what is usual. "
            "Mark the incidents with --incidents, or choose a time with --from and --to."
        )


def how(detected: Detected | None, slot_minutes: int, alarm: Alarm) -> Iterator[str]:
    """Yield how incidents were detected."""
    if detected is None:
        yield "Incidents were marked by a person; those that overlap are taken as one."
    elif not detected.height:
        yield f"No incident could be looked for: {alarm.name} has no value in this time that can be compared."
    elif detected.is_of_counts:
        yield (
            f"Detected by a cumulative sum of log likelihood ratios over slots of {slot_minutes} minutes: each slot "
            "says how much better a raised share of failures explains it than the usual one. Usual is the share of "
            f"the {BACKTEST_USUAL_DAYS} days around it at the same hour, without incidents: "
            f"{detected.usual_percent:.2f} % on the whole. The sum is divided by the account's own scatter, "
            f"{detected.scatter:.1f} times that of chance. An incident is where it climbs to {detected.height:.1f}, "
            f"which chance does once in ten such histories, at least {BACKTEST_INCIDENT_POINTS} points above usual."
        )
    else:
        yield (
            "Detected by a cumulative sum over the alarm's value: each period says how much better a level three "
            "standard deviations out explains it than the median of its hour in four weeks; an incident is where the "
            f"sum climbs to {detected.height:.1f}, which chance does once in ten such histories."
        )
    for one in detected.new_usuals if detected else ():
        yield (
            f"From {one.span.start:%Y-%m-%d} to {one.span.end:%Y-%m-%d} {_percent(one)} failed instead of "
            f"{one.usual_percent or 0:.1f} %: longer than {BACKTEST_NEW_USUAL_DAYS} days, so taken as the new usual. "
            "If it was an incident, mark it with --incidents."
        )


def _percent(incident: Incident) -> str:
    return f"{100 * (incident.failed_count or 0) / (incident.message_count or 1):.1f} %"


def cautions(
    detected: Detected | None, alarm: Alarm, shown: Outcome, result: Recommendation, *, is_silent: bool
) -> Iterator[str]:
    """Yield what to be careful about; `is_silent` says that the alarm has no value with the setting shown."""
    for one in result.unjudged:
        yield (
            f"The incident from {one.span.start:%Y-%m-%d %H:%M} to {one.span.end:%Y-%m-%d %H:%M} cannot be judged: "
            "the history has no data then."
        )
    count = len(result.incidents)
    if result.refusals:
        return
    if is_silent:
        yield (
            f"With {shown.setting.label} {alarm.name} has no value in all this time: no window holds as many messages "
            "as it wants, so that few mails are no sign of a good one. Try a smaller MinimumTotal or a longer window."
        )
    if not count:
        yield (
            f"No incident was {'marked' if result.is_marked else 'detected'}, so this is recommended by noise alone: "
            "nothing shows that it would see one. Mark those that you remember with --incidents."
        )
    elif count < _FEW_INCIDENTS:
        yield f"{count} incident{' is' if count == 1 else 's are'} a small sample: the next one may look different."
    if detected and detected.is_of_counts and detected.usual_percent >= alarm.threshold:
        yield (
            f"The usual share of failures, {detected.usual_percent:.1f} %, is not below today's threshold of "
            f"{alarm.threshold:g} %: either much is always wrong, or the whole history is one incident."
        )
    late = [wait for wait in shown.waits if wait > 60]
    if late:
        yield f"{len(late)} of {len(shown.waits)} incidents would have been mailed more than an hour after their begin."


def reasons(search: Search, setting: Setting, rule: Rule | None) -> Iterator[str]:
    """Yield why it is not smaller, and what it cannot do."""
    measured = search.outcome(setting)
    wanted = f"{search.budget.mails_a_week:g} mails a week, {search.budget.night_mails_a_week:g} of them at night"
    if rule is Rule.NO_NOISE:
        yield (
            f"No setting keeps within {wanted}: the incidents themselves take {measured.true_mails_a_week:.2f} mails a "
            f"week, {measured.true_night_mails_a_week:.2f} of them at night. This is the smallest that misses none and "
            "keeps the other mails within it."
        )
    if rule is None:
        yield (
            f"No setting that was tried keeps within {wanted}{' and misses no incident' if search.truths else ''}. "
            f"This one comes nearest: {'; '.join(measured.violations(search.budget))}."
        )
    for axis, one in enumerate(search.grid.axes):
        name = one.parameter or "threshold"
        smaller = search.grid.step(setting, axis, -1)
        if smaller is None:
            yield f"{name}: {one.values[setting.ranks[axis]]} is the smallest that was tried."
        elif rule is not None:
            words = [*search.contradictions(smaller), *search.outcome(smaller, Depth.PROOF).violations(search.budget)]
            words = words or ["too many mails that are about no incident"]
            yield f"Not {name}={one.values[smaller.ranks[axis]]}: {'; '.join(words)}."


def chosen_mails(shown: Outcome, truths: Sequence[Incident], grace: timedelta) -> list[tuple[str, Mail]]:
    """Return the mails to show, and why: the largest incident's first and last, then one that is about no incident."""
    truth = max(truths, key=lambda one: (one.failed_count or 0, one.span.minutes), default=None)
    of_truth = [mail for mail in shown.mails if truth and truth.span.start < mail.time < truth.span.end + grace]
    incident = of_truth[0].incident if of_truth else ""
    about = [mail for mail in shown.mails if mail.incident == incident]
    spans = [(one.span.start, one.span.end + grace) for one in truths]
    opened = [mail for mail in shown.mails if mail.event == "OPENED"]
    noise = [mail for mail in opened if not any(start < mail.time < end for start, end in spans)]
    which = "the first" if about and about[0].event == "OPENED" else "a"
    chosen = [(f"{which} mail of the largest incident", mail) for mail in about[:1]]
    chosen += [("a mail that is about no incident", mail) for mail in noise[:1]]
    chosen += [("the last mail of the largest incident", mail) for mail in about[1:][-1:]]
    seen = [mail for _, mail in chosen]
    return [*chosen, *(("a further mail", mail) for mail in shown.mails if mail not in seen)]


def sample(why: str, mail: Mail) -> Sample:
    """Return a mail with the parts that people see."""
    message = email.message_from_bytes(mail.message, policy=policy.default)
    parts = {kind: message.get_body((kind,)) for kind in ("plain", "html")}
    text, page = (str(part.get_content()).replace("\r\n", "\n") if part else "" for part in parts.values())
    return Sample(why, mail, text, page)
