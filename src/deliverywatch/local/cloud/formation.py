"""The CloudFormation types that MiniStack lacks or cuts short: alarms on metric math, composites, queries, schedules.

Types: aws-resource-cloudwatch-alarm.html and its neighbours in CloudFormation's template reference.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloudwatch import wire
from deliverywatch.local.cloud.cloudwatch.wire import CLOUDWATCH
from deliverywatch.local.cloud.compute import schedules
from deliverywatch.local.cloud.emulator import access, hooks
from deliverywatch.local.cloud.emulator.clock import Clock
from deliverywatch.local.cloud.emulator.emulator import ACCOUNT, REGION

_PROVISIONERS = "services.cloudformation.provisioners"
_ATHENA = "services.athena"
_DESTINATION = "AWS::SES::ConfigurationSetEventDestination"
_OF_A_SCHEDULE = ("ScheduleExpressionTimezone", "StartDate", "EndDate", "KmsKeyArn")


def install(placed: hooks.Hooks, clock: Clock) -> None:
    """Teach MiniStack's CloudFormation the missing types."""
    handlers = hooks.inside(_PROVISIONERS, "_RESOURCE_HANDLERS")
    placed.replace(_PROVISIONERS, "_cw_metric_alarm_record", lambda original: _alarm(original, clock))
    for kind, entry in (
        ("AWS::CloudWatch::CompositeAlarm", _entry(_put_composite, _delete_composite)),
        ("AWS::Athena::NamedQuery", _entry(_put_query, _delete_query)),
        # Nothing here is billed: a budget is taken and kept as a name.
        ("AWS::Budgets::Budget", _entry(lambda name, _: (name, {}), lambda _: None)),
        (
            "AWS::Scheduler::Schedule",
            _valid(_completing(handlers["AWS::Scheduler::Schedule"], _schedule, *_OF_A_SCHEDULE), schedules.refusal),
        ),
        (
            "AWS::Lambda::Function",
            _taken(
                _followed(
                    _completing(handlers["AWS::Lambda::Function"], _function, "DeadLetterConfig"), _keep_concurrency
                )
            ),
        ),
        ("AWS::S3::Bucket", _followed(handlers["AWS::S3::Bucket"], _keep_life_cycle)),
        (_DESTINATION, _of_a_set(handlers[_DESTINATION])),
        ("AWS::DynamoDB::Table", _followed(handlers["AWS::DynamoDB::Table"], _keep_table_settings)),
    ):
        placed.register(handlers, kind, entry)


def _alarm(original: Callable[..., Any], clock: Clock) -> Callable[..., Any]:
    def record(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        metrics = properties.get("Metrics")
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        if metrics:
            plain |= {"MetricName": "in Metrics", "Namespace": "in Metrics"}
        described: dict[str, Any] = original(name, plain)
        if metrics:
            described = wire.on_queries(described, [_query(metric) for metric in metrics])
        now, existing = clock.now.timestamp(), hooks.inside(CLOUDWATCH, "_alarms").get(name)
        since = existing["StateUpdatedTimestamp"] if existing else now
        return {**described, "AlarmConfigurationUpdatedTimestamp": now, "StateUpdatedTimestamp": since}

    return record


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Give a query the types that DescribeAlarms has: templates may carry numbers and booleans as text."""
    described = {key: value for key, value in query.items() if key not in ("ReturnData", "MetricStat", "Period")}
    described["ReturnData"] = str(query.get("ReturnData", True)).lower() == "true"
    if "Period" in query:
        described["Period"] = int(query["Period"])
    if "MetricStat" in query:
        described["MetricStat"] = {**query["MetricStat"], "Period": int(query["MetricStat"]["Period"])}
    return described


def _entry(put: Callable[..., Any], delete: Callable[[str], Any]) -> dict[str, Any]:
    def create(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        return put(hooks.inside(_PROVISIONERS, "_physical_name")(stack_name, logical_id, max_len=255), properties)

    def update(physical_id: str, _old: Any, properties: Mapping[str, Any], _stack_name: str) -> Any:
        delete(physical_id)
        return put(physical_id, properties)

    return {"create": create, "update": update, "delete": lambda physical_id, _properties: delete(physical_id)}


def _put_composite(name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    name = properties.get("AlarmName") or name
    request = {**properties, "AlarmName": name}
    _accepted(hooks.inside(CLOUDWATCH, "_put_composite_alarm")({}, request, is_cbor=False, is_json=True))
    return name, {"Arn": hooks.inside(CLOUDWATCH, "_composite_alarms")[name]["AlarmArn"]}


def _delete_composite(name: str) -> None:
    hooks.inside(CLOUDWATCH, "_composite_alarms").pop(name, None)


def _put_query(_name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    answer = _accepted(hooks.inside(_ATHENA, "_create_named_query")(dict(properties)))
    return answer["NamedQueryId"], {"NamedQueryId": answer["NamedQueryId"]}


def _delete_query(query_id: str) -> None:
    hooks.inside(_ATHENA, "_delete_named_query")({"NamedQueryId": query_id})


def _completing(entry: Mapping[str, Any], described: Callable[..., Any], *names: str) -> dict[str, Any]:
    """Keep properties that MiniStack drops when the resource comes from a template."""

    def keep(name: str, properties: Mapping[str, Any]) -> None:
        described(name, properties).update({key: properties[key] for key in names if key in properties})

    return _followed(entry, keep)


def _followed(entry: Mapping[str, Any], keep: Callable[[str, Mapping[str, Any]], None]) -> dict[str, Any]:
    """Do something more with each resource that is made or changed."""

    def complete(put: Callable[..., Any], position: int) -> Callable[..., Any]:
        def completed(*arguments: Any, **more: Any) -> Any:
            answer = put(*arguments, **more)
            keep(answer[0], arguments[position])
            return answer

        return completed

    return {**entry, "create": complete(entry["create"], 1), "update": complete(entry["update"], 2)}


def _valid(entry: Mapping[str, Any], refusal: Callable[[Mapping[str, Any]], str]) -> dict[str, Any]:
    """Refuse a resource for which there is a refusal, before it is made or changed."""

    def checked(put: Callable[..., Any], position: int) -> Callable[..., Any]:
        def valid(*arguments: Any, **more: Any) -> Any:
            if why := refusal(arguments[position]):
                raise ConfigurationError(why)
            return put(*arguments, **more)

        return valid

    return {**entry, "create": checked(entry["create"], 1), "update": checked(entry["update"], 2)}


def _taken(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse a function whose role does not trust Lambda with it, as Lambda does."""

    def created(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        source = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{properties.get('FunctionName', logical_id)}"
        if not access.may_take(properties["Role"], "lambda.amazonaws.com", source):
            raise ConfigurationError("The role defined for the function cannot be assumed by Lambda.")
        return entry["create"](logical_id, properties, stack_name)

    return {**entry, "create": created}


def _keep_concurrency(function: str, properties: Mapping[str, Any]) -> None:
    reserved = properties.get("ReservedConcurrentExecutions")
    hooks.inside("services.lambda_svc", "_functions")[function]["concurrency"] = (
        None if reserved is None else int(reserved)
    )


def _keep_life_cycle(bucket: str, properties: Mapping[str, Any]) -> None:
    rules = properties.get("LifecycleConfiguration", {}).get("Rules", ())
    kept = hooks.inside("services.s3", "_bucket_lifecycle")
    kept.pop(bucket, None)
    if rules:
        kept[bucket] = [_life_cycle_rule(rule) for rule in rules]


def _life_cycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of a template as S3 describes it."""
    expiration = {
        "Days": rule.get("ExpirationInDays"),
        "ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker"),
    }
    given = {key: value for key, value in expiration.items() if value is not None}
    conditions = {key: rule[key] for key in ("Prefix", "ObjectSizeGreaterThan") if key in rule}
    moves = [
        {"StorageClass": move["StorageClass"], "Days": move["TransitionInDays"]} for move in rule.get("Transitions", ())
    ]
    same = {key: rule[key] for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload") if key in rule}
    return {
        **same,
        "ID": rule.get("Id", ""),
        "Status": rule["Status"],
        "Filter": {"And": conditions} if len(conditions) > 1 else conditions,
        **({"Expiration": given} if given else {}),
        **({"Transitions": moves} if moves else {}),
    }


def _keep_table_settings(table: str, properties: Mapping[str, Any]) -> None:
    living, restorable = properties.get("TimeToLiveSpecification"), properties.get("PointInTimeRecoverySpecification")
    if living:
        status = "ENABLED" if _is_true(living["Enabled"]) else "DISABLED"
        kept = {"TimeToLiveStatus": status, "AttributeName": living["AttributeName"]}
        hooks.inside("services.dynamodb", "_ttl_settings")[table] = kept
    if restorable:
        on = _is_true(restorable["PointInTimeRecoveryEnabled"])
        hooks.inside("services.dynamodb", "_pitr_settings")[table] = on


def _of_a_set(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse a destination of a configuration set that does not exist, as SES does."""

    def created(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        name = properties["ConfigurationSetName"]
        if name not in hooks.inside("services.ses_v2", "_config_sets"):
            raise ConfigurationError(f"Configuration set <{name}> does not exist.")
        return entry["create"](logical_id, properties, stack_name)

    return {**entry, "create": created}


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _schedule(name: str, properties: Mapping[str, Any]) -> Any:
    return hooks.inside("services.scheduler", "_schedules")[f"{properties.get('GroupName', 'default')}/{name}"]


def _function(name: str, _properties: Any) -> Any:
    return hooks.inside("services.lambda_svc", "_functions")[name]["config"]


def _accepted(answer: tuple[int, Any, bytes]) -> dict[str, Any]:
    status, _headers, body = answer
    content: dict[str, Any] = json.loads(body or b"{}")
    if status >= 300:
        raise ConfigurationError(content.get("message") or content.get("Message") or str(content))
    return content
