"""dbt's `run_results.json`, versions 4 to 6 and what Fusion adds -> which nodes were run, when, and how they ended.

Its `sources.json`, what `dbt source freshness` found, is read likewise: a source is a node, and stale is a failure.

Formats: docs.getdbt.com/reference/artifacts/run-results-json and sources-json. They are read leniently: Fusion writes
fields that the schema forbids, and leaves out some that it demands. A status that no rule covers is counted as unknown,
and logged. Every command overwrites the file, and `dbt retry` writes down only what it tried again: `netted` is the
last word on each node.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import mapping, objects
from deliverywatch.pipeline.declaration.values import moment, number, text

VERSIONS = (4, 5, 6)
_VERSIONS = {"run-results": VERSIONS, "sources": (1, 2, 3)}
# Others write nodes down that they did not run: after `docs generate` each has the status `success`, tests too.
_RUNS_TESTS = frozenset({"test", "build", "retry"})
_RUNS_NODES = _RUNS_TESTS | {"run", "seed", "snapshot", "run-operation", ""}
_BUILT_KINDS = frozenset({"model", "snapshot", "seed"})
_TEST_KINDS = frozenset({"test", "unit_test"})
# Two runs of a node with the same of these are tries of the same work; one for another target is other work.
_SAME_WORK = ("target", "profile", "vars", "event_time_start", "event_time_end")
# docs.getdbt.com/docs/build/empty-flag and sample-flag: what they build is not what the sources hold.
_LIMITING = ("empty", "sample")
# No longer than what may be taken from any time that is read.
_LONGEST_SECONDS = 86_400
_VERSION = re.compile(r"(run-results|sources)/v(\d+)\.json$")
_FRESHNESS = "source freshness"


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
_GOOD = (Ending.GOOD, Ending.WARNED, Ending.UNCHANGED)
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
# Freshness has the words of tests.
_WORDED_AS_TESTS = _TEST_KINDS | {"source"}


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

    @property
    def is_bad(self) -> bool:
        """Whether it failed."""
        return self.ending in _BAD

    @property
    def is_good(self) -> bool:
        """Whether it has a result with a word that is known to be good."""
        return self.ending in _GOOD


@dataclass(frozen=True, slots=True)
class DbtRun:
    """One invocation of dbt.

    Attributes:
        command: `build`, `run`, `test` and so on, empty where the file does not say.
        generated_at: When it had ended and wrote the file; None where the file does not say.
        began_at: When it had begun, likewise.
        select: What was selected, in dbt's own words; empty for everything.
        exclude: What was not, likewise.
        kinds_left_out: Kinds of nodes that were excluded.
        expected: Ids of the nodes that it must have results of, where a manifest says so.
        unread_count: How many of its results are none of any node, whatever else they say.
        limited: The option by which it read none or only a part of the rows of its sources; empty for none.
        work: What distinguishes it from an invocation of the same nodes for something else, such as another target.
    """

    invocation_id: str
    command: str
    nodes: tuple[Node, ...]
    generated_at: datetime | None = None
    began_at: datetime | None = None
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    kinds_left_out: tuple[str, ...] = ()
    expected: frozenset[str] = frozenset()
    unread_count: int = 0
    limited: str = ""
    work: str = ""

    @property
    def models(self) -> tuple[Node, ...]:
        """The nodes that make a table: models, snapshots and seeds."""
        return models_of(self.nodes)

    @property
    def tests(self) -> tuple[Node, ...]:
        """The tests, of data and of units."""
        return tests_of(self.nodes)

    @property
    def bad(self) -> tuple[Node, ...]:
        """The nodes that failed, of whatever kind: hooks too."""
        return tuple(node for node in self.nodes if node.is_bad)

    @property
    def unknown(self) -> Mapping[str, int]:
        """The words of dbt that no rule covers, with how many nodes have them."""
        return Counter(node.status for node in self.nodes if node.ending is Ending.UNKNOWN)


def models_of(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return the nodes that make a table: models, snapshots and seeds."""
    return tuple(node for node in nodes if node.kind in _BUILT_KINDS)


def tests_of(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return the tests, of data and of units."""
    return tuple(node for node in nodes if node.kind in _TEST_KINDS)


def netted(runs: Iterable[DbtRun]) -> tuple[Node, ...]:
    """Return the last word on every node: one that failed and was tried again with success did not fail.

    A node that a later command only wrote down keeps its result, and so does one that failed and was then skipped.
    """
    last: dict[tuple[str, str], tuple[int, Node]] = {}
    ordered = sorted(runs, key=lambda run: run.generated_at or datetime.min.replace(tzinfo=UTC))
    for position, run in enumerate(ordered):
        for node in run.nodes:
            key = _key(run, node, last)
            written, before = last.get(key, (-1, None))
            if before is None or _replaces(node, before, is_same_file=written == position):
                last[key] = (position, node)
    return tuple(node for _, node in last.values())


def _key(run: DbtRun, node: Node, last: dict[tuple[str, str], tuple[int, Node]]) -> tuple[str, str]:
    """`dbt retry` goes on with the work before it, with whatever arguments it was started itself."""
    key = (run.work, node.unique_id)
    if run.command != "retry" or key in last:
        return key
    return next((earlier for earlier in reversed(last) if earlier[1] == node.unique_id), key)


def _replaces(node: Node, before: Node, *, is_same_file: bool) -> bool:
    if is_same_file:
        return not before.is_bad and (node.is_bad or before.is_good)
    return node.ending is not Ending.NOT_RUN and not (before.is_bad and node.ending is Ending.SKIPPED)


def run_of(document: object) -> DbtRun:
    """Return what results or freshness of dbt say; raise InputError for any other file and for other versions."""
    body = mapping(document)
    metadata, results = mapping(body.get("metadata")), body.get("results")
    match = _VERSION.search(text(metadata.get("dbt_schema_version")))
    if not match or not isinstance(results, list):
        raise InputError(
            "This is not a run_results.json or sources.json of dbt: it names no such schema, or has no results.",
            next_step="Give one of these from dbt's target folder, not its manifest.",
        )
    kind, version = match[1], int(match[2])
    if version not in (known := _VERSIONS[kind]):
        raise InputError(
            f"The {kind.replace('-', '_')}.json is of version {version}; versions {known[0]} to {known[-1]} are known.",
            next_step="Compare the version with dbt's documentation and extend `pipeline/diagnosis/dbt.py`.",
        )
    arguments = mapping(body.get("args"))
    words = (text(arguments.get(name)) for name in ("which", "command", "rpc_method"))
    command = next(filter(None, words), "").lower()
    # What is tried again is written down under the command that it goes on with.
    if "retry" in text(arguments.get("invocation_command")).split()[:2]:
        command = "retry"
    if kind == "sources":
        command, results = _FRESHNESS, [_stale(result) for result in objects(results)]
    return DbtRun(
        invocation_id=text(metadata.get("invocation_id")),
        command=command,
        nodes=tuple(_node(result, command) for result in objects(results)),
        generated_at=moment(metadata.get("generated_at")),
        began_at=_began_at(metadata, number(body.get("elapsed_time"))),
        select=_select(arguments),
        exclude=_selection(arguments, "exclude"),
        kinds_left_out=_selection(arguments, "exclude_resource_types"),
        unread_count=sum(not text(mapping(result).get("unique_id")) for result in results),
        limited=next((f"--{name}" for name in _LIMITING if arguments.get(name)), ""),
        work=json.dumps([arguments.get(name) or None for name in _SAME_WORK], sort_keys=True, default=str),
    )


def _began_at(metadata: Mapping[str, Any], elapsed_seconds: float | None) -> datetime | None:
    """Return when an invocation began: newer versions say it, and for the others its duration does."""
    began, ended = moment(metadata.get("invocation_started_at")), moment(metadata.get("generated_at"))
    if began or ended is None or elapsed_seconds is None:
        return began or ended
    return ended - timedelta(seconds=min(max(elapsed_seconds, 0), _LONGEST_SECONDS))


def _select(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what was selected; a selector of a file and kinds of nodes are no words that name nodes."""
    words = _selection(arguments, "select") or _selection(arguments, "models")
    others = [f"{name}:{word}" for name in ("selector", "resource_types") for word in _selection(arguments, name)]
    return (*words, *others)


def _selection(arguments: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = arguments.get(name)
    parts = value if isinstance(value, list) else [value]
    return tuple(word for part in parts for word in text(part).split())


def _node(result: Mapping[str, Any], command: str) -> Node:
    unique_id, status = text(result.get("unique_id")), text(result.get("status")).lower()
    kind = unique_id.partition(".")[0]
    failures = number(result.get("failures"))
    ending, batches = _ending(kind, status, command), mapping(result.get("batch_results"))
    # dbt may call a model a success of which some batches failed, or the only one did not compile.
    if ending is Ending.GOOD and batches.get("failed"):
        ending = Ending.PARTIAL
    elif ending is Ending.GOOD and batches and not batches.get("successful"):
        ending, status = Ending.UNKNOWN, f"{status} of no batch"
    return Node(
        unique_id=unique_id,
        kind=kind,
        status=status,
        ending=ending,
        failures=int(failures) if failures is not None else None,
        message=text(result.get("message")),
    )


def _stale(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the result of a source as that of a test: its error is that it is too old, and no error of the test."""
    hours = number(result.get("max_loaded_at_time_ago_in_s"))
    age = f"The newest row of the source is {hours / 3600:.1f} hours old." if hours is not None else ""
    status = "fail" if text(result.get("status")).lower() == "error" else result.get("status")
    return {**result, "status": status, "message": result.get("error") or age}


def _ending(kind: str, status: str, command: str) -> Ending:
    if status == "success" and command not in (_RUNS_TESTS if kind in _TEST_KINDS else _RUNS_NODES):
        return Ending.NOT_RUN
    return (_OF_TESTS if kind in _WORDED_AS_TESTS else _OF_NODES).get(status, Ending.UNKNOWN)
