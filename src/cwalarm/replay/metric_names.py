"""The name of a series or a column -> the metrics that it may mean: `Errors`, `AWS/Lambda/Errors`, `Errors{orders}`."""

from collections.abc import Iterable

from cwalarm.definitions.alarm import Metric


def meant(name: str, metrics: Iterable[Metric]) -> list[Metric]:
    """Return the metrics with that name, which may hold the namespace and, in braces, values of dimensions.

    Of several that have the values it is the one that has no other.
    """
    bare, _, wanted = name.removesuffix("}").partition("{")
    called = [metric for metric in metrics if bare in (metric.name, f"{metric.namespace}/{metric.name}")]
    fitting = [metric for metric in called if not wanted or _has(metric, wanted)]
    exact = [metric for metric in fitting if ",".join(value for _, value in metric.dimensions) == wanted]
    return exact if len(exact) == 1 else fitting


def distinct(metrics: Iterable[Metric]) -> list[str]:
    """Return what to write for each metric, once and sorted: `App/Errors`, with its dimensions where it has some."""
    return sorted({_whole(metric) for metric in metrics})


def _whole(metric: Metric) -> str:
    values = ",".join(value for _, value in metric.dimensions)
    return f"{metric.namespace}/{metric.name}" + (f"{{{values}}}" if values else "")


def _has(metric: Metric, wanted: str) -> bool:
    values = {value for _, value in metric.dimensions}
    return wanted in values or set(wanted.split(",")) <= values
