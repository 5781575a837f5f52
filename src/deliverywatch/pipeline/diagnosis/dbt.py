"""dbt's `run_results.json`, versions 4 to 6 and what Fusion adds -> which nodes were run and how they ended.

Format: docs.getdbt.com/reference/artifacts/run-results-json. It is read leniently: Fusion writes fields that the schema
forbids, and leaves out some that it demands. A status that no rule covers is counted as unknown, and logged.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import mapping, objects
from deliverywatch.pipeline.declaration.values import number, text

VERSIONS = (4, 5, 6)
# Others write nodes down that they did not run: after `docs generate` each has the status `success`, tests too.
_RUNS_TESTS = frozenset({"test", "build", "retry"})
_RUNS_NOTHING = frozenset({"generate", "docs", "compile", "parse", "list", "ls", "show"})
_BUILT_KINDS = frozenset({"model", "snapshot", "seed"})
_TEST_KINDS = frozenset({"test", "unit_test"})
_VERSION = re.compile(r"run-results/v(\d+)\.json$")


class Ending(StrEnum):
    """How a node ended, in one vocabulary for all kinds of nodes."""

    GOOD = "good"
    FAILED = "failed"  # a test that found rows
    WARNED = "warned"
    ERRORED = "errored"
    PARTIAL = "partial"  # a microbatch model of which some batches failed
    SKIPPED = "skipped"
    UNCHANGED = "unchanged"  # there was nothing to do: `no-op`, `reused`
    NOT_RUN = "not run"
    UNKNOWN = "unknown"


_BAD = (Ending.FAILED, Ending.ERRORED, Ending.PARTIAL)
_OF_ALL = {
    "error": Ending.ERRORED,
    "skipped": Ending.SKIPPED,
    "no-op": Ending.UNCHANGED,
    "reused": Ending.UNCHANGED,
}
_OF_NODES = _OF_ALL | {"success": Ending.GOOD, "fail": Ending.ERRORED, "partial success": Ending.PARTIAL}
_OF_TESTS = _OF_ALL | {
    "pass": Ending.GOOD,
    "fail": Ending.FAILED,
    "warn": Ending.WARNED,
    "runtime error": Ending.ERRORED,
}


@dataclass(frozen=True, slots=True)
class Node:
    """One result, with dbt's own word for its status.

    `kind` is the first word of the id (`model`, `test`, `snapshot`, `operation` and others); `failures` counts the rows
    that a test found, None where it did not come so far.
    """

    unique_id: str
    kind: str
    status: str
    ending: Ending
    failures: int | None
    message: str


@dataclass(frozen=True, slots=True)
class DbtRun:
    """One invocation of dbt; `command` is `build`, `run`, `test` and so on, empty where the file does not say."""

    invocation_id: str
    command: str
    nodes: tuple[Node, ...]

    @property
    def models(self) -> tuple[Node, ...]:
        """The nodes that make a table: models, snapshots and seeds."""
        return tuple(node for node in self.nodes if node.kind in _BUILT_KINDS)

    @property
    def tests(self) -> tuple[Node, ...]:
        """The tests, of data and of units."""
        return tuple(node for node in self.nodes if node.kind in _TEST_KINDS)

    @property
    def bad(self) -> tuple[Node, ...]:
        """The nodes that failed, of whatever kind: hooks too."""
        return tuple(node for node in self.nodes if node.ending in _BAD)

    @property
    def unknown(self) -> Mapping[str, int]:
        """The words of dbt that no rule covers, with how many nodes have them."""
        return Counter(node.status for node in self.nodes if node.ending is Ending.UNKNOWN)


def run_of(document: object) -> DbtRun:
    """Return what a `run_results.json` says; raise InputError for anything else and for other versions."""
    body = mapping(document)
    metadata, results = mapping(body.get("metadata")), body.get("results")
    match = _VERSION.search(text(metadata.get("dbt_schema_version")))
    if not match or not isinstance(results, list):
        raise InputError(
            "This is not a run_results.json of dbt: it names no such schema, or has no results.",
            next_step="Give the run_results.json of dbt's target folder, not its manifest or its sources.",
        )
    version = int(match[1])
    if version not in VERSIONS:
        raise InputError(
            f"The run_results.json is of version {version}; versions {VERSIONS[0]} to {VERSIONS[-1]} are known.",
            next_step="Compare the version with dbt's documentation and extend `pipeline/diagnosis/dbt.py`.",
        )
    arguments = mapping(body.get("args"))
    command = text(arguments.get("which")) or text(arguments.get("command"))
    return DbtRun(
        invocation_id=text(metadata.get("invocation_id")),
        command=command,
        nodes=tuple(_node(result, command) for result in objects(results)),
    )


def _node(result: Mapping[str, Any], command: str) -> Node:
    unique_id, status = text(result.get("unique_id")), text(result.get("status")).lower()
    kind = unique_id.partition(".")[0]
    failures = number(result.get("failures"))
    return Node(
        unique_id=unique_id,
        kind=kind,
        status=status,
        ending=_ending(kind, status, command),
        failures=int(failures) if failures is not None else None,
        message=text(result.get("message")),
    )


def _ending(kind: str, status: str, command: str) -> Ending:
    is_test = kind in _TEST_KINDS
    if status == "success" and (command in _RUNS_NOTHING or (is_test and command not in _RUNS_TESTS)):
        return Ending.NOT_RUN
    return (_OF_TESTS if is_test else _OF_NODES).get(status, Ending.UNKNOWN)
