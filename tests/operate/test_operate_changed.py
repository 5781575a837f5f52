"""Whatever somebody changes by hand in a deployed stack is a finding of `doctor`, and nothing else is."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.demo import play
from deliverywatch.operate.account import aws
from deliverywatch.operate.deploy.aws_formation import CloudFormation
from deliverywatch.operate.doctor import diagnose
from deliverywatch.operate.doctor.aws_deployed import Resources
from deliverywatch.operate.doctor.aws_doctor import Account

if TYPE_CHECKING:
    from deliverywatch.operate.doctor.check import Check

PREFIX = "deliverywatch-prod"
SETS = [f"daily-system-design-{stream}-prod" for stream in ("newsletter", "transactional")]
LINK_KEY = "/deliverywatch/prod/link-key"
# What does not look at the stack itself.
ELSEWHERE = ("sender", "sandbox", "suppressed", "clicksend-key", "heartbeat", "records", "alarm-history", "mutes")

Undo = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack: clients of its account, and the names of its resources by logical id."""

    client: Callable[[str], Any]
    names: dict[str, str]
    examine: Callable[[], list[Check]]

    def failing(self) -> list[Check]:
        return [check for check in self.examine() if check.verdict != "ok"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack of three systems for all cases; each puts back what it changed."""
    from blocks.extras import Extra
    from bundling import build

    folder = tmp_path_factory.mktemp("changed") / "build"
    build.build(["sms", "files", "email"], "none", folder, [Extra.INCIDENT_PAGE])
    with LocalCloud(datetime.now(UTC)) as cloud:
        for name in SETS:
            cloud.client("sesv2").create_configuration_set(ConfigurationSetName=name)
        for name in ("username", "api_key"):
            path = f"/deliverywatch/prod/clicksend/{name}"
            cloud.client("ssm").put_parameter(Name=path, Value="x", Type="SecureString")
        cloud.client("ssm").put_parameter(Name=LINK_KEY, Value="x" * 32, Type="SecureString")
        play.deploy(cloud, json.loads((folder / "template.json").read_text()), folder, {"LinkKeyParameter": LINK_KEY})
        account = aws.connect()
        deployment, formation = aws.find(account, play.STACK), CloudFormation(account)
        resources, template = formation.resources(deployment.name), formation.template(deployment.name)

        def examine() -> list[Check]:
            subject = diagnose.Subject(deployment, resources, template, deployment.version, datetime.now(UTC))
            return list(diagnose.examine(Account(account), subject, ELSEWHERE))

        yield Stack(cloud.client, {resource.id: resource.name for resource in resources}, examine)


def test_a_fresh_stack_has_no_finding(stack: Stack) -> None:
    assert stack.failing() == []
    (line,) = [check for check in stack.examine() if check.name == "changed"]
    assert line.finding == f"{len(stack.names)} resources are as they were deployed."


def test_every_kind_of_resource_is_compared() -> None:
    import stacks
    from blocks.extras import Extra

    extras = [*Extra]
    templates = [
        stacks.template(stacks.chosen([name], extras), "arm64", "0", extras).to_dict() for name in stacks.SYSTEMS
    ]
    kinds = {resource["Type"] for template in templates for resource in template["Resources"].values()}
    account = Resources(aws.Cloud(boto3.Session(region_name="us-east-1")), (), {})
    assert kinds - set(account.readers) <= {"AWS::Budgets::Budget"}


def schedule(name: str, **changes: Any) -> Callable[[Stack], Undo]:
    def harm(stack: Stack) -> Undo:
        client = stack.client("scheduler")
        made = client.get_schedule(Name=f"{PREFIX}-{name}")
        accepted = client.meta.service_model.operation_model("UpdateSchedule").input_shape.members
        before = {key: value for key, value in made.items() if key in accepted}
        if not changes:
            client.delete_schedule(Name=made["Name"])
            return lambda: client.create_schedule(**before)
        client.update_schedule(**{**before, **changes})
        return lambda: client.update_schedule(**before)

    return harm


def function(name: str, **changes: Any) -> Callable[[Stack], Undo]:
    def harm(stack: Stack) -> Undo:
        client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-{name}"}
        made = client.get_function_configuration(**of)
        before = {key: made[key] for key in changes}

        def put(values: dict[str, Any]) -> None:
            client.update_function_configuration(**of, **values)
            client.get_waiter("function_updated_v2").wait(**of, WaiterConfig={"Delay": 0.05})

        put(changes)
        return lambda: put(before)

    return harm


def stop_function(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-sms-ingest"}
    client.put_function_concurrency(**of, ReservedConcurrentExecutions=0)
    return lambda: client.delete_function_concurrency(**of)


def narrow_function(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-files-process"}
    client.put_function_concurrency(**of, ReservedConcurrentExecutions=1)
    return lambda: client.delete_function_concurrency(**of)


def replace_code(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-sms-compact"}
    deployed = base64.b64decode(client.get_function_configuration(**of)["CodeSha256"]).hex()
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("x.py", "")

    def put(**code: Any) -> None:
        client.update_function_code(**of, **code)
        client.get_waiter("function_updated_v2").wait(**of, WaiterConfig={"Delay": 0.05})

    put(ZipFile=other.getvalue())
    return lambda: put(S3Bucket="deliverywatch-local-code", S3Key=f"{deployed}.zip")


def role_policy(document: Any, name: str = "sms-ingest") -> Callable[[Stack], Undo]:
    """Delete a policy of a role, change it, or add another."""

    def harm(stack: Stack) -> Undo:
        iam, of = stack.client("iam"), {"RoleName": stack.names["SmsIngestRole"], "PolicyName": name}
        if document is None:
            before = iam.get_role_policy(**of)["PolicyDocument"]
            iam.delete_role_policy(**of)
            return lambda: iam.put_role_policy(**of, PolicyDocument=json.dumps(before))
        iam.put_role_policy(**of, PolicyDocument=json.dumps(document))
        return lambda: iam.delete_role_policy(**of)

    return harm


EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def attach_administrator(stack: Stack) -> Undo:
    iam, of = stack.client("iam"), {"RoleName": stack.names["SmsIngestRole"]}
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_role_policy(**of, PolicyArn=arn)
    return lambda: iam.detach_role_policy(**of, PolicyArn=arn)


def bound_role(stack: Stack) -> Undo:
    iam, of = stack.client("iam"), {"RoleName": stack.names["FilesProcessRole"]}
    iam.put_role_permissions_boundary(**of, PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    return lambda: iam.delete_role_permissions_boundary(**of)


def wrap_function(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-email-compact"}
    layer = client.publish_layer_version(LayerName="x", Content={"ZipFile": b"PK\5\6" + b"\0" * 18})

    def put(*layers: str) -> None:
        client.update_function_configuration(**of, Layers=list(layers))
        client.get_waiter("function_updated_v2").wait(**of, WaiterConfig={"Delay": 0.05})

    put(layer["LayerVersionArn"])
    return put


def filter_mapping(stack: Stack) -> Undo:
    client, uuid = stack.client("lambda"), stack.names["FilesProcessMapping"]
    never = {"Filters": [{"Pattern": json.dumps({"body": ["never"]})}]}
    client.update_event_source_mapping(UUID=uuid, FilterCriteria=never)
    return lambda: client.update_event_source_mapping(UUID=uuid, FilterCriteria={})


def delay_queue(stack: Stack) -> Undo:
    sqs, url = stack.client("sqs"), stack.names["FilesQueue"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "900"})
    return lambda: sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})


def replicate_bucket(stack: Stack) -> Undo:
    s3, bucket = stack.client("s3"), stack.names["EmailBucket"]
    rule = {
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": "arn:aws:s3:::somebody-elses"},
    }
    configuration = {"Role": "arn:aws:iam::111122223333:role/x", "Rules": [rule]}
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=configuration)
    return lambda: s3.delete_bucket_replication(Bucket=bucket)


def share_bucket(stack: Stack) -> Undo:
    s3, bucket = stack.client("s3"), stack.names["FilesUploads"]
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    return lambda: s3.delete_bucket_cors(Bucket=bucket)


def open_role(stack: Stack) -> Undo:
    iam, of = stack.client("iam"), {"RoleName": stack.names["SmsIngestRole"]}
    before = iam.get_role(**of)["Role"]["AssumeRolePolicyDocument"]
    opened = {**before, "Statement": [*before["Statement"], {**EVERYBODY, "Action": "sts:AssumeRole"}]}
    iam.update_assume_role_policy(**of, PolicyDocument=json.dumps(opened))
    return lambda: iam.update_assume_role_policy(**of, PolicyDocument=json.dumps(before))


def open_topic(stack: Stack) -> Undo:
    sns, of = stack.client("sns"), {"TopicArn": stack.names["AlertsTopic"], "AttributeName": "Policy"}
    before = sns.get_topic_attributes(TopicArn=of["TopicArn"])["Attributes"]["Policy"]
    policy = json.loads(before)
    policy["Statement"].append({**EVERYBODY, "Action": "sns:Publish", "Resource": of["TopicArn"]})
    sns.set_topic_attributes(**of, AttributeValue=json.dumps(policy))
    return lambda: sns.set_topic_attributes(**of, AttributeValue=before)


def subscription(protocol: str, redrive: str | None = None) -> Callable[[Stack], Undo]:
    """Delete a subscription, or take away its queue of dead letters."""

    def harm(stack: Stack) -> Undo:
        sns = stack.client("sns")
        made = next(one for one in sns.list_subscriptions()["Subscriptions"] if one["Protocol"] == protocol)
        of = {"SubscriptionArn": made["SubscriptionArn"], "AttributeName": "RedrivePolicy"}
        before = sns.get_subscription_attributes(SubscriptionArn=of["SubscriptionArn"])["Attributes"]
        if redrive is not None:
            sns.set_subscription_attributes(**of, AttributeValue=redrive)
            return lambda: sns.set_subscription_attributes(**of, AttributeValue=before["RedrivePolicy"])
        sns.unsubscribe(SubscriptionArn=of["SubscriptionArn"])
        attributes = {"RedrivePolicy": before["RedrivePolicy"]} if "RedrivePolicy" in before else {}
        again = {"TopicArn": made["TopicArn"], "Protocol": protocol, "Endpoint": made["Endpoint"]}
        return lambda: sns.subscribe(**again, Attributes=attributes)

    return harm


def queue(name: str, attribute: str, value: str) -> Callable[[Stack], Undo]:
    def harm(stack: Stack) -> Undo:
        sqs, url = stack.client("sqs"), stack.names[name]
        before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][attribute]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: value})
        return lambda: sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: before})

    return harm


def remove_tls(stack: Stack) -> Undo:
    s3, of = stack.client("s3"), {"Bucket": stack.names["LakeBucket"]}
    before = s3.get_bucket_policy(**of)["Policy"]
    s3.delete_bucket_policy(**of)
    return lambda: s3.put_bucket_policy(**of, Policy=before)


def suspend_versions(stack: Stack) -> Undo:
    s3, of = stack.client("s3"), {"Bucket": stack.names["LakeBucket"]}
    s3.put_bucket_versioning(**of, VersioningConfiguration={"Status": "Suspended"})
    return lambda: s3.put_bucket_versioning(**of, VersioningConfiguration={"Status": "Enabled"})


def expire_everything(stack: Stack) -> Undo:
    s3, of = stack.client("s3"), {"Bucket": stack.names["LakeBucket"]}
    before = s3.get_bucket_lifecycle_configuration(**of)["Rules"]
    rule = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(**of, LifecycleConfiguration={"Rules": [*before, rule]})
    return lambda: s3.put_bucket_lifecycle_configuration(**of, LifecycleConfiguration={"Rules": before})


def open_bucket(name: str) -> Callable[[Stack], Undo]:
    def harm(stack: Stack) -> Undo:
        s3, of = stack.client("s3"), {"Bucket": stack.names[name]}
        before = s3.get_public_access_block(**of)["PublicAccessBlockConfiguration"]
        s3.delete_public_access_block(**of)
        return lambda: s3.put_public_access_block(**of, PublicAccessBlockConfiguration=before)

    return harm


def encrypt_by_other_key(stack: Stack) -> Undo:
    s3, of = stack.client("s3"), {"Bucket": stack.names["EmailBucket"]}
    before = s3.get_bucket_encryption(**of)["ServerSideEncryptionConfiguration"]
    key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:us-east-1:111122223333:key/1"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": key}]}
    s3.put_bucket_encryption(**of, ServerSideEncryptionConfiguration=rules)
    return lambda: s3.put_bucket_encryption(**of, ServerSideEncryptionConfiguration=before)


def silence_bucket(stack: Stack) -> Undo:
    s3, of = stack.client("s3"), {"Bucket": stack.names["FilesUploads"]}
    before = s3.get_bucket_notification_configuration(**of)
    before.pop("ResponseMetadata")
    s3.put_bucket_notification_configuration(**of, NotificationConfiguration={})
    return lambda: s3.put_bucket_notification_configuration(**of, NotificationConfiguration=before)


def delete_log_group(stack: Stack) -> Undo:
    logs, of = stack.client("logs"), {"logGroupName": f"/aws/lambda/{PREFIX}-sms-ingest"}
    days = logs.describe_log_groups(logGroupNamePrefix=of["logGroupName"])["logGroups"][0]["retentionInDays"]
    logs.delete_log_group(**of)

    def undo() -> None:
        logs.create_log_group(**of)
        logs.put_retention_policy(**of, retentionInDays=days)

    return undo


def keep_logs(stack: Stack) -> Undo:
    logs, of = stack.client("logs"), {"logGroupName": f"/aws/lambda/{PREFIX}-sms-ingest"}
    days = logs.describe_log_groups(logGroupNamePrefix=of["logGroupName"])["logGroups"][0]["retentionInDays"]
    logs.delete_retention_policy(**of)
    return lambda: logs.put_retention_policy(**of, retentionInDays=days)


def delete_metric_filter(stack: Stack) -> Undo:
    logs, of = stack.client("logs"), {"logGroupName": f"/aws/lambda/{PREFIX}-files-process"}
    made = logs.describe_metric_filters(**of)["metricFilters"][0]
    logs.delete_metric_filter(**of, filterName=made["filterName"])
    kept = {key: made[key] for key in ("filterName", "filterPattern", "metricTransformations")}
    return lambda: logs.put_metric_filter(**of, **kept)


def dashboard(body: str | None) -> Callable[[Stack], Undo]:
    def harm(stack: Stack) -> Undo:
        cloudwatch, name = stack.client("cloudwatch"), stack.names["SmsDashboard"]
        before = cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
        if body is None:
            cloudwatch.delete_dashboards(DashboardNames=[name])
        else:
            cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)
        return lambda: cloudwatch.put_dashboard(DashboardName=name, DashboardBody=before)

    return harm


def alarm(what: str, **changes: Any) -> Callable[[Stack], Undo]:
    """Delete an alarm or change it."""

    def harm(stack: Stack) -> Undo:
        cloudwatch, name = stack.client("cloudwatch"), f"{PREFIX}-{what}"
        (made,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        accepted = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
        before = {key: value for key, value in made.items() if key in accepted}
        if changes:
            cloudwatch.put_metric_alarm(**{**before, **changes})
        else:
            cloudwatch.delete_alarms(AlarmNames=[name])
        return lambda: cloudwatch.put_metric_alarm(**before)

    return harm


def disable_mapping(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"UUID": stack.names["FilesProcessMapping"]}
    client.update_event_source_mapping(**of, Enabled=False)
    return lambda: client.update_event_source_mapping(**of, Enabled=True)


def forget_retries(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-sms-ingest", "Qualifier": "$LATEST"}
    before = client.get_function_event_invoke_config(**of)
    client.delete_function_event_invoke_config(**of)
    return lambda: client.put_function_event_invoke_config(**of, MaximumRetryAttempts=before["MaximumRetryAttempts"])


def forbid_notifier(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-alerting-notify"}
    (statement,) = json.loads(client.get_policy(**of)["Policy"])["Statement"]
    client.remove_permission(**of, StatementId=statement["Sid"])
    allows = {"Principal": "sns.amazonaws.com", "SourceArn": stack.names["AlertsTopic"]}
    return lambda: client.add_permission(**of, **allows, StatementId=statement["Sid"], Action="lambda:InvokeFunction")


def open_function(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-files-process", "StatementId": "everybody"}
    client.add_permission(**of, Action="lambda:InvokeFunction", Principal="*")
    return lambda: client.remove_permission(**of)


def forget_link_key(stack: Stack) -> Undo:
    client = stack.client("ssm")
    client.delete_parameter(Name=LINK_KEY)
    return lambda: client.put_parameter(Name=LINK_KEY, Value="x" * 32, Type="SecureString")


def delete_url(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-operate-acknowledge"}
    client.delete_function_url_config(**of)
    return lambda: client.create_function_url_config(**of, AuthType="NONE")


def shut_url(stack: Stack) -> Undo:
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-operate-acknowledge"}
    statements = json.loads(client.get_policy(**of)["Policy"])["Statement"]
    (statement,) = [one for one in statements if one["Action"] == "lambda:InvokeFunction"]
    client.remove_permission(**of, StatementId=statement["Sid"])
    allows = {"Principal": "*", "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}
    return lambda: client.add_permission(**of, **allows, StatementId=statement["Sid"])


def open_by_url(stack: Stack) -> Undo:
    """A function that the stack gave no URL gets one for everybody."""
    client, of = stack.client("lambda"), {"FunctionName": f"{PREFIX}-email-transform", "StatementId": "public"}
    client.add_permission(**of, Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    return lambda: client.remove_permission(**of)


def glue_table(name: str, **changes: Any) -> Callable[[Stack], Undo]:
    """Drop a table or a view, or change it."""

    def harm(stack: Stack) -> Undo:
        glue, of = stack.client("glue"), {"DatabaseName": "deliverywatch_prod"}
        made = glue.get_table(**of, Name=name)["Table"]
        accepted = glue.meta.service_model.shape_for("TableInput").members
        before = {key: value for key, value in made.items() if key in accepted and value != ""}
        if changes:
            glue.update_table(**of, TableInput={**before, **changes})
            return lambda: glue.update_table(**of, TableInput=before)
        glue.delete_table(**of, Name=name)
        return lambda: glue.create_table(**of, TableInput=before)

    return harm


def forget_parameter(stack: Stack) -> Undo:
    ssm, name = stack.client("ssm"), "/deliverywatch/prod/clicksend/api_key"
    ssm.delete_parameter(Name=name)
    return lambda: ssm.put_parameter(Name=name, Value="x", Type="SecureString")


def event_destination(enabled: bool | None) -> Callable[[Stack], Undo]:
    """Switch off what SES sends events to, or delete it."""

    def harm(stack: Stack) -> Undo:
        ses = stack.client("sesv2")
        of = {"ConfigurationSetName": SETS[0]}
        made = ses.get_configuration_set_event_destinations(**of)["EventDestinations"]
        (made,) = [one for one in made if one["Name"] == f"{PREFIX}-lake"]
        of["EventDestinationName"] = made.pop("Name")
        if enabled is None:
            ses.delete_configuration_set_event_destination(**of)
            return lambda: ses.create_configuration_set_event_destination(**of, EventDestination=made)
        ses.update_configuration_set_event_destination(**of, EventDestination={**made, "Enabled": enabled})
        return lambda: ses.update_configuration_set_event_destination(**of, EventDestination=made)

    return harm


def forget_backups(stack: Stack) -> Undo:
    dynamodb, of = stack.client("dynamodb"), {"TableName": stack.names["FilesTable"]}

    def put(is_on: bool) -> None:
        dynamodb.update_continuous_backups(**of, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": is_on})

    put(False)
    return lambda: put(True)


def raise_limit(stack: Stack) -> Undo:
    athena, of = stack.client("athena"), {"WorkGroup": PREFIX}
    before = int(athena.get_work_group(**of)["WorkGroup"]["Configuration"]["BytesScannedCutoffPerQuery"])
    athena.update_work_group(**of, ConfigurationUpdates={"BytesScannedCutoffPerQuery": before * 1000})
    return lambda: athena.update_work_group(**of, ConfigurationUpdates={"BytesScannedCutoffPerQuery": before})


def delete_query(stack: Stack) -> Undo:
    athena, of = stack.client("athena"), {"NamedQueryId": stack.names["SmsTopReasonsQuery"]}
    made = athena.get_named_query(**of)["NamedQuery"]
    athena.delete_named_query(**of)
    # Athena would give it another id.
    return lambda: hooks.module("services.athena")._named_queries.update({of["NamedQueryId"]: made})


# What is changed -> which check says so, and in which words; of `changed` they begin with the resource's logical id.
HARMS: dict[str, tuple[Callable[[Stack], Undo], str, str]] = {
    "schedule disabled": (schedule("sms-ingest-slots", State="DISABLED"), "schedules", "sms-ingest-slots is switched"),
    "schedule slowed": (
        schedule("sms-ingest-slots", ScheduleExpression="rate(1 day)"), "changed",
        "(SmsIngestSlotsSchedule) was changed: ScheduleExpression is rate(1 day), deployed was cron(0/10 * * * ? *)",
    ),
    "sweep deleted": (schedule("alerting-sweep"), "schedules", "alerting-sweep does not exist"),
    "concurrency 0": (stop_function, "concurrency", "sms-ingest never runs"),
    "concurrency 1": (
        narrow_function, "changed",
        "(FilesProcess) was changed: ReservedConcurrentExecutions is 1, deployed was nothing",
    ),
    "boundary": (bound_role, "changed", "(FilesProcessRole) was changed: PermissionsBoundary is arn:aws:iam"),
    "layer": (wrap_function, "changed", "(EmailCompact) was changed: Layers is arn:aws:lambda"),
    "filter of a mapping": (filter_mapping, "changed", "(FilesProcessMapping) was changed: FilterCriteria is"),
    "delay": (delay_queue, "changed", "(FilesQueue) was changed: DelaySeconds is 900"),
    "replication": (replicate_bucket, "changed", "(EmailBucket) was changed: ReplicationConfiguration is"),
    "CORS": (share_bucket, "changed", "(FilesUploads) was changed: CorsConfiguration is"),
    "schedule that ends": (
        schedule("sms-ingest-slots", EndDate=datetime(2100, 1, 1, tzinfo=UTC)),
        "changed",
        "(SmsIngestSlotsSchedule) was changed: EndDate is 2100",
    ),
    "policy of a role deleted": (role_policy(None), "changed", "(SmsIngestRole) was changed: Policies is"),
    "policy added to a role": (
        role_policy({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}, "extra"), "changed",
        "(SmsIngestRole) was changed: AddedPolicies is extra",
    ),
    "administrator": (attach_administrator, "changed", "(SmsIngestRole) was changed: ManagedPolicyArns"),
    "role opened": (open_role, "changed", "(SmsIngestRole) was changed: AssumeRolePolicyDocument"),
    "environment": (
        function("sms-compact", Environment={"Variables": {"DELIVERYWATCH_BUCKET": "elsewhere"}}), "changed",
        "(SmsCompact) was changed: Environment.Variables.",
    ),
    "time-out": (
        function("sms-ingest", Timeout=3), "changed", "(SmsIngest) was changed: Timeout is 3, deployed was 900",
    ),
    "memory": (
        function("sms-ingest", MemorySize=128), "changed",
        "(SmsIngest) was changed: MemorySize is 128, deployed was 512",
    ),
    "code": (replace_code, "changed", "(SmsCompact) was changed: Code.S3Key is"),
    "topic opened": (open_topic, "changed", "(AlertsTopicPolicy) was changed: PolicyDocument.Statement is"),
    "notifier unsubscribed": (subscription("lambda"), "notifier", "does not call"),
    "fallback unsubscribed": (subscription("email"), "fallback", "Nobody is subscribed"),
    "dead letters of a subscription": (
        subscription("lambda", "{}"), "changed", "(AlertingNotifySubscription) was changed: RedrivePolicy",
    ),
    "permission removed": (forbid_notifier, "notifier-policy", "may not start"),
    "dead letters of a queue": (
        queue("FilesQueue", "RedrivePolicy", ""), "changed", "(FilesQueue) was changed: RedrivePolicy",
    ),
    "retention of a queue": (
        queue("FilesDeadLetters", "MessageRetentionPeriod", "60"), "changed",
        "(FilesDeadLetters) was changed: MessageRetentionPeriod is 60",
    ),
    "queue opened": (
        queue("FilesQueue", "Policy", json.dumps({"Statement": [EVERYBODY]})), "changed", "(FilesQueuePolicy) was",
    ),
    "TLS": (remove_tls, "changed", "(LakeBucketPolicy) does not exist any more"),
    "versions": (
        suspend_versions, "changed",
        "(LakeBucket) was changed: VersioningConfiguration.Status is Suspended, deployed was Enabled",
    ),
    "life cycle": (expire_everything, "changed", "(LakeBucket) was changed: LifecycleConfiguration.Rules"),
    "lake public": (open_bucket("LakeBucket"), "bucket", "not closed to the public"),
    "other bucket public": (open_bucket("EmailBucket"), "changed", "(EmailBucket) was changed: PublicAccessBlock"),
    "other key": (encrypt_by_other_key, "changed", "(EmailBucket) was changed: BucketEncryption"),
    "notifications": (silence_bucket, "changed", "(FilesUploads) was changed: NotificationConfiguration"),
    "log group deleted": (delete_log_group, "changed", "(SmsIngestLogs) does not exist any more"),
    "logs for ever": (keep_logs, "changed", "(SmsIngestLogs) was changed: RetentionInDays is nothing, deployed was"),
    "metric filter": (delete_metric_filter, "changed", "(FilesFailedAttempts) does not exist any more"),
    "dashboard deleted": (dashboard(None), "changed", "(SmsDashboard) does not exist any more"),
    "dashboard changed": (dashboard('{"widgets": []}'), "changed", "(SmsDashboard) was changed: DashboardBody"),
    "alarm deleted": (alarm("sms-ingest-errors"), "alarms", "sms-ingest-errors"),
    "threshold": (alarm("sms-warning", Threshold=99.0), "drift", "Threshold is 99"),
    "metric of an alarm": (
        alarm("mail-failed", MetricName="Elsewhere"), "changed", "(MailFailed) was changed: MetricName is Elsewhere",
    ),
    "actions off": (alarm("sms-critical", ActionsEnabled=False), "alarm-actions", "switched off"),
    "action removed": (alarm("sms-critical", AlarmActions=[]), "alarm-actions", "taken away"),
    "mapping disabled": (disable_mapping, "changed", "(FilesProcessMapping) was changed: Enabled is false"),
    "retries": (forget_retries, "changed", "(SmsIngestRetries) does not exist any more"),
    "function opened": (open_function, "changed", "(FilesProcess) was changed: AddedPermissions is everybody"),
    "function opened by a URL": (open_by_url, "changed", "(EmailTransform) was changed: AddedPermissions is public"),
    "key of links": (forget_link_key, "secrets", LINK_KEY),
    "URL deleted": (delete_url, "changed", "(OperateAcknowledgeUrl) does not exist any more"),
    "URL shut": (shut_url, "changed", "(OperateAcknowledgePermission) does not exist any more"),
    "table dropped": (glue_table("sms_objects"), "changed", "(SmsObjectsTable) does not exist any more"),
    "view changed": (
        glue_table("sms_messages", ViewOriginalText="/* Presto View: e30= */"), "changed",
        "(SmsMessagesTable) was changed: TableInput.ViewOriginalText",
    ),
    "parameter": (forget_parameter, "clicksend-stored", "api_key"),
    "SES events off": (
        event_destination(enabled=False), "changed",
        "(NewsletterToLake) was changed: EventDestination.Enabled is false",
    ),
    "SES events deleted": (event_destination(None), "changed", "(NewsletterToLake) does not exist any more"),
    "backups off": (
        forget_backups, "changed", "(FilesTable) was changed: PointInTimeRecovery",
    ),
    "limit of queries": (
        raise_limit, "changed", "(Workgroup) was changed: WorkGroupConfiguration.BytesScannedCutoffPerQuery",
    ),
    "saved query": (delete_query, "changed", "(SmsTopReasonsQuery) does not exist any more"),
}  # fmt: skip
# What CloudFormation does not undo, as its template says nothing of it.
BY_HAND = {
    "boundary": "aws iam delete-role-permissions-boundary --role-name ",
    "layer": f"--layers '[]' --function-name {PREFIX}-email-compact",
    "filter of a mapping": "--filter-criteria '{}' --uuid ",
    "delay": "--attributes DelaySeconds=0 --queue-url ",
    "replication": "aws s3api delete-bucket-replication --bucket ",
    "CORS": "aws s3api delete-bucket-cors --bucket ",
    "schedule that ends": f"aws scheduler delete-schedule --name {PREFIX}-sms-ingest-slots, then deliverywatch deploy",
    "administrator": f"detach-role-policy --role-name {PREFIX}",
    "concurrency 1": f"aws lambda delete-function-concurrency --function-name {PREFIX}-files-process",
    "function opened": f"aws lambda remove-permission --function-name {PREFIX}-files-process --statement-id everybody",
    "function opened by a URL": f"--function-name {PREFIX}-email-transform --statement-id public",
    "key of links": f"aws ssm put-parameter --type SecureString --name {LINK_KEY} ",
    "mapping disabled": "aws lambda update-event-source-mapping --enabled --uuid ",
    "policy added to a role": "--policy-name extra",
    "table dropped": "aws glue create-table --database-name deliverywatch_prod --table-input '{",
    "view changed": "aws glue update-table --database-name deliverywatch_prod --table-input ",
}
# One subscription cannot be deleted and changed at once.
CLASHING = {"dead letters of a subscription": "notifier"}


def rounds() -> list[list[str]]:
    """The harms, as many at once as are told apart: one for each resource, and one for each other check."""
    made: list[dict[str, str]] = []
    for case, (_, name, words) in HARMS.items():
        key = CLASHING.get(case) or (words.partition(")")[0] if name == "changed" else name)
        free = next((one for one in made if key not in one), None)
        if free is None:
            made.append(free := {})
        free[key] = case
    return [[*one.values()] for one in made]


@pytest.fixture(scope="module")
def findings(stack: Stack) -> dict[str, list[Check]]:
    """By harm the findings of its round; after each round all is put back, and nothing is found any more."""
    results: dict[str, list[Check]] = {}
    for cases in rounds():
        undo = [HARMS[case][0](stack) for case in cases]
        found = stack.failing()
        assert len(found) == len(cases), [check.finding for check in found]
        results |= dict.fromkeys(cases, found)
        for step in reversed(undo):
            step()
        assert stack.failing() == []
    return results


@pytest.mark.parametrize("case", HARMS)
def test_a_change_by_hand_is_one_finding_with_the_command_that_undoes_it(
    findings: dict[str, list[Check]], case: str
) -> None:
    _, name, words = HARMS[case]
    (finding,) = [check for check in findings[case] if check.name == name and words in check.finding]
    assert BY_HAND.get(case, "deliverywatch deploy --revert-drift" if name == "changed" else "") in finding.fix
    assert "deliverywatch deploy" in finding.fix or finding.fix.startswith("aws ")
