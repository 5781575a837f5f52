"""One template, one history, any number of what-ifs -> for each its changes, its mails and its figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.backtest import simulate
from deliverywatch.backtest.curve import Curve, curve
from deliverywatch.backtest.inputs.history import bounds
from deliverywatch.backtest.report.measure import Figures, Span, figures, incidents, truth
from deliverywatch.engine.replay.history import require
from deliverywatch.engine.replay.minutes import History
from deliverywatch.engine.replay.replay import can_vectorise
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.backtest.inputs import definitions as templates
    from deliverywatch.backtest.inputs.definitions import Definitions
    from deliverywatch.backtest.inputs.history import Past
    from deliverywatch.backtest.simulate import Mail
    from deliverywatch.engine.definitions.alarm import Alarm
    from deliverywatch.engine.replay.backtest import Change

# Before the span that is asked for, alarms and incidents come into the state that they had then.
_LEAD = timedelta(days=1)

# From less, a month's figures say little.
_ENOUGH = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Variant:
    """What one set of parameters would have meant.

    Attributes:
        incidents: Watch and span of each; one of before the span begins with it.
    """

    definitions: Definitions
    history: History
    changes: tuple[Change, ...]
    mails: tuple[Mail, ...]
    incidents: tuple[tuple[str, Span], ...]
    figures: Figures


@dataclass(frozen=True, slots=True)
class Result:
    """A back-test.

    Attributes:
        variants: The template as it is first.
        ratio: The template's own alarm on a share of failures, which says what a true incident is; None without one.
        subject: The alarm that charts and curve show: the ratio, or that which changed most; None if arrays hold none.
        truths: The true incidents.
        left_out: The alarms that such a history can say nothing about.
        notes: What to know before trusting the rest, a sentence each.
        curve: What other thresholds of the subject would have meant; None if nobody asked or there is no subject.
    """

    span: Span
    time_zone: str
    variants: tuple[Variant, ...]
    ratio: Alarm | None
    subject: Alarm | None
    truths: tuple[Span, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    curve: Curve | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        source: Where alarms come from.
        past_of: Returns the history for a template's parameters.
        settings: Such as `WarningThresholdPercent=2,3,5`.
        time_zone: The readers' zone.
        is_swept: Whether to turn the threshold of the subject.
        start: None for the history's begin.
        end: None for its end.
    """

    source: templates.Source
    past_of: Callable[[Definitions], Past]
    settings: Sequence[str] = ()
    time_zone: str = "UTC"
    is_swept: bool = False
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all variants are measured against: the span, the same with what lies before, and the true incidents."""

    span: Span
    lead: Span
    ratio: Alarm | None
    truths: Sequence[Span]


def answer(question: Question, on_progress: Callable[[float, str], None] = lambda _part, _what: None) -> Result:
    """Replay the history through each variant of the template.

    Args:
        question: What is asked.
        on_progress: Called with the part that is done, 0 to 1, and what is done now.

    Raises:
        InputError: The template, a parameter, the history or the span cannot be used; the message says which.
    """
    choices = question.source.variants(question.settings)
    on_progress(0.0, "Reading")
    own = question.source.load(choices[0])
    past = question.past_of(own)
    own, left_out = _known(own, past)
    ground = _ground(question, own, past)
    variants: list[Variant] = []
    for number, overrides in enumerate(choices):
        loaded = question.source.load(overrides)

        def told(done: int, every: int, number: int = number, label: str = loaded.label) -> None:
            on_progress((number + done / every) / len(choices), label)

        variants.append(_variant(question, loaded, ground, told))
    subject = _subject(variants[0])
    return Result(
        span=ground.span,
        time_zone=question.time_zone,
        variants=tuple(variants),
        ratio=ground.ratio,
        subject=subject,
        truths=tuple(ground.truths),
        left_out=left_out,
        notes=(*own.notes, *past.notes, *_cautions(ground, subject), *_unmuted(own), *_refused(variants)),
        curve=_swept(variants[0], subject, ground, on_progress) if question.is_swept and subject else None,
    )


def _ground(question: Question, own: Definitions, past: Past) -> _Ground:
    first, last = bounds(past, own, None, None)
    span = Span(*bounds(past, own, question.start, question.end))
    lead = Span(max(first, span.start - _LEAD), min(last, span.end))
    truths = truth(History(past.series), own.ratio, span.start, span.end) if own.ratio else []
    return _Ground(span, lead, own.ratio, truths)


def _variant(
    question: Question, loaded: Definitions, ground: _Ground, on_progress: Callable[[int, int], None]
) -> Variant:
    past, span = question.past_of(loaded), ground.span
    known, _ = _known(loaded, past)
    history = History(past.series)
    changes = simulate.replay(known, history, ground.lead, on_progress)
    mails = simulate.deliver(known, history, changes, ground.lead, question.time_zone, past.contexts)
    open_spans = incidents(mails, span)
    within = [each for each in mails if each.time >= span.start]
    counted = figures(within, open_spans, past, ground.truths, ground.ratio, span, question.time_zone)
    seen = tuple(each for each in changes if each.time >= span.start)
    return Variant(known, history, seen, tuple(within), tuple(open_spans), counted)


def _subject(variant: Variant) -> Alarm | None:
    counted = Counter(each.alarm for each in variant.changes)
    shown = [each for each in variant.definitions.alarms if can_vectorise(each, variant.history)]
    ratio = variant.definitions.ratio
    return ratio if ratio in shown else max(shown, key=lambda each: counted[each.name], default=None)


def _swept(
    variant: Variant, subject: Alarm, ground: _Ground, on_progress: Callable[[float, str], None]
) -> Curve | None:
    return curve(
        variant.definitions,
        variant.history,
        subject,
        ground.span,
        ground.lead,
        lambda done, every: on_progress(done / every, "Turning the threshold"),
    )


def _unmuted(own: Definitions) -> list[str]:
    known = {*(each.name for each in own.alarms), *(each.name for each in own.composites)}
    return [
        f"Mute rule {rule.name} names {alarm}, which is not replayed."
        for rule in own.mutes
        for alarm in rule.alarms
        if alarm not in known
    ]


def _cautions(ground: _Ground, subject: Alarm | None) -> list[str]:
    found = []
    if subject is None:
        found.append(
            "There is no chart and no curve: no alarm is evaluated each minute, of values that each minute has."
        )
    if ground.span.end - ground.span.start < _ENOUGH:
        days = ground.span.minutes / 1440
        found.append(f"A month's figures are extrapolated from {days:.1f} days: take them for a rough guess.")
    if ground.ratio is None:
        found.append(
            "No alarm compares metrics with the ids `failed` and `total`, so nobody can say what a true incident was: "
            "there are no figures for missed incidents and for minutes to the mail."
        )
    return found


def _refused(variants: Sequence[Variant]) -> list[str]:
    """Return a sentence on the parameters that can be replayed and not deployed."""
    names = dict.fromkeys(name for variant in variants for name in variant.definitions.undeployable)
    broken = dict.fromkeys(
        f"{variant.definitions.label}: {sentence}"
        for variant in variants
        for sentence in variant.definitions.contradictions
    )
    allowed = [f"Not among the template's allowed values, so not deployable: {', '.join(names)}."] if names else []
    return [*allowed, *(f"Not deployable: {each}" for each in broken)]


def _known(definitions: Definitions, past: Past) -> tuple[Definitions, tuple[str, ...]]:
    """Return the definitions without the alarms that this kind of history can say nothing about, and their names.

    Raises:
        InputError: An alarm watches something else that is not in the history, or no alarm is left.
    """
    left_out = {each.name for each in definitions.alarms if _watched(each) & past.unknowable} | past.left_out
    kept = tuple(each for each in definitions.alarms if each.name not in left_out)
    for alarm in kept:
        require(alarm, past.series)
    if not kept:
        raise InputError(
            "No alarm watches what is in the history.", next_step="Name a history of the metrics that they watch."
        )
    return replace(definitions, alarms=kept), tuple(sorted(left_out))


def _watched(alarm: Alarm) -> set[tuple[str, str]]:
    return {(query.metric.namespace, query.metric.name) for query in alarm.queries if query.metric}
