"""A run is well when its evidence says so: what is missing, old, caught or of an unknown word is never well."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import CloudRefused
from deliverywatch.pipeline.checks.validation import Check, Report, Result, Score, Topic, document
from deliverywatch.pipeline.diagnosis.collect import Run, run_of_event
from deliverywatch.pipeline.diagnosis.completeness import verdict_on
from deliverywatch.pipeline.diagnosis.dbt import netted, run_of
from deliverywatch.pipeline.diagnosis.evidence import job_failures, of_outputs
from deliverywatch.pipeline.diagnosis.history import of_history
from deliverywatch.pipeline.diagnosis.judge import judge
from deliverywatch.pipeline.diagnosis.shape import shape_of
from deliverywatch.pipeline.outputs import metrics
from pipeline.pipeline_world import (
    PIPELINES,
    SF_USER,
    Artifacts,
    Executions,
    dbt,
    event,
    failed,
    good_history,
    states_event,
    step,
    succeeded,
)

ADDRESS = "s3://artifacts/sf_user/2026-11-21T06-00/run_results.json"
ARN = event("states_failed")["detail"]["executionArn"]
_NAME = "stateEnteredEventDetails"


def results(*nodes: tuple[str, str], **more: Any) -> dict[str, Any]:
    """A `run_results.json` with these nodes; what is not of it by name is a part of its metadata."""
    arguments = {"which": more.pop("which", "build"), **more.pop("args", {})}
    listed = [{"unique_id": unique_id, "status": status} for unique_id, status in nodes]
    document = event("dbt_v6") | {"results": listed, "args": arguments}
    return document | {"metadata": document["metadata"] | more}


def judged(history: list[dict[str, Any]] | None = None, pipelines: Any = PIPELINES, **files: Any) -> Any:
    """The verdict on a run that Step Functions calls succeeded."""
    artifacts = Artifacts({ADDRESS: json.dumps(files.get("results") or event("dbt_v5")).encode()})
    detail = files.get("detail", {})
    return judge(run_of_event(states_event(**detail), pipelines, Executions(history=history), artifacts))


def test_a_run_that_did_all_that_was_expected_is_well() -> None:
    verdict = judged()
    assert verdict.verdict == "healthy"
    assert {one.subject for one in verdict.observations} == {"execution", "step", "job", "dbt", "check"}


@pytest.mark.parametrize(
    ("nodes", "which", "expected"),
    [
        ([], "build", "too_little"),
        ([("test.p.t", "success")], "generate", "too_little"),
        ([("model.p.m", "success")], "clone", "too_little"),
        ([("model.p.m", "failed")], "build", "too_little"),
        ([("model.p.m", "success"), ("model.p.n", "deferred")], "build", "too_little"),
        ([("model.p.m", "success"), ("model.p.n", "skipped")], "build", "too_little"),
        ([("source.p.raw.u", "runtime error"), ("model.p.m", "skipped")], "build", "failing"),
        ([("model.p.m", "success"), ("source.p.raw.u", "pass")], "build", "healthy"),
        ([("model.p.m", "partial success")], "run", "failing"),
        ([("model.p.m", "reused"), ("model.p.e", "no-op")], "build", "healthy"),
        ([("test.p.t", "warn")], "test", "healthy"),
        ([("seed.p.s", "success")], "seed", "healthy"),
        ([("snapshot.p.s", "SUCCESS")], "snapshot", "healthy"),
        ([("operation.p.grant", "success")], "run-operation", "healthy"),
        ([("operation.p.p-on-run-end-0", "error"), ("model.p.m", "success")], "run", "failing"),
        ([("operation.p.p-on-run-start-0", "success")], "build", "too_little"),
    ],
)
def test_results_are_judged_by_known_good_words(nodes: list[tuple[str, str]], which: str, expected: str) -> None:
    document = results(*nodes, which=which)
    assert verdict_on([run_of(document)]) == expected
    assert judged(results=document).verdict == expected


def test_only_what_is_proven_to_be_well_is_a_success() -> None:
    for results_file, value in ((event("dbt_v5"), 1), (results(), None), (event("dbt_v4"), 0)):
        run = run_of(results_file)
        points = {point.name: point.value for point in metrics.of_dbt([run], verdict_on([run]))}
        assert points.get("JobSuccess") == value


@pytest.mark.parametrize(
    ("generated_at", "is_counted"),
    [
        ("2026-11-20T06:10:00Z", False),
        ("2026-11-21T05:57:00Z", True),
        ("2026-11-21T14:20:00+08:00", True),
        ("2026-11-21T06:24:00.123456", True),
        ("2026-11-21T07:00:00Z", False),
        ("2026-11-21T06:20:00-05:00", False),
    ],
)
def test_results_count_for_the_run_in_which_they_were_written(generated_at: str, is_counted: bool) -> None:
    document = results(("test.p.t", "pass"), generated_at=generated_at)
    run = run_of_event(states_event(), PIPELINES, Executions(), Artifacts({ADDRESS: json.dumps(document).encode()}))
    assert (len(run.dbt), judge(run).verdict) == ((1, "healthy") if is_counted else (0, "too_little"))
    assert is_counted or ADDRESS in judge(run).reasons[0]
    points = [point for point in metrics.of_run(run, judge(run)) if point.job_type == "dbt"]
    assert bool(points) is is_counted


def test_results_that_were_begun_before_the_run_are_those_of_another() -> None:
    document = results(("test.p.t", "pass"), generated_at="2026-11-21T05:59:00Z", invocation_started_at=None)
    assert judged(results=document | {"elapsed_time": 60}).verdict == "healthy"
    assert judged(results=document | {"elapsed_time": 600}).verdict == "too_little"
    ancient = results(("test.p.t", "pass"), generated_at="0001-01-03T00:00:00Z", invocation_started_at=None)
    assert judged(results=ancient | {"elapsed_time": 1e300}).verdict == "too_little"


def test_results_that_do_not_say_when_prove_nothing() -> None:
    assert judged(results=results(("test.p.t", "pass"), generated_at=None)).verdict == "too_little"


def test_results_of_another_pipeline_are_named_and_not_read() -> None:
    output = json.dumps({"log": "see s3://other-team/dbt/run_results.json"})
    verdict = judged(detail={"output": output})
    assert verdict.verdict == "too_little"
    assert "s3://other-team/dbt/run_results.json does not lie where" in " ".join(verdict.reasons)


def test_a_batch_that_failed_inside_a_success_counts() -> None:
    document = results(("model.p.m", "success"))
    document["results"][0]["batch_results"] = {"successful": [["a", "b"]], "failed": [["b", "c"]]}
    assert verdict_on([run_of(document)]) == "failing"
    document["results"][0]["batch_results"] = {"successful": [], "failed": []}
    assert verdict_on([run_of(document)]) == "too_little"


def test_files_with_one_invocation_count_by_what_they_say() -> None:
    other = ADDRESS.replace("run_results", "test/run_results")
    good, bad = results(("test.p.t", "pass")), results(("test.p.u", "fail"))
    for first, second, expected in ((good, bad, "failing"), (bad, good, "failing"), (good, good, "healthy")):
        files = Artifacts({ADDRESS: json.dumps(first).encode(), other: json.dumps(second).encode()})
        output = json.loads(states_event()["detail"]["output"]) | {"more": other}
        run = run_of_event(states_event(output=json.dumps(output)), PIPELINES, Executions(), files)
        assert (judge(run).verdict, len(run.dbt)) == (expected, 1 + (first is not second))


@pytest.mark.parametrize("result", [None, "success", {"status": "success"}, {"unique_id": 7, "status": "success"}])
def test_a_result_that_names_no_node_is_not_passed_over(result: Any) -> None:
    document = results(("model.p.m", "success"))
    document["results"].append(result)
    run = run_of(document)
    assert (verdict_on([run]), run.unread_count) == ("too_little", 1)
    document["results"].append({"unique_id": "model.p.n", "status": "error"})
    assert verdict_on([run_of(document)]) == "failing"


@pytest.mark.parametrize("option", ["empty", "sample"])
def test_what_was_built_of_a_part_of_the_rows_proves_nothing(option: str) -> None:
    assert verdict_on([run_of(results(("model.p.m", "success"), args={option: False}))]) == "healthy"
    assert verdict_on([run_of(results(("model.p.m", "success"), args={option: "1 day"}))]) == "too_little"


def test_two_steps_of_dbt_with_one_file_leave_the_results_of_one_of_them() -> None:
    def history(first: str, *second: str) -> list[dict[str, Any]]:
        outputs = {"DbtRun": {"results": first}, "DbtTest": {"results": second}}
        return [part for one, _ in pairs() for part in (one, succeeded(outputs.get(one[_NAME]["name"], {})))]

    other = ADDRESS.replace("run_results", "test/run_results")
    detail = {"output": states_event()["detail"]["output"]}
    verdict = judged(history(ADDRESS, ADDRESS), detail=detail)
    assert verdict.reasons == (
        "DbtTest passed on the results of DbtRun and none of its own: give each a file of its own.",
    )
    assert "none of its own" not in str(judged(history(ADDRESS, ADDRESS, other), detail=detail).observations)
    foreign = judged(history(ADDRESS, "s3://other-team/dbt/run_results.json"), detail=detail)
    assert foreign.verdict == "too_little"
    assert foreign.reasons[0].startswith("DbtTest passed on s3://other-team/dbt/run_results.json, which does not lie")


def at(minute: int, *nodes: tuple[str, str], **more: Any) -> Any:
    return run_of(results(*nodes, generated_at=f"2026-11-21T06:{minute:02}:00Z", invocation_id=str(minute), **more))


BROKEN = at(10, ("model.p.a", "error"), ("model.p.b", "skipped"), ("model.p.c", "success"), which="run")


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (at(12, ("model.p.a", "success"), ("model.p.b", "success"), which="retry"), "healthy"),
        (at(12, ("model.p.a", "success"), ("model.p.b", "success"), which="run"), "healthy"),
        (at(12, ("model.p.a", "success"), ("model.p.b", "error"), which="retry"), "failing"),
        (at(12, ("model.p.b", "success"), which="run"), "failing"),
        (at(12, ("model.p.a", "success"), ("model.p.b", "success"), which="generate"), "failing"),
        (at(12, ("model.p.a", "success"), ("model.p.b", "success"), which="run", args={"target": "eu"}), "failing"),
        (at(12, ("model.p.a", "success"), ("model.p.b", "success"), which="retry", args={"target": "eu"}), "healthy"),
    ],
)
def test_what_was_tried_again_is_netted_per_node(later: Any, expected: str) -> None:
    assert verdict_on([later, BROKEN]) == expected
    assert {node.unique_id for node in netted([BROKEN, later])} == {"model.p.a", "model.p.b", "model.p.c"}


def test_a_retry_that_has_nothing_to_do_takes_nothing_away() -> None:
    good = at(10, ("model.p.a", "success"))
    assert verdict_on([good, at(12, which="retry")]) == "healthy"


def test_a_selected_node_without_a_result_is_missed() -> None:
    select = {"select": ["a", "b+"]}
    assert verdict_on([at(10, ("model.p.a", "success"), args=select)]) == "too_little"
    assert verdict_on([at(10, ("model.p.a", "success"), args={"select": ["staging", "tag:x"]})]) == "healthy"


def manifest(**more: Any) -> dict[str, Any]:
    def node(kind: str, name: str, **config: Any) -> dict[str, Any]:
        return {"name": name, "fqn": ["p", "marts", name], "tags": [name], "config": config, "resource_type": kind}

    nodes = {f"model.p.{name}": node("model", name) for name in "abc"}
    nodes |= {"model.p.e": node("model", "e", materialized="ephemeral"), "test.p.t": node("test", "t")}
    return {"metadata": {"invocation_id": "10"}, "nodes": nodes} | more


@pytest.mark.parametrize(
    ("args", "which", "document", "missing"),
    [
        ({}, "build", manifest(), {"model.p.b", "model.p.c", "test.p.t"}),
        ({}, "run", manifest(), {"model.p.b", "model.p.c"}),
        ({"exclude": ["b"]}, "run", manifest(), {"model.p.c"}),
        ({"exclude": ["b+"]}, "run", manifest(), set()),
        ({"select": ["a+"]}, "run", manifest(), set()),
        ({"select": ["tag:a", "tag:b"]}, "run", manifest(), {"model.p.b"}),
        ({"select": ["marts"]}, "run", manifest(), {"model.p.b", "model.p.c"}),
        ({"select": ["p.marts.b"]}, "run", manifest(), {"model.p.b"}),
        ({"selector": "nightly"}, "run", manifest(), set()),
        ({"exclude_resource_types": ["test"]}, "build", manifest(), {"model.p.b", "model.p.c"}),
        ({}, "run", manifest(metadata={"invocation_id": "of yesterday"}), set()),
        ({}, "run", manifest(selectors={"nightly": {"default": True}}), set()),
        ({}, "generate", manifest(), set()),
        ({}, "run", [], set()),
    ],
)
def test_what_the_manifest_says_is_run_and_has_no_result_is_missed(
    args: dict[str, Any], which: str, document: Any, missing: set[str]
) -> None:
    body = results(("model.p.a", "success"), which=which, args=args, invocation_id="10")
    beside = {ADDRESS: body, ADDRESS.replace("run_results", "manifest"): document}
    artifacts = Artifacts({address: json.dumps(one).encode() for address, one in beside.items()})
    run = run_of_event(states_event(), PIPELINES, Executions(), artifacts)
    assert run.dbt[0].expected - {"model.p.a"} == missing
    assert (judge(run).verdict == "healthy") is (not missing and which != "generate")


@given(st.lists(st.sampled_from(["success", "error", "skipped", "no-op", "later", ""]), min_size=1, max_size=5))
def test_a_node_is_well_only_by_its_last_word(words: list[str]) -> None:
    runs = [at(minute, ("model.p.a", word)) for minute, word in enumerate(words, 10)]
    last = _last_word(words)
    assert verdict_on(runs) == {"success": "healthy", "no-op": "healthy", "error": "failing"}.get(last, "too_little")


def _last_word(words: list[str]) -> str:
    """The last word, where what failed and was then skipped has failed."""
    last = ""
    for word in words:
        last = last if last == "error" and word == "skipped" else word
    return last


def without(name: str) -> list[dict[str, Any]]:
    return [one for pair in pairs() for one in pair if pair[0]["stateEnteredEventDetails"]["name"] != name]


def pairs() -> list[list[dict[str, Any]]]:
    events = good_history()
    return [events[index : index + 2] for index in range(0, len(events), 2)]


def test_a_declared_step_that_did_not_run_is_missed_unless_it_is_optional() -> None:
    verdict = judged(without("DbtTest"))
    assert (verdict.verdict, verdict.reasons) == ("too_little", ("DbtTest did not run.",))
    assert judged(without("DbtTest"), [replace(SF_USER, optional=("DbtTest",))]).verdict == "healthy"


CAUGHT = [step("DbtRun"), failed("DbtError", "Database Error in model a"), step("HandleError"), succeeded({})]


def test_a_caught_failure_is_no_good_run() -> None:
    verdict = judged([*without("DbtRun"), *CAUGHT])
    assert verdict.verdict == "failing"
    assert "A failure in DbtRun was caught: DbtError." in verdict.reasons
    assert judged([*without("DbtRun"), *CAUGHT], [replace(SF_USER, optional=("DbtRun",))]).verdict == "healthy"


def job(id_: str, state: str, **more: Any) -> dict[str, Any]:
    return {"JobName": "ingest_table", "Id": id_, "JobRunState": state, **more}


@pytest.mark.parametrize(
    ("runs", "failures"),
    [
        ([job("jr_1", "FAILED"), job("jr_2", "SUCCEEDED")], ["jr_1"]),
        ([job("jr_1", "FAILED"), job("jr_1_attempt_1", "SUCCEEDED", Attempt=1)], []),
        ([job("jr_1", "FAILED"), job("jr_9", "SUCCEEDED", Attempt=1, PreviousRunId="jr_1")], []),
        ([job("jr_1", "FAILED"), job("jr_2", "FAILED"), job("jr_3", "SUCCEEDED", Attempt=1)], ["jr_1"]),
        ([job("jr_1", "FAILED"), job("jr_1_attempt_1", "FAILED", Attempt=1)], ["jr_1_attempt_1"]),
        ([job("", "FAILED"), job("", "SUCCEEDED")], [""]),
    ],
)
def test_every_run_of_one_job_is_judged_and_a_retry_is_known_by_its_attempt(
    runs: list[dict[str, Any]], failures: list[str]
) -> None:
    assert [run.id for run in job_failures(of_outputs([runs]))] == failures


class History:
    """A history as Step Functions numbers it."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def add(self, after: int, body: dict[str, Any]) -> int:
        self.events.append(body | {"id": len(self.events) + 1, "previousEventId": after})
        return len(self.events)

    def chain(self, after: int, *bodies: dict[str, Any]) -> int:
        for body in bodies:
            after = self.add(after, body)
        return after


def item(index: int) -> dict[str, Any]:
    return {"type": "MapIterationStarted", "mapIterationStartedEventDetails": {"name": "Tables", "index": index}}


def scheduled(parameters: str) -> dict[str, Any]:
    details = {"resourceType": "glue", "resource": "startJobRun.sync", "parameters": parameters}
    return {"type": "TaskScheduled", "taskScheduledEventDetails": details}


def left(name: str) -> dict[str, Any]:
    return {"type": "TaskStateExited", "stateExitedEventDetails": {"name": name, "output": "{}"}}


def a_map(*items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items of a Map take turns, one event of each after the other."""
    history = History()
    begun = history.chain(0, step("Tables", "Map"), {"type": "MapStateStarted"})
    ends = [history.chain(begun, item(index), step("Ingest")) for index in range(len(items))]
    for position in range(max(map(len, items))):
        for index, one in enumerate(items):
            ends[index] = history.chain(ends[index], *one[position : position + 1])
    history.chain(ends[-1], {"type": "MapStateSucceeded"})
    return history.events


GOOD = [scheduled("{}"), succeeded(job("jr_g", "SUCCEEDED")), left("Ingest")]
BAD = [scheduled("{}"), failed("States.TaskFailed", job("jr_b", "FAILED")), left("Ingest")]
RETRIED = [*BAD[:2], scheduled("{}"), succeeded(job("jr_r", "SUCCEEDED")), left("Ingest")]


@pytest.mark.parametrize(
    ("items", "failures"), [((GOOD, BAD, GOOD), ["jr_b"]), ((GOOD, RETRIED, GOOD), []), ((BAD, RETRIED), ["jr_b"])]
)
def test_each_item_of_a_map_answers_for_itself(items: tuple[list[dict[str, Any]], ...], failures: list[str]) -> None:
    # Each item has runs of its own.
    own = [json.loads(json.dumps(one).replace("jr_", f"jr_{index}")) for index, one in enumerate(items)]
    evidence = of_history(a_map(*own))
    assert [run.id.replace("0", "").replace("1", "") for run in job_failures(evidence)] == failures
    assert len(evidence.failures) == len(failures)


KINDS = {"good": GOOD, "bad": BAD, "retried": RETRIED}


@given(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_however_the_items_of_a_map_take_turns_each_failure_that_stands_is_told(kinds: list[str], chance: Any) -> None:
    history = History()
    begun = history.chain(0, step("Tables", "Map"), {"type": "MapStateStarted"})
    waiting = [[item(index), step("Ingest"), *KINDS[kind]] for index, kind in enumerate(kinds)]
    ends = [begun] * len(kinds)
    while any(waiting):
        index = chance.choice([index for index, events in enumerate(waiting) if events])
        ends[index] = history.add(ends[index], waiting[index].pop(0))
    history.chain(history.add(ends[-1], {"type": "MapStateSucceeded"}), left("Tables"))
    evidence = of_history(history.events)
    assert len(evidence.failures) == kinds.count("bad")
    assert ("Tables" in evidence.finished) is True


def test_a_loop_that_does_the_same_again_makes_up_for_it_and_one_over_tables_does_not() -> None:
    def twice(first: str, second: str) -> int:
        rounds = [[step("Ingest"), scheduled(first), failed("E")], [step("Ingest"), scheduled(second), succeeded({})]]
        return len(of_history(numbered(*rounds)).failures)

    assert (twice("{}", "{}"), twice('{"table": 1}', '{"table": 2}')) == (0, 1)


def numbered(*rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    history = History()
    history.chain(0, *(one for part in rounds for one in part))
    return history.events


def test_a_branch_that_catches_is_told_and_the_parallel_that_is_retried_is_not() -> None:
    def parallel(*after: dict[str, Any]) -> int:
        history = History()
        begun = history.chain(0, step("Both", "Parallel"), {"type": "ParallelStateStarted"})
        history.chain(begun, step("A"), succeeded({}))
        broken = history.chain(begun, step("B"), failed("E"))
        history.chain(broken, *after)
        return len(of_history(history.events).failures)

    ended = {"type": "ParallelStateSucceeded"}
    assert parallel(left("B"), ended) == 1
    assert (
        parallel({"type": "ParallelStateFailed"}, {"type": "ParallelStateStarted"}, step("B"), succeeded({}), ended)
        == 0
    )


def test_branches_that_begin_with_the_same_name_answer_for_themselves() -> None:
    history = History()
    begun = history.chain(0, step("Both", "Parallel"), {"type": "ParallelStateStarted"})
    for ended in (failed("E"), succeeded({})):
        history.chain(begun, step("Load"), scheduled("{}"), ended)
    assert [one.step for one in of_history(history.events).failures] == ["Load"]


def test_a_redrive_makes_up_for_the_end_and_not_for_what_was_caught() -> None:
    ended = [step("Load"), failed("E"), {"type": "ExecutionFailed"}]
    again = [{"type": "ExecutionRedriven", "timestamp": 1795242500.0}, step("Load"), succeeded({})]
    caught_before = [step("Ingest"), failed("E"), left("Ingest")]
    assert of_history(numbered(ended, again)).failures == ()
    assert [one.step for one in of_history(numbered(caught_before, ended, again)).failures] == ["Ingest"]


MAP_RUN = {"type": "MapRunStarted", "mapRunStartedEventDetails": {"mapRunArn": f"{ARN}/Files:1"}}


@pytest.mark.parametrize(("succeeded_count", "expected"), [(100, "healthy"), (97, "failing")])
def test_a_distributed_map_is_judged_by_its_items(succeeded_count: int, expected: str) -> None:
    executions = Executions(history=[*good_history(), step("Files", "Map"), MAP_RUN])
    executions.items = {"total": 100, "succeeded": succeeded_count}
    run = run_of_event(states_event(), PIPELINES, executions, Artifacts({ADDRESS: dbt("v5")}))
    assert judge(run).verdict == expected


def test_a_distributed_map_that_may_not_be_read_is_blind() -> None:
    executions = Executions(history=[*good_history(), step("Files", "Map"), MAP_RUN])

    def refuse(_: str) -> Any:
        raise CloudRefused("Step Functions could not be asked for the items of a distributed Map: AccessDenied.")

    executions.map_run = refuse  # type: ignore[method-assign]
    run = run_of_event(states_event(), PIPELINES, executions, Artifacts({ADDRESS: dbt("v5")}))
    assert (judge(run).verdict, "AccessDenied" in judge(run).reasons[0]) == ("blind", True)


def test_of_a_distributed_map_that_was_tried_again_the_last_try_counts() -> None:
    again = {"type": "MapRunStarted", "mapRunStartedEventDetails": {"mapRunArn": f"{ARN}/Files:2"}}
    gone = {"type": "MapRunFailed", "mapRunFailedEventDetails": {"error": "E", "cause": ""}}
    evidence = of_history(numbered([step("Files", "Map"), MAP_RUN, gone, again, {"type": "MapRunSucceeded"}]))
    assert (evidence.map_runs, evidence.failures) == ((f"{ARN}/Files:2",), ())


def task(name: str, service: str, api: str, output: Any, **given: Any) -> list[dict[str, Any]]:
    """The events of a task that calls an API."""
    details = {"resourceType": service, "resource": api}
    scheduled = {"type": "TaskScheduled", "taskScheduledEventDetails": details | {"parameters": json.dumps(given)}}
    ended = {"type": "TaskSucceeded", "taskSucceededEventDetails": details | {"output": json.dumps(output)}}
    return [step(name), scheduled, ended]


@pytest.mark.parametrize(
    ("service", "api", "answer"),
    [
        ("lambda", "invoke", {"Payload": {"statusCode": 500, "body": "Database Error"}, "StatusCode": 200}),
        ("lambda", "invoke", {"Payload": '{"statusCode": "502"}', "StatusCode": 200}),
        ("lambda", "invoke", {"Payload": {"statusCode": 422}, "StatusCode": 200}),
        ("aws-sdk:lambda", "invoke", {"FunctionError": "Unhandled", "Payload": '{"errorMessage": "boom"}'}),
        ("aws-sdk:sfn", "startSyncExecution", {"ExecutionArn": ARN, "Status": "FAILED", "Error": "E", "Cause": "c"}),
        ("aws-sdk:batch", "describeJobs", {"Jobs": [{"JobId": "1", "Status": "FAILED", "StatusReason": "c"}]}),
        ("athena", "getQueryExecution", {"QueryExecution": {"Status": {"State": "CANCELLED"}}}),
        ("aws-sdk:emrserverless", "getJobRun", {"JobRun": {"JobRunId": "1", "State": "FAILED", "StateDetails": "c"}}),
        ("lambda", "invoke", {"Payload": {"errorType": "DbtError", "errorMessage": "no such column"}}),
        ("aws-sdk:sagemaker", "describeProcessingJob", {"ProcessingJobStatus": "Failed", "FailureReason": "c"}),
        ("aws-sdk:redshiftdata", "describeStatement", {"Id": "1", "Status": "FAILED", "Error": "no such column"}),
    ],
)
def test_a_task_that_answers_with_a_failure_has_not_succeeded(service: str, api: str, answer: Any) -> None:
    assert judged([*good_history(), *task("More", service, api, answer)]).verdict == "failing"


@pytest.mark.parametrize(
    ("service", "api", "answer"),
    [
        ("lambda", "invoke", {"Payload": {"statusCode": 200}}),
        ("lambda", "invoke", {"Payload": {"statusCode": "9" * 5000}}),
        ("aws-sdk:glue", "getCrawler", {"Crawler": {"State": "READY", "LastCrawl": {"Status": "FAILED"}}}),
        ("aws-sdk:batch", "listJobs", {"JobSummaryList": [{"JobId": "1", "Status": "FAILED"}]}),
        ("dynamodb", "getItem", {"Item": {"Status": {"S": "FAILED"}}}),
    ],
)
def test_an_answer_about_something_else_is_none_of_a_failure(service: str, api: str, answer: Any) -> None:
    assert judged([*good_history(), *task("More", service, api, answer)]).verdict == "healthy"


def test_a_function_that_is_a_task_by_its_arn_answers_without_an_envelope() -> None:
    details = {"output": '{"statusCode": 500, "body": "Database Error"}'}
    answer = {"type": "LambdaFunctionSucceeded", "lambdaFunctionSucceededEventDetails": details}
    (failure,) = of_history([step("DbtRun"), answer]).failures
    assert (failure.step, failure.cause) == ("DbtRun", "Database Error")


def machine(**states: Any) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}
    again = {"Type": "Choice", "Choices": [{"Next": "Full"}], "Default": "Partial"}
    return {
        "StartAt": "Load",
        "States": {
            "Load": {**task, "Next": "Which", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]},
            "Which": again,
            "Full": {**task, "Next": "Publish"},
            "Partial": {**task, "Next": "Publish"},
            "Publish": {"Type": "Parallel", "Branches": [{"StartAt": "A", "States": {"A": {**task, "End": True}}}]}
            | {"Next": "Done"},
            "Done": {"Type": "Succeed"},
        }
        | states,
    }


def test_where_nothing_is_declared_the_definition_says_what_every_good_run_has_done() -> None:
    assert shape_of(machine()).always == {"Load", "Publish", "A"}
    assert shape_of("no definition").states == set()
    executions = Executions(
        history=[step("Load"), succeeded({}), step("Full"), succeeded({}), step("A"), succeeded({})]
    )
    executions.machine = machine()
    undeclared = [replace(SF_USER, steps={}, artifacts="", records=None, histories=())]
    run = run_of_event(states_event(output="{}"), undeclared, executions, Artifacts())
    assert judge(run).reasons == ("Publish did not run.",)
    executions.events += [step("Publish", "Parallel"), {"type": "ParallelStateSucceeded"}]
    run = run_of_event(states_event(output="{}"), undeclared, executions, Artifacts())
    assert judge(run).verdict == "healthy"


@pytest.mark.parametrize(("mode", "expected"), [("DISTRIBUTED", "healthy"), ("INLINE", "too_little")])
def test_a_step_of_a_distributed_map_shows_in_the_counts_of_its_items(mode: str, expected: str) -> None:
    inner = {"StartAt": "DbtTest", "States": {"DbtTest": {"Type": "Task", "Resource": "arn:x", "End": True}}}
    mapped = {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": mode}, **inner}, "Next": "Done"}
    executions = Executions(history=[*without("DbtTest"), step("Files", "Map"), MAP_RUN])
    executions.machine, executions.items = machine(Files=mapped), {"total": 2, "succeeded": 2}
    executions.machine["States"] |= {name: {"Type": "Pass"} for name in SF_USER.steps if name != "DbtTest"}
    run = run_of_event(states_event(), PIPELINES, executions, Artifacts({ADDRESS: dbt("v5")}))
    assert judge(run).verdict == expected


def test_a_declared_step_that_the_state_machine_does_not_have_is_named_as_that() -> None:
    executions = Executions(history=without("DbtTest"))
    executions.machine = machine()
    run = run_of_event(states_event(), PIPELINES, executions, Artifacts({ADDRESS: dbt("v5")}))
    assert judge(run).reasons == ("DbtTest is declared, and no state of the state machine.",)


def test_an_express_execution_is_blind() -> None:
    arn = ARN.replace(":execution:", ":express:") + ":1"
    assert judged(detail={"executionArn": arn}).verdict == "blind"


class Nested(Executions):
    """A state machine that starts another one and waits for it."""

    def __init__(self, inner: list[dict[str, Any]] | None) -> None:
        super().__init__(history=[*good_history(), step("Child"), started_and_awaited()])
        self.inner = inner

    def history(self, arn: str) -> list[Any]:
        if not arn.endswith(":child:1"):
            return self.events
        if self.inner is None:
            raise CloudRefused("Step Functions could not be asked for the history of the execution: AccessDenied.")
        return self.inner


def started_and_awaited() -> dict[str, Any]:
    child = ARN.rpartition(":execution:")[0] + ":execution:child:1"
    details = {"resourceType": "states", "resource": "startExecution.sync:2"}
    output = json.dumps({"ExecutionArn": child, "Status": "SUCCEEDED"})
    return {"type": "TaskSucceeded", "taskSucceededEventDetails": {**details, "output": output}}


@pytest.mark.parametrize(
    ("inner", "expected"), [([step("X"), succeeded({})], "healthy"), (CAUGHT, "failing"), (None, "blind")]
)
def test_a_failure_that_a_nested_execution_caught_is_caught_here(inner: Any, expected: str) -> None:
    run = run_of_event(states_event(), PIPELINES, Nested(inner), Artifacts({ADDRESS: dbt("v5")}))
    assert judge(run).verdict == expected


def test_a_step_of_a_nested_execution_stands_for_none_of_the_same_name() -> None:
    executions = Nested([step("Validate"), succeeded({})])
    executions.events = [*without("Validate"), *executions.events[-2:]]
    for own, expected in (({"Validate": {"Type": "Task"}}, "too_little"), ({"Other": {"Type": "Task"}}, "healthy")):
        executions.machine = {"StartAt": "Ingest", "States": own}
        run = run_of_event(states_event(), PIPELINES, executions, Artifacts({ADDRESS: dbt("v5")}))
        assert judge(run).verdict == expected
        assert expected == "healthy" or judge(run).reasons == ("Validate did not run.",)


def test_work_that_was_started_and_not_waited_for_proves_nothing() -> None:
    details = {"resourceType": "glue", "resource": "startJobRun", "output": '{"JobRunId": "jr_7"}'}
    history = [*good_history(), step("Start"), {"type": "TaskSucceeded", "taskSucceededEventDetails": details}]
    assert judged(history).verdict == "too_little"
    polled = [*history, step("Get"), succeeded({"JobRun": job("jr_7", "SUCCEEDED")})]
    assert judged(polled).verdict == "healthy"


@pytest.mark.parametrize(
    ("start", "id_", "ask", "told"),
    [
        (("aws-sdk:glue", "startJobRun"), {"JobRunId": "1"}, ("aws-sdk:glue", "getJobRun"),
         lambda end: {"JobRun": job("1", end)}),
        (("states", "startExecution"), {"ExecutionArn": ARN}, ("aws-sdk:sfn", "describeExecution"),
         lambda end: {"ExecutionArn": ARN, "Status": end}),
        (("batch", "submitJob"), {"JobId": "1"}, ("aws-sdk:batch", "describeJobs"),
         lambda end: {"Jobs": [{"JobId": "1", "Status": end}]}),
        (("athena", "startQueryExecution"), {"QueryExecutionId": "1"}, ("athena", "getQueryExecution"),
         lambda end: {"QueryExecution": {"QueryExecutionId": "1", "Status": {"State": end}}}),
        (("aws-sdk:emrserverless", "startJobRun"), {"JobRunId": "1"}, ("aws-sdk:emrserverless", "getJobRun"),
         lambda end: {"JobRun": {"JobRunId": "1", "State": end}}),
    ],
)  # fmt: skip
def test_work_is_waited_for_by_whoever_asks_until_it_has_ended(start: Any, id_: Any, ask: Any, told: Any) -> None:
    begun = [*good_history(), *task("Start", *start, id_)]
    verdicts = [judged([*begun, *task("Ask", *ask, told(end))]).verdict for end in ("RUNNING", "SUCCEEDED", "FAILED")]
    assert [judged(begun).verdict, *verdicts] == ["too_little", "too_little", "healthy", "failing"]


def test_work_that_failed_and_was_started_again_is_made_up_for() -> None:
    def once(id_: str, end: str) -> list[dict[str, Any]]:
        told = {"QueryExecution": {"QueryExecutionId": id_, "Status": {"State": end}}}
        started = task("Start", "athena", "startQueryExecution", {"QueryExecutionId": id_}, QueryString="INSERT")
        return [*started, *task("Ask", "athena", "getQueryExecution", told, QueryExecutionId=id_)]

    ends = [["FAILED", "SUCCEEDED"], ["FAILED", "FAILED"], ["SUCCEEDED", "FAILED"]]
    histories = [numbered([event for at, end in enumerate(two) for event in once(str(at), end)]) for two in ends]
    assert [len(of_history(history).failures) for history in histories] == [0, 1, 1]


def test_tables_that_are_declared_and_were_not_validated_leave_too_little() -> None:
    output = json.dumps({"run_results": ADDRESS})
    assert judged(detail={"output": output}).reasons == ("No validation of the tables that are declared reported.",)
    assert judged(None, [replace(SF_USER, records=None, histories=())], detail={"output": output}).verdict == "healthy"


def test_nothing_at_all_is_not_well() -> None:
    run = Run(SF_USER, run_of_event(states_event(), PIPELINES, Executions(), Artifacts()).execution, of_outputs([]))
    assert judge(run).verdict == "blind"


def test_an_empty_history_is_too_little_to_call_a_run_well() -> None:
    nothing = Check("overlap", Topic.INTEGRITY, Result.NO_DATA, "", "users_history", is_fatal=False)
    off = Check("gap", Topic.INTEGRITY, Result.NOT_JUDGED, "", "users_history", is_fatal=False)
    report = document(Report("sf_user", (nothing, off), quality=Score(9, 9)))
    body = json.loads(states_event()["detail"]["output"])
    output = json.dumps(body | {"validation": {"Payload": report}})
    verdict = judged(detail={"output": output})
    assert verdict.verdict == "too_little"
    assert "users_history has no version" in str(verdict.observations)


OUTCOMES = {
    "done": [succeeded({})],
    "retried": [failed("E", "c"), succeeded({})],
    "caught": [failed("E", "c"), {"type": "TaskStateExited"}],
    "answered": [succeeded({"Payload": {"statusCode": 500}})],
    "asked": [{"type": "TaskSucceeded", "taskSucceededEventDetails":
        {"resource": "getJobRun", "output": '{"JobRun": {"State": "FAILED"}}'}}],
    "begun": [],
    "left": [{"type": "TaskStateAborted"}],
}  # fmt: skip
STEPS = [name for name, where in SF_USER.steps.items() if where != "monitor"]
ENDS = st.lists(st.sampled_from(["done", *OUTCOMES, "skipped"]), min_size=len(STEPS), max_size=len(STEPS))


@given(ENDS, st.sampled_from(["pass", "warn", "fail", "error", "skipped", "deferred", None]), st.booleans())
def test_whatever_the_steps_did_a_success_is_only_what_all_of_them_prove(
    ends: list[str], word: str | None, is_own: bool
) -> None:
    ran = zip(STEPS, ends, strict=True)
    history = [event for name, end in ran if end != "skipped" for event in (step(name), *OUTCOMES[end])]
    document = results(("test.p.t", word), generated_at=f"2026-11-2{is_own:d}T06:10:00Z") if word else results()
    run = run_of_event(states_event(), PIPELINES, Executions(history=numbered(history)), artifacts_of(document))
    points = {point.job_type: point.value for point in metrics.of_run(run, judge(run)) if point.name == "JobSuccess"}
    is_good = {*ends} <= {"done", "retried"} and word in ("pass", "warn") and is_own
    assert (points.get(metrics.JobType.PIPELINE) == 1) is is_good
    assert is_good <= (points.get(metrics.JobType.DBT) == 1) <= (word in ("pass", "warn") and is_own)


def artifacts_of(document: Any) -> Artifacts:
    return Artifacts({ADDRESS: json.dumps(document).encode()})
