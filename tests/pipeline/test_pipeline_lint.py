"""Each shape that hides a failure is found, where it is, and nothing in machines that are well made."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.cli import main
from deliverywatch.local.demo.pipeline_machine import definition
from deliverywatch.pipeline.lint.machines import machines_of
from deliverywatch.pipeline.lint.rules import findings_in, findings_of

SERVICE, ALL = "arn:aws:states:::", {"ErrorEquals": ["States.ALL"]}
INVOKE, GET_RUN = f"{SERVICE}lambda:invoke", f"{SERVICE}aws-sdk:glue:getJobRun"
GLUE = "arn:aws:states:::glue:startJobRun"
SNS = "arn:aws:states:::sns:publish"
DONE, FAIL, END = {"Type": "Succeed"}, {"Type": "Fail"}, {"Type": "Pass", "End": True}


def task(after: str = "", resource: str = INVOKE, catch: str = "", **more: Any) -> dict[str, Any]:
    catches = {"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": catch}]} if catch else {}
    return {"Type": "Task", "Resource": resource, **({"Next": after} if after else {"End": True}), **catches, **more}


def choice(default: str, **rules: str) -> dict[str, Any]:
    choices = [{"Variable": "$.s", "StringEquals": word, "Next": after} for word, after in rules.items()]
    return {"Type": "Choice", "Choices": choices, "Default": default}


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def branches(*inner: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(inner), "End": True} | more


def mapped(inner: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": inner, "End": True} | more


def shapes(document: Any) -> list[tuple[str, str]]:
    return [(one.rule, one.state) for one in findings_of(document)]


WORK = task("Done", catch="Tell")
ITEM = machine(A=task(catch="B"), B=END)
NOT_WAITED = [
    "glue:startJobRun", "states:startExecution", "ecs:runTask", "batch:submitJob", "elasticmapreduce:addStep",
    "athena:startQueryExecution", "codebuild:startBuild", "sagemaker:createTrainingJob", "aws-sdk:sfn:startExecution",
    "aws-sdk:redshiftdata:executeStatement", "emr-serverless:startJobRun",
]  # fmt: skip
CAUGHT, HIDDEN = "caught-succeeds", "named-succeeds"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"Work": WORK, "Done": DONE, "Tell": task()}, [(CAUGHT, "Tell")]),
        ({"Work": WORK, "Done": DONE, "Tell": task("Over"), "Over": END}, [(CAUGHT, "Over")]),
        ({"Work": WORK, "Done": DONE, "Tell": task("Done")}, [(CAUGHT, "Tell")]),
        ({"Work": WORK, "Done": DONE, "Tell": {"Type": "Pass", "Next": "Done"}}, [(CAUGHT, "Tell")]),
        ({"Work": WORK, "Done": DONE, "Tell": choice("Done", urgent="Page"), "Page": task("Done")},
         [(CAUGHT, "Tell"), (CAUGHT, "Page")]),
        ({"Work": task("Done", catch="Done"), "Done": DONE}, [(CAUGHT, "Work")]),
        ({"Work": task("Say", catch="Tell"), "Tell": task("Say"), "Say": task(resource=SNS)}, [(CAUGHT, "Tell")]),
        ({"Work": task("Load", catch="Note"), "Note": END | {"Next": "Load", "End": False}, "Load": task()},
         [("caught-continues", "Note")]),
        ({"Work": branches(ITEM)}, [(CAUGHT, "B")]),
        ({"Work": mapped(ITEM)}, [(CAUGHT, "B")]),
        ({"Work": branches(machine(A=task()), Catch=[ALL | {"Next": "B"}]), "B": END}, [(CAUGHT, "B")]),
        ({"Work": choice("RunFailed", good="Done"), "Done": DONE, "RunFailed": END}, [(HIDDEN, "RunFailed")]),
        ({"Ask": task("Is", GET_RUN), "Is": choice("Ask", FAILED="Out", SUCCEEDED="Done"),
          "Out": task(), "Done": DONE}, [("status-succeeds", "Out")]),
        ({"Work": mapped(machine(A=task()), ToleratedFailurePercentage=100)}, [("tolerated", "Work")]),
        ({"Work": mapped(machine(A=task()), ToleratedFailureCount=3)}, [("tolerated", "Work")]),
        ({"Work": mapped(machine(A=task()), ToleratedFailurePercentagePath="$.share")}, [("tolerated", "Work")]),
        *(({"Work": task(resource=f"arn:aws:states:::{name}")}, [("not-waited", "Work")]) for name in NOT_WAITED),
        ({"Work": task(resource="arn:aws-cn:states:::glue:startJobRun")}, [("not-waited", "Work")]),
        ({"Work": task(Parameters={"InvocationType": "Event"})}, [("not-waited", "Work")]),
        ({"Work": task(Arguments={"InvocationType": "Event"})}, [("not-waited", "Work")]),
        ({"Work": task(resource=f"{INVOKE}.waitForTaskToken")}, [("waits-unlimited", "Work")]),
        ({"Work": task(resource="arn:aws:states:eu-west-1:111122223333:activity:a")}, [("waits-unlimited", "Work")]),
        ({"Work": task(resource="arn:aws:states:::glue:startJobRun.sync")}, [("no-timeout", "Work")]),
        ({"Work": task(resource=f"{SERVICE}states:startExecution.sync", TimeoutSeconds=9)}, [("nested-text", "Work")]),
        ({"Work": task(Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60, "MaxAttempts": 9}])},
         [("retry-hides", "Work")]),
        ({"Work": task(Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "F"}]), "F": FAIL},
         [("error-dropped", "Work")]),
        ({"Work": task(Arguments={}, Catch=[ALL | {"Output": {"x": 1}, "Next": "F"}]), "F": FAIL},
         [("error-dropped", "Work")]),
        ({"Work": task(Catch=[ALL | {"Next": "Note"}]), "Note": task("Stop"), "Stop": FAIL}, []),
        ({"Work": task(Catch=[ALL | {"Next": "Note"}]), "Note": task("Undo"), "Undo": task("Stop"), "Stop": FAIL},
         [("input-dropped", "Work")]),
        ({"Work": task(), "Out": FAIL}, [("fail-unreached", "Out")]),
        ({"Work": task("Load", catch="Load"), "Load": task()}, [("caught-continues", "Work")]),
        ({"Work": task(resource=f"{SERVICE}aws-sdk:transcribe:startTranscriptionJob")}, [("not-waited", "Work")]),
        ({"Work": task(resource=f"{SERVICE}aws-sdk:sfn:startSyncExecution")}, [("answer-unread", "Work")]),
        ({"Work": task(resource=f"{SERVICE}aws-sdk:lambda:invoke")}, [("answer-unread", "Work")]),
        ({"Work": task(resource=f"{SERVICE}aws-sdk:lambda:invokeAsync")}, [("not-waited", "Work")]),
        ({"Work": task(resource=f"{SERVICE}aws-sdk:ssm:sendCommand")}, [("not-waited", "Work")]),
        ({"Work": task(resource=f"{SERVICE}ecs:runTask.sync", TimeoutSeconds=99_999_999)}, [("no-timeout", "Work")]),
        ({"Work": WORK, "Done": DONE, "Tell": {"Type": "Wait", "Seconds": 9, "Next": "Work"}},
         [("retry-hides", "Work")]),
        # In a loop over items, and after tries that were counted.
        ({"More": choice("Done", y="Work"), "Work": task("More", catch="More"), "Done": DONE}, [(CAUGHT, "Work")]),
        ({"Work": WORK, "Done": DONE, "Tell": choice("Done", few="Work")}, [(CAUGHT, "Tell")]),
        ({"Ask": task("Is", GET_RUN), "Is": choice("Ask", SUCCEEDED="Done", FAILED="Say", ABORTED="Say"),
          "Say": task("Done", SNS), "Done": DONE}, [("status-succeeds", "Say")]),
        ({"Ask": task("Is"), "Is": choice("Ask", DONE="Done", FAILED="Say"), "Say": task("Done", SNS), "Done": DONE},
         [("status-succeeds", "Say")]),
        ({"Ask": task("Is", GET_RUN), "Is": choice("Say", RUNNING="Ask", SUCCEEDED="Done"), "Say": task("Done", SNS),
          "Done": DONE}, [("status-succeeds", "Say")]),
        *(({"Ask": task("Is", GET_RUN), "Say": task("Done", SNS), "Done": DONE,
            "Is": {"Type": "Choice", "Choices": [rule | {"Next": "Say"}], "Default": "Done"}},
           [("status-succeeds", "Say")])
          for rule in ({"Not": {"Variable": "$.s", "StringEquals": "SUCCEEDED"}},
                       {"Condition": "{% $states.input.s != 'SUCCEEDED' %}"})),
        ({"Wait": {"Type": "Wait", "Next": "Ask"}, "Ask": task("Is", GET_RUN), "Is": choice("Done", RUNNING="Wait"),
          "Done": END}, [("status-succeeds", "Done")]),
        # As they should be.
        ({"Ask": task("Is", f"{SERVICE}dynamodb:getItem"), "Is": choice("Work", COMPLETED="Done"), "Work": task(),
          "Done": DONE}, []),
        ({"Work": WORK, "Done": DONE, "Tell": task("Stop"), "Stop": FAIL}, []),
        ({"Work": WORK, "Done": DONE, "Tell": choice("Stop", known="Done"), "Stop": FAIL}, []),
        ({"Work": WORK, "Done": DONE, "Tell": choice("Stop", few="Work"), "Stop": FAIL}, []),
        ({"Wait": {"Type": "Wait", "Next": "Ask"}, "Ask": task("Is", catch="Wait"), "Is": choice("Wait", x="Done"),
          "Done": DONE}, [("retry-hides", "Ask")]),
        ({"Work": task("Say"), "Say": task("Done", SNS, catch="Done"), "Done": DONE}, []),
        ({"Work": task("Tidy", catch="Tidy"), "Tidy": task("If"), "Done": DONE, "Stop": FAIL,
          "If": {"Type": "Choice", "Choices": [{"Variable": "$.error", "IsPresent": True, "Next": "Stop"}],
                 "Default": "Done"}}, []),
        ({"Work": mapped(machine(A=task()), ToleratedFailureCount=3, End=0, Next="If"), "If": choice("Done", n="Stop"),
          "Done": DONE, "Stop": FAIL}, []),
        ({"Work": task("Is", f"{SERVICE}aws-sdk:lambda:invoke"), "Done": DONE, "Stop": FAIL,
          "Is": {"Type": "Choice", "Choices": [{"Variable": "$.FunctionError", "IsPresent": True, "Next": "Stop"}],
                 "Default": "Done"}}, []),
        ({"Work": task("Ok", catch="Ok"), "Ok": choice("Done", error="Stop"), "Done": DONE, "Stop": FAIL}, []),
        ({"Work": task("Done", Catch=[{"ErrorEquals": ["Exists"], "Next": "Done"}]), "Done": DONE}, []),
        ({"Work": mapped(ITEM, End=0, Next="If"), "If": choice("Done", bad="Stop"), "Done": DONE, "Stop": FAIL}, []),
        ({"Work": mapped(machine(A=task()), ToleratedFailureCount=0)}, []),
        ({"Work": task("Wait", "arn:aws:states:::aws-sdk:glue:startJobRun"), "Wait": {"Type": "Wait", "Next": "Ask"},
          "Ask": task("Is", GET_RUN), "Is": choice("Wait", FAILED="Stop", SUCCEEDED="Done"),
          "Done": DONE, "Stop": FAIL}, []),
        ({"Work": task("Wait", "arn:aws:states:::batch:submitJob"), "Wait": {"Type": "Wait", "Next": "Ask"},
          "Ask": task("Is"), "Is": choice("Wait", FAILED="Stop", DONE="Done"), "Done": DONE, "Stop": FAIL}, []),
        ({"Work": task(resource="arn:aws:states:::glue:startJobRun.sync", TimeoutSeconds=7200)}, []),
        ({"Work": task(resource=f"{INVOKE}.waitForTaskToken", HeartbeatSecondsPath="$.h")}, []),
        ({"Work": task(Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 3}])}, []),
        ({"Work": choice("NoErrors", x="CheckForFailure"), "NoErrors": END, "CheckForFailure": END}, []),
        ({}, []),
    ],
)  # fmt: skip
def test_each_shape_is_found_and_what_is_well_made_is_not(states: Any, expected: list[tuple[str, str]]) -> None:
    assert shapes(machine(**states) if states else {}) == expected


def _large(count: int, after: Callable[[int], str]) -> Any:
    """A machine of many states, each with a failure path of its own that goes on with the next one's."""
    works = {f"W{number}": task(f"W{number + 1}", GLUE, catch=f"H{number}") for number in range(count)}
    handlers = {f"H{number}": task(after(number)) for number in range(count)}
    return machine(**works, **handlers, **{f"W{count}": DONE, f"H{count}": DONE})


@pytest.mark.parametrize("after", [lambda number: f"H{number + 1}", lambda number: f"W{number + 1}", lambda _: "H0"])
def test_a_machine_as_large_as_they_get_is_read_in_seconds(after: Callable[[int], str]) -> None:
    began = time.process_time()
    assert shapes(_large(2000, after))
    assert time.process_time() - began < 10  # about 3 on a laptop


def test_a_limit_of_the_whole_machine_is_one_of_its_tasks() -> None:
    assert shapes(machine(W=task(resource="arn:aws:states:::glue:startJobRun.sync")) | {"TimeoutSeconds": 3600}) == []


def test_jsonata_is_read_as_jsonpath_is() -> None:
    states = {
        "Ask": task("Is", "arn:aws:states:::aws-sdk:batch:describeJobs", Arguments={}, Output="{% $states.result %}"),
        "Is": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input.Status = 'FAILED' %}", "Next": "Out", "Assign": {"x": 1}}],
            "Default": "Done",
        },
        "Out": END,
        "Done": DONE,
    }
    assert shapes({"QueryLanguage": "JSONata", **machine(**states)}) == [("status-succeeds", "Out")]


def test_a_finding_says_where_why_and_what_to_write_instead() -> None:
    states = {"Each file": mapped(machine(Load=task(catch="Note"), Note=END))}
    (one,) = findings_of(machine(**states))
    assert one.path == "$.States['Each file'].ItemProcessor.States.Note"
    assert one.why == "ends a failure path in success: a failure of Load is caught, and the branch succeeds with it."
    assert one.instead == "End it in a Fail state."


def test_the_reference_pipeline_hides_no_failure() -> None:
    assert shapes(definition({"report": "r", "validate": "v"})) == []


HIDING = machine(Work=WORK, Done=DONE, Tell=task("Done", "${Tell}"))
TEXT = json.dumps(HIDING)
JOB = json.dumps(machine(Work=task(resource="arn:AWS:states:::glue:startJobRun")))


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::StepFunctions::StateMachine", {"Definition": HIDING}),
        ("AWS::StepFunctions::StateMachine", {"DefinitionString": TEXT}),
        ("AWS::StepFunctions::StateMachine", {"DefinitionString": {"Fn::Sub": TEXT}}),
        ("AWS::StepFunctions::StateMachine", {"DefinitionString": {"Fn::Sub": [TEXT, {"Tell": {"Ref": "Topic"}}]}}),
        ("AWS::StepFunctions::StateMachine",
         {"DefinitionString": {"Fn::Join": ["", [TEXT[:40], TEXT[40:].split("${Tell}")[0], {"Fn::GetAtt": ["F", "Arn"]},
                                                 TEXT.split("${Tell}")[1]]]}}),
        ("AWS::Serverless::StateMachine", {"Definition": HIDING, "DefinitionSubstitutions": {"Tell": {"Ref": "T"}}}),
    ],
)  # fmt: skip
def test_definitions_in_templates_are_read(kind: str, properties: Any) -> None:
    template = {"Resources": {"M": {"Type": kind, "Properties": properties}, "Other": {"Type": "AWS::S3::Bucket"}}}
    (one,) = findings_in(template)
    assert (one.machine, one.rule, one.state) == ("M", CAUGHT, "Tell")


@pytest.mark.parametrize("part", ['{"Ref": "AWS::Partition"}', '"aws"'])
def test_a_partition_that_a_deployment_knows_hides_no_service(part: str) -> None:
    pieces = [JOB.split("AWS")[0], json.loads(part), JOB.split("AWS")[1]]
    body = {"DefinitionString": {"Fn::Join": ["", pieces]}}
    template = {"Resources": {"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": body}}}
    assert [one.rule for one in findings_in(template)] == ["not-waited"]


def test_a_number_that_a_deployment_knows_is_no_obstacle() -> None:
    text = '{"StartAt": "A", "States": {"A": {"Type": "Map", "ToleratedFailureCount": ${Few}, "End": true}}}'
    template = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": {"Fn::Sub": text}}}
    assert [one.rule for one in findings_in({"Resources": {"M": template}})] == ["tolerated"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = [
    "Type",
    "Next",
    "End",
    "Default",
    "Choices",
    "Catch",
    "Retry",
    "Branches",
    "ItemProcessor",
    "Resource",
    "Parameters",
]
STATES = st.dictionaries(
    st.sampled_from("ABC"),
    st.dictionaries(
        st.sampled_from(MEMBERS), JSON | st.sampled_from(["A", "B", "Task", "Map", "Choice", "Fail"]), max_size=5
    ),
    max_size=3,
)


@given(STATES | JSON, JSON)
def test_no_definition_is_too_odd(states: Any, start: Any) -> None:
    assert findings_of({"States": states, "StartAt": start}) is not None
    assert (
        machines_of({"Resources": {"M": {"Type": "AWS::Serverless::StateMachine", "Properties": states}}}) is not None
    )


def lint(path: Path, *options: str) -> Any:
    return CliRunner().invoke(main, ["pipeline", "lint", str(path), *options])


def test_the_command_ends_with_three_for_errors_and_for_warnings_when_it_is_strict(tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text(TEXT)
    (tmp_path / "slow.json").write_text(json.dumps(machine(W=task(resource="arn:aws:states:::ecs:runTask.sync"))))
    wrong, slow = lint(tmp_path / "wrong.json"), lint(tmp_path / "slow.json")
    assert (wrong.exit_code, slow.exit_code, lint(tmp_path / "slow.json", "--strict").exit_code) == (3, 0, 3)
    assert wrong.stdout.startswith(
        "error    $.States.Tell  [caught-succeeds]\n         Tell ends a failure path in Done"
    )
    assert "ecs:runTask" in slow.stdout
    swallowed = machine(Work=task("Load", catch="Load"), Load=task())
    noted = machine(Work=task("Load", catch="Note"), Note={"Type": "Pass", "Next": "Load"}, Load=task())
    (tmp_path / "swallowed.json").write_text(json.dumps(swallowed))
    (tmp_path / "noted.json").write_text(json.dumps(noted))
    assert [lint(tmp_path / name).exit_code for name in ("swallowed.json", "noted.json")] == [3, 0]
    (one,) = json.loads(lint(tmp_path / "wrong.json", "--json").stdout)["findings"]
    assert one.keys() == {"rule", "severity", "state", "path", "why", "instead", "machine"}


YAML = """
Resources:
  Near:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machines/near.asl.yaml
      DefinitionSubstitutions: {Job: !Sub "arn:${AWS::Partition}:states:::glue:startJobRun"}
  Far:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: s3://bucket/far.json}
"""
NEAR = "StartAt: A\nStates:\n  A: {Type: Task, Resource: '${Job}', End: true}\n"


def test_a_template_in_yaml_is_read_with_the_definitions_beside_it(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(YAML)
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines/near.asl.yaml").write_text(NEAR)
    document = json.loads(lint(tmp_path / "template.yaml", "--json").stdout)
    assert [(one["machine"], one["rule"]) for one in document["findings"]] == [("Near", "not-waited")]
    assert document["not_read"] == ["Far"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("{", "neither JSON nor YAML"), ("[]", "no state machine"), ("a: [", "neither JSON nor"), ("", "no state machine"),
     ('{"Resources": {"M": {"Type": "AWS::Serverless::StateMachine", "Properties": {}}}}', "the definition of M")],
)  # fmt: skip
def test_a_file_without_a_machine_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "file").write_text(content)
    done = lint(tmp_path / "file")
    assert (done.exit_code, sentence in " ".join(done.stderr.split())) == (2, True)
