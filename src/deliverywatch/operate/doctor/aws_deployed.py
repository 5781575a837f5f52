"""The resources of a stack as they are now, over boto3, in the shape of their properties in a template.

Each reader returns properties by their path, such as `EventDestination.Enabled`, or none if the resource is gone. What
it returns and the template lacks was added by hand; what the other checks look at, such as thresholds, is left to them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deliverywatch.operate.account.aws import alarms_by_name, existing, listed, translated
from deliverywatch.operate.account.readings import attempt, known
from deliverywatch.operate.doctor import deployed
from deliverywatch.operate.doctor.checks_changed import ADDED_PERMISSIONS, ADDED_POLICIES, QUEUE_DEFAULTS, Compared
from deliverywatch.operate.doctor.template_shapes import (
    code,
    function_properties,
    in_camel_case,
    is_for_everybody,
    life_cycle_rule,
    notifications,
    queue_properties,
    unless_default,
)

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.account.resources import Resource

_Properties = Mapping[str, Any]

# What a person's line and AWS's limits bear at once.
_AT_ONCE = 8
_SERVICES = (
    *("athena", "cloudwatch", "dynamodb", "events", "firehose", "glue", "iam", "lambda", "logs", "s3", "scheduler"),
    *("sesv2", "sns", "sqs", "ssm"),
)


def compare(
    cloud: Cloud, deployment: Deployment, template: Mapping[str, Any], resources: Sequence[Resource]
) -> list[Compared]:
    """Return each resource of a stack with what is not as it was deployed."""
    partition = cloud.client("cloudformation").meta.partition
    place = deployed.Place(partition, deployment.region, deployment.account, deployment.name)
    made = list(deployed.properties(template, deployment.parameters, resources, place))
    policies = {then["PolicyName"] for resource, then in made if resource.kind == "AWS::IAM::Policy"}
    # Clients are made here: a session makes one at a time.
    for service in _SERVICES:
        with suppress(Exception):  # a service that the SDK does not know is said of each of its resources
            cloud.client(service)
    alarms = attempt(lambda: alarms_by_name(cloud, f"{deployment.prefix}-"))
    public = {then["TargetFunctionArn"].rpartition(":")[2] for one, then in made if one.kind == "AWS::Lambda::Url"}
    account = Resources(cloud, policies, alarms, public)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda pair: _compared(account, *pair), made))


def _compared(account: Resources, resource: Resource, then: _Properties) -> Compared:
    try:
        now = account.now(resource, then)
    except Exception as error:  # an odd answer fails as the code that reads it happens to
        return Compared(resource, error=error)
    return Compared(resource, None if now is None else list(deployed.changes(then, now)), then=then)


class Resources:
    """What the resources of one account and region are like."""

    def __init__(
        self,
        cloud: Cloud,
        policies: Collection[str],
        alarms: Mapping[str, _Properties] | Exception,
        public: Collection[str] = (),
    ) -> None:
        """Look at an account; `policies` are resources of their own, and `public` functions have a URL."""
        self._client = cloud.client
        self._alarms = alarms
        self._policies = policies
        self._public = public
        self.readers: Mapping[str, Callable[[str, _Properties], _Properties | None]] = {
            "AWS::Athena::NamedQuery": self._named_query,
            "AWS::Athena::WorkGroup": self._workgroup,
            "AWS::CloudWatch::Alarm": self._alarm,
            "AWS::CloudWatch::CompositeAlarm": self._alarm,
            "AWS::CloudWatch::Dashboard": self._dashboard,
            "AWS::DynamoDB::Table": self._table,
            "AWS::Events::Rule": self._rule,
            "AWS::Glue::Crawler": self._crawler,
            "AWS::Glue::Database": self._glue_database,
            "AWS::Glue::Table": self._glue_table,
            "AWS::IAM::Policy": self._policy_of_role,
            "AWS::IAM::Role": self._role,
            "AWS::KinesisFirehose::DeliveryStream": self._delivery_stream,
            "AWS::Lambda::EventInvokeConfig": self._invoke_config,
            "AWS::Lambda::EventSourceMapping": self._mapping,
            "AWS::Lambda::Function": self._function,
            "AWS::Lambda::Permission": self._permission,
            "AWS::Lambda::Url": self._function_url,
            "AWS::Logs::LogGroup": self._log_group,
            "AWS::Logs::LogStream": self._log_stream,
            "AWS::Logs::MetricFilter": self._metric_filter,
            "AWS::S3::Bucket": self._bucket,
            "AWS::S3::BucketPolicy": self._bucket_policy,
            "AWS::SES::ConfigurationSetEventDestination": self._event_destination,
            "AWS::SNS::Subscription": self._subscription,
            "AWS::SNS::Topic": self._topic,
            "AWS::SNS::TopicPolicy": self._topic_policy,
            "AWS::SQS::Queue": self._queue,
            "AWS::SQS::QueuePolicy": self._queue_policy,
            "AWS::SSM::Parameter": self._stored_parameter,
            "AWS::Scheduler::Schedule": self._schedule,
            "AWS::Scheduler::ScheduleGroup": self._schedule_group,
        }

    def now(self, resource: Resource, then: _Properties) -> _Properties | None:
        """Return the properties of a resource now, which was deployed with those; none if it is gone."""
        reader = self.readers.get(resource.kind)
        if reader is None:
            return {}
        with translated(f"{resource.id} ({resource.kind})"):
            return reader(resource.name, then)

    def _named_query(self, name: str, _: _Properties) -> _Properties | None:
        athena = self._client("athena")
        answer = existing(lambda: athena.get_named_query(NamedQueryId=name), "InvalidRequestException")
        return answer and {key: answer["NamedQuery"].get(key) for key in ("Name", "Database", "QueryString")}

    def _workgroup(self, name: str, then: _Properties) -> _Properties | None:
        athena = self._client("athena")
        answer = existing(lambda: athena.get_work_group(WorkGroup=name), "InvalidRequestException")
        state = answer and unless_default(then, "State", "ENABLED", answer["WorkGroup"].get("State", "ENABLED"))
        return answer and {"WorkGroupConfiguration": answer["WorkGroup"]["Configuration"], "State": state}

    def _alarm(self, name: str, then: _Properties) -> _Properties | None:
        composite = ("AlarmRule", "AlarmActions", "OKActions")
        keys = composite if "AlarmRule" in then else ("Namespace", "MetricName", "Dimensions", "Metrics")
        made = known(self._alarms).get(name)
        return made and {key: made.get(key) for key in keys}

    def _dashboard(self, name: str, _: _Properties) -> _Properties | None:
        cloudwatch = self._client("cloudwatch")
        answer = existing(
            lambda: cloudwatch.get_dashboard(DashboardName=name), "ResourceNotFound", "DashboardNotFoundError"
        )
        return answer and {"DashboardBody": answer["DashboardBody"]}

    def _table(self, name: str, _: _Properties) -> _Properties | None:
        dynamodb = self._client("dynamodb")
        answer = existing(lambda: dynamodb.describe_table(TableName=name), "ResourceNotFoundException")
        if answer is None:
            return None
        ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        restorable = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED"
        return {
            "BillingMode": answer["Table"].get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "KeySchema": answer["Table"]["KeySchema"],
            "TimeToLiveSpecification": {
                "AttributeName": ttl.get("AttributeName"),
                "Enabled": ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING"),
            },
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": restorable},
            "DeletionProtectionEnabled": answer["Table"].get("DeletionProtectionEnabled") or None,
        }

    def _rule(self, name: str, then: _Properties) -> _Properties | None:
        events = self._client("events")
        answer = existing(lambda: events.describe_rule(Name=name), "ResourceNotFoundException")
        if answer is None:
            return None
        targets = listed(events, "list_targets_by_rule", "Targets", Rule=name)
        pattern, state = answer.get("EventPattern"), answer.get("State")
        return {"EventPattern": pattern, "Targets": targets, "State": unless_default(then, "State", "ENABLED", state)}

    def _crawler(self, name: str, _: _Properties) -> _Properties | None:
        glue = self._client("glue")
        answer = existing(lambda: glue.get_crawler(Name=name), "EntityNotFoundException")
        return answer and {"SchemaChangePolicy": answer["Crawler"].get("SchemaChangePolicy")}

    def _glue_database(self, name: str, _: _Properties) -> _Properties | None:
        glue = self._client("glue")
        answer = existing(lambda: glue.get_database(Name=name), "EntityNotFoundException")
        return answer and {"DatabaseInput.Name": answer["Database"]["Name"]}

    def _glue_table(self, name: str, then: _Properties) -> _Properties | None:
        glue, called = self._client("glue"), name.rpartition("|")[2]
        answer = existing(
            lambda: glue.get_table(DatabaseName=then["DatabaseName"], Name=called), "EntityNotFoundException"
        )
        return answer and {"TableInput": answer["Table"]}

    def _policy_of_role(self, _: str, then: _Properties) -> _Properties | None:
        iam, name = self._client("iam"), then["PolicyName"]
        answer = existing(lambda: iam.get_role_policy(RoleName=then["Roles"][0], PolicyName=name), "NoSuchEntity")
        return answer and {"PolicyDocument": answer["PolicyDocument"]}

    def _role(self, name: str, then: _Properties) -> _Properties | None:
        iam = self._client("iam")
        answer = existing(lambda: iam.get_role(RoleName=name), "NoSuchEntity")
        if answer is None:
            return None
        wanted = {policy["PolicyName"] for policy in then.get("Policies", ())}
        names = listed(iam, "list_role_policies", "PolicyNames", RoleName=name)
        policies = [iam.get_role_policy(RoleName=name, PolicyName=one) for one in names if one in wanted]
        attached = listed(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
        return {
            "AssumeRolePolicyDocument": answer["Role"]["AssumeRolePolicyDocument"],
            "Policies": [{key: policy[key] for key in ("PolicyName", "PolicyDocument")} for policy in policies],
            ADDED_POLICIES: [one for one in names if one not in wanted and one not in self._policies],
            "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
            "PermissionsBoundary": answer["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        }

    def _delivery_stream(self, name: str, _: _Properties) -> _Properties | None:
        firehose = self._client("firehose")
        answer = existing(
            lambda: firehose.describe_delivery_stream(DeliveryStreamName=name), "ResourceNotFoundException"
        )
        if answer is None:
            return None
        destination = answer["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
        keys = ("BucketARN", "RoleARN", "Prefix", "ErrorOutputPrefix", "BufferingHints", "CompressionFormat")
        return {f"ExtendedS3DestinationConfiguration.{key}": destination.get(key) for key in keys}

    def _invoke_config(self, _: str, then: _Properties) -> _Properties | None:
        client, of = self._client("lambda"), {key: then[key] for key in ("FunctionName", "Qualifier")}
        answer = existing(lambda: client.get_function_event_invoke_config(**of), "ResourceNotFoundException")
        return answer and {key: answer.get(key) for key in ("MaximumRetryAttempts", "DestinationConfig")}

    def _mapping(self, name: str, then: _Properties) -> _Properties | None:
        client = self._client("lambda")
        answer = existing(lambda: client.get_event_source_mapping(UUID=name), "ResourceNotFoundException")
        if answer is None:
            return None
        enabled = answer["State"] not in ("Disabled", "Disabling")
        keys = ("EventSourceArn", "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes")
        return {
            **{key: answer.get(key) for key in (*keys, "FilterCriteria")},
            "Enabled": unless_default(then, "Enabled", default=True, now=enabled),
        }

    def _function(self, name: str, then: _Properties) -> _Properties | None:
        client = self._client("lambda")
        made = existing(lambda: client.get_function_configuration(FunctionName=name), "ResourceNotFoundException")
        if made is None:
            return None
        reserved = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        return {
            **function_properties(then, made),
            **code(then["Code"], made["CodeSha256"]),
            ADDED_PERMISSIONS: [
                one["Sid"] for one in self._permissions(name) if is_for_everybody(one, has_url=name in self._public)
            ],
            # Of 0 the check `concurrency` says more.
            "ReservedConcurrentExecutions": reserved or None,
        }

    def _permissions(self, function: str) -> list[dict[str, Any]]:
        client = self._client("lambda")
        answer = existing(lambda: client.get_policy(FunctionName=function), "ResourceNotFoundException")
        return list(json.loads(answer["Policy"])["Statement"]) if answer else []

    def _permission(self, _: str, then: _Properties) -> _Properties | None:
        named = [then[key] for key in ("Principal", "SourceArn", "SourceAccount") if key in then]
        statements = (one for one in self._permissions(then["FunctionName"]) if one["Action"] == then["Action"])
        return {} if any(all(name in json.dumps(one) for name in named) for one in statements) else None

    def _function_url(self, _: str, then: _Properties) -> _Properties | None:
        client, of = self._client("lambda"), {"FunctionName": then["TargetFunctionArn"]}
        made = existing(lambda: client.get_function_url_config(**of), "ResourceNotFoundException")
        return made and {"AuthType": made["AuthType"]}

    def _log_group(self, name: str, _: _Properties) -> _Properties | None:
        groups = listed(self._client("logs"), "describe_log_groups", "logGroups", logGroupNamePrefix=name)
        group = next((group for group in groups if group["logGroupName"] == name), None)
        return group and {"RetentionInDays": group.get("retentionInDays"), "KmsKeyId": group.get("kmsKeyId")}

    def _log_stream(self, name: str, then: _Properties) -> _Properties | None:
        logs, of = self._client("logs"), {"logGroupName": then["LogGroupName"], "logStreamNamePrefix": name}
        streams = existing(
            lambda: listed(logs, "describe_log_streams", "logStreams", **of), "ResourceNotFoundException"
        )
        return {} if any(stream["logStreamName"] == name for stream in streams or ()) else None

    def _metric_filter(self, name: str, then: _Properties) -> _Properties | None:
        logs, group = self._client("logs"), then["LogGroupName"]
        filters = existing(
            lambda: listed(logs, "describe_metric_filters", "metricFilters", logGroupName=group),
            "ResourceNotFoundException",
        )
        made = next((one for one in filters or () if one["filterName"] == name), None)
        return made and {"FilterPattern": made["filterPattern"]}

    def _bucket(self, name: str, _: _Properties) -> _Properties | None:
        s3 = self._client("s3")
        if existing(lambda: s3.head_bucket(Bucket=name), "404", "NoSuchBucket") is None:
            return None
        rules = existing(lambda: s3.get_bucket_lifecycle_configuration(Bucket=name), "NoSuchLifecycleConfiguration")
        block = existing(lambda: s3.get_public_access_block(Bucket=name), "NoSuchPublicAccessBlockConfiguration")
        coded = existing(
            lambda: s3.get_bucket_encryption(Bucket=name), "ServerSideEncryptionConfigurationNotFoundError"
        )
        shared = existing(lambda: s3.get_bucket_cors(Bucket=name), "NoSuchCORSConfiguration")
        copied = existing(lambda: s3.get_bucket_replication(Bucket=name), "ReplicationConfigurationNotFoundError")
        owners = existing(lambda: s3.get_bucket_ownership_controls(Bucket=name), "OwnershipControlsNotFoundError")
        return {
            "VersioningConfiguration": {"Status": s3.get_bucket_versioning(Bucket=name).get("Status")},
            "LifecycleConfiguration.Rules": [life_cycle_rule(rule) for rule in (rules or {}).get("Rules", ())],
            "PublicAccessBlockConfiguration": (block or {}).get("PublicAccessBlockConfiguration"),
            "BucketEncryption.ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": rule.get("ApplyServerSideEncryptionByDefault")}
                for rule in (coded or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
            ],
            "OwnershipControls": (owners or {}).get("OwnershipControls"),
            "CorsConfiguration": shared and {"CorsRules": shared["CORSRules"]},
            "ReplicationConfiguration": copied and copied["ReplicationConfiguration"],
            "LoggingConfiguration": s3.get_bucket_logging(Bucket=name).get("LoggingEnabled"),
            "NotificationConfiguration": notifications(s3.get_bucket_notification_configuration(Bucket=name)),
        }

    def _bucket_policy(self, _: str, then: _Properties) -> _Properties | None:
        s3 = self._client("s3")
        answer = existing(lambda: s3.get_bucket_policy(Bucket=then["Bucket"]), "NoSuchBucketPolicy", "NoSuchBucket")
        return answer and {"PolicyDocument": answer["Policy"]}

    def _event_destination(self, _: str, then: _Properties) -> _Properties | None:
        ses, name = self._client("sesv2"), then["EventDestination"]["Name"]
        answer = existing(
            lambda: ses.get_configuration_set_event_destinations(ConfigurationSetName=then["ConfigurationSetName"]),
            "NotFoundException",
        )
        made = next((one for one in (answer or {}).get("EventDestinations", ()) if one["Name"] == name), None)
        return made and {
            "EventDestination.Enabled": made["Enabled"],
            "EventDestination.MatchingEventTypes": [in_camel_case(kind) for kind in made["MatchingEventTypes"]],
        }

    def _subscription(self, _: str, then: _Properties) -> _Properties | None:
        sns, topic = self._client("sns"), then["TopicArn"]
        made = existing(
            lambda: listed(sns, "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic),
            *("NotFound", "NotFoundException"),
        )
        ours = [one for one in made or () if (one["Protocol"], one["Endpoint"]) == (then["Protocol"], then["Endpoint"])]
        if not ours:
            return None
        if not ours[0]["SubscriptionArn"].startswith("arn:"):
            # It waits for its confirmation, and nothing is known of it yet.
            return {}
        attributes = sns.get_subscription_attributes(SubscriptionArn=ours[0]["SubscriptionArn"])["Attributes"]
        return {key: attributes.get(key) for key in ("RedrivePolicy", "FilterPolicy")}

    def _topic(self, name: str, _: _Properties) -> _Properties | None:
        sns = self._client("sns")
        answer = existing(lambda: sns.get_topic_attributes(TopicArn=name), "NotFound", "NotFoundException")
        return answer and {"KmsMasterKeyId": answer["Attributes"].get("KmsMasterKeyId")}

    def _topic_policy(self, _: str, then: _Properties) -> _Properties | None:
        sns = self._client("sns")
        answer = existing(lambda: sns.get_topic_attributes(TopicArn=then["Topics"][0]), "NotFound", "NotFoundException")
        return {} if answer is None else {"PolicyDocument": answer["Attributes"].get("Policy")}

    def _queue(self, name: str, then: _Properties) -> _Properties | None:
        attributes = self._queue_attributes(name)
        return attributes and queue_properties(then, attributes, QUEUE_DEFAULTS)

    def _queue_policy(self, _: str, then: _Properties) -> _Properties | None:
        attributes = self._queue_attributes(then["Queues"][0])
        return {} if attributes is None else {"PolicyDocument": attributes.get("Policy")}

    def _queue_attributes(self, url: str) -> dict[str, Any] | None:
        sqs = self._client("sqs")
        absent = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
        answer = existing(lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]), *absent)
        return answer and dict(answer.get("Attributes", {}))

    def _stored_parameter(self, name: str, _: _Properties) -> _Properties | None:
        ssm = self._client("ssm")
        answer = existing(lambda: ssm.get_parameter(Name=name), "ParameterNotFound")
        return answer and {"Value": answer["Parameter"]["Value"], "Type": answer["Parameter"]["Type"]}

    def _schedule(self, name: str, then: _Properties) -> _Properties | None:
        client, group = self._client("scheduler"), then.get("GroupName", "default")
        answer = existing(lambda: client.get_schedule(Name=name, GroupName=group), "ResourceNotFoundException")
        keys = ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
        return answer and {key: answer.get(key) for key in (*keys, "StartDate", "EndDate")}

    def _schedule_group(self, name: str, _: _Properties) -> _Properties | None:
        client = self._client("scheduler")
        answer = existing(lambda: client.get_schedule_group(Name=name), "ResourceNotFoundException")
        return None if answer is None else {}
