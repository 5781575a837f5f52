"""The parts that every stack is made of: a function with its role and log group, a queue, a schedule, a topic.

All names begin with `deliverywatch-${Environment}`, so that two environments live in one account side by side.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from troposphere import FindInMap, GetAtt, If, Ref, Sub, awslambda, iam, logs, scheduler, sns, sqs

from deliverywatch.environment import parameter_name

RUNTIME = "python3.13"
PREFIX = "deliverywatch-${Environment}"
# With `CONSOLE_OF` as the text's variable: each partition of AWS has a console of its own.
CONSOLE = "https://${AWS::Region}.${Console}"
CONSOLE_OF = {"Console": FindInMap("Consoles", Ref("AWS::Partition"), "Host")}
# Scheduler writes the time that a run was meant for into its event.
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
# Arrow's own pool and one per thread of the C library's keep what they freed: 25 MB at a million rows.
MEMORY_SETTINGS = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}

NO_VALUE = Ref("AWS::NoValue")
# Services that are documented to say for which account and resource they take a role. Lambda is for runs only, not for
# its pollers and for what it reports; Firehose and Glue nowhere.
SAYS_FOR_WHOM = ("scheduler.amazonaws.com", "ses.amazonaws.com")
# The queue of alarm messages that could not be mailed and of starts that failed; its alarm passes the notifier by.
UNDELIVERED = "alerting-notify-dead-letters"
# What an examination asks Lambda about a function.
LOOKS_AT_FUNCTION = tuple(
    f"lambda:{name}" for name in ("GetFunctionConfiguration", "GetFunctionConcurrency", "GetPolicy")
)

Statement = dict[str, Any]


class Code(awslambda.Function):  # type: ignore[misc]  # troposphere has no types
    """A Lambda function whose `Code` is a path beside the template, which `aws cloudformation package` uploads.

    LoggingConfig is a plain dict because troposphere 4.11's class for it has lost LogFormat.
    """

    props = {**awslambda.Function.props, "Code": (str, True), "LoggingConfig": (dict, False)}  # noqa: RUF012


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function as the build needs it: what it ships and what it may do.

    Attributes:
        room: The package in `src/deliverywatch` that it runs; what its handler imports is shipped.
        verb: The flow: its handler is `deliverywatch.<room>.handle_<verb>.handler`.
        name_parameter: The parameter that may give it another name.
        timeout_seconds: A number, or a reference to a parameter.
        packages: Third-party packages it imports; those they depend on are found by the build.
        statements: What its role allows beyond writing its own log.
        is_traced: Whether X-Ray records its runs, which needs no library in it.
        files: Files of the repository that it reads: name in the zip -> path.
        condition: Of the template, under which it exists; empty for always.
        concurrency: How many of its runs there may be at a time; None for as many as the account allows.
    """

    room: str
    verb: str
    description: str
    # The share of a processor that comes with it keeps a cold start short.
    memory_megabytes: int = 256
    timeout_seconds: Any
    name_parameter: str = ""
    packages: tuple[str, ...] = ()
    environment: Mapping[str, Any]
    statements: Sequence[Statement]
    is_traced: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    condition: str = ""
    concurrency: Any = None

    @property
    def name(self) -> str:
        """Its name without the prefix, such as `sms-ingest`; its zip is called so too."""
        return f"{self.room}-{self.verb}"

    @property
    def full_name(self) -> Any:
        """Its name in the account."""
        return chosen_name(self.name_parameter, named(self.name)) if self.name_parameter else named(self.name)

    def within(self, text: str) -> Any:
        """Return a text with its full name in the place of `${Name}`."""
        if self.name_parameter:
            return Sub(text, Name=self.full_name)
        return Sub(text.replace("${Name}", f"{PREFIX}-{self.name}"))

    @property
    def module(self) -> str:
        """The module of its handler."""
        return f"deliverywatch.{self.room}.handle_{self.verb}"


def named(name: str) -> Any:
    """Return the full name of a resource: `sms-ingest` -> `deliverywatch-<environment>-sms-ingest`."""
    return Sub(f"{PREFIX}-{name}")


def chosen_name(parameter: str, otherwise: Any = NO_VALUE) -> Any:
    """Return the name that a parameter gives, or what stands for it where that is empty: AWS makes one up then.

    It needs the condition `Has<parameter>`.
    """
    return If(f"Has{parameter}", Ref(parameter), otherwise)


def arn(service: str, resource: str) -> str:
    """Return the ARN of a resource in this account and region, as `Sub` takes it."""
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"


def per_environment(name: str) -> Any:
    """Return a name of somebody else's, in which `${Environment}` may stand for the environment."""
    return Sub(name) if "${" in name else name


def title(name: str) -> str:
    """Return a logical id: `sms-ingest` -> `SmsIngest`."""
    return "".join(word.capitalize() for word in re.split(r"[-_]", name))


def allow(actions: str | Sequence[str], resources: Any, conditions: Mapping[str, Any] | None = None) -> Statement:
    """Return one statement of a policy that allows actions on resources."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": dict(conditions)} if conditions else statement


def limits(kind: type) -> dict[str, Any]:
    """Return the environment that fills in a dataclass of limits (`deliverywatch.environment.limits`)."""
    names = [field.name for field in fields(kind)]
    return {f"DELIVERYWATCH_{name.upper()}": Ref(parameter_name(name)) for name in names}


def policy(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return a policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def tls_only(actions: str, resources: Any) -> Statement:
    """Return the statement of a resource policy that refuses whoever does not use TLS."""
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def role(name: str, service: str, statements: Sequence[Statement], source: Any) -> Any:
    """Return a role that one AWS service may take for some sources, and that allows exactly these statements.

    It has no name of its own: names of roles are the account's, and a stack may be in two regions. The sources' ARNs
    may hold wildcards, and must not refer to what waits for the role.
    """
    # What a service leaves out equals nothing, and a role that it cannot take stops everything.
    suffix = "" if service in SAYS_FOR_WHOM else "IfExists"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        # Else the service could be talked into taking it for somebody else's resource.
        "Condition": {
            f"StringEquals{suffix}": {"aws:SourceAccount": Ref("AWS::AccountId")},
            f"ArnLike{suffix}": {"aws:SourceArn": source},
        },
    }
    return iam.Role(
        f"{title(name)}Role",
        AssumeRolePolicyDocument=policy([trust]),
        Policies=[iam.Policy(PolicyName=name, PolicyDocument=policy(statements))],
    )


def function(spec: Function, architecture: str) -> list[Any]:
    """Return the resources of a function: its log group, its role and itself."""
    log_group = logs.LogGroup(
        f"{title(spec.name)}Logs",
        LogGroupName=spec.within("/aws/lambda/${Name}"),
        RetentionInDays=Ref("LogRetentionDays"),
    )
    own = [allow(["logs:CreateLogStream", "logs:PutLogEvents"], GetAtt(log_group, "Arn"))]
    if spec.is_traced:
        # X-Ray knows no resources for these two.
        own.append(allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"))
    # With or without a version at its end; what polls a queue for it is a resource of its own.
    sources = [spec.within(arn("lambda", "function:${Name}*")), Sub(arn("lambda", "event-source-mapping:*"))]
    taken = role(spec.name, "lambda.amazonaws.com", [*own, *spec.statements], sources)
    made = [log_group, taken, _code(spec, architecture)]
    for resource in made if spec.condition else ():
        resource.Condition = spec.condition
    return made


def _code(spec: Function, architecture: str) -> Any:
    return Code(
        title(spec.name),
        FunctionName=spec.full_name,
        Description=spec.description,
        Code=f"{spec.name}.zip",
        Handler=f"{spec.module}.handler",
        Runtime=RUNTIME,
        Architectures=[architecture],
        MemorySize=spec.memory_megabytes,
        Timeout=spec.timeout_seconds,
        Role=GetAtt(f"{title(spec.name)}Role", "Arn"),
        Environment=awslambda.Environment(Variables=dict(spec.environment)),
        # Text, not JSON: CloudWatch finds metrics only in lines that are EMF documents as they were printed.
        LoggingConfig={"LogFormat": "Text", "LogGroup": Ref(f"{title(spec.name)}Logs")},
        **({} if spec.concurrency is None else {"ReservedConcurrentExecutions": spec.concurrency}),
        **({"TracingConfig": awslambda.TracingConfig(Mode="Active")} if spec.is_traced else {}),
    )


def schedule(
    name: str, target: Function, expression: Any, *, event: str = "scheduled_time", **properties: Any
) -> list[Any]:
    """Return a schedule that starts a function, in UTC unless `properties` differ, and a role that may start only that.

    `event` is the key under which the function gets the scheduled time. A start that fails for ten minutes goes to the
    queue of what could not be delivered.
    """
    # Scheduler names the group, not the schedule, as the source when it takes the role.
    source = Sub(arn("scheduler", "schedule-group/default"))
    target_arn, dead = GetAtt(title(target.name), "Arn"), GetAtt(title(UNDELIVERED), "Arn")
    may = [allow("lambda:InvokeFunction", target_arn), allow("sqs:SendMessage", dead)]
    return [
        role(name, "scheduler.amazonaws.com", may, source),
        scheduler.Schedule(
            f"{title(name)}Schedule",
            Name=named(name),
            ScheduleExpression=expression,
            FlexibleTimeWindow=scheduler.FlexibleTimeWindow(Mode="OFF"),
            Target=scheduler.Target(
                Arn=target_arn,
                RoleArn=GetAtt(f"{title(name)}Role", "Arn"),
                Input=json.dumps({event: SCHEDULED_TIME}),
                RetryPolicy=scheduler.RetryPolicy(MaximumRetryAttempts=2, MaximumEventAgeInSeconds=600),
                DeadLetterConfig=scheduler.DeadLetterConfig(Arn=dead),
            ),
            **{"ScheduleExpressionTimezone": "UTC", **properties},
        ),
    ]


def retries(function: str, attempts: int, dead_letters: str) -> Any:
    """Return how often Lambda repeats an asynchronous run that failed, and the queue of its event after that."""
    failed = awslambda.OnFailure(Destination=GetAtt(title(dead_letters), "Arn"))
    return _retries(function, attempts, DestinationConfig=awslambda.DestinationConfig(OnFailure=failed))


def not_kept(function: str, reason: str, seen_by: str) -> Any:
    """Return that Lambda neither repeats an asynchronous run that failed nor keeps its event; why, and who sees it."""
    return _retries(function, 0, Metadata={"DeliveryWatch": {"NotKept": reason, "SeenBy": seen_by}})


def reported(function: str) -> Any:
    """Return that what becomes of each asynchronous run is mailed when it changes: for what runs once a day or less.

    Lambda itself publishes the record of the run, whatever the code did. An alarm would cost 0.10 USD a month for each
    function, and be over as soon as the run that failed is out of its window.
    """
    topic = Ref("AlertsTopic")
    ends = awslambda.DestinationConfig(
        OnFailure=awslambda.OnFailure(Destination=topic), OnSuccess=awslambda.OnSuccess(Destination=topic)
    )
    return _retries(function, 2, DestinationConfig=ends)


def _retries(function: str, attempts: int, **more: Any) -> Any:
    return awslambda.EventInvokeConfig(
        f"{title(function)}Retries",
        FunctionName=Ref(title(function)),
        Qualifier="$LATEST",
        MaximumRetryAttempts=attempts,
        **more,
    )


def invocable(name: str, function: str, principal: str, **source: Any) -> Any:
    """Return the permission that lets a service of AWS start a function, which is named by its logical id."""
    return awslambda.Permission(
        name, FunctionName=GetAtt(function, "Arn"), Action="lambda:InvokeFunction", Principal=principal, **source
    )


def sender(service: str, source: Any) -> Statement:
    """Return the statement that lets a source of a service send to a queue; `queue` fills in which."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }


def queue(name: str, policy_statements: Sequence[Any], **properties: Any) -> list[Any]:
    """Return an encrypted queue and its policy, which refuses whoever does not use TLS."""
    document = policy([*policy_statements, tls_only("sqs:*", GetAtt(title(name), "Arn"))])
    properties = {"QueueName": named(name), **properties}
    return [
        sqs.Queue(title(name), SqsManagedSseEnabled=True, **properties),
        sqs.QueuePolicy(f"{title(name)}Policy", Queues=[Ref(title(name))], PolicyDocument=document),
    ]


def dead_letters(name: str, senders: Sequence[Statement] = (), **properties: Any) -> list[Any]:
    """Return a queue for what could not be handled, kept for two weeks; it completes the senders' statements."""
    statements = [{**sender, "Resource": GetAtt(title(name), "Arn")} for sender in senders]
    return queue(name, statements, MessageRetentionPeriod=14 * 24 * 3600, **properties)


def topic(name: str) -> list[Any]:
    """Return a topic that alarms of this account may publish to, and nobody else by its policy."""
    this = sns.Topic(
        f"{title(name)}Topic",
        TopicName=named(name),
        # Never alias/aws/sns: CloudWatch may not use that key, and alarms would be lost without a trace.
        KmsMasterKeyId=If("HasKmsKey", Ref("KmsKeyArn"), NO_VALUE),
    )
    publish = {
        **allow("sns:Publish", Ref(this)),
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")},
            "ArnLike": {"aws:SourceArn": Sub(arn("cloudwatch", "alarm:*"))},
        },
    }
    document = policy([publish, tls_only("sns:Publish", Ref(this))])
    return [this, sns.TopicPolicy(f"{title(name)}TopicPolicy", Topics=[Ref(this)], PolicyDocument=document)]
