"""Roles, policies and permissions hold: least privilege is tested by running, not by reading."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.emulator import access
from local.local_probe import TRUST, function


def test_a_function_may_do_what_its_role_allows_and_nothing_else(cloud: LocalCloud) -> None:
    assert cloud.invoke("probe-remember", {}).error is None
    assert "not authorized to perform: s3:PutObject" in str(cloud.invoke("probe-overreach", {}).error)


def test_a_function_may_read_the_parameters_under_its_path_only(cloud: LocalCloud) -> None:
    for name in ("/probe/user", "/probe/key", "/other/key"):
        cloud.client("ssm").put_parameter(Name=name, Value=f"value of {name}", Type="SecureString")
    assert cloud.invoke("probe-secrets", ["/probe/user", "/probe/key"]).payload == [
        "value of /probe/user",
        "value of /probe/key",
    ]
    assert "not authorized" in str(cloud.invoke("probe-secrets", ["/other/key", "/probe/key"]).error)
    assert "not authorized" in str(cloud.invoke("probe-secrets", ["/probe/key", "/other/key"]).error)


def test_a_function_may_send_from_its_own_address_only(cloud: LocalCloud) -> None:
    for address in ("watch@example.com", "boss@example.com"):
        cloud.client("sesv2").create_email_identity(EmailIdentity=address)
    assert cloud.invoke("probe-send", "watch@example.com").error is None
    assert "not authorized to perform: ses:SendRawEmail" in str(cloud.invoke("probe-send", "boss@example.com").error)
    assert [mail.subject for mail in cloud.outbox()] == ["From a function"]


def test_sns_reaches_no_function_that_does_not_let_it_in(cloud: LocalCloud, remembered: Any) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="stranger")["TopicArn"]
    function = "arn:aws:lambda:us-east-1:111122223333:function:probe-remember"
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    sns.publish(TopicArn=topic, Message="let me in")
    cloud.settle()
    assert remembered() == []


def test_a_bucket_that_insists_on_tls_is_content_with_loopback(cloud: LocalCloud, bucket: str) -> None:
    s3, everything = cloud.client("s3"), [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": everything, "Condition": condition}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    assert cloud.invoke("probe-remember", {}).error is None
    s3.delete_bucket_policy(Bucket=bucket)


@pytest.mark.parametrize("condition", [{"aws:SourceAccount": "444455556666"}, {"aws:SourceArn": "arn:aws:lambda:*:x"}])
def test_a_function_whose_role_does_not_trust_lambda_with_it_is_refused(
    cloud: LocalCloud, tmp_path: Path, condition: dict[str, str]
) -> None:
    statement = {**TRUST[0], "Condition": {"StringLike": condition}}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}
    (tmp_path / "code").mkdir()
    made = function("stranger")
    made["Properties"] = {
        key: made["Properties"][key] for key in ("FunctionName", "Runtime", "Handler", "Role", "Code")
    }
    with pytest.raises(ConfigurationError, match="cannot be assumed by Lambda"):
        cloud.deploy({"Resources": {"Role": role, "Stranger": made}}, {}, tmp_path, name="stranger")
    cloud.client("cloudformation").delete_stack(StackName="stranger")


@pytest.mark.parametrize(
    ("operator", "account", "source", "is_taken"),
    [
        ("StringEquals", "111122223333", "arn:x", True),
        ("StringEquals", "111122223333", "", False),
        ("StringEqualsIfExists", "111122223333", "", True),
        ("StringEqualsIfExists", "444455556666", "arn:x", False),
    ],
)
def test_a_condition_holds_without_its_key_only_if_it_says_so(
    cloud: LocalCloud, operator: str, account: str, source: str, is_taken: bool
) -> None:
    statement = {**TRUST[0], "Condition": {operator: {"aws:SourceAccount": account}}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = cloud.client("iam")
    arn = iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assert access.may_take(arn, "lambda.amazonaws.com", source) is is_taken
    iam.delete_role(RoleName="trusting")


def test_who_is_nobody_is_refused(cloud: LocalCloud) -> None:
    import boto3

    stranger = boto3.client(
        "sqs",
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIASTRANGER",
        aws_secret_access_key="x",
    )
    with pytest.raises(ClientError, match="security token"):
        stranger.list_queues()
