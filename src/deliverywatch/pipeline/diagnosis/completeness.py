"""The invocations of dbt in a run -> what their results lack to prove that they did what they were started for.

An empty file, a command that ran nothing, a word that no rule covers and a selected node without a result are none of
them a failure, and none of them well.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from deliverywatch.messages.verdict import Verdict
from deliverywatch.pipeline.diagnosis.dbt import DbtRun, Ending, Node, netted

_SHOWN = 3


def lacking(runs: Sequence[DbtRun]) -> list[str]:
    """Return what the results lack, a sentence each; nothing for none, and for those that say all."""
    nodes = netted(runs)
    ran = {node.unique_id for node in nodes if node.ending is not Ending.NOT_RUN}
    selected = [sentence for run in runs for sentence in (*_of_selection(run), *_of_manifest(run, ran))]
    return [*_of_files(runs), *_of_nodes(nodes), *selected]


def _of_files(runs: Sequence[DbtRun]) -> Iterator[str]:
    for run in runs:
        # After a run that was good, a retry has nothing to do. Hooks are run around nodes, and are none.
        has_nodes = any(node.kind != "operation" or run.command == "run-operation" for node in run.nodes)
        if not has_nodes and not (run.command == "retry" and len(runs) > 1):
            yield f"{_called(run)} wrote no result of any node."
        if run.unread_count:
            yield f"{run.unread_count} of the results of {_called(run)} name no node, so what they are of is not known."
        if run.limited:
            yield f"{_called(run)} was started with {run.limited}: it did not read all rows of its sources."
        if run.generated_at is None:
            yield f"The results of {_called(run)} do not say when they were written."


def _of_nodes(nodes: Sequence[Node]) -> Iterator[str]:
    if nodes and not any(node.is_good or node.is_bad for node in nodes):
        yield f"{_counted(nodes)} of dbt, and none with a result that is known to be good."
    for status, count in Counter(node.status for node in nodes if node.ending is Ending.UNKNOWN).items():
        yield f"{count} {'node' if count == 1 else 'nodes'} of dbt ended as '{status}', which no rule covers."
    skipped = [node for node in nodes if node.ending is Ending.SKIPPED]
    if skipped and not any(node.is_bad for node in nodes):
        yield f"dbt skipped {_counted(skipped)}, though none before failed: {listed(skipped)}."


def _of_selection(run: DbtRun) -> Iterator[str]:
    """Yield the nodes that a command selects by name and has no result of.

    A plain word may be the name of a folder or package, too: it is known to be that of a node where others are.
    """
    names = {node.unique_id.split(".")[2] for node in run.nodes if node.unique_id.count(".") >= 2}
    plain = {word.strip("+@") for word in run.select if word.strip("+@").isidentifier()}
    absent = sorted(plain - names - {node.unique_id.split(".")[1] for node in run.nodes if "." in node.unique_id})
    if absent and plain & names:
        yield f"{_called(run)} was to run {', '.join(absent[:_SHOWN])}, and has no result of it."


def _of_manifest(run: DbtRun, ran: Collection[str]) -> Iterator[str]:
    absent = sorted(run.expected - set(ran))
    if absent:
        more = f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
        words = f"has no result of {len(absent)} of the {len(run.expected)} nodes that its manifest says it runs"
        yield f"{_called(run)} {words}: {', '.join(absent[:_SHOWN])}{more}."


def verdict_on(runs: Sequence[DbtRun]) -> Verdict:
    """Return what the results alone are evidence of."""
    is_bad = any(node.is_bad for node in netted(runs))
    return Verdict.FAILING if is_bad else Verdict.TOO_LITTLE if lacking(runs) else Verdict.HEALTHY


def listed(nodes: Iterable[Node]) -> str:
    """Return some of the nodes by their ids."""
    ids = [node.unique_id for node in nodes]
    return ", ".join(ids[:_SHOWN]) + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")


def _counted(nodes: Sequence[Node]) -> str:
    return f"{len(nodes)} {'node' if len(nodes) == 1 else 'nodes'}"


def _called(run: DbtRun) -> str:
    return f"dbt {run.command}".strip()
