"""Templates that hold what cannot be used: it can be left out, and nothing in a template makes the engine crash."""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import pytest
from engine_alarms import NOON, entry
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cwalarm.definitions import composites, inventory
from cwalarm.definitions.alarm import from_template
from cwalarm.describe import soundness
from cwalarm.errors import InputError
from cwalarm.evaluation import mute
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.series import Series
from cwalarm.lint import definition_rules

ALARM: dict[str, Any] = {
    "AlarmName": "errors",
    "Namespace": "App",
    "MetricName": "Errors",
    "Dimensions": [{"Name": "Environment", "Value": {"Ref": "Environment"}}],
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 3,
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationWindow": {"WallClockWindow": {"Timezone": "Europe/Rome"}},
    "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 10},
}


def alarm(**changes: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {**ALARM, **changes}}


def both(name: str = "both", **changes: Any) -> dict[str, Any]:
    rule = {"AlarmName": name, "AlarmRule": "ALARM(errors)", **changes}
    return {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": rule}


PARAMETERS = {"Environment": {"Type": "String", "Default": "prod"}, "Needed": {"Type": "String"}}


def template(**resources: Any) -> dict[str, Any]:
    return {"Parameters": PARAMETERS, "Resources": {"Good": alarm(), **resources}}


UNUSABLE = {
    "an unknown function": alarm(AlarmName="bad", Period={"Fn::Transform": {}}),
    "a parameter without a value": alarm(AlarmName="bad", Threshold={"Ref": "Needed"}),
    "a band": alarm(AlarmName="bad", ThresholdMetricId="band"),
    "a log alarm": {"Type": "AWS::CloudWatch::LogAlarm", "Properties": {"AlarmName": "bad"}},
    "a condition that is not there": {**alarm(), "Condition": "Nowhere"},
}


@pytest.mark.parametrize("resource", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_alarm_that_cannot_be_used_is_left_out_by_the_name_that_the_refusal_gives(resource: Any) -> None:
    document = template(Bad=resource)
    with pytest.raises(InputError) as raised:
        from_template(document)
    _, _, name = raised.value.next_step.partition("--without ")
    alarms = from_template(document, without=[name.split(";")[0].rstrip(".")])
    assert [kept.name for kept in alarms] == ["errors"]


def test_a_log_alarm_is_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match="Alarm bad is not evaluated: it is a log alarm"):
        from_template(template(Bad=UNUSABLE["a log alarm"]))


def test_what_another_stack_exports_stays_an_opaque_target_of_actions() -> None:
    alarms = from_template(template(Good=alarm(AlarmActions=[{"Fn::ImportValue": "alerts-topic"}])))
    assert alarms[0].alarm_actions == ("{ImportValue alerts-topic}",)


def test_a_composite_or_a_mute_rule_is_left_out_by_its_name_too() -> None:
    rule = {"Type": "AWS::CloudWatch::AlarmMuteRule", "Properties": {"Name": "night", "Rule": 5}}
    document = template(Bad=both("bad", AlarmRule={"Fn::GetAZs": ""}), Fine=both(), Night=rule)
    assert [kept.name for kept in composites.from_template(document, {}, ["bad"])] == ["both"]
    assert mute.from_template(document, {}, ["nig*"]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DatapointsToAlarm": 0}, "DatapointsToAlarm 0 must lie between 1 and"),
        ({"Threshold": "NaN"}, "its Threshold 'NaN' is not a finite number"),
        ({"Threshold": 1e400}, "its Threshold inf is not a finite number"),
        ({"EvaluationPeriods": 1.5}, "its EvaluationPeriods 1.5 is not a whole number"),
        ({"EvaluateLowSampleCountPercentile": "maybe"}, "'maybe' is neither evaluate nor ignore"),
        ({"ActionsEnabled": "maybe"}, "its ActionsEnabled 'maybe' is not true or false"),
        ({"AlarmActions": "topic"}, "its AlarmActions 'topic' is not a list of texts"),
        ({"Namespace": []}, r"its Namespace \[\] is not text"),
    ],
)
def test_a_member_that_cloudwatch_would_refuse_is_named_with_its_alarm(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=f"Alarm errors cannot be .*{words}"):
        soundness.require_sound(from_template(template(Good=alarm(**changes)))[0])


def test_two_alarms_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="Two alarms are called errors"):
        from_template(template(Other=alarm()))
    with pytest.raises(InputError, match="Two alarms are called both"):
        composites.from_template(template(One=both(), Two=both()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ActionsSuppressor": "errors", "ActionsSuppressorWaitPeriod": "x"}, "WaitPeriod 'x' is not a finite number"),
        ({"ActionsSuppressorWaitPeriod": 60}, "without an ActionsSuppressor"),
        ({"AlarmActions": 5}, "its AlarmActions 5 is not a list of texts"),
    ],
)
def test_a_member_of_a_composite_that_does_not_fit_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=f"Composite alarm both cannot be read: .*{words}"):
        composites.from_template(template(Both=both(**changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MuteTargets": ["a"]}, r"its MuteTargets \['a'\] is not a mapping"),
        ({"Rule": {"Schedule": {"Expression": 5, "Duration": "PT1H"}}}, "'5' is not a schedule"),
        ({"Rule": {"Schedule": {"Duration": "PT1H"}}}, "it lacks 'Expression'"),
    ],
)
def test_a_member_of_a_mute_rule_that_does_not_fit_is_named(changes: dict[str, Any], words: str) -> None:
    schedule = {"Expression": "0 1 * * *", "Duration": "PT1H"}
    with pytest.raises(InputError, match=f"Mute rule night cannot be read: {words}"):
        mute.from_description({"Name": "night", "Rule": {"Schedule": schedule}, **changes})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"Resources": {"Bad": 5}}, "Resource Bad is 5"),
        ({"Resources": {"Bad": {"Type": "AWS::CloudWatch::Alarm", "Properties": []}}}, "Alarm Bad cannot be read"),
        ({"Resources": {"Bad": {"Type": "AWS::CloudWatch::Alarm", "Properties": [1]}}}, r"Properties of Bad are \[1\]"),
        ({"Resources": {}, "Parameters": [1]}, r"Parameters is \[1\]"),
        ({"Resources": {}, "Parameters": {"P": 5}}, "Parameter P is 5"),
        ({"Resources": {"Bad": {**alarm(), "Condition": {}}}}, "Resource Bad has the condition {}"),
    ],
)
def test_a_malformed_template_is_refused_with_the_place(document: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        from_template(document)


WHOLE: dict[str, Any] = {
    "Parameters": {
        "Environment": {"Type": "String", "Default": "prod"},
        "Zones": {"Type": "List<String>", "Default": "a"},
    },
    "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Environment"}, "prod"]}},
    "Mappings": {"Names": {"prod": {"short": "p"}}},
    "Resources": {
        "Plain": {**alarm(DatapointsToAlarm=1, TreatMissingData="ignore"), "Condition": "IsProd"},
        "Math": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": {"Fn::Sub": ["${Environment}-${Own}", {"Own": {"Fn::If": ["IsProd", "a", "b"]}}]},
                "Metrics": [
                    {"Id": "x", "Expression": "100 * a / b", "Label": "share"},
                    entry("a", "A"),
                    entry("b", "B"),
                ],
                "EvaluationPeriods": 3,
                "DatapointsToAlarm": 2,
                "Threshold": {"Fn::Select": [1, {"Fn::Split": [",", "1,2"]}]},
                "ComparisonOperator": "LessThanThreshold",
                "AlarmActions": [{"Ref": "Topic"}, {"Fn::GetAtt": ["Topic", "TopicArn"]}],
            },
        },
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": {"Fn::FindInMap": ["Names", "prod", "short"]}},
        },
        "Both": both(ActionsSuppressor="x", ActionsSuppressorWaitPeriod=60, ActionsSuppressorExtensionPeriod=60),
        "Night": {
            "Type": "AWS::CloudWatch::AlarmMuteRule",
            "Properties": {
                "Rule": {"Schedule": {"Expression": "0 1 * * *", "Duration": "PT1H", "Timezone": "Europe/Rome"}},
                "MuteTargets": {"AlarmNames": ["errors"]},
                "StartDate": "2026-11-21T12:00",
            },
        },
    },
}


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every node."""
    yield path
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in pairs:
        yield from places(child, (*path, key))


PLACES = [path for path in places(WHOLE) if path]
FUNCTIONS = [
    "Ref",
    "Condition",
    "Fn::Sub",
    "Fn::If",
    "Fn::GetAtt",
    "Fn::Join",
    "Fn::Select",
    "Fn::FindInMap",
    "Fn::Not",
    "Fn::Split",
    "Fn::Length",
    "Fn::ToJsonString",
    "Fn::ForEach::Loop",
    "Fn::ImportValue",
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["Environment", "IsProd", "Names", "Math", "Topic", "${Math}", "Sum", "p90", "x", "a + x", "SUM(a)"]
    ),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=4), st.sampled_from(FUNCTIONS)), inner, max_size=2),
    ),
    max_leaves=6,
)


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(WHOLE)
    node: Any = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return document


@settings(max_examples=300)
@given(path=st.sampled_from(PLACES), value=JSON)
@example(path=("Resources", "Plain", "Condition"), value={})
@example(path=("Parameters",), value={"Fn::Sub": None})
@example(path=("Resources", "Math", "Properties", "AlarmName"), value={"Fn::Sub": "${Math}"})
@example(path=("Resources", "Math", "Properties", "Metrics", 0, "Expression"), value="x + 1")
@example(path=("Conditions",), value=1)
@example(path=("Resources", "Plain", "Properties", "Period"), value=10**400)
def test_nothing_in_place_of_any_part_of_a_template_makes_the_engine_crash(path: tuple[Any, ...], value: Any) -> None:
    document = changed(path, value)
    with contextlib.suppress(InputError):
        assert inventory.read(document, {}).nested == ()
    for read in (from_template, composites.from_template, mute.from_template):
        try:
            definitions = read(document)
        except InputError as error:
            assert error.next_step
            continue
        for definition in definitions if read is from_template else ():
            if not soundness.problems(definition):
                assert isinstance(list(definition_rules.findings(definition)), list)
                assert evaluate(definition, Series(), NOON).slots
