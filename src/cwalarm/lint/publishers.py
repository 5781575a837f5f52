"""A template -> the metrics that it publishes itself: by metric filters, and by EMF documents in its inline code."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cwalarm.definitions.template import Resolver
from cwalarm.errors import InputError

_EMF = re.compile(r"""["']?CloudWatchMetrics["']?\s*[:=]\s*(?=\[)""")
_NAMESPACE, _SERVICE = "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME"
_TRAILING_COMMA = re.compile(r",\s*([\]}])")
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z]\w*)\s*:")


@dataclass(frozen=True, slots=True)
class Published:
    """A metric that the template publishes.

    Attributes:
        dimensions: The names of its dimensions; None where they are not written down.
        is_sparse: Whether it is published only when something happens, without zeros in between.
        has_zeros: Whether a default value is published when nothing matches.
    """

    namespace: str
    name: str
    dimensions: frozenset[str] | None
    unit: str | None
    is_sparse: bool = False
    has_zeros: bool = False
    value: str = ""


def read(resolver: Resolver) -> tuple[Published, ...]:
    """Return what a template publishes, as far as that can be resolved."""
    return (*_filters(resolver), *_embedded(resolver.section("Resources")))


def by_service(resolver: Resolver) -> frozenset[str]:
    """Return the namespaces into which Powertools for AWS Lambda publishes by the dimension `service`.

    It does so where a function, or SAM's Globals, sets both variables; what its code adds is not known here.
    """
    holders = [resource.get("Properties") for resource in resolver.section("Resources").values()]
    shared = resolver.template.get("Globals")
    holders.append(shared.get("Function") if isinstance(shared, dict) else None)
    every = [variables for holder in holders for variables in _variables(holder)]
    named = {str(one.get(_NAMESPACE)) for one in every if isinstance(one.get(_NAMESPACE), str)}
    return frozenset(named) if any(_SERVICE in one for one in every) else frozenset()


def _variables(holder: Any) -> Iterator[Mapping[str, Any]]:
    environment = holder.get("Environment") if isinstance(holder, dict) else None
    variables = environment.get("Variables") if isinstance(environment, dict) else None
    if isinstance(variables, dict):
        yield variables


def _filters(resolver: Resolver) -> Iterator[Published]:
    for logical_id in resolver.of_kind("AWS::Logs::MetricFilter"):
        try:
            transformations = resolver.properties(logical_id, ("FilterPattern", "LogGroupName"))[
                "MetricTransformations"
            ]
        except (InputError, KeyError):
            continue
        for entry in transformations if isinstance(transformations, list) else ():
            if isinstance(entry, dict) and {"MetricNamespace", "MetricName"} <= entry.keys():
                yield _filtered(entry)


def _filtered(entry: Mapping[str, Any]) -> Published:
    names = frozenset(str(pair.get("Key")) for pair in entry.get("Dimensions") or () if isinstance(pair, dict))
    has_zeros = entry.get("DefaultValue") is not None
    return Published(
        str(entry["MetricNamespace"]),
        str(entry["MetricName"]),
        names,
        str(entry.get("Unit") or "None"),
        is_sparse=not has_zeros,
        has_zeros=has_zeros,
        value=str(entry.get("MetricValue", "")),
    )


def _embedded(value: Any) -> Iterator[Published]:
    """Yield the metrics of EMF documents in any text of the template, such as the inline code of a function."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _embedded(item)
    elif isinstance(value, list):
        for item in value:
            yield from _embedded(item)
    elif isinstance(value, str) and "CloudWatchMetrics" in value:
        for match in _EMF.finditer(value):
            for directive in _directives(value[match.end() :]):
                yield from _of_directive(directive)


def _directives(text: str) -> list[Any]:
    """Read the list that a text begins with, be it JSON, Python or JavaScript; nothing where it holds variables."""
    plain = _BARE_KEY.sub(r'\1"\2":', _TRAILING_COMMA.sub(r"\1", text.replace("'", '"')))
    try:
        listed, _ = json.JSONDecoder().raw_decode(plain)
    except ValueError:
        return []
    return listed if isinstance(listed, list) else []


def _of_directive(directive: Any) -> Iterator[Published]:
    if not isinstance(directive, dict) or not isinstance(directive.get("Namespace"), str):
        return
    sets = [names for names in directive.get("Dimensions") or [] if isinstance(names, list)]
    for metric in directive.get("Metrics") or ():
        if isinstance(metric, dict) and isinstance(metric.get("Name"), str):
            for names in sets or [[]]:
                unit = str(metric.get("Unit") or "None")
                yield Published(directive["Namespace"], metric["Name"], frozenset(map(str, names)), unit)
