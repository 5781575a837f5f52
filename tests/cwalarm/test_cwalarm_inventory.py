"""No alarm of a template vanishes: each is defined, absent by its condition, or refused with what to do."""

from typing import Any

import pytest

from cwalarm.definitions import documents
from cwalarm.definitions.inventory import Inventory, read
from cwalarm.definitions.readings import require_all
from cwalarm.errors import InputError

ALARM = """Namespace: X, MetricName: E, Statistic: Sum, Period: 60, EvaluationPeriods: 1,
      ComparisonOperator: GreaterThanThreshold"""
PLAIN = f"{{Type: AWS::CloudWatch::Alarm, Properties: {{{ALARM}, Threshold: 1}}}}"


def alarm(more: str, threshold: str = "1") -> str:
    return f"{{Type: AWS::CloudWatch::Alarm, Properties: {{{ALARM}, Threshold: {threshold}, {more}}}}}"


def found(text: str, **parameters: str) -> Inventory:
    return read(documents.parse(text), parameters)


CONDITIONAL = f"""
Parameters:
  Stage: {{Type: String, Default: CODE, AllowedValues: [CODE, TEST, PROD]}}
  Email: {{Type: String, Default: ""}}
  Kind: {{Type: String, Default: small}}
Mappings: {{Kinds: {{small: {{alarms: no}}, large: {{alarms: yes}}}}}}
Conditions:
  IsProd: !Equals [!Ref Stage, PROD]
  HasEmail: !Not [!Equals [!Ref Email, ""]]
  Both: !And [!Condition IsProd, !Condition HasEmail]
  Three: !And [!Condition Both, !Condition ByMap]
  ByMap: !Equals [!FindInMap [Kinds, !Ref Kind, alarms], true]
  Abroad: !Equals [!Ref AWS::Region, eu-west-1]
  Never: !Equals [a, b]
Resources:
  A: {{Condition: CONDITION, {PLAIN[1:]}
"""


@pytest.mark.parametrize(
    ("condition", "reason", "next_step"),
    [
        ("IsProd", "while Stage is CODE", "--set Stage=PROD puts it there."),
        ("HasEmail", "while Email is empty", "--set Email=... puts it there."),
        ("Both", "while Email is empty and Stage is CODE", "--set Email=... --set Stage=PROD puts it there."),
        (
            "Three",
            "while Email is empty and Kind is small and Stage is CODE",
            "--set Kind=large --set Stage=PROD puts it there.",
        ),
        ("ByMap", "while Kind is small", "--set Kind=large puts it there."),
        ("Abroad", "while AWS::Region is us-east-1", "--set AWS::Region=eu-west-1 puts it there."),
        ("Never", "does not hold", "depends on no parameter."),
    ],
)
def test_an_alarm_behind_a_condition_is_listed_with_what_turns_it(condition: str, reason: str, next_step: str) -> None:
    inventory = found(CONDITIONAL.replace("CONDITION", condition))
    (absent,) = inventory.absent
    assert absent.reason.startswith(f"its condition {condition} does not hold")
    assert absent.reason.endswith(reason)
    assert absent.next_step.endswith(next_step)
    assert not inventory.alarms
    if absent.overrides:
        assert found(CONDITIONAL.replace("CONDITION", condition), **absent.overrides).alarms


NEEDY = f"""
Parameters: {{Topic: {{Type: String}}, Limit: {{Type: Number}}, Env: {{Type: String}}, Hidden: {{Type: String}},
  Ssm: {{Type: "AWS::SSM::Parameter::Value<String>", Default: /x}}}}
Resources:
  Acts: {alarm("AlarmActions: [!Ref Topic, !Ref Ssm, arn:own], AlarmDescription: !Ref Env, Tags: [!Ref Env]")}
  Lists: {alarm("OKActions: !Split [',', !Ref Topic]")}
  Needs: {alarm("AlarmName: !Sub '${Env}-x', Dimensions: [{Name: a, Value: !Join ['', [!Ref Hidden]]}]", "!Ref Limit")}
  Ssm: {alarm("Unit: !Ref Ssm")}
"""


def test_what_only_actions_need_is_in_the_way_of_no_alarm() -> None:
    acts, lists = found(NEEDY).alarms
    assert (acts.alarm_actions, acts.description) == (("{Topic}", "{Ssm}", "arn:own"), "{Env}")
    assert lists.ok_actions == ("{Fn::Split}",)


def test_all_missing_parameters_of_an_alarm_are_named_at_once_ready_to_copy() -> None:
    needs = found(NEEDY).refused[0]
    assert str(needs.error) == (
        "Resource Needs needs parameters Limit, Env, Hidden, which have neither a default nor a value."
    )
    assert "Add --set Limit=... --set Env=... --set Hidden=... with their values." in needs.error.next_step


@pytest.mark.parametrize(
    "threshold",
    [
        "!Ref Limit",
        "!FindInMap [ByStage, !Ref Stage, !Ref Kind]",
        "!If [IsProd, !Ref Limit, 5]",
        "!Select [3, !Split [x, !Ref Arn]]",
    ],
)
def test_all_missing_parameters_are_named_at_once_though_one_decides_on_a_mapping_or_is_split(threshold: str) -> None:
    declared = ", ".join(f"{name}: {{Type: String}}" for name in ("Stage", "Kind", "Limit", "Arn", "Period"))
    needy = alarm("AlarmName: !Sub '${Stage}-a', Dimensions: [{Name: P, Value: !Ref Period}]", threshold)
    (refused,) = found(f"""
Parameters: {{{declared}}}
Mappings: {{ByStage: {{prod: {{fast: 1}}}}}}
Conditions: {{IsProd: !Equals [!FindInMap [ByStage, !Ref Stage, fast], 1]}}
Resources: {{A: {needy}}}
""").refused
    named = {part.strip(",.") for part in str(refused.error).split()} & {"Stage", "Kind", "Limit", "Arn", "Period"}
    assert named == {"Stage", "Period"} | {name for name in ("Kind", "Limit", "Arn") if f"!Ref {name}" in threshold}


def test_a_name_that_cannot_be_said_yet_is_not_called_wrong_without_a_word_on_the_parameter() -> None:
    named = alarm("AlarmName: !Sub '${Stage}-a'")
    text = f"Parameters: {{Stage: {{Type: String}}}}\nResources: {{A: {named}}}"
    with pytest.raises(InputError) as raised:
        found(text).require("prod-a")
    assert raised.value.next_step == "Choose one of: A. The names of others may need --set Stage=... first."
    assert found(text, Stage="prod").require("prod-a") == "prod-a"


@pytest.mark.parametrize(
    ("declaration", "value", "demand"),
    [
        ("AllowedValues: [on, 10]", "true", None),
        ("AllowedValues: [on, 10]", "on", "be one of true, 10"),
        (f"AllowedValues: [{','.join(map(str, range(12)))}]", "x", "8, 9 or 2 others"),
        ("AllowedPattern: '[a-z]+', ConstraintDescription: in small letters", "a1", "match [a-z]+ (in small letters)"),
        ("AllowedPattern: '[a-z]++[^'", "a1", None),
        ("MinLength: 2, MaxLength: 3", "a", "be at least 2 characters long"),
        ("MinLength: 2, MaxLength: 3", "abcd", "be at most 3 characters long"),
        ("Type: Number, MinValue: 2, MaxValue: 3", "1.9", "be at least 2."),
        ("Type: Number, MinValue: 2, MaxValue: 3", "4", "be at most 3."),
        ("Type: Number", "1e3", None),
        ("Type: Number", "nan", "be a number"),
        ("Type: List<Number>, MaxValue: 3", "1, 4", "be at most 3."),
        ("Type: CommaDelimitedList, AllowedValues: [a, b]", "a,b,a", None),
        ("Type: CommaDelimitedList, AllowedPattern: '[ab]'", "a,c", "match [ab]"),
        ("Type: 'AWS::SSM::Parameter::Value<String>', AllowedValues: [/a/b]", "the value itself", None),
    ],
)
def test_a_value_that_cloudformation_refuses_is_refused_with_what_it_must_do(
    declaration: str, value: str, demand: str | None
) -> None:
    text = f"Parameters: {{P: {{{declaration}}}, Q: {{AllowedValues: [a]}}}}\nResources: {{A: {PLAIN}}}"
    if demand is None:
        assert found(text, P=value, Q="a").alarms
        return
    with pytest.raises(InputError) as raised:
        found(text, P=value, Q="b")
    assert f"refuses P={value}, which must" in str(raised.value)
    assert demand in f"{raised.value}".replace(", and Q=b, which must be one of a", "")
    assert "Q=b, which must be one of a." in str(raised.value)
    assert read(documents.parse(text), {"P": value}, is_what_if=True).alarms


def test_a_value_that_is_in_ssm_is_said_to_be_there() -> None:
    refused = found(NEEDY).refused
    assert "its value in SSM under /x, where only the account can look" in str(refused[1].error)
    with pytest.raises(InputError, match=r"The template needs parameters Limit, Env, Hidden, Ssm\."):
        require_all(refused)


@pytest.mark.parametrize(
    ("key", "words", "next_step"),
    [
        (
            "!Ref AWS::AccountId",
            "for 123456789012, and the keys there are 111122223333, 444455556666; the value of",
            "",
        ),
        ("!Ref AWS::AccountId", "made up here", "--set AWS::AccountId=111122223333 or"),
        (
            "!Ref Stage",
            "for dev, and the keys there are 111122223333, 444455556666; Stage decides on it",
            "--set Stage=",
        ),
        ("fixed", "in mapping Env for fixed, and the keys there are", "Correct the template."),
        ("!Sub 'x-${Stage}'", "for x-dev", "--set Stage=... or"),
    ],
)
def test_a_key_that_a_map_lacks_is_named_with_what_decides_on_it(key: str, words: str, next_step: str) -> None:
    text = f"""
Parameters: {{Stage: {{Type: String, Default: dev}}}}
Mappings: {{Env: {{111122223333: {{limit: 5}}, "444455556666": {{limit: 6}}}}}}
Resources: {{A: {alarm("Unit: Count", f"!FindInMap [Env, {key}, limit]")}}}
"""
    error = found(text).refused[0].error
    assert words in str(error)
    assert next_step in error.next_step
    assert found(text, **{"AWS::AccountId": "444455556666", "Stage": "111122223333"}) is not None


def test_a_threshold_that_only_the_account_knows_is_refused_with_what_it_is() -> None:
    made, stored = alarm("Unit: Count", "!GetAtt Made.Limit"), alarm("Unit: Count", "'{{resolve:ssm:/limit}}'")
    refused = [
        str(item.error)
        for item in found(f"Resources: {{Made: {{Type: Custom::Thing}}, A: {made}, B: {stored}}}").refused
    ]
    assert "its Threshold is Made.Limit, which only the account knows" in refused[0]
    assert "its Threshold is {{resolve:ssm:/limit}}, which only the account knows" in refused[1]


def test_null_is_refused_in_cloudformations_words_and_only_for_the_alarm_that_has_it() -> None:
    inventory = found(f"Resources: {{A: {alarm('Unit: ~')}, B: {PLAIN}}}")
    assert [one.name for one in inventory.alarms] == ["B"]
    assert "[/Resources/A/Properties/Unit] 'null' values are not allowed in templates" in str(
        inventory.refused[0].error
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("Condition: Nulls, ", "'null' values are not allowed in templates"),
        ("Condition: Lacks, ", "null for its default, and 'null' values are not allowed"),
    ],
)
def test_null_in_a_condition_is_no_text_to_compare_with(more: str, words: str) -> None:
    text = f"""
Parameters: {{P: {{Type: String, Default: x}}, Q: {{Type: String, Default: ~}}}}
Conditions: {{Nulls: !Equals [!Ref P, ~], Lacks: !Equals [!Ref Q, x]}}
Resources: {{A: {{{more}{PLAIN[1:]}}}
"""
    assert words in str(found(text).refused[0].error)


def test_an_include_among_the_properties_of_an_alarm_is_refused() -> None:
    included = alarm("Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://x}}")
    assert "uses Fn::Transform" in str(found(f"Resources: {{A: {included}}}").refused[0].error)


SAM = f"""
Transform: AWS::Serverless-2016-10-31
Globals: {{Function: {{AutoPublishAlias: live}}}}
Resources:
  Fn: {{Type: AWS::Serverless::Function, Properties: {{FunctionName: pay}}}}
  Api: {{Type: AWS::Serverless::Api, Properties: {{StageName: prod}}}}
  A: {alarm("Dimensions: [{Name: a, Value: VALUE}]")}
"""


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("!Ref Fn", "pay"),
        ("!Ref Fn.Version", "Fn.Version"),
        ("!GetAtt Fn.Version.Version", "Fn.Version.Version"),
        ("!Ref Fn.Alias", "arn:aws:lambda:us-east-1:123456789012:function:pay:live"),
        ("!Ref FnAliaslive", "arn:aws:lambda:us-east-1:123456789012:function:pay:live"),
        (
            '!Sub "${Fn}:live ${Fn.Version} ${Fn.Arn}"',
            "pay:live Fn.Version arn:aws:lambda:us-east-1:123456789012:function:pay",
        ),
        ("!Ref ServerlessRestApi", "ServerlessRestApi"),
        ("!Ref Api.Stage", "prod"),
        ("!GetAtt FnRole.Arn", "arn:aws:iam::123456789012:role/FnRole"),
    ],
)
def test_what_sam_generates_can_be_referred_to(value: str, resolved: str) -> None:
    (loaded,) = found(SAM.replace("VALUE", value)).alarms
    assert loaded.metrics[0].dimensions == (("a", resolved),)


def test_a_name_that_sam_does_not_generate_is_an_error() -> None:
    assert "refers to Nothing" in str(found(SAM.replace("VALUE", "!Ref Nothing")).refused[0].error)


LOOPS = """
Transform: AWS::LanguageExtensions
Parameters: {Queues: {Type: CommaDelimitedList, Default: "jobs,dead-letters"}, Later: {Type: CommaDelimitedList}}
Mappings: {M: {jobs: {limit: 7}}}
Resources:
  Fn::ForEach::Alarms:
    - Queue
    - !Ref Queues
    - Alarm&{Queue}:
        Type: AWS::CloudWatch::Alarm
        Properties:
          AlarmName: !Sub "${Queue}-waiting"
          Namespace: AWS/SQS
          MetricName: Waiting
          Statistic: Sum
          Period: 60
          EvaluationPeriods: !Length [a, b]
          Threshold: !FindInMap [M, !Ref Queue, limit, {DefaultValue: 9}]
          ComparisonOperator: GreaterThanThreshold
          AlarmDescription: !ToJsonString {a: [1, true]}
          Dimensions:
            - {Name: QueueName, Value: !Ref Queue}
            - {Name: Made, Value: !GetAtt [!Sub "Made&{Queue}", QueueName]}
      Made&{Queue}: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${Queue}.fifo"}}
  Fn::ForEach::Unknown: [X, !Ref Later, {"Alarm${X}": {Type: "AWS::CloudWatch::Alarm"}}]
  Fn::ForEach::Roles: [X, !Ref Later, {"Role${X}": {Type: "AWS::IAM::Role"}}]
  Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://x}}
"""


def test_loops_and_the_other_language_extensions_are_expanded() -> None:
    jobs, letters = found(LOOPS).alarms
    assert (jobs.name, jobs.threshold) == ("jobs-waiting", 7)
    assert letters.metrics[0].dimensions == (("Made", "dead-letters.fifo"), ("QueueName", "dead-letters"))
    assert (letters.name, letters.threshold, letters.evaluation_periods) == ("dead-letters-waiting", 9, 2)
    assert letters.description == '{"a":["1","true"]}'


def test_a_loop_or_an_include_that_only_the_account_can_expand_is_refused_by_name() -> None:
    refused = {item.name: f"{item.error} {item.error.next_step}" for item in found(LOOPS).refused}
    assert list(refused) == ["Fn::ForEach::Unknown", "Fn::Transform"]
    assert "needs parameter Later" in refused["Fn::ForEach::Unknown"]
    assert "--template-stage Processed" in refused["Fn::Transform"]


@pytest.mark.parametrize("written", ["Alarm", "Fixed", "Alarm&{Of}"])
def test_a_loop_that_makes_a_resource_twice_is_refused_where_an_alarm_would_vanish(written: str) -> None:
    loop = f'{{Fn::ForEach::Each: [Of, ["a-b", "ab"], {{"{written}": {PLAIN}}}], Fixed: {PLAIN}}}'
    (refused,) = found(f"Transform: [AWS::LanguageExtensions]\nResources: {loop}").refused
    assert "Fn::ForEach::Each makes" in str(refused.error)
    assert "although there is one already" in str(refused.error)


def test_loops_without_the_transform_that_expands_them_are_refused_as_cloudformation_refuses_them() -> None:
    with pytest.raises(InputError, match="without the transform AWS::LanguageExtensions"):
        found(LOOPS.replace("Transform: AWS::LanguageExtensions", "Transform: AWS::Serverless-2016-10-31"))


def test_loops_in_loops_that_make_millions_of_alarms_are_refused() -> None:
    made: Any = {"${A}-${B}-${C}-${D}": {"Type": "AWS::CloudWatch::Alarm"}}
    for name in "ABCD":
        made = {f"Fn::ForEach::{name}": [name, [str(number) for number in range(60)], made]}
    (refused,) = read({"Transform": "AWS::LanguageExtensions", "Resources": made}, {}).refused
    assert "makes more than 10,000 entries" in str(refused.error)


def test_a_macro_over_the_whole_template_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="goes through Shout, which only the account can run"):
        found(f"Transform: [AWS::Serverless-2016-10-31, Shout]\nResources: {{A: {PLAIN}}}")


OTHERS = f"""
Resources:
  Flow: {{Type: AWS::StepFunctions::StateMachine, Properties: {{StateMachineName: orders}}}}
  Database: {{Type: AWS::RDS::DBInstance, Properties: {{DBInstanceIdentifier: main}}}}
  Group: {{Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {{Name: web}}}}
  Balancer: {{Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {{Type: network}}}}
  Listener: {{Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {{LoadBalancerArn: !Ref Balancer}}}}
  Jobs: {{Type: AWS::SQS::Queue, Properties: {{QueueName: jobs}}}}
  Rest: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: shop}}}}
  Cache: {{Type: AWS::ElastiCache::ReplicationGroup, Properties: {{ReplicationGroupId: sessions}}}}
  Inner: {{Type: AWS::CloudFormation::Stack}}
  Made: {{Type: Custom::Thing, Properties: {{Name: x}}}}
  A: {alarm("Dimensions: [{Name: a, Value: VALUE}]")}
"""


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("!Ref Flow", "arn:aws:states:us-east-1:123456789012:stateMachine:orders"),
        ("!GetAtt Flow.Name", "orders"),
        ("!Ref Jobs", "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"),
        ("!GetAtt Jobs.QueueName", "jobs"),
        ("!Ref Rest", "Rest"),
        ("!GetAtt Rest.RestApiId", "Rest"),
        ("!Ref Cache", "sessions"),
        ("!Ref Database", "main"),
        ("!GetAtt Group.TargetGroupFullName", "targetgroup/web/id"),
        ("!GetAtt Balancer.LoadBalancerFullName", "net/Balancer/id"),
        ("!Select [1, !Split ['loadbalancer/', !Ref Balancer]]", "net/Balancer/id"),
        ("!Select [2, !Split ['/', !Ref Listener]]", "Balancer"),
        ("!GetAtt Inner.Outputs.Queue", "Inner.Outputs.Queue"),
        ("!GetAtt Made.Name", "Made.Name"),
        ("!GetAtt Database.Endpoint.Address", "Database.Endpoint.Address"),
    ],
)
def test_what_ref_and_getatt_return_is_distinct_and_true_as_far_as_a_template_says(value: str, resolved: str) -> None:
    (loaded,) = found(OTHERS.replace("VALUE", value)).alarms
    assert loaded.metrics[0].dimensions == (("a", resolved),)


@pytest.mark.parametrize(
    ("text", "words", "next_step"),
    [
        ("Resources: {Q: {Type: AWS::SQS::Queue}}", "t.yaml has no alarm.", "Give a template that has"),
        ("Resources: {S: {Type: AWS::CloudFormation::Stack}}", "has no alarm.", "nested stack or module: S."),
        ("Resources: {S: {Type: Our::Alarms::For::MODULE}}", "has no alarm.", "nested stack or module: S."),
        (CONDITIONAL.replace("CONDITION", "IsProd"), "A is not in the stack, because its condition", "Stage=PROD"),
        (NEEDY.replace("Acts:", "Acts2:"), "", ""),
    ],
)
def test_a_template_without_alarms_says_so(text: str, words: str, next_step: str) -> None:
    inventory: Any = found(text)
    if not words:
        inventory.require_some("t.yaml")
        return
    with pytest.raises(InputError) as raised:
        inventory.require_some("t.yaml")
    assert words in str(raised.value)
    assert next_step in raised.value.next_step


CDK = """
{"Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>",
   "Default": "/cdk-bootstrap/hnb659fds/version", "Description": "Version of the bootstrap resources. [cdk:skip]"}},
 "Conditions": {"CDKMetadataAvailable": {"Fn::Or": [
   {"Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "af-south-1"]},
     {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}]},
   {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}]}},
 "Rules": {"CheckBootstrapVersion": {"Assertions": [{"Assert": {"Fn::Not": [{"Fn::Contains": [["1"],
   {"Ref": "BootstrapVersion"}]}]}}]}},
 "Resources": {
   "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Condition": "CDKMetadataAvailable"},
   "NestedStackResource": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": {"Fn::Sub": "https://x"}}},
   "Alarm7103F465": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"ComparisonOperator": "GreaterThanThreshold",
     "EvaluationPeriods": 1, "Threshold": 0, "Period": 300, "Statistic": "Sum", "Namespace": "X", "MetricName": "M",
     "Dimensions": [
       {"Name": "a", "Value": {"Fn::ImportValue": "Base:ExportsOutputRefQueue"}},
       {"Name": "b", "Value": {"Fn::GetAtt": ["NestedStackResource", "Outputs.NestedQueueArn"]}}]}}}}
"""


def test_what_the_cdk_synthesises_is_read() -> None:
    inventory = found(CDK)
    (loaded,) = inventory.alarms
    assert (loaded.name, loaded.metrics[0].dimensions) == (
        "Alarm7103F465",
        (("a", "{ImportValue Base:ExportsOutputRefQueue}"), ("b", "NestedStackResource.Outputs.NestedQueueArn")),
    )
    assert inventory.nested == ("NestedStackResource",)
