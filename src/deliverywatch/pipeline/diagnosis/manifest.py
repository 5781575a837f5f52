"""dbt's `manifest.json` beside the results of an invocation -> the nodes that it must have results of.

Format: docs.getdbt.com/reference/artifacts/manifest-json. What is selected by a graph, a state or a selector of a file
is not worked out: such a word expects the nodes that it names itself, and one that names none expects none.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.declaration.values import text
from deliverywatch.pipeline.diagnosis.dbt import DbtRun

_ALL = ("model", "seed", "snapshot", "test", "unit_test")
_KINDS = {"build": _ALL, "run": ("model",), "seed": ("seed",), "snapshot": ("snapshot",), "test": ("test", "unit_test")}


def expected_nodes(document: object, run: DbtRun) -> frozenset[str]:
    """Return the ids of the nodes that an invocation must have results of, as far as that can be worked out.

    A manifest of another invocation may hold nodes that there were not yet, or are no more.
    """
    body = mapping(document)
    is_own = text(mapping(body.get("metadata")).get("invocation_id")) == run.invocation_id
    if not is_own or any(mapping(one).get("default") for one in mapping(body.get("selectors")).values()):
        return frozenset()
    nodes = {id_: mapping(node) for part in ("nodes", "unit_tests") for id_, node in mapping(body.get(part)).items()}
    kinds = [kind for kind in _KINDS.get(run.command, ()) if kind not in run.kinds_left_out]
    runnable = {id_: node for id_, node in nodes.items() if id_.partition(".")[0] in kinds and _is_run(node)}
    if any(_method(word) is None for word in run.exclude):
        return frozenset()
    chosen = _matching(run.select, runnable) if run.select else set(runnable)
    return frozenset(chosen - _matching(run.exclude, runnable))


def _is_run(node: Mapping[str, Any]) -> bool:
    config = mapping(node.get("config"))
    return config.get("enabled") is not False and config.get("materialized") != "ephemeral"


def _matching(words: Iterable[str], nodes: Mapping[str, Mapping[str, Any]]) -> set[str]:
    methods = [method for word in words if (method := _method(word.strip("+@")))]
    return {id_ for id_, node in nodes.items() if any(_matches(node, *method) for method in methods)}


def _method(word: str) -> tuple[str, str] | None:
    """Return how a word selects, and what; None for what is not worked out here."""
    method, _, value = word.rpartition(":")
    is_plain = not set(value) & set("+@*?[]/,")
    return (method, value) if is_plain and method in ("", "tag") else None


def _matches(node: Mapping[str, Any], method: str, value: str) -> bool:
    if method == "tag":
        return value in _texts(node.get("tags"))
    fqn, parts = _texts(node.get("fqn")), value.split(".")
    return value == text(node.get("name")) or parts in (fqn[: len(parts)], fqn[1 : len(parts) + 1])


def _texts(value: object) -> list[str]:
    return [text(part) for part in value] if isinstance(value, list) else []
