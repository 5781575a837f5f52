"""Least privilege: each role allows exactly what its function calls, on its own resources, and nobody else takes it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from cfn_values import of_type

ROOM = Path(__file__).parents[2] / "src/deliverywatch"
BUCKET = ROOM / "storage/s3.py"
ARN = "arn:aws:{}:eu-west-1:111122223333:{}".format

# role -> action -> the resources it is allowed on
LAKE = "LakeBucket"
ALLOWED = {
    "SmsIngestRole": {
        "logs:CreateLogStream": ["SmsIngestLogs"],
        "logs:PutLogEvents": ["SmsIngestLogs"],
        "s3:GetObject": [f"{LAKE}/sms/*", f"{LAKE}/state/*"],
        "s3:PutObject": [f"{LAKE}/damaged/*", f"{LAKE}/sms/*", f"{LAKE}/state/*"],
        "s3:ListBucket": [LAKE],
        "ssm:GetParameters": [ARN("ssm", "parameter/deliverywatch/prod/clicksend/*")],
        "kms:Decrypt": [ARN("kms", "key/*")],
        "sns:Publish": ["AlertsTopic"],
    },
    "SmsCompactRole": {
        "logs:CreateLogStream": ["SmsCompactLogs"],
        "logs:PutLogEvents": ["SmsCompactLogs"],
        "s3:GetObject": [f"{LAKE}/sms/*"],
        "s3:PutObject": [f"{LAKE}/sms/*"],
        "s3:DeleteObject": [f"{LAKE}/sms/*"],
        "s3:ListBucket": [LAKE],
        # Lambda says what became of the run.
        "sns:Publish": ["AlertsTopic"],
    },
    "AlertingNotifyRole": {
        "logs:CreateLogStream": ["AlertingNotifyLogs"],
        "logs:PutLogEvents": ["AlertingNotifyLogs"],
        "s3:GetObject": [f"{LAKE}/{name}/*" for name in ("channels", "incidents", "mails", "state")],
        "s3:PutObject": [f"{LAKE}/{name}/*" for name in ("channels", "damaged", "incidents", "mail-bodies", "mails")],
        "s3:ListBucket": [LAKE],
        "ses:SendEmail": [ARN("ses", "identity/*"), ARN("ses", "configuration-set/*")],
        "ses:SendRawEmail": [ARN("ses", "identity/*"), ARN("ses", "configuration-set/*")],
        "cloudwatch:DescribeAlarms": ["*"],
        "cloudwatch:GetMetricData": ["*"],
        "cloudwatch:GetMetricWidgetImage": ["*"],
        "cloudwatch:ListAlarmMuteRules": ["*"],
        "cloudformation:DescribeStacks": [ARN("cloudformation", "stack/stack/*")],
        "sns:Publish": ["FallbackTopic"],
        "sqs:SendMessage": ["AlertingNotifyDeadLetters"],
    },
    "OperateDigestRole": {
        "logs:CreateLogStream": ["OperateDigestLogs"],
        "logs:PutLogEvents": ["OperateDigestLogs"],
        "s3:GetObject": [f"{LAKE}/incidents/*", f"{LAKE}/mails/*", f"{LAKE}/state/*"],
        "s3:PutObject": [f"{LAKE}/mails/*", f"{LAKE}/mail-bodies/*"],
        "s3:ListBucket": [LAKE],
        "ses:SendEmail": [ARN("ses", "identity/*"), ARN("ses", "configuration-set/*")],
        "ses:SendRawEmail": [ARN("ses", "identity/*"), ARN("ses", "configuration-set/*")],
        "cloudwatch:DescribeAlarms": ["*"],
        "cloudwatch:GetMetricData": ["*"],
        "cloudwatch:ListAlarmMuteRules": ["*"],
        "cloudwatch:GetAlarmMuteRule": [ARN("cloudwatch", "alarm-mute-rule:*")],
        "cloudformation:DescribeStacks": [ARN("cloudformation", "stack/stack/*")],
        "cloudformation:GetTemplate": [ARN("cloudformation", "stack/stack/*")],
        # Lambda says what became of the run.
        "sns:Publish": ["AlertsTopic", "FallbackTopic"],
    },
    "OperateExamineRole": {
        "logs:CreateLogStream": ["OperateExamineLogs"],
        "logs:PutLogEvents": ["OperateExamineLogs"],
        "cloudformation:DescribeStacks": [ARN("cloudformation", "stack/stack/*")],
        "cloudformation:GetTemplate": [ARN("cloudformation", "stack/stack/*")],
        "cloudformation:ListStackResources": [ARN("cloudformation", "stack/stack/*")],
        "lambda:GetFunctionConfiguration": [ARN("lambda", "function:deliverywatch-prod-*")],
        "lambda:GetFunctionConcurrency": [ARN("lambda", "function:deliverywatch-prod-*")],
        "lambda:GetPolicy": [ARN("lambda", "function:deliverywatch-prod-*")],
        "scheduler:GetSchedule": [ARN("scheduler", "schedule/default/deliverywatch-prod-*")],
        "cloudwatch:DescribeAlarms": ["*"],
        "cloudwatch:DescribeAlarmHistory": ["*"],
        "sns:ListTopics": ["*"],
        "ses:GetAccount": ["*"],
        "ses:GetSuppressedDestination": ["*"],
        "ssm:DescribeParameters": ["*"],
        "ses:GetEmailIdentity": [ARN("ses", "identity/*")],
        "sns:ListSubscriptionsByTopic": ["AlertsTopic", "FallbackTopic"],
        "sqs:GetQueueAttributes": [ARN("sqs", "deliverywatch-prod-*")],
        "athena:GetWorkGroup": [ARN("athena", "workgroup/deliverywatch-prod")],
        "s3:GetBucketPublicAccessBlock": [LAKE],
        "s3:GetEncryptionConfiguration": [LAKE],
        "s3:ListBucket": [LAKE],
        "s3:GetObject": [f"{LAKE}/state/*"],
        "s3:PutObject": [f"{LAKE}/state/operate-doctor*", f"{LAKE}/damaged/*"],
        "sns:Publish": ["AlertsTopic", "FallbackTopic"],
    },
    **{
        role: {"lambda:InvokeFunction": [function], "sqs:SendMessage": ["AlertingNotifyDeadLetters"]}
        for role, function in {
            "OperateExamineNightlyRole": "OperateExamine",
            "OperateDigestWeeklyRole": "OperateDigest",
            "SmsIngestSlotsRole": "SmsIngest",
            "SmsCompactNightlyRole": "SmsCompact",
            "AlertingSweepRole": "AlertingNotify",
        }.items()
    },
}

# What a call of boto3 needs; put_object on a condition needs s3:GetObject too, send_email of a raw message both.
NEEDS = {
    "get_object": {"s3:GetObject"},
    "delete_object": {"s3:DeleteObject", "s3:GetObject"},
    "head_object": {"s3:GetObject"},
    "put_object": {"s3:PutObject", "s3:GetObject"},
    "list_objects_v2": {"s3:ListBucket"},
    "get_parameters": {"ssm:GetParameters", "kms:Decrypt"},
    # Only where a parameter names a secret of a channel or the key of links: their own tests say which.
    "get_parameter": set(),
    "describe_stacks": {"cloudformation:DescribeStacks"},
    "describe_alarms": {"cloudwatch:DescribeAlarms"},
    "get_metric_data": {"cloudwatch:GetMetricData"},
    "get_metric_widget_image": {"cloudwatch:GetMetricWidgetImage"},
    "list_alarm_mute_rules": {"cloudwatch:ListAlarmMuteRules"},
    "send_email": {"ses:SendEmail", "ses:SendRawEmail"},
    "publish": {"sns:Publish"},
}
# Not called by our code: Lambda writes the log and the dead letters, S3 asks for ListBucket where an object is missing.
BY_SERVICES = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage", "s3:ListBucket"}


def statements(template: dict[str, Any], **parameters: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, role in of_type(template, "AWS::IAM::Role", **parameters).items():
        for policy in role["Policies"]:
            yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def shown(resource: str, own: dict[str, str]) -> str:
    """Return a resource by its logical id where it is one of the stack's own."""
    for arn, logical_id in own.items():
        if resource == arn or resource.startswith(f"{arn}/"):
            return resource.replace(arn, logical_id)
    return resource


@pytest.fixture(scope="module")
def own(template: dict[str, Any]) -> dict[str, str]:
    """ARN -> logical id, by letting the template resolve an ARN of each of its resources."""
    from cfn_values import GIVEN

    from cwalarm.definitions.template import Resolver

    resolver = Resolver(template, GIVEN)
    arns = {resolver.resolve({"Fn::GetAtt": [name, "Arn"]}): name for name in template["Resources"]}
    return {arn: name for arn, name in arns.items() if not name.endswith(("Policy", "Subscription"))}


def test_each_role_allows_exactly_its_actions_on_its_resources(template: dict[str, Any], own: dict[str, str]) -> None:
    by_role: dict[str, dict[str, list[str]]] = {}
    for role, statement in statements(template):
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            resources = [shown(resource, own) for resource in as_list(statement["Resource"])]
            by_role.setdefault(role, {}).setdefault(action, []).extend(resources)
    sort = {role: {action: sorted(on) for action, on in actions.items()} for role, actions in by_role.items()}
    assert sort == {role: {action: sorted(on) for action, on in actions.items()} for role, actions in ALLOWED.items()}


def operations_in(code: ast.AST) -> set[str]:
    """Return the operations of AWS that code names: called on a client, or given to a paginator."""
    session = botocore.session.get_session()
    services = ("s3", "ssm", "cloudwatch", "sesv2", "sns", "sqs", "lambda", "athena", "kms", "cloudformation")
    operations = {
        xform_name(name) for service in services for name in session.get_service_model(service).operation_names
    }
    nodes = list(ast.walk(code))
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return (
        named | {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    ) & operations


def store_calls(room: str) -> set[str]:
    """Return the operations of S3 behind the methods of the store that a room names; `update` reads and writes."""
    (bucket,) = [
        node
        for node in ast.walk(ast.parse(BUCKET.read_text()))
        if isinstance(node, ast.ClassDef) and node.name == "Bucket"
    ]
    methods = {each.name: each for each in bucket.body if isinstance(each, ast.FunctionDef) and each.name[0] != "_"}
    nodes = [node for path in (ROOM / room).rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    if "update" in {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}:
        named |= {"read", "write_if_unchanged"}
    operations = set[str]()
    for name in named & {*methods}:
        operations |= operations_in(methods[name]) | ({"list_objects_v2"} if name == "keys" else set())
    return operations


@pytest.mark.parametrize("room", ["sms", "alerting"])
def test_a_role_allows_what_its_code_calls_and_no_more(room: str) -> None:
    roles = {"sms": ["SmsIngestRole", "SmsCompactRole"], "alerting": ["AlertingNotifyRole"]}[room]
    calls = operations_in(ast.parse((ROOM / room / "aws.py").read_text())) | store_calls(room)
    needed = set().union(*(NEEDS[call] for call in calls))
    assert needed - BY_SERVICES == set().union(*(ALLOWED[role] for role in roles)) - BY_SERVICES


def conditions(template: dict[str, Any], role: str, action: str) -> dict[str, Any]:
    (statement,) = [each for name, each in statements(template) if name == role and action in as_list(each["Action"])]
    return statement.get("Condition", {})


def test_mail_leaves_in_the_senders_name_only(template: dict[str, Any]) -> None:
    assert conditions(template, "AlertingNotifyRole", "ses:SendRawEmail") == {
        "StringEquals": {"ses:FromAddress": "alerts@example.com"}
    }


def test_a_key_decrypts_the_two_parameters_only_and_only_for_ssm(template: dict[str, Any]) -> None:
    assert conditions(template, "SmsIngestRole", "kms:Decrypt") == {
        "StringEquals": {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"},
        "StringLike": {
            "kms:EncryptionContext:PARAMETER_ARN": ARN("ssm", "parameter/deliverywatch/prod/clicksend/*"),
        },
    }


def test_a_key_of_the_topics_may_be_used_by_those_that_mail_if_there_is_one(template: dict[str, Any]) -> None:
    key = ARN("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
    uses = [
        (role, statement["Action"])
        for role, statement in statements(template, KmsKeyArn=key)
        if statement["Resource"] == key
    ]
    use = ["kms:Decrypt", "kms:GenerateDataKey"]
    look = ["kms:DescribeKey", "kms:GetKeyPolicy"]
    assert uses == [
        ("AlertingNotifyRole", use),
        ("OperateDigestRole", use),
        ("OperateExamineRole", look),
        ("OperateExamineRole", use),
        ("SmsCompactRole", use),
        ("SmsIngestRole", use),
    ]


@pytest.mark.parametrize(
    ("role", "service"),
    [
        ("SmsIngestRole", "lambda.amazonaws.com"),
        ("SmsCompactRole", "lambda.amazonaws.com"),
        ("AlertingNotifyRole", "lambda.amazonaws.com"),
        ("SmsIngestSlotsRole", "scheduler.amazonaws.com"),
        ("AlertingSweepRole", "scheduler.amazonaws.com"),
    ],
)
def test_a_role_is_taken_by_one_service(template: dict[str, Any], role: str, service: str) -> None:
    (trust,) = of_type(template, "AWS::IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": service}
    if service == "scheduler.amazonaws.com":
        assert trust["Condition"]["StringEquals"]["aws:SourceAccount"] == "111122223333"


@pytest.mark.parametrize("topic", ["alerts", "fallback"])
def test_only_alarms_of_this_account_may_publish_to_a_topic(template: dict[str, Any], topic: str) -> None:
    policies = of_type(template, "AWS::SNS::TopicPolicy")
    document = policies[f"{topic.capitalize()}TopicPolicy"]["PolicyDocument"]
    (allowed,) = [each for each in document["Statement"] if each["Effect"] == "Allow"]
    assert allowed == {
        "Effect": "Allow",
        "Action": "sns:Publish",
        "Resource": ARN("sns", f"deliverywatch-prod-{topic}"),
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": "111122223333"},
            "ArnLike": {"aws:SourceArn": ARN("cloudwatch", "alarm:*")},
        },
    }


@pytest.mark.parametrize("kind", ["AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"])
def test_nobody_gets_in_without_tls(template: dict[str, Any], kind: str) -> None:
    for policy in of_type(template, kind).values():
        (denied,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
        assert denied["Principal"] == "*"
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
