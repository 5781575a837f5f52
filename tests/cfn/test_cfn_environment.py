"""A second stack in the same account: every name and default follows its environment; nothing points to the first."""

import json
import re
from typing import Any

import pytest

import stacks
from blocks.extras import Extra
from cwalarm.definitions.template import Resolver
from deliverywatch.operate.account.deployment import credentials_path

FIRST = re.compile(r"(?<![a-z])prod(?![a-z])")


@pytest.fixture(scope="module", params=["all", "files-pusher"])
def template(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Everything that can be built; of the two ways of `files` one each."""
    without = "files-pusher" if request.param == "all" else "files"
    chosen = stacks.chosen([name for name in stacks.SYSTEMS if name != without], [*Extra])
    made: dict[str, Any] = stacks.template(chosen, "arm64", "0", [*Extra]).to_dict()
    return dict(json.loads(json.dumps(made)))


def parameters(template: dict[str, Any]) -> dict[str, str]:
    given = {name: str(one["Default"]) for name, one in template["Parameters"].items() if "Default" in one}
    missing = {name: "alerts@example.com" for name in template["Parameters"] if name not in given}
    return {**given, **missing, "Environment": "test"}


def test_no_default_names_an_environment(template: dict[str, Any]) -> None:
    defaults = {name: str(one.get("Default", "")) for name, one in template["Parameters"].items()}
    assert [name for name, default in defaults.items() if FIRST.search(default)] == ["Environment"]


def test_nothing_of_a_second_stack_points_to_the_first(template: dict[str, Any]) -> None:
    resolver = Resolver(template, parameters(template))
    made = [name for name, one in template["Resources"].items() if resolver.holds(one.get("Condition"))]
    texts = {name: json.dumps(resolver.properties(name), default=str) for name in made}
    assert [name for name, text in texts.items() if FIRST.search(text)] == []
    assert not FIRST.search(json.dumps(template["Outputs"]))


def test_the_credentials_are_those_of_the_environment_in_the_template_and_on_the_command_line(
    template: dict[str, Any],
) -> None:
    values = parameters(template)
    properties = Resolver(template, values).properties("SmsIngest")
    path = properties["Environment"]["Variables"]["DELIVERYWATCH_CREDENTIALS"]
    assert path == credentials_path(values) == "/deliverywatch/test/clicksend"
    assert credentials_path({**values, "ClickSendCredentials": "/other/place"}) == "/other/place"
    assert credentials_path({"Environment": "test"}) == "", "a stack that reads no SMS"
