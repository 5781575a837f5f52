"""A scalar is one text, whether a template is YAML or JSON: the one that CloudFormation makes of it."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cwalarm.definitions import documents, inventory, scalars
from cwalarm.errors import InputError


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("true", "true"),
        ("YES", "true"),
        ("Off", "false"),
        ("tRUE", "tRUE"),
        ("N", "N"),
        ("1.0", "1.0"),
        ("1.10", "1.1"),
        ("012", "10"),
        ("00000000011", "9"),
        ("012345670123", "1402433619"),
        ("012345678901", "1.2345678901E10"),
        ("123456789012", "123456789012"),
        ("0x1F", "31"),
        ("0b101", "5"),
        ("1_000", "1000"),
        ("-5", "-5"),
        ("1e3", "1000.0"),
        ("0.0001", "1.0E-4"),
        ("12:30", "750"),
        ("08:30", "08:30"),
        ("2026-11-29", "2026-11-29"),
        ("2026-11-29T12:30:00Z", "2026-11-29T12:30:00Z"),
        (".inf", "Infinity"),
        ("1.2.3", "1.2.3"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nil", "nil"),
    ],
)
def test_a_scalar_without_quotes_is_what_cloudformation_makes_of_it(written: str, text: str | None) -> None:
    assert scalars.of_plain(written) == text
    assert documents.parse(f"Resources: {{A: {written}}}")["Resources"]["A"] == text


@pytest.mark.parametrize("written", ["'010'", '"true"', "!!str 1.0", "|-\n  2026-11-29"])
def test_what_is_quoted_or_called_text_stays_as_it_is(written: str) -> None:
    text = documents.parse(f"Resources:\n A: {written}")["Resources"]["A"]
    assert text in ("010", "true", "1.0", "2026-11-29")


@pytest.mark.parametrize(("written", "text"), [("true", "true"), ("1.0", "1.0"), ("1e3", "1000.0"), ("12", "12")])
def test_json_has_the_same_texts(written: str, text: str) -> None:
    assert documents.parse(f'{{"Resources": {{"A": [{written}]}}}}')["Resources"]["A"] == [text]


def test_json_that_cloudformation_could_not_read_is_refused() -> None:
    with pytest.raises(InputError, match="NaN is not a number of JSON"):
        documents.parse('{"Resources": {"A": NaN}}')


@pytest.mark.parametrize("body", [{"Resources": {"A": "x"}}, "Resources: {A: x}", "---\nResources:\n  A: x\n"])
def test_what_the_aws_cli_prints_of_a_deployed_template_is_read(body: Any) -> None:
    text = json.dumps({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]})
    assert documents.parse(text) == {"Resources": {"A": "x"}}


def test_keys_are_text_too_and_merges_are_resolved() -> None:
    text = "Resources: {A: &shared {111122223333: 1, true: 2}, B: {<<: *shared, true: 3}}"
    assert documents.parse(text)["Resources"] == {
        "A": {"111122223333": "1", "true": "2"},
        "B": {"111122223333": "1", "true": "3"},
    }


@pytest.mark.parametrize(
    "text",
    [
        "Resources: {[a]: 1}",
        "Resources: {~: 1}",
        "Resources: &a {b: *a}",
        "Resources: {}\n---\nResources: {}",
        "Resources: {<<: 1}",
        "[" * 100_000,
        "- " * 100_000,
        "a:\n" + "".join(f"{' ' * depth}b:\n" for depth in range(1, 2_000)),
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 30)) + "Resources: {}",
    ],
    ids=range(9),
)
def test_what_is_no_template_is_refused_and_ends_no_process(text: str) -> None:
    with pytest.raises(InputError):
        documents.parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("service: x\nprovider: {name: aws}", "serverless package"),
        ('{"terraform_version": "1.9"}', "Terraform is not read"),
        ('{"app": "npx x", "context": {}}', "cdk synth"),
        ('{"version": "tree-0.1", "tree": {}}', "cdk synth"),
    ],
)
def test_a_file_of_another_tool_is_refused_with_the_way_to_a_template(text: str, words: str) -> None:
    with pytest.raises(InputError) as raised:
        documents.parse(text)
    assert words in raised.value.next_step


@given(st.text(alphabet="ab01:-~&*!<>|{}[]'\"#,.\n \t", max_size=40))
@example("!!set {a: b}")
@example("!!python/object:os.system {}")
@example("<<: 1")
@example("? [a]\n: b")
def test_no_text_makes_the_reader_crash(text: str) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(documents.parse(f"Resources: {{}}\n{text}"), dict)


SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(10**15), 10**15),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1, max_size=8),
    st.sampled_from(["true", "1.0", "010", "2026-11-29", "12:30", "no", "~", "0x1F", "1e3"]),
)


def of(value: Any) -> dict[str, Any]:
    """A template that uses one scalar wherever a template may."""
    return {
        "Parameters": {"P": {"Type": "String", "Default": value}},
        "Mappings": {"M": {"k": {"v": value}}},
        "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, value]}},
        "Resources": {
            "A": {
                "Type": "AWS::CloudWatch::Alarm",
                "Condition": "C",
                "Properties": {
                    "AlarmName": {"Fn::Join": ["/", ["n", value, {"Ref": "P"}]]},
                    "AlarmDescription": {"Fn::Sub": "${P}"},
                    "Namespace": {"Fn::Sub": ["${own}!", {"own": value}]},
                    "MetricName": {"Fn::FindInMap": ["M", "k", "v"]},
                    "Statistic": "Sum",
                    "Period": 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 1.5,
                    "ActionsEnabled": False,
                    "ComparisonOperator": "GreaterThanThreshold",
                    "Dimensions": [{"Name": "d", "Value": value}],
                },
            }
        },
    }


def as_yaml(value: Any) -> str:
    """The value in YAML's flow style: texts quoted, numbers and booleans as JSON writes them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {as_yaml(item)}" for key, item in value.items()) + "}"
    return f"[{', '.join(map(as_yaml, value))}]" if isinstance(value, list) else json.dumps(value)


@given(SCALARS)
@example(True)
@example(1e22)
@example(-0.0)
def test_yaml_json_and_python_of_one_template_resolve_alike(value: Any) -> None:
    template = of(value)
    from_json = inventory.read(documents.parse(json.dumps(template)), {})
    from_yaml = inventory.read(documents.parse(f"---\n{as_yaml(template)}"), {})
    assert from_json == from_yaml == inventory.read(template, {})
    (alarm,) = from_json.alarms
    text = scalars.of_value(value)
    assert (alarm.description, alarm.metrics[0].dimensions) == (text, (("d", text),))
