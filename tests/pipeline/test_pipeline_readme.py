"""The README's section on pipelines tells the truth about the template, the command line and the state machine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import stacks
from blocks.extras import Extra
from deliverywatch.cli.pipeline import pipeline
from deliverywatch.local.demo.pipeline_faults import FAULTS
from deliverywatch.pipeline.diagnosis.faults import Why, shipped
from deliverywatch.pipeline.outputs.metrics import PUBLISHED
from stacks import shared

SECTION = (Path(__file__).parents[2] / "src/deliverywatch/pipeline/README.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", SECTION, re.MULTILINE))
PART: dict[str, Any] = stacks.template(
    [shared.stack(), stacks.SYSTEMS["pipeline"]([Extra.EXAMPLE_PIPELINE])], "arm64", "0"
).to_dict()
RESOURCES = PART["Resources"].values()


def of_type(kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in RESOURCES if resource["Type"] == f"AWS::CloudWatch::{kind}"]


def test_every_parameter_stands_in_the_table_with_its_default_and_its_words() -> None:
    own = {name: parameter for name, parameter in PART["Parameters"].items() if name.startswith(("SfUser", "Pipeline"))}
    assert {name: parameter["Default"] for name, parameter in own.items()} == ROWS
    assert all(parameter["Description"] in SECTION for parameter in own.values())


def test_every_alarm_stands_in_the_table() -> None:
    names = [
        alarm["AlarmName"]["Fn::Sub"].partition("}-")[2]
        for kind in ("Alarm", "CompositeAlarm")
        for alarm in of_type(kind)
    ]
    assert set(names) == set(re.findall(r"`…-(pipeline-[a-z_-]+)`", SECTION))


def test_its_cost_is_that_of_its_alarms_and_metrics() -> None:
    def metrics(alarm: dict[str, Any]) -> int:
        return len([query for query in alarm.get("Metrics", [{"MetricStat": 1}]) if "MetricStat" in query])

    watched = {alarm["AlarmName"]["Fn::Sub"]: metrics(alarm) for alarm in of_type("Alarm")}
    of_one = sum(count for name, count in watched.items() if "sf_user" in name)
    # The composite that is there on request is not counted.
    base = 0.30 * len(PUBLISHED) + 0.10 * of_one + 0.50
    assert f"{len(PUBLISHED)} metrics, alarms on {sum(watched.values())} metrics" in SECTION
    assert f"{base + 0.10 * (sum(watched.values()) - of_one):.2f} USD a month for one pipeline" in SECTION
    assert f"{base:.2f} for each further one" in SECTION


@pytest.mark.parametrize("verb", re.findall(r"deliverywatch pipeline (\w+)", SECTION))
def test_every_command_is_one_that_there_is(verb: str) -> None:
    assert verb in pipeline.commands


def test_every_cause_and_type_is_named() -> None:
    assert all(why.value in SECTION for why in Why)
    assert all(f"`{kind}`" in SECTION for kind in shipped().types)


def test_the_demo_plants_as_many_faults_as_is_said() -> None:
    # And a run that does not start.
    assert f"plants {len(FAULTS) + 1} faults" in SECTION


def test_the_tasks_are_json() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)
    assert json.loads(f"{{{text}}}").keys() == {"Validate", "IsGood", "HandleError", "PipelineFailed"}
