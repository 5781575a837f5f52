"""A week -> the lines of its table, and the one sentence about the failure budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deliverywatch.alerting.mail import formatting
from deliverywatch.messages.verdict import Verdict
from deliverywatch.operate.weekly_digest.week import COST, LAKE, MUTES
from deliverywatch.sms.assessments.credit import WATCH as CREDIT

if TYPE_CHECKING:
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.operate.incidents.mutes import Mute
    from deliverywatch.operate.incidents.watch_verdicts import WatchVerdict
    from deliverywatch.operate.weekly_digest.week import Runs, Tally, Week

_OWN_LINES = (MUTES, COST)
# The words for the verdicts that somebody should read.
_UNHEALTHY = {
    Verdict.FAILING: "Failing",
    Verdict.BLIND: "Cannot be seen",
    Verdict.TOO_LITTLE: "Too little to tell",
}


def verdict(week: Week) -> str:
    """Return how much of the failure budget is used, of whatever used most of it."""
    sent = [tally for tally in week.tallies if tally.budget_count]
    if not sent:
        return ""
    worst = max(sent, key=lambda tally: tally.failed / tally.budget_count)
    used = 100 * worst.failed / worst.budget_count
    return (
        f"{formatting.percent(used)} of the failure budget is used: {formatting.percent(worst.budget_percent)} of the "
        f"{worst.noun} may fail before a warning, which were {formatting.amount(round(worst.budget_count))} this week; "
        f"{formatting.amount(worst.failed)} did."
    )


def facts(week: Week, clock: Clock) -> tuple[tuple[str, str], ...]:
    """Return the lines of the table, those with nothing to say left out."""
    lines = [
        *((f"Runs of {run.system}", _runs(run)) for run in week.runs),
        *((tally.noun, _tally(tally)) for tally in week.tallies),
        *_watches(week),
        *_unknown(week),
        ("Nightly checks", _checks(week, clock)),
        ("Mails", _mails(week)),
        ("Mutes", _mutes(week, clock)),
        ("Cost", _cost(week)),
    ]
    return tuple((name, value) for name, value in lines if value)


def _runs(runs: Runs) -> str:
    if runs.expected is None:
        return f"{formatting.amount(runs.done)} done; how many there should be is not known"
    missing = f", {formatting.amount(runs.missing)} missing" if runs.missing else ", none missing"
    return f"{formatting.amount(runs.done)} of {formatting.amount(runs.expected)}{missing}"


def _tally(tally: Tally) -> str:
    counts = f"{formatting.amount(tally.failed)} of {formatting.amount(tally.total)} failed"
    failed, budget = formatting.percent(tally.failed_percent), formatting.percent(tally.budget_percent)
    return f"{counts}, {failed}; the budget is {budget}"


def _mails(week: Week) -> str:
    levels = Counter(record.event.lower() for record in week.mails)
    parts = ", ".join(f"{count} {event}" for event, count in sorted(levels.items()))
    by_fallback = sum(record.channel == "fallback" for record in week.mails)
    unsent = f"; {week.unsent} not sent" if week.unsent else ""
    fallback = f"; {by_fallback} by the fallback, because SES refused" if by_fallback else ""
    none = "none, as far as the lake could be read" if LAKE in week.unknown else "none"
    return f"{len(week.mails)} ({parts}){unsent}{fallback}" if week.mails else none


def _watches(week: Week) -> list[tuple[str, str]]:
    """Return the credit, and what of the watches is not simply healthy."""
    credit = [one.sentence for one in week.watches if one.watch == CREDIT and one.verdict is Verdict.HEALTHY]
    of_verdict = [(name, _named(week.watches_that_are(verdict))) for verdict, name in _UNHEALTHY.items()]
    return [*(("Credit", sentence) for sentence in credit), *of_verdict]


def _named(watches: Sequence[WatchVerdict]) -> str:
    return " ".join(f"{one.watch}: {one.sentence or 'no data.'}" for one in watches)


def _checks(week: Week, clock: Clock) -> str:
    checks = week.checks
    if checks is None and LAKE in week.unknown:
        return "not known: the lake could not be read."
    if week.unchecked:
        return f"not made since {clock.full(checks.at)}" if checks else "never made"
    if checks is None:
        return ""
    failing = [f"{one.check} fails since {clock.full(one.since)}: {one.sentence}" for one in checks.failing]
    past = [
        f"{one.check} failed from {clock.full(one.since)} to {clock.full(one.until)}"
        for one in checks.past
        if one.until and one.until >= week.start
    ]
    return "; ".join([*failing, *past]) or "nothing wrong"


def _unknown(week: Week) -> list[tuple[str, str]]:
    """Return a line of each part that could not be read and has no line of its own."""
    parts = {part: why for part, why in week.unknown.items() if part not in _OWN_LINES}
    return [(f"{part[0].upper()}{part[1:]}", f"not known: {why}") for part, why in parts.items()]


def _mutes(week: Week, clock: Clock) -> str:
    if MUTES in week.unknown:
        return f"not known: {week.unknown[MUTES]}"
    return "; ".join(_mute(mute, clock) for mute in week.mutes) or "none"


def _mute(one: Mute, clock: Clock) -> str:
    reason = one.reason or "no reason given"
    if one.start and one.end:
        return f"from {clock.full(one.start)} to {clock.full(one.end)}: {reason}"
    return f"again and again for {one.duration}: {reason}"


def _cost(week: Week) -> str:
    if week.estimate is None:
        return f"not known: {week.unknown[COST]}" if COST in week.unknown else ""
    return (
        f"{week.estimate.usd:.2f} USD a month at list price and this week's volume, "
        f"{week.estimate.free_usd:.2f} within what is always free"
    )
