"""One template, one history, any number of what-ifs -> for each its changes, its mails and its figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deliverywatch.backtest import definitions as templates
from deliverywatch.backtest import mailbox
from deliverywatch.backtest.curve import Curve, curve
from deliverywatch.backtest.measure import Figures, Span, figures, truth
from deliverywatch.backtest.past import bounds
from deliverywatch.engine.history import require
from deliverywatch.engine.minutes import History
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from deliverywatch.backtest.definitions import Definitions
    from deliverywatch.backtest.mailbox import Mail
    from deliverywatch.backtest.past import Past
    from deliverywatch.engine.alarm import Alarm
    from deliverywatch.engine.backtest import Change


@dataclass(frozen=True, slots=True)
class Variant:
    """What one set of parameters would have meant."""

    definitions: Definitions
    history: History
    changes: tuple[Change, ...]
    mails: tuple[Mail, ...]
    figures: Figures


@dataclass(frozen=True, slots=True)
class Result:
    """A back-test.

    Attributes:
        ratio: The template's own alarm on a share of failures, which says what a true incident is; None without one.
        truths: The true incidents.
        left_out: The alarms that such a history can say nothing about.
        notes: What to know before trusting the rest, a sentence each.
        curve: What other thresholds of the first variant would have meant; None if nobody asked or there is no ratio.
    """

    span: Span
    time_zone: str
    variants: tuple[Variant, ...]
    ratio: Alarm | None
    truths: tuple[Span, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    curve: Curve | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        template: The file.
        past_of: Returns the history for a template's parameters.
        settings: Such as `WarningThresholdPercent=2,3,5`.
        without: Patterns of alarms that are left out.
        time_zone: The readers' zone.
        is_swept: Whether to turn the threshold of the alarm that says what a failure is.
        start: None for the history's begin.
        end: None for its end.
    """

    template: Path
    past_of: Callable[[Definitions], Past]
    settings: Sequence[str] = ()
    without: Sequence[str] = ()
    time_zone: str = "UTC"
    is_swept: bool = False
    start: datetime | None = None
    end: datetime | None = None


def answer(question: Question, on_progress: Callable[[float, str], None] = lambda _part, _what: None) -> Result:
    """Replay the history through each variant of the template.

    Args:
        question: What is asked.
        on_progress: Called with the part that is done, 0 to 1, and what is done now.

    Raises:
        InputError: The template, a parameter, the history or the span cannot be used; the message says which.
    """
    choices = templates.combinations(question.settings)
    own = templates.load(question.template, {}, question.without)
    on_progress(0.0, "Reading")
    past = question.past_of(own)
    span = Span(*bounds(past, own, question.start, question.end))
    kept, left_out = _known(own, past)
    base = History(past.series)
    truths = truth(base, kept.ratio, span.start, span.end) if kept.ratio else []
    variants: list[Variant] = []
    for number, overrides in enumerate(choices):
        loaded, _ = _known(templates.load(question.template, overrides, question.without), past)
        variant_past = question.past_of(loaded) if overrides else past

        def told(done: int, every: int, number: int = number, label: str = loaded.label) -> None:
            on_progress((number + done / every) / len(choices), label)

        history = base if variant_past is past else History(variant_past.series)
        changes = mailbox.replay(loaded, history, span, told)
        mails = mailbox.deliver(loaded, history, changes, span, question.time_zone)
        counted = figures(mails, variant_past, truths, kept.ratio, span, question.time_zone)
        variants.append(Variant(loaded, history, tuple(changes), tuple(mails), counted))
    notes = (*past.notes, *_refused(variants))
    swept = _swept(variants[0], span, on_progress) if question.is_swept else None
    return Result(span, question.time_zone, tuple(variants), kept.ratio, tuple(truths), left_out, notes, swept)


def _swept(variant: Variant, span: Span, on_progress: Callable[[float, str], None]) -> Curve | None:
    alarm = variant.definitions.ratio
    if alarm is None:
        return None
    return curve(
        variant.definitions,
        variant.history,
        variant.changes,
        alarm,
        span,
        lambda done, every: on_progress(done / every, "Turning the threshold"),
    )


def _refused(variants: Sequence[Variant]) -> list[str]:
    """Return a sentence on the parameters that can be replayed and not deployed."""
    names = dict.fromkeys(name for variant in variants for name in variant.definitions.undeployable)
    return [f"Not among the template's allowed values, so not deployable: {', '.join(names)}."] if names else []


def _known(definitions: Definitions, past: Past) -> tuple[Definitions, tuple[str, ...]]:
    """Return the definitions without the alarms that this kind of history can say nothing about, and their names.

    Raises:
        InputError: An alarm watches something else that is not in the history, or no alarm is left.
    """
    left_out = {each.name for each in definitions.alarms if _watched(each) & past.unknowable}
    kept = tuple(each for each in definitions.alarms if each.name not in left_out)
    for alarm in kept:
        require(alarm, past.series)
    if not kept:
        raise InputError("No alarm of the template watches what is in the history.")
    return replace(definitions, alarms=kept), tuple(sorted(left_out))


def _watched(alarm: Alarm) -> set[tuple[str, str]]:
    return {(query.metric.namespace, query.metric.name) for query in alarm.queries if query.metric}
