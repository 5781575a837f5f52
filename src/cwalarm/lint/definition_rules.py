"""An alarm's definition -> what is wrong with it that no data is needed to see."""

import math
import re
from collections.abc import Iterator

from cwalarm.definitions.alarm import Alarm, AnyAlarm, Comparison, MetricStat, Query, Treat
from cwalarm.describe.words import duration
from cwalarm.evaluation import assumptions
from cwalarm.evaluation.evaluate import returned, treatment
from cwalarm.evaluation.statistic import low_sample_limit, percentile_fraction
from cwalarm.evaluation.verdict import breaches
from cwalarm.lint.aws_metrics import COUNTS, GAUGES, INTERVALS, PERCENTAGES, PLAUSIBLE, WITH_TRAFFIC
from cwalarm.lint.findings import Finding, finding
from cwalarm.metric_math import expression
from cwalarm.metric_math.kinds import Checker
from cwalarm.metric_math.signatures import Kind
from cwalarm.metric_math.syntax import Binary, Call, Name, Number, walk

# Their value depends on how many slots CloudWatch happens to fetch; folds do so of a single series.
_ALONG = frozenset({"DATAPOINT_COUNT", "RATE", "REMOVE_EMPTY", "RUNNING_SUM"})
_FOLDS = frozenset({"AVG", "MAX", "MIN", "STDDEV", "SUM"})

_HIGH_RESOLUTION_KEPT_SECONDS = 3 * 3600
_RISING = (Comparison.ABOVE, Comparison.AT_LEAST)
# A service of ECS may use more than was reserved for it.
_OVER_100 = frozenset({"AWS/ECS", "ECS/ContainerInsights"})
_AWS = re.compile(r"AWS/")


def findings(alarm: Alarm) -> Iterator[Finding]:
    """Yield what is wrong with the definition of a sound alarm."""
    yield from _range(alarm)
    yield from _resolution(alarm)
    yield from _percentiles(alarm)
    yield from _scale(alarm)
    for metric in alarm.metrics:
        yield from _statistic(alarm, metric)
    yield from _quiet(alarm)
    if alarm.warm_up:
        waits = f"It warms up for {alarm.warm_up.minutes} minutes once it is created"
        why = f"{waits}: a replay takes it as created long before."
        yield finding("warm-up-not-replayed", alarm.name, why)
    yield from not_evaluated(alarm)


def not_evaluated(alarm: AnyAlarm) -> Iterator[Finding]:
    """Yield what the definition of an alarm or a composite says that the engine does not know or cannot see."""
    yield from (finding("not-evaluated", alarm.name, sentence) for sentence in assumptions.of_definition(alarm))


def _range(alarm: Alarm) -> Iterator[Finding]:
    checker = Checker(alarm.queries)
    for query in alarm.queries:
        for name in sorted(_along(query, alarm, checker)):
            why = f"{query.id} uses {name}, whose result depends on how many periods CloudWatch fetches."
            yield finding("depends-on-range", alarm.name, why)


def _along(query: Query, alarm: Alarm, checker: Checker) -> set[str]:
    if not query.expression:
        return set()
    calls = expression.calls(expression.parse(query.expression))
    folds = {call.function for call in calls if call.function in _FOLDS and _folds_series(call, alarm, checker)}
    return folds | {call.function for call in calls if call.function in _ALONG}


def _folds_series(call: Call, alarm: Alarm, checker: Checker) -> bool:
    """Return whether the argument is a single series, so that all its slots become one number."""
    argument = call.arguments[0]
    if isinstance(argument, Name):
        return argument.name in {query.id for query in alarm.queries} and (
            checker.result(argument.name).kind is Kind.SERIES
        )
    # A list in brackets, or an array made by a function, is folded slot by slot.
    return isinstance(argument, (Binary, Call)) and not any(
        isinstance(part, Call) and part.function in ("METRICS", "SORT", "SLICE", "REMOVE_EMPTY")
        for part in walk(argument)
    )


def _resolution(alarm: Alarm) -> Iterator[Finding]:
    period, reach = alarm.period_seconds, alarm.period_seconds * alarm.evaluation_periods
    standard = sorted({metric.namespace for metric in alarm.metrics if _AWS.match(metric.namespace)})
    if period < 60 and standard:
        why = f"Its period is {period} seconds, and {standard[0]} publishes once a minute at most."
        yield finding("high-resolution-of-standard", alarm.name, why)
    if period < 60 and reach > _HIGH_RESOLUTION_KEPT_SECONDS:
        yield finding(
            "beyond-retention", alarm.name, f"It looks back {duration(reach)}, and such data is kept for 3 hours."
        )
    for metric in alarm.metrics:
        interval = INTERVALS.get((metric.namespace, metric.name), 0)
        if interval > period:
            every = f"{metric.name} is published every {duration(interval)}"
            yield finding(
                "m-of-n-unreachable",
                alarm.name,
                f"{every}, and its periods are {duration(period)}: most are empty.",
                f"Use a period of {interval} seconds.",
            )


def _percentiles(alarm: Alarm) -> Iterator[Finding]:
    for metric in alarm.metrics:
        fraction = percentile_fraction(metric.statistic)
        if fraction and fraction < 1 and alarm.low_sample_percentile != "ignore":
            least = f"{low_sample_limit(fraction):,.0f}"
            why = f"{metric.statistic} of {metric.name} needs {least} values in {duration(alarm.period_seconds)}."
            yield finding("few-samples", alarm.name, why)


def _scale(alarm: Alarm) -> Iterator[Finding]:
    watched = next(query for query in alarm.queries if query.id == returned(alarm))
    if metric := watched.metric:
        is_percentage = metric.name in PERCENTAGES and metric.statistic != "SampleCount"
        if is_percentage and alarm.comparison in _RISING and 0 < alarm.threshold <= 1:
            why = f"{metric.name} is a percentage from 0 to 100, and the threshold is {alarm.threshold:.12g}."
            yield finding("percent-scale", alarm.name, why, f"Use the threshold {alarm.threshold * 100:.12g}.")
        if is_percentage and metric.namespace not in _OVER_100 and _is_over_100(alarm):
            yield finding("percent-scale", alarm.name, f"{metric.name} is a percentage and never above 100.")
        low, high, unit = PLAUSIBLE.get((metric.namespace, metric.name), (-math.inf, math.inf, ""))
        if not low <= alarm.threshold <= high and metric.statistic not in ("SampleCount", "Sum") and alarm.threshold:
            why = f"{metric.name} is in {unit}, and the threshold is {alarm.threshold:.12g}."
            yield finding("percent-scale", alarm.name, why, f"Write the threshold in {unit}.")
    elif alarm.threshold > 1 and alarm.comparison in _RISING and _is_share(watched, alarm):
        why = f"{watched.expression} is a share from 0 to 1, and the threshold is {alarm.threshold:.12g}."
        yield finding("percent-scale", alarm.name, why, f"Write 100 * ({watched.expression}).")


def _is_over_100(alarm: Alarm) -> bool:
    return (alarm.comparison is Comparison.ABOVE and alarm.threshold >= 100) or (
        alarm.comparison is Comparison.AT_LEAST and alarm.threshold > 100
    )


def _is_share(query: Query, alarm: Alarm) -> bool:
    """Return whether an expression divides counts of one namespace by others, and multiplies with nothing."""
    nodes = list(walk(expression.parse(query.expression or "")))
    operators = [node.operator for node in nodes if isinstance(node, Binary)]
    sums = {(metric.namespace, metric.statistic) for metric in alarm.metrics}
    of_counts = any(metric.name in names for metric in alarm.metrics for names in COUNTS.values()) or any(
        re.search("(?i)err|fail|fault|bounce|reject", metric.name) for metric in alarm.metrics
    )
    is_plain = not any(isinstance(node, (Number, Call)) for node in nodes)
    return is_plain and operators.count("/") == 1 and "*" not in operators and of_counts and _are_sums(sums)


def _are_sums(sums: set[tuple[str, str]]) -> bool:
    return len(sums) == 1 and next(iter(sums))[1] == "Sum"


def _statistic(alarm: Alarm, metric: MetricStat) -> Iterator[Finding]:
    is_count = metric.name in COUNTS.get(metric.namespace, ())
    is_any = (alarm.comparison, alarm.threshold) in ((Comparison.ABOVE, 0), (Comparison.AT_LEAST, 1))
    if metric.name in GAUGES and metric.statistic == "Sum" and not is_any:
        yield finding("gauge-summed", alarm.name, f"{metric.name} is a level, and it is summed up.")
    in_one = metric.statistic in ("Average", "Minimum", "Maximum") and not alarm.is_math
    if is_count and metric.namespace == "AWS/Lambda" and in_one and not breaches(alarm, 1):
        why = f"The {metric.statistic.lower()} of {metric.name} lies between 0 and 1: each invocation counts 0 or 1."
        yield finding("count-averaged", alarm.name, why)
    if (is_count or metric.name in GAUGES) and metric.statistic == "SampleCount":
        why = f"SampleCount of {metric.name} is how often it was published, whatever its values."
        instead = "" if is_count else "Use Maximum or Average."
        yield finding("publications-counted", alarm.name, why, instead)


def _quiet(alarm: Alarm) -> Iterator[Finding]:
    with_traffic = all(metric.name in WITH_TRAFFIC.get(metric.namespace, ()) for metric in alarm.metrics)
    if treatment(alarm) is Treat.BREACHING and alarm.comparison in _RISING and with_traffic:
        names = ", ".join(sorted({metric.name for metric in alarm.metrics}))
        yield finding(
            "alarms-when-quiet", alarm.name, f"{names} has no datapoints without traffic, and that is breaching."
        )
