"""One template, one history, any number of what-ifs -> for each its changes, its mails and its headline numbers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cwalarm.definitions.alarm import Alarm
from cwalarm.replay.method import can_vectorise
from cwalarm.replay.minutes import Minutes
from deliverywatch.backtest import simulate
from deliverywatch.backtest.curve import curve
from deliverywatch.backtest.inputs import definitions as templates
from deliverywatch.backtest.inputs.definitions import Definitions
from deliverywatch.backtest.inputs.history import History, bounds, replayable
from deliverywatch.backtest.results.measure import headline_numbers, incidents, true_incidents
from deliverywatch.backtest.results.result import Night, Result, Span, Variant
from deliverywatch.thresholds import BACKTEST_LEAST_DAYS

# Before the replay, alarms and incidents come into the state that they had then.
_LEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Request:
    """What to replay.

    Attributes:
        history_for: Returns the history for a template's parameters.
        settings: Such as `WarningThresholdPercent=2,3,5`.
        night: The hours in which a mail wakes somebody, and the readers' zone.
        is_swept: Whether to turn the threshold of the subject.
        start: None for the history's begin, as `end` for its end.
    """

    source: templates.Source
    history_for: Callable[[Definitions], History]
    settings: Sequence[str] = ()
    night: Night = field(default_factory=Night)
    is_swept: bool = False
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Yardstick:
    """What all variants are measured against: the replay, the same with what lies before, and the true incidents."""

    span: Span
    lead: Span
    ratio: Alarm | None
    truths: Sequence[Span]


def compare(request: Request, on_progress: Callable[[float, str], None] = lambda _part, _what: None) -> Result:
    """Replay the history through each variant of the template; progress is the part done, 0 to 1, and what is done now.

    Raises:
        InputError: The template, a parameter, the history or the span cannot be used; the message says which.
    """
    overrides = request.source.variants(request.settings)
    on_progress(0.0, "Reading")
    baseline = request.source.load(overrides[0])
    history = request.history_for(baseline)
    baseline, left_out = replayable(baseline, history)
    yardstick = _yardstick(request, baseline, history)
    variants: list[Variant] = []
    for number, values in enumerate(overrides):
        definitions = request.source.load(values)

        def advanced(done: int, total: int, number: int = number, label: str = definitions.label) -> None:
            on_progress((number + done / total) / len(overrides), label)

        variants.append(_variant(request, definitions, yardstick, advanced))
    subject = _subject(variants[0])
    return Result(
        span=yardstick.span,
        night=request.night,
        variants=tuple(variants),
        ratio=yardstick.ratio,
        subject=subject,
        true_incidents=tuple(yardstick.truths),
        left_out=left_out,
        notes=(
            *baseline.notes,
            *history.notes,
            *_cautions(yardstick, subject),
            *_unmuted(baseline),
            *_unlimited(baseline),
            *_refused(variants),
        ),
        curve=curve(
            variants[0].definitions,
            variants[0].minutes,
            subject,
            yardstick.span,
            yardstick.lead,
            lambda done, total: on_progress(done / total, "Turning the threshold"),
        )
        if request.is_swept and subject
        else None,
    )


def _yardstick(request: Request, baseline: Definitions, history: History) -> _Yardstick:
    first, last = bounds(history, baseline, None, None)
    span = Span(*bounds(history, baseline, request.start, request.end))
    lead = Span(max(first, span.start - _LEAD), min(last, span.end))
    truths = true_incidents(Minutes(history.series), baseline.ratio, span) if baseline.ratio else []
    return _Yardstick(span, lead, baseline.ratio, truths)


def _variant(
    request: Request, definitions: Definitions, yardstick: _Yardstick, on_progress: Callable[[int, int], None]
) -> Variant:
    history, span = request.history_for(definitions), yardstick.span
    definitions, _ = replayable(definitions, history)
    minutes = Minutes(history.series)
    changes = simulate.replay(definitions, minutes, yardstick.lead, on_progress)
    mails = simulate.deliver(definitions, minutes, changes, yardstick.lead, request.night.time_zone, history.contexts)
    open_spans = incidents(mails, span)
    within = [mail for mail in mails if mail.time >= span.start]
    numbers = headline_numbers(within, open_spans, history, yardstick.truths, yardstick.ratio, span, request.night)
    changes_within = tuple(change for change in changes if change.time >= span.start)
    return Variant(definitions, minutes, changes_within, tuple(within), tuple(open_spans), numbers)


def _subject(variant: Variant) -> Alarm | None:
    counts = Counter(change.alarm for change in variant.changes)
    shown = [alarm for alarm in variant.definitions.alarms if can_vectorise(alarm, variant.minutes)]
    ratio = variant.definitions.ratio
    return ratio if ratio in shown else max(shown, key=lambda alarm: counts[alarm.name], default=None)


def _unmuted(baseline: Definitions) -> list[str]:
    names = {alarm.name for alarm in baseline.alarms} | {composite.name for composite in baseline.composites}
    return [
        f"Mute rule {rule.name} names {alarm}, which is not replayed."
        for rule in baseline.mutes
        for alarm in rule.alarms
        if alarm not in names
    ]


def _unlimited(baseline: Definitions) -> list[str]:
    is_limited = baseline.parameters.get("KeepOneClientAtWarning") == "true"
    sentence = "KeepOneClientAtWarning is not replayed: what fails of one client alone is shown as critical, too."
    return [sentence] if is_limited else []


def _cautions(yardstick: _Yardstick, subject: Alarm | None) -> list[str]:
    cautions = []
    if subject is None:
        cautions.append(
            "There is no chart and no curve: no alarm is evaluated each minute, of values that each minute has."
        )
    if not yardstick.span.is_week:
        cautions.append(
            f"{yardstick.span.days:.1f} days say nothing of a month: there are no figures a month and no knee for less "
            f"than {BACKTEST_LEAST_DAYS} days."
        )
    if yardstick.ratio is None:
        cautions.append(
            "No alarm compares metrics with the ids `failed` and `total`, so nobody can say what a true incident was: "
            "there are no figures for missed incidents and for minutes to the mail."
        )
    return cautions


def _refused(variants: Sequence[Variant]) -> list[str]:
    """Return a sentence on the parameters that can be replayed and not deployed."""
    allowed = dict.fromkeys(
        _not_offered(name, variant.definitions.choices)
        for variant in variants
        for name in variant.definitions.undeployable
    )
    broken = dict.fromkeys(
        f"Not deployable: {variant.definitions.label}: {sentence}"
        for variant in variants
        for sentence in variant.definitions.contradictions
    )
    return [*allowed, *broken]


def _not_offered(setting: str, choices: Mapping[str, Sequence[str]]) -> str:
    offered = choices.get(setting.partition("=")[0], ())
    why = f"the template offers {', '.join(offered)}" if offered else "the template refuses it"
    return f"{setting} is not deployable: {why}."
