"""The README's section on files tells the truth about the template and the command line."""

import re
from pathlib import Path
from typing import Any

import pytest
from click import Group

import stacks
from deliverywatch.cli.files import files

SECTION = (Path(__file__).parents[2] / "src/deliverywatch/files/README.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", SECTION, re.MULTILINE))


def template(system: str) -> dict[str, Any]:
    made: dict[str, Any] = stacks.template(stacks.chosen([system]), "arm64", "0").to_dict()
    return made


def test_every_parameter_of_files_stands_in_its_table_with_its_default() -> None:
    own = {name: made for name, made in template("files-pusher")["Parameters"].items() if name.startswith("Files")}
    assert {name: made["Default"] or "none" for name, made in own.items()} == ROWS


def test_every_alarm_of_files_stands_in_its_table() -> None:
    alarms = [made for made in template("files")["Resources"].values() if made["Type"] == "AWS::CloudWatch::Alarm"]
    names = [made["Properties"]["AlarmName"]["Fn::Sub"].partition("}-")[2] for made in alarms]
    own = {name for name in names if name.startswith("files-")}
    assert own == set(re.findall(r"`…-(files-[a-z-]+)`", SECTION))


def test_its_cost_is_that_of_its_alarms_and_metric() -> None:
    resources = template("files")["Resources"].items()
    own = [
        made["Properties"]["Metrics"]
        for name, made in resources
        if name.startswith("Files") and "Alarm" in made["Type"]
    ]
    watched = sum(len([each for each in metrics if "MetricStat" in each]) for metrics in own)
    assert f"alarms on {watched} metrics" in SECTION
    assert f"It costs {0.10 * watched + 0.30:.2f} USD a month" in SECTION


@pytest.mark.parametrize("line", re.findall(r"deliverywatch files ([^#\n]+)", SECTION))
def test_every_command_is_one_that_there_is(line: str) -> None:
    words = line.split()
    command: Any = files
    while isinstance(command, Group):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
