"""The probe stack: small functions and one resource of each kind, for tests of the local cloud's bridges."""

from typing import Any

HANDLERS = '''
import json, os, sys, time
import boto3

def probe(event, context):
    """Do what the event says, so that a test sees how the cloud takes it."""
    for line in event.get("print", []):
        print(line)
    if event.get("fail"):
        raise RuntimeError(event["fail"])
    return {"event": event, "environment": sorted(os.environ), "endpoint": os.environ["AWS_ENDPOINT_URL"]}

def overreach(event, context):
    """Write where the role does not allow it."""
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key="elsewhere/x", Body=b"")

def secrets(event, context):
    """Read several parameters at once."""
    found = boto3.client("ssm").get_parameters(Names=event, WithDecryption=True)["Parameters"]
    return [each["Value"] for each in found]

def send(event, context):
    """Send a mail as somebody."""
    boto3.client("sesv2").send_email(
        FromEmailAddress=event, Destination={"ToAddresses": ["support@example.com"]},
        Content={"Raw": {"Data": f"From: {event}\\nSubject: From a function\\n\\nHello".encode()}},
    )

def remember(event, context):
    """Keep every event in the bucket, in order of arrival."""
    s3 = boto3.client("s3")
    count = s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix="events/")["KeyCount"]
    s3.put_object(Bucket=os.environ["BUCKET"], Key=f"events/{count:03}.json", Body=json.dumps(event).encode())
'''

MAY = [
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": {"Fn::GetAtt": ["Bucket", "Arn"]}},
    {"Effect": "Allow", "Action": "s3:PutObject", "Resource": {"Fn::Sub": "${Bucket.Arn}/events/*"}},
    {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "arn:aws:ssm:*:*:parameter/probe/*"},
    {
        "Effect": "Allow",
        "Action": "ses:SendRawEmail",
        "Resource": "arn:aws:ses:*:*:identity/watch@example.com",
        "Condition": {"StringEquals": {"ses:FromAddress": "watch@example.com"}},
    },
]
SERVICES = ["lambda.amazonaws.com", "scheduler.amazonaws.com"]
TRUST = [{"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole"}]
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": TRUST},
        "Policies": [{"PolicyName": "events", "PolicyDocument": {"Version": "2012-10-17", "Statement": MAY}}],
    },
}


def function(handler: str) -> dict[str, Any]:
    properties = {
        "FunctionName": f"probe-{handler}",
        "Runtime": "python3.13",
        "Handler": f"handlers.{handler}",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": "code",
        "Timeout": 20,
        "Environment": {"Variables": {"BUCKET": {"Ref": "Bucket"}}},
        "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
    }
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


def metric(identifier: str, name: str) -> dict[str, Any]:
    wanted = {"Namespace": "Probe", "MetricName": name, "Dimensions": [{"Name": "Environment", "Value": "test"}]}
    return {"Id": identifier, "ReturnData": "false", "MetricStat": {"Metric": wanted, "Period": "600", "Stat": "Sum"}}


RESOURCES = {
    "Role": ROLE,
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}},
    "Probe": function("probe"),
    "Remember": function("remember"),
    "Overreach": function("overreach"),
    "Secrets": function("secrets"),
    "Send": function("send"),
    "MayRemember": {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": "Remember"},
            "Action": "lambda:InvokeFunction",
            "Principal": "sns.amazonaws.com",
            "SourceArn": {"Ref": "Topic"},
        },
    },
    "DeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "probe-dead-letters"}},
    "Topic": {
        "Type": "AWS::SNS::Topic",
        "Properties": {
            "TopicName": "probe",
            "Subscription": [
                {"Protocol": "lambda", "Endpoint": {"Fn::GetAtt": ["Remember", "Arn"]}},
                {"Protocol": "email", "Endpoint": "oncall@example.com"},
            ],
        },
    },
    "Ratio": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": "probe-ratio",
            "EvaluationPeriods": 1,
            "Threshold": "3",
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "ignore",
            "AlarmActions": [{"Ref": "Topic"}],
            "OKActions": [{"Ref": "Topic"}],
            "Metrics": [
                {"Id": "share", "Expression": "IF(total >= 10, 100 * failed / total, 0)", "ReturnData": "true"},
                metric("failed", "Failed"),
                metric("total", "Total"),
            ],
        },
    },
    "Errors": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": "probe-errors",
            "Namespace": "AWS/Lambda",
            "MetricName": "Errors",
            "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "Probe"}}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        },
    },
    "Any": {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "DependsOn": ["Ratio", "Errors"],
        "Properties": {"AlarmName": "probe-any", "AlarmRule": 'ALARM("probe-ratio") OR ALARM("probe-errors")'},
    },
    "Saved": {
        "Type": "AWS::Athena::NamedQuery",
        "Properties": {"Name": "everything", "Database": "probe", "QueryString": "SELECT 1", "WorkGroup": "primary"},
    },
    "Morning": {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Name": "morning",
            "ScheduleExpression": "cron(0 8 * * ? *)",
            "ScheduleExpressionTimezone": "Australia/Brisbane",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": {"Fn::GetAtt": ["Remember", "Arn"]},
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "Input": '{"at": "<aws.scheduler.scheduled-time>"}',
            },
        },
    },
}  # fmt: skip


TEMPLATE = {"Resources": RESOURCES, "Outputs": {"Bucket": {"Value": {"Ref": "Bucket"}}}}
