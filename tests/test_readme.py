"""The manual tells the truth about the template: every parameter with its default, and nothing that does not exist."""

import re
from pathlib import Path
from typing import Any

import pytest

import stacks
from blocks.extras import Extra

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DEPLOY = (ROOT / "cfn/README.md").read_text()
SMS = (ROOT / "src/deliverywatch/sms/README.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", DEPLOY, re.MULTILINE))


def parameters() -> dict[str, Any]:
    extras = [Extra.INCIDENT_PAGE]
    template: dict[str, Any] = stacks.template(stacks.chosen(["sms"], extras), "arm64", "0", extras).to_dict()
    return dict(template["Parameters"])


def test_every_parameter_stands_in_the_table_with_its_default() -> None:
    defaults = {name: parameter.get("Default", "required") or "none" for name, parameter in parameters().items()}
    assert {name: default for name, default in ROWS.items() if name in defaults} == defaults


def test_every_alarm_of_sms_stands_in_the_table() -> None:
    (sms,) = [stack for stack in stacks.chosen(["sms"]) if any(watch.name == "sms-failures" for watch in stack.watches)]
    names = [alarm.name for watch in sms.watches for alarm in watch.alarms]
    assert [name for name in names if f"`…-{name}`" not in SMS] == []


def test_the_deploy_command_gives_every_parameter_that_has_no_default() -> None:
    required = [name for name, parameter in parameters().items() if "Default" not in parameter]
    deploy = DEPLOY.partition("aws cloudformation deploy")[2].partition("```")[0]
    assert all(f"{name}=" in deploy for name in required)


def test_a_link_to_a_picture_leads_somewhere() -> None:
    pictures = re.findall(r"!\[[^]]*\]\((\.github/[^)]+)\)", README)
    assert pictures
    assert all((Path(__file__).parents[1] / picture).exists() for picture in pictures)


@pytest.mark.parametrize("system", [name for name in stacks.SYSTEMS if name not in ("sms", "files-pusher")])
def test_every_system_has_a_page_of_its_own_that_the_readme_leads_to(system: str) -> None:
    assert f"](src/deliverywatch/{system}/README.md)" in README
