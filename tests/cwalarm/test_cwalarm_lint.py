"""Each rule of the lint hits what it is for, spares what is sound, and its answers are what the evaluator does."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from engine_alarms import NOON, TOPIC
from hypothesis import given, settings
from hypothesis import strategies as st

from cwalarm.definitions.alarm import State, from_description
from cwalarm.describe.soundness import problems
from cwalarm.errors import InputError
from cwalarm.evaluation.evaluate import evaluate, slot_values
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.verdict import breaches
from cwalarm.lint import intervals
from cwalarm.lint.findings import Finding, Verdict
from cwalarm.lint.lint import Report, lint
from cwalarm.lint.rules import RULES, Level
from cwalarm.unit_tests import notation

Resource = dict[str, Any]

FILTER = {
    "Type": "AWS::Logs::MetricFilter",
    "Properties": {
        "FilterPattern": "ERROR",
        "LogGroupName": "group",
        "MetricTransformations": [{"MetricNamespace": "App", "MetricName": "Errors", "MetricValue": "1"}],
    },
}
EMF = """print({"_aws": {"CloudWatchMetrics": [{"Namespace": "App", "Dimensions": [["Service"]],
    "Metrics": [{"Name": "Errors", "Unit": "Count"}]}]}})"""
FUNCTION = {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ZipFile": EMF}}}


def alarm(**changes: Any) -> Resource:
    """An alarm on Custom/Errors that has nothing wrong: over 3 in 2 of 3 periods of 5 minutes, gaps keep the state."""
    properties = {
        "AlarmName": "errors",
        "Namespace": "Custom",
        "MetricName": "Errors",
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 3,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "breaching",
        "AlarmActions": [TOPIC],
        **changes,
    }
    wanted = {name: value for name, value in properties.items() if value is not None}
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": wanted}


def math(expression: str, period: int = 300, namespace: str = "Custom", **changes: Any) -> Resource:
    stats = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": namespace, "MetricName": label}, "Period": period, "Stat": "Sum"},
        }
        for name, label in (("a", "Errors"), ("b", "Total"))
    ]
    plain = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))
    return alarm(**{**plain, "Metrics": [{"Id": "x", "Expression": expression}, *stats], **changes})


def lambdas(name: str = "Errors", **changes: Any) -> Resource:
    dimensions = [{"Name": "FunctionName", "Value": "f"}]
    return alarm(**{"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": dimensions, **changes})


def composite(rule: str, **changes: Any) -> Resource:
    properties = {"AlarmName": "both", "AlarmRule": rule, "AlarmActions": [TOPIC], **changes}
    return {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": properties}


def key(principal: str) -> Resource:
    allowed = {"Effect": "Allow", "Principal": {"Service": f"{principal}.amazonaws.com"}, "Action": "kms:*"}
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [allowed]}}}


def powertools(namespace: str) -> Resource:
    variables = {"POWERTOOLS_METRICS_NAMESPACE": namespace, "POWERTOOLS_SERVICE_NAME": "shop"}
    return {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": variables}}}


def get(logical_id: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id, attribute]}


def deployed(alarm: Any) -> Resource:
    """A function whose deployment is rolled back by an alarm."""
    return {"Type": "AWS::Serverless::Function", "Properties": {"DeploymentPreference": {"Alarms": [alarm]}}}


def topic(key: Any) -> Resource:
    return {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": key}}


def report(allowed: tuple[str, ...] = (), metadata: Any = None, **resources: Resource) -> Report:
    template = {"Resources": resources} | ({"Metadata": metadata} if metadata else {})
    return lint(template, {}, allowed=allowed)


def band(band_id: str) -> Resource:
    entries = [{"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1)"}]
    return alarm(
        ThresholdMetricId=band_id, Metrics=entries, ComparisonOperator="GreaterThanUpperThreshold", Threshold=None
    )


BELOW = {"ComparisonOperator": "LessThanThreshold", "Threshold": 1}
IN_APP = {"Namespace": "App", "Threshold": 1, "TreatMissingData": "notBreaching"}
ONE = {"EvaluationPeriods": 1, "DatapointsToAlarm": 1}
MINUTE = {"Period": 60}
AT_LEAST_ONE = {"ComparisonOperator": "GreaterThanOrEqualToThreshold"}
DISK = {"Namespace": "AWS/RDS", "MetricName": "FreeStorageSpace", "Statistic": "Minimum"}
LISTENER = {
    "Type": "AWS::Events::Rule",
    "Properties": {"EventPattern": {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}},
}
QUEUE = {"Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "Maximum"}
SCALING = {"Type": "AWS::AutoScaling::ScalingPolicy"}
BY_QUEUE_NAME = [{"Name": "QueueName", "Value": "q"}]
LETTERS, API, MACHINE = (
    {"Type": kind} for kind in ("AWS::SQS::Queue", "AWS::ApiGateway::RestApi", "AWS::StepFunctions::StateMachine")
)
REDRIVEN = {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": {"deadLetterTargetArn": get("D", "Arn")}}}
SENT = {"Namespace": "AWS/SQS", "MetricName": "NumberOfMessagesSent"}
OF_LETTERS = [{"Name": "QueueName", "Value": get("D", "QueueName")}]
BY_QUEUE = {**QUEUE, "Dimensions": [{"Name": "QueueName", "Value": {"Ref": "Q"}}]}

# Of each rule an alarm, with what is around it, that breaks it.
BROKEN: list[tuple[str, dict[str, Resource]]] = [
    ("refused-definition", {"A": alarm(DatapointsToAlarm=4)}),
    ("refused-definition", {"A": alarm(Period=1800, EvaluationPeriods=100)}),
    ("refused-definition", {"A": alarm(Threshold="much")}),
    ("not-judged", {"A": band("ad1")}),
    ("never-fires", {"A": math("a > 5", Threshold=1, TreatMissingData="missing")}),
    ("never-fires", {"A": math("IF(a > 5, 1, 0)", Threshold=1, TreatMissingData="missing")}),
    ("never-fires", {"A": alarm(Statistic="SampleCount", TreatMissingData="missing", **(BELOW | {"Threshold": 0}))}),
    ("never-recovers", {"A": math("ABS(a)", Threshold=-1)}),
    ("never-recovers", {"A": math("ABS(a)", Threshold=-1, TreatMissingData="ignore")}),
    ("not-decided", {"A": math("a - a", Threshold=1, TreatMissingData="missing")}),
    ("fires-only-below-zero", {"A": alarm(**(BELOW | {"Threshold": 0, "TreatMissingData": "missing"}))}),
    ("single-datapoint", {"A": alarm(**ONE)}),
    ("fires-on-one-in-gaps", {"A": alarm(DatapointsToAlarm=3, TreatMissingData="missing")}),
    ("blind-without-data", {"A": alarm(**(BELOW | {"TreatMissingData": "missing"}))}),
    ("blind-without-data", {"A": alarm(**(BELOW | {"TreatMissingData": "notBreaching"}))}),
    ("silent-without-data", {"A": alarm(TreatMissingData="ignore")}),
    ("recovers-without-data", {"A": alarm(TreatMissingData="notBreaching")}),
    ("late-to-notice-silence", {"A": alarm(**(ONE | {"Period": 86400}))}),
    ("alarms-when-quiet", {"A": lambdas()}),
    ("sparse-goes-insufficient", {"A": alarm(**(IN_APP | {"TreatMissingData": "missing"})), "F": FILTER}),
    ("stuck-while-silent", {"A": alarm(**(IN_APP | {"TreatMissingData": "ignore"})), "F": FILTER}),
    ("fill-of-late-data", {"A": math("FILL(a, 0)", 60, **BELOW, **ONE)}),
    ("depends-on-range", {"A": math("a / AVG(a)")}),
    ("depends-on-range", {"A": math("RUNNING_SUM(a)")}),
    ("depends-on-range", {"A": math("a - MAX(a + b)")}),
    ("unit-nobody-publishes", {"A": alarm(**IN_APP, Unit="Count"), "F": FILTER}),
    ("unit-nobody-publishes", {"A": lambdas("Duration", Unit="Seconds")}),
    ("unit-narrows", {"A": alarm(Unit="Percent")}),
    ("dimensions-nobody-publishes", {"A": alarm(**IN_APP, Dimensions=[{"Name": "Env", "Value": "x"}]), "F": FILTER}),
    ("dimensions-nobody-publishes", {"A": alarm(**IN_APP), "F": FUNCTION}),
    ("dimensions-nobody-publishes", {"A": alarm(**IN_APP), "F": powertools("App")}),
    ("dimensions-nobody-publishes", {"A": lambdas(Dimensions=[{"Name": "Function", "Value": "f"}])}),
    ("metric-nobody-publishes", {"A": alarm(**IN_APP, MetricName="Error"), "F": FILTER}),
    ("reference-is-no-name", {"A": alarm(**BY_QUEUE), "Q": {"Type": "AWS::SQS::Queue"}}),
    ("metric-nobody-publishes", {"A": alarm(Namespace="AWS/lambda")}),
    (
        "reference-is-no-name",
        {"A": lambdas(Dimensions=[{"Name": "FunctionName", "Value": get("F", "Arn")}]), "F": FUNCTION},
    ),
    ("reference-is-no-name", {"A": alarm(Dimensions=[{"Name": "ApiName", "Value": {"Ref": "P"}}]), "P": API}),
    ("dead-letters-not-counted", {"A": alarm(**SENT, Dimensions=OF_LETTERS), "Q": REDRIVEN, "D": LETTERS}),
    ("m-of-n-unreachable", {"A": alarm(Namespace="AWS/S3", MetricName="NumberOfObjects", Statistic="Average")}),
    ("high-resolution-of-standard", {"A": lambdas(Period=10)}),
    ("beyond-retention", {"A": alarm(Period=30, EvaluationPeriods=400)}),
    ("few-samples", {"A": alarm(Statistic=None, ExtendedStatistic="p99")}),
    (
        "percent-scale",
        {"A": alarm(Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Average", Threshold=0.9)},
    ),
    ("percent-scale", {"A": math("a / b", Threshold=5)}),
    ("percent-scale", {"A": alarm(**DISK, Threshold=10)}),
    (
        "percent-scale",
        {"A": alarm(Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Average", Threshold=100)},
    ),
    ("gauge-summed", {"A": alarm(**(QUEUE | {"Statistic": "Sum"}), Threshold=9)}),
    ("count-averaged", {"A": lambdas(Statistic="Average")}),
    ("count-averaged", {"A": alarm(**IN_APP, Statistic="Average"), "F": FILTER}),
    ("count-averaged", {"A": lambdas(Statistic="Minimum")}),
    ("count-averaged", {"A": alarm(**IN_APP, Statistic="Minimum"), "F": FILTER}),
    ("publications-counted", {"A": lambdas(Statistic="SampleCount")}),
    ("first-event-not-enough", {"A": alarm(**IN_APP), "F": FILTER}),
    ("no-action", {"A": alarm(AlarmActions=None)}),
    ("no-alarm-action", {"A": alarm(AlarmActions=None, OKActions=[TOPIC])}),
    ("action-is-no-arn", {"A": alarm(AlarmActions=[{"Ref": "F"}]), "F": FUNCTION}),
    ("action-is-no-arn", {"A": alarm(OKActions=[get("T", "TopicName")]), "T": topic("alias/own")}),
    ("actions-disabled", {"A": alarm(ActionsEnabled=False)}),
    ("topic-closed-to-cloudwatch", {"A": alarm(AlarmActions=[{"Ref": "T"}]), "T": topic("alias/aws/sns")}),
    (
        "topic-closed-to-cloudwatch",
        {"A": alarm(AlarmActions=[{"Ref": "T"}]), "T": topic({"Ref": "K"}), "K": key("iam")},
    ),
    ("composite-child-unknown", {"A": alarm(), "C": composite("ALARM(errors) AND ALARM(other)")}),
    ("composite-never-fires", {"A": alarm(), "C": composite("ALARM(errors) AND OK(errors)")}),
    ("composite-never-recovers", {"A": alarm(), "C": composite("ALARM(errors) OR NOT ALARM(errors)")}),
    ("band-missing", {"A": band("m1")}),
    ("warm-up-not-replayed", {"A": alarm(WarmUpConfiguration={"WarmUpPeriodDurationInMinutes": 10})}),
    ("not-evaluated", {"A": alarm(Weight=3)}),
    ("unused-acceptance", {"A": alarm() | {"Metadata": {"cwalarm": {"accept": {"no-action": "a robot reads it"}}}}}),
]


@pytest.mark.parametrize(("rule", "resources"), BROKEN, ids=[rule for rule, _ in BROKEN])
def test_a_rule_hits_what_it_is_for(rule: str, resources: dict[str, Resource]) -> None:
    findings = report(**resources).findings
    assert rule in {one.rule.name for one in findings}
    assert all(one.why and one.sentence.endswith(".") for one in findings)


def test_every_rule_has_an_example() -> None:
    # A repeated logical id is in the text only: what reads it has one value for each.
    assert {rule for rule, _ in BROKEN} == set(RULES) - {"repeated-logical-id"}


@pytest.mark.parametrize(
    "resources",
    [
        {"A": alarm()},
        {"A": math("IF(b >= 10, 100 * a / b)")},
        {"A": math("MAX([FILL(a, 0), FILL(b, 0)])")},
        {"A": math("FILL(a, 0)", **BELOW)},
        {"A": math("100 * a / b", Threshold=5)},
        {"A": math("a / b", Threshold=0.05)},
        {"A": lambdas(TreatMissingData="ignore", InsufficientDataActions=[TOPIC], OKActions=[TOPIC])},
        {"A": alarm(**(IN_APP | {"Threshold": 0})), "F": FILTER},
        {"A": alarm(AlarmActions=None), "C": composite("ALARM(errors)")},
        {"A": alarm(AlarmActions=None), "F": deployed({"Ref": "A"})},
        {"A": alarm(AlarmActions=None), "F": deployed({"Fn::Sub": "${A}"})},
        {"A": alarm(AlarmActions=None), "F": deployed({"Name": "errors"})},
        {"A": alarm(AlarmActions=None), "R": LISTENER},
        {"A": alarm(**(IN_APP | AT_LEAST_ONE), Statistic="Maximum"), "F": FILTER},
        {"A": alarm(**(IN_APP | {"Threshold": 0}), Statistic="Average"), "F": FILTER},
        {"A": lambdas(Statistic="Average", Threshold=0.05, TreatMissingData="ignore")},
        {"A": alarm(**(BELOW | DISK | {"Threshold": 5e9, "TreatMissingData": "missing"}))},
        {"A": alarm(AlarmActions=[get("F", "Arn")]), "F": FUNCTION},
        {"A": alarm(**SENT, Dimensions=BY_QUEUE_NAME), "Q": REDRIVEN, "D": LETTERS},
        {"A": alarm(Dimensions=[{"Name": "StateMachineArn", "Value": get("S", "Arn")}]), "S": MACHINE},
        {"A": alarm(**IN_APP, Dimensions=[{"Name": "service", "Value": "shop"}]), "F": powertools("App")},
        {"A": alarm(**(QUEUE | {"Statistic": "Sum"} | {"Dimensions": BY_QUEUE_NAME}), Threshold=0)},
        {"A": alarm(**(BELOW | {"TreatMissingData": "missing"}), AlarmActions=[{"Ref": "S"}]), "S": SCALING},
        {"A": alarm(AlarmActions=[{"Ref": "T"}]), "T": topic("alias/own")},
        {"A": alarm(AlarmActions=[{"Ref": "T"}]), "T": topic({"Ref": "K"}), "K": key("cloudwatch")},
    ],
)
def test_what_is_sound_has_no_error_and_no_warning(resources: dict[str, Resource]) -> None:
    assert [one.why for one in report(**resources).findings if one.counts] == []


def test_a_rule_says_what_is_wrong_and_what_to_write_and_where_aws_says_so() -> None:
    for rule in RULES.values():
        texts = (rule.title, rule.why, rule.instead)
        assert all(text.endswith(".") and text[0].isupper() for text in texts)
        assert rule.page.startswith("https://docs.aws.amazon.com/")


def raised(resource: Resource) -> tuple[Verdict, State | None]:
    """The answer whether an alarm can fire, and the state that its witness leads to."""
    judged = report(A=resource).judged[0]
    assert judged.answers
    answer = judged.answers.can_fire
    return answer.verdict, State.ALARM if answer.series and State.ALARM in played(resource, answer.series) else None


def played(resource: Resource, lines: Mapping[str, str]) -> list[State | None]:
    """The states at the end of each period of a witness."""
    definition = from_description(resource["Properties"])
    series, period = Series(), timedelta(seconds=definition.period_seconds)
    metrics = {f"{stat.namespace}/{stat.name}": stat.metric for stat in definition.metrics}
    for name, line in lines.items():
        notation.add(series, metrics[name], line, NOON, period)
    length = max(len(notation.values(line)) for line in lines.values())
    return [evaluate(definition, series, NOON + (end + 1) * period).state for end in range(length)]


@pytest.mark.parametrize(
    "resource",
    [
        alarm(),
        alarm(**BELOW),
        alarm(Statistic="p90"),
        math("100 * a / b"),
        math("RATE(a)"),
        math("RUNNING_SUM(a)", EvaluationPeriods=10, DatapointsToAlarm=8),
        math("DIFF(a)", ComparisonOperator="LessThanThreshold", Threshold=0, **ONE),
        math("(a + b) / 300 * 8 / 1000 / 1000 / 1000", Threshold=80),
        math("FILL(a, 0)", **BELOW),
    ],
)
def test_the_witness_of_an_alarm_that_can_fire_raises_it(resource: Resource) -> None:
    assert raised(resource) == (Verdict.YES, State.ALARM)


def test_where_every_value_breaches_the_witness_of_recovery_is_data_after_a_gap() -> None:
    judged = report(A=math("ABS(a)", Threshold=-1, TreatMissingData="ignore")).judged[0]
    assert judged.answers
    assert judged.answers.can_recover.verdict is Verdict.YES
    assert judged.answers.can_recover.series == {"Custom/Errors": "_x6 0", "Custom/Total": "_x6 0"}


@pytest.mark.parametrize("expression", ["DIFF(a)", "DIFF(a) / DIFF_TIME(a)", "RATE(a)"])
def test_where_no_steady_data_makes_it_ok_a_change_is_the_witness(expression: str) -> None:
    resource = math(expression, Threshold=0.5, ComparisonOperator="LessThanOrEqualToThreshold", **ONE)
    judged = report(A=resource).judged[0]
    assert judged.answers
    answer = judged.answers.can_recover
    assert (answer.verdict, played(resource, answer.series)[-1]) == (Verdict.YES, State.OK)


def test_values_that_come_many_times_a_period_are_no_series_but_a_sentence() -> None:
    judged = report(A=alarm(Statistic="SampleCount")).judged[0]
    assert judged.answers
    assert (judged.answers.can_fire.series, judged.answers.can_fire.why) == (
        {},
        "Errors 1 (4 times) for 10 minutes raises it.",
    )


EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "3", "0.5", "-2"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", ">", "=="]), inner).map(
            lambda part: "(" + " ".join(part) + ")"
        ),
        inner.map(lambda part: f"ABS({part})"),
        inner.map(lambda part: f"IF(a > 2, {part}, 1)"),
        inner.map(lambda part: f"FILL(a, {part})"),
        inner.map(lambda part: f"FLOOR(b + {part})"),
        inner.map(lambda part: f"MAX([a + {part}, b])"),
    ),
    max_leaves=5,
)
VALUES = st.one_of(st.none(), st.sampled_from([0, 1, -1, 5, -7, 2.5, 1e6]))


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS, st.lists(st.tuples(VALUES, VALUES), min_size=8, max_size=8))
def test_an_interval_holds_every_value_that_an_expression_has(
    expression: str, rows: list[tuple[float | None, float | None]]
) -> None:
    definition = from_description(math(f"a * 0 + {expression}", 60)["Properties"])
    if problems(definition):
        return
    series = Series()
    for index, row in enumerate(rows):
        for stat, value in zip(definition.metrics, row, strict=True):
            if value is not None:
                series.add(stat.metric, NOON + timedelta(minutes=index), value)
    start = int(NOON.timestamp())
    values = slot_values(definition, series, tuple(range(start, start + 480, 60)), NOON.timestamp() + 600)
    low, high = intervals.of_alarm(definition)
    may, may_not = intervals.breaching(definition)
    for value in values:
        if value is not None:
            assert low <= value <= high
            assert may if breaches(definition, value) else may_not


def accepting(rule: str, reason: str) -> dict[str, Any]:
    return {"cwalarm": {"accept": {rule: reason}}}


def accepted(findings: list[Finding]) -> dict[str, str | None]:
    return {one.rule.name: one.accepted for one in findings}


def test_a_finding_is_accepted_in_the_metadata_of_its_alarm_or_of_the_template_or_by_option() -> None:
    silent = alarm(AlarmActions=None)
    own = report(A=silent | {"Metadata": accepting("no-action", "a robot reads it")})
    assert accepted(own.findings)["no-action"] == "a robot reads it"
    assert own.count(Level.WARNING) == 0
    assert accepted(report(metadata=accepting("no-action", "a robot"), A=silent).findings)["no-action"] == "a robot"
    assert accepted(report(("no-action",), A=silent).findings)["no-action"] == "allowed by --allow"


def test_an_acceptance_without_a_reason_accepts_nothing() -> None:
    findings = accepted(report(A=alarm(AlarmActions=None) | {"Metadata": accepting("no-action", " ")}).findings)
    assert findings["no-action"] is None
    assert "unused-acceptance" in findings


def test_a_rule_that_is_none_cannot_be_allowed() -> None:
    with pytest.raises(InputError, match="no rule nothing"):
        report(("nothing",), A=alarm())


def test_what_cannot_be_judged_is_in_nobodys_way() -> None:
    names = {judged.alarm for judged in report(A=band("ad1"), B=alarm(AlarmName="other")).judged}
    assert names == {"errors", "other"}


def test_an_alarm_that_lacks_a_parameter_is_named_with_it() -> None:
    template = {"Parameters": {"Limit": {"Type": "Number"}}, "Resources": {"A": alarm(Threshold={"Ref": "Limit"})}}
    assert lint(template, {}).missing == ("Limit",)
    assert lint(template, {"Limit": "3"}).missing == ()


def test_a_template_without_alarms_is_refused() -> None:
    with pytest.raises(InputError, match="has no alarm"):
        report(Q={"Type": "AWS::SQS::Queue"})
