"""What the lint writes for CI and for code review, and where it says that an alarm is."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from cwalarm.cli.main import main
from cwalarm.definitions import documents
from cwalarm.definitions.alarm import from_template
from cwalarm.describe.behaviour import behaviour
from cwalarm.describe.explain import explain_measured
from cwalarm.errors import InputError
from cwalarm.lint import lines
from cwalarm.lint.lint import lint
from cwalarm.lint.rules import RULES
from deliverywatch.cli import main as product

TEMPLATE = """\
Description: alarms of a shop
Resources:
  Topic: {Type: AWS::SNS::Topic}

  Heartbeat:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: heartbeat
      Namespace: Shop
      MetricName: Orders
      Statistic: Sum
      Period: 300
      EvaluationPeriods: 3
      Threshold: 1
      ComparisonOperator: LessThanThreshold
      AlarmActions: [!Ref Topic]
  Never:
    Type: AWS::CloudWatch::Alarm
    Metadata: {cwalarm: {accept: {no-action: only on the dashboard}}}
    Properties:
      AlarmName: never
      Metrics:
        - {Id: x, Expression: "o > 5"}
        - Id: o
          ReturnData: false
          MetricStat: {Metric: {Namespace: Shop, MetricName: Orders}, Period: 300, Stat: Sum}
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanThreshold
"""


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shop stack/alarms.yaml"
    path.parent.mkdir()
    path.write_text(TEMPLATE)
    return path


def run(*arguments: str | Path, program: Any = main, code: int = 3) -> str:
    result = CliRunner().invoke(program, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def sarif(template: Path, *options: str) -> dict[str, Any]:
    run("lint", template, "--sarif", "lint.sarif", *options)
    log: dict[str, Any] = json.loads(Path("lint.sarif").read_text(encoding="utf-8"))
    return log


def test_text_says_where_what_and_why(template: Path) -> None:
    output = run("lint", template)
    assert f"{template}:5 heartbeat: fires yes, recovers yes, one datapoint" in output
    assert "raised by Shop/Orders" in output
    assert "error [never-fires] No value that its expression can have" in output
    assert "2 alarms: 1 error, " in output


def test_the_command_of_the_product_is_the_same(template: Path) -> None:
    assert run("alarms", "lint", template, program=product) == run("lint", template)


def test_json_has_the_answers_and_their_witnesses(template: Path) -> None:
    heartbeat, never = json.loads(run("lint", template, "--json"))["alarms"]
    assert heartbeat["answers"]["can_fire"]["verdict"] == "yes"
    assert heartbeat["answers"]["can_fire"]["series"]["Shop/Orders"].startswith("1x")
    assert never["answers"]["can_fire"] == {
        "verdict": "no",
        "why": "No value that its expression can have breaches the threshold.",
    }
    assert {one["rule"]: one["accepted"] for one in never["findings"]}["no-action"] == "only on the dashboard"


def test_what_is_accepted_and_noted_ends_well(template: Path) -> None:
    allowed = ["--allow", "never-fires", "--allow", "blind-without-data", "--allow", "fires-on-one-in-gaps"]
    assert "0 errors, 0 warnings, 1 note, 4 accepted" in run("lint", template, *allowed, code=0)


def test_junit_has_a_test_per_alarm_that_fails_with_what_counts(template: Path) -> None:
    run("lint", template, "--junit", "lint.xml")
    suite = ET.parse("lint.xml").getroot()
    failures = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    assert failures["never"] is not None
    assert failures["never"].get("type") == "never-fires"
    assert "no-action" not in (failures["never"].text or "")


def test_a_name_that_xml_and_utf_8_do_not_allow_is_written_all_the_same(template: Path) -> None:
    template.write_text(
        json.dumps(documents.parse(TEMPLATE)).replace('"never"', '"n\\u0001e\\u001bv\\ud800\\uffffer"'),
        encoding="utf-8",
    )
    messages = [result["message"]["text"] for result in sarif(template, "--junit", "lint.xml")["runs"][0]["results"]]
    assert any(message.startswith("n\x01e\x1bv\ud800\uffffer: ") for message in messages)
    names = [case.get("name") for case in ET.parse("lint.xml").iter("testcase")]
    assert names == ["heartbeat", "n?e?v??er"]


def test_sarif_has_all_that_code_scanning_demands(template: Path) -> None:
    log = sarif(template)
    assert (log["version"], log["$schema"].rpartition("/")[2]) == ("2.1.0", "sarif-schema-2.1.0.json")
    (scan,) = log["runs"]
    rules = scan["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    for rule in rules:
        assert rule["shortDescription"]["text"] and len(rule["fullDescription"]["text"]) < 1024
        assert rule["help"]["text"] and rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
        assert len(rule["properties"]["tags"]) <= 10
    for result in scan["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "shop%20stack/alarms.yaml"
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        lines_of = {"heartbeat": 5, "never": 17}
        assert place["region"]["startLine"] == lines_of[result["message"]["text"].partition(":")[0]]
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in scan["results"]]
    assert len(set(prints)) == len(prints)


def test_a_template_outside_of_the_folder_has_an_absolute_address(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    for path in (template, Path("../shop stack/alarms.yaml")):
        assert sarif(path)["runs"][0]["artifacts"] == [{"location": {"uri": template.as_uri()}}]


def test_a_finding_keeps_its_fingerprint_when_its_line_moves(template: Path) -> None:
    before = sarif(template)["runs"][0]["results"]
    template.write_text("# moved\n\n" + TEMPLATE, encoding="utf-8")
    after = sarif(template)["runs"][0]["results"]
    assert [one["partialFingerprints"] for one in before] == [one["partialFingerprints"] for one in after]
    assert before[0]["locations"] != after[0]["locations"]


def test_sarif_marks_what_is_accepted_as_suppressed(template: Path) -> None:
    results = {one["ruleId"]: one for one in sarif(template, "--allow", "blind-without-data")["runs"][0]["results"]}
    assert results["no-action"]["suppressions"] == [{"kind": "inSource", "justification": "only on the dashboard"}]
    assert results["blind-without-data"]["suppressions"][0]["kind"] == "external"
    assert "suppressions" not in results["never-fires"]


# What SARIF's schema demands of the objects that are written here: members that must be there, and their types.
_SHAPE: dict[str, Any] = {
    "version": str,
    "runs": [
        {
            "tool": {"driver": {"name": str, "rules": [{"id": str, "helpUri": str}]}},
            "artifacts": [{"location": {"uri": str}}],
            "results": [
                {
                    "ruleId": str,
                    "ruleIndex": int,
                    "level": str,
                    "message": {"text": str},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": str, "index": int},
                                "region": {"startLine": int, "startColumn": int},
                            },
                            "logicalLocations": [{"name": str, "fullyQualifiedName": str, "kind": str}],
                        }
                    ],
                }
            ],
        }
    ],
}


def fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, dict):
        return all(key in value and fits(value[key], inner) for key, inner in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    return type(value) is shape


def test_sarif_fits_the_schema_where_its_members_are_required(template: Path) -> None:
    assert fits(sarif(template), _SHAPE)


def test_a_resource_has_its_line_in_yaml_and_json() -> None:
    document = documents.parse(TEMPLATE)
    pretty = json.dumps(document, indent=2)
    for text in (TEMPLATE, pretty, json.dumps(document), "\ufeff" + pretty, pretty.replace("\n", "\r\n")):
        places = lines.of_resources(text)
        assert list(places) == list(document["Resources"])
        for name, place in places.items():
            assert text.split("\n")[place.line - 1][place.column - 1 :].lstrip('"').startswith(name)


REPEATED = '{"Resources": {"A": {"Type": "AWS::SNS::Topic"},\n"B": {}, "A": {"Type": "AWS::CloudWatch::Alarm"}}}'


@pytest.mark.parametrize("text", [REPEATED, "Resources:\n  A: {Type: x}\n  A: {Type: AWS::CloudWatch::Alarm}"])
def test_an_alarm_that_replaces_what_has_its_logical_id_is_named_with_the_line(text: str) -> None:
    (judged,) = lint(documents.parse(text), {}, places=lines.of_resources(text)).judged
    (repeated,) = (one for one in judged.findings if one.rule.name == "repeated-logical-id")
    line = text[: text.index("A")].count("\n") + 1
    assert repeated.why == f"A stands in line {line} too; only the last counts."


def test_a_key_of_another_section_is_no_resource() -> None:
    inside = '{"Mappings": {"Resources": {"a": 1}}, "Resources": {"A": {"Resources": {"b": {"c": "}"}}}}'
    assert list(lines.of_resources(inside + ', "Outputs": {"d": {}}}')) == ["A"]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(("Ref", "a")), inner, max_size=2)
    ),
    max_leaves=3,
)
PARTS = [
    ("Metadata",),
    ("Globals",),
    ("Resources", "Topic", "Properties", "Environment"),
    ("Resources", "Never", "Metadata"),
    ("Resources", "Never", "Metadata", "cwalarm", "accept"),
    ("Resources", "Never", "Properties", "Metrics"),
    ("Resources", "Never", "Properties", "Metrics", 1, "MetricStat", "Metric", "Dimensions"),
    ("Resources", "Never", "Properties", "AlarmActions"),
    ("Resources", "Filter", "Properties", "MetricTransformations"),
    ("Resources", "Topic", "Properties"),
]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(PARTS), JSON)
def test_nothing_in_place_of_any_part_makes_the_lint_crash(path: tuple[Any, ...], value: Any) -> None:
    document = json.loads(json.dumps(documents.parse(TEMPLATE)))
    document["Resources"]["Filter"] = {"Type": "AWS::Logs::MetricFilter", "Properties": {}}
    holder = document
    for part in path[:-1]:
        holder = holder.setdefault(part, {}) if isinstance(holder, dict) else holder[part]
    holder[path[-1]] = value
    try:
        assert lint(document, {}).judged
    except InputError as error:
        assert error.next_step


def test_a_costly_alarm_is_judged_within_a_bound_of_evaluations_that_many_alarms_share() -> None:
    text = " + ".join(f"IF(FILL(o, 0) > {index}, o, RATE(o) / AVG(o))" for index in range(20))
    document = documents.parse(TEMPLATE.replace("o > 5", text))
    never = next(alarm for alarm in from_template(document) if alarm.name == "never")
    for work in (20_000, 100_000):
        measured = behaviour(never, work=work)
        assert work <= measured.probe.budget.spent < 2 * work
        assert "what is not said here is not decided" in explain_measured(measured)
    assert all(one.answers for one in lint(document, {}, work=60_000).judged)
