"""An alarm -> data under which it is well, and data under which it is in ALARM, searched by evaluating it.

What is tried are the numbers that the definition names and their neighbours, zeros first, for every metric; the search
is bounded by how many are tried. What is returned was evaluated: it is a witness, and not an opinion.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from cwalarm.definitions.alarm import Alarm, Metric, State
from cwalarm.describe.probe import Levels, Probe, Reading
from cwalarm.evaluation.statistic import low_sample_limit, percentile_fraction
from cwalarm.metric_math import expression, syntax

# How many assignments of values are tried before the search gives up: fewer where each is many slots to compute.
MAXIMUM_TRIED = 600
_MAXIMUM_SLOTS = 12_000
_LEAST_TRIED = 12

# Of what may be computed for an alarm; the rest is for the plays.
_SHARE = 0.4
_SMALL_GRID, _GRID = 100, 400
_SEED = 16

# How many of those that are well, and of those that are not, a burst is searched with.
_KEPT = 3


@dataclass(frozen=True, slots=True)
class Search:
    """Assignments under which the alarm is steadily OK, and in ALARM, the simplest first, and all that were tried."""

    good: tuple[Levels, ...]
    bad: tuple[Levels, ...]
    tried: tuple[Levels, ...]


def search(probe: Probe) -> Search:
    """Return steady data under which an alarm is OK and in ALARM; each metric publishes the same value every period."""
    good: list[Levels] = []
    bad: list[Levels] = []
    tried: list[Levels] = []
    for levels in islice(candidates(probe.alarm), max(_LEAST_TRIED, _MAXIMUM_SLOTS // probe.slots)):
        tried.append(levels)
        state = probe.steady(levels)
        if state is State.OK:
            good.append(levels)
        elif state is State.ALARM:
            bad.append(levels)
        if (len(good) >= _KEPT and len(bad) >= _KEPT) or probe.budget.is_spent(_SHARE):
            break
    return Search(tuple(good), tuple(bad), tuple(tried))


def candidates(alarm: Alarm) -> Iterator[Levels]:
    """Yield what the metrics of an alarm may publish: the simplest first, at most MAXIMUM_TRIED of them."""
    metrics = sorted({stat.metric for stat in alarm.metrics})
    choices = [_readings(alarm, metric) for metric in metrics]
    assigned = _unique(_assignments(metrics, choices))
    return islice((levels for levels in assigned if levels), MAXIMUM_TRIED)


def _assignments(metrics: Sequence[Metric], choices: Sequence[Sequence[Reading | None]]) -> Iterator[Levels]:
    """Yield small numbers in all combinations, then each number alone and in all metrics, then numbers at random."""
    yield from _grid(metrics, choices, _SMALL_GRID)
    size = max(map(len, choices))
    for index in range(size):
        yield _assigned(metrics, choices, [index] * len(metrics))
        for own in range(len(metrics)):
            yield _assigned(metrics, choices, [index if own == place else 0 for place in range(len(metrics))])
    yield from _grid(metrics, choices, _GRID)
    generator = random.Random(_SEED)  # noqa: S311 - the same choices in every run, and no secret
    counts = [[one for one in some if one is None or one.value >= 0] for some in choices]
    for some in (counts, choices):
        for _ in range(MAXIMUM_TRIED):
            yield _assigned(metrics, some, [generator.randrange(size) for _ in metrics])


def _grid(metrics: Sequence[Metric], choices: Sequence[Sequence[Reading | None]], most: int) -> Iterator[Levels]:
    for width in range(1, max(map(len, choices)) + 1):
        if width ** len(metrics) > most:
            break
        # Those with the newest choice: all others were yielded before.
        for indices in product(range(width), repeat=len(metrics)):
            if max(indices) == width - 1:
                yield _assigned(metrics, choices, indices)


def _assigned(metrics: Sequence[Metric], choices: Sequence[Sequence[Reading | None]], indices: Iterable[int]) -> Levels:
    chosen = zip(metrics, choices, indices, strict=True)
    readings = {metric: some[min(index, len(some) - 1)] for metric, some, index in chosen}
    return {metric: reading for metric, reading in readings.items() if reading is not None}


def _unique(assigned: Iterable[Levels]) -> Iterator[Levels]:
    seen = set()
    for levels in assigned:
        key = tuple(sorted(levels.items()))
        if key not in seen:
            seen.add(key)
            yield levels


def _readings(alarm: Alarm, metric: Metric) -> list[Reading | None]:
    """Return what one metric may publish; None for nothing, and values below zero last."""
    numbers = _numbers(alarm)
    names = {stat.statistic for stat in alarm.metrics if stat.metric == metric}
    if names == {"SampleCount"}:
        return [None, *(Reading(1, number) for number in numbers if number > 0)]
    count = _least_count(alarm, names)
    counts = [count] if "SampleCount" not in names else [count, *(number for number in numbers if number > 0)]
    readings = [Reading(number, some) for some in counts for number in numbers]
    return [*readings[:6], None, *readings[6:], *(Reading(-number, count) for number in numbers if number)]


def _least_count(alarm: Alarm, names: Iterable[str]) -> float:
    """Return how many values a period needs so that a percentile of them is judged."""
    if alarm.low_sample_percentile != "ignore":
        return 1
    fractions = [fraction for name in names if (fraction := percentile_fraction(name))]
    return max((low_sample_limit(fraction) for fraction in fractions), default=1)


def _numbers(alarm: Alarm) -> list[float]:
    """Return the numbers of a definition and what lies beside them, none below zero, the plainest first."""
    trees = [expression.parse(query.expression) for query in alarm.queries if query.expression]
    nodes = [node for tree in trees for node in syntax.walk(tree)]
    named = [abs(alarm.threshold), *(abs(node.value) for node in nodes if isinstance(node, syntax.Number))]
    beside = [value for number in named for value in (number, number + 1, number - 1, number * 2)]
    beyond = [value for number in named for value in (number * 10, number * 100, number / 2, number / 100)]
    beyond += [abs(alarm.threshold) * number * factor for number in named[1:] for factor in (1, 2)]
    plain = [0.0, 1.0, *sorted({value for value in beside if 0 <= value < 1e12})]
    return list(dict.fromkeys([*plain, 100.0, *beyond, 1e3, 1e6, 1e9, 1e12, 1e15, 0.5]))
