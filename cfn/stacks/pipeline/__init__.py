"""Pipelines: three functions, the rule that starts two of them at the end of every run, and what each pipeline adds."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, If, Ref, Sub, awslambda, events

from blocks.parts import PREFIX, Function, Stack, Statement, allow, dead_letters, named, title
from blocks.tables import workgroup
from deliverywatch.pipeline.declaration.pipelines import pipelines_of
from deliverywatch.pipeline.diagnosis.faults import shipped
from stacks.pipeline import alarms, dashboard, parameters
from stacks.shared import objects

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline

DECLARATION = "cfn/pipelines.toml"
_SHIPPED = {"deliverywatch/pipeline/pipelines.toml": DECLARATION}
_ENDED = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
_STATES = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"


def stack() -> Stack:
    """Return everything of the pipeline system, for the pipelines that are declared."""
    document = tomllib.loads((Path(__file__).parents[3] / DECLARATION).read_text(encoding="utf-8"))
    return stack_of(declared(document))


def declared(document: object) -> tuple[Pipeline, ...]:
    """Return the pipelines of a declaration, of which the functions can use every part.

    Raises:
        ConfigurationError: They cannot; a wrong rule for faults would else be found by the first run that fails.
    """
    shipped().with_rules(document)
    return pipelines_of(document)


def stack_of(pipelines: Sequence[Pipeline]) -> Stack:
    """Return everything of the pipeline system, for these pipelines."""
    functions = [_publish(pipelines), _report(pipelines), _validate(pipelines)]
    return Stack(
        resources=[
            _workgroup(),
            *dead_letters(alarms.DEAD_LETTERS, [_from_events()]),
            *_started_by_the_end_of_runs(pipelines),
            *alarms.alarms(pipelines),
            dashboard.dashboard(pipelines),
        ],
        choices=parameters.choices(pipelines),
        functions=functions,
        watches=alarms.watches(pipelines),
        outputs={
            "PipelineReportArn": ("Task for the failure path of a state machine", GetAtt("PipelineReport", "Arn")),
            "PipelineValidateArn": ("Task that checks what a run wrote", GetAtt("PipelineValidate", "Arn")),
            "PipelineDeadLettersUrl": (
                "Ends of runs that could not be handled",
                Ref(title(alarms.DEAD_LETTERS)),
            ),
            "PipelineDashboardUrl": (
                "The dashboard of pipelines",
                Sub(
                    "https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}"
                    f"#dashboards/dashboard/{PREFIX}-pipeline"
                ),
            ),
        },
    )


def _publish(pipelines: Sequence[Pipeline]) -> Function:
    return Function(
        room="pipeline",
        verb="publish",
        description="The end of a run -> its metrics, each execution counted once",
        memory_megabytes=256,
        timeout_seconds=60,
        packages=("aws-embedded-metrics",),
        environment=_environment(pipelines),
        files=_SHIPPED,
        statements=[*_may_look(pipelines), allow(["s3:GetObject", "s3:PutObject"], objects("state/pipeline"))],
    )


def _report(pipelines: Sequence[Pipeline]) -> Function:
    return Function(
        room="pipeline",
        verb="report",
        description="A run that failed -> where, why and what to do; a good one ends what was open",
        memory_megabytes=256,
        timeout_seconds=60,
        packages=(),
        environment={**_environment(pipelines), "DELIVERYWATCH_ALERTS_TOPIC": Ref("AlertsTopic")},
        files=_SHIPPED,
        statements=[
            *_may_look(pipelines),
            allow(["s3:GetObject", "s3:PutObject"], objects("state/pipeline")),
            # The contexts of the watches, which the notifier reads.
            allow("s3:PutObject", Sub("${LakeBucket.Arn}/state/pipeline-*")),
            allow("sns:Publish", Ref("AlertsTopic")),
            If("HasKmsKey", allow(["kms:Decrypt", "kms:GenerateDataKey"], Ref("KmsKeyArn")), Ref("AWS::NoValue")),
        ],
    )


def _validate(pipelines: Sequence[Pipeline]) -> Function:
    return Function(
        room="pipeline",
        verb="validate",
        description="The tables after a run -> checks and scores, made by Athena",
        memory_megabytes=256,
        # It waits for Athena, which may take minutes over a large history.
        timeout_seconds=900,
        packages=(),
        environment={**_environment(pipelines), "DELIVERYWATCH_WORKGROUP": named("pipeline")},
        files=_SHIPPED,
        statements=_may_validate(pipelines),
    )


def _environment(pipelines: Iterable[Pipeline]) -> dict[str, Any]:
    limits = {pipeline.name: parameters.limits(pipeline) for pipeline in pipelines}
    text = json.dumps(limits, separators=(",", ":"))
    # A parameter that stands for a number must not stand in quotes.
    return {
        "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
        "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
        "DELIVERYWATCH_LIMITS": Sub(text.replace('"${', "${").replace('}"', "}")),
    }


def _may_look(pipelines: Sequence[Pipeline]) -> list[Statement]:
    runs = [Sub(f"{_STATES}:execution:{pipeline.state_machine}:*") for pipeline in pipelines]
    places = [pipeline.artifacts for pipeline in pipelines if pipeline.artifacts]
    return [
        allow(["states:DescribeExecution", "states:GetExecutionHistory"], runs),
        # Without it S3 answers 403 where an object is not there yet, instead of 404 (see alerting.py).
        allow("s3:ListBucket", [GetAtt("LakeBucket", "Arn"), *_buckets(places)]),
        *([allow("s3:GetObject", _objects(places))] if places else []),
    ]


def _may_validate(pipelines: Sequence[Pipeline]) -> list[Statement]:
    glue = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}"
    databases = sorted({name for pipeline in pipelines for name in _databases(pipeline)})
    tables = [Sub(f"{glue}:{kind}") for name in databases for kind in (f"database/{name}", f"table/{name}/*")]
    places = sorted({place for pipeline in pipelines for place in pipeline.data})
    workgroup = Sub("arn:${AWS::Partition}:athena:${AWS::Region}:${AWS::AccountId}:workgroup/" + PREFIX + "-pipeline")
    query = ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"]
    return [
        allow([*query, "athena:StopQueryExecution"], workgroup),
        allow(
            ["glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions"],
            [Sub(f"{glue}:catalog"), *tables],
        ),
        allow(["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], objects("athena-results")),
        allow(["s3:ListBucket", "s3:GetBucketLocation"], [GetAtt("LakeBucket", "Arn"), *_buckets(places)]),
        *([allow("s3:GetObject", _objects(places))] if places else []),
    ]


def _databases(pipeline: Pipeline) -> list[str]:
    tables = [each.table for each in pipeline.histories]
    if pipeline.records:
        tables.append(pipeline.records.table)
    return [name for name in (table.rpartition(".")[0] or pipeline.database for table in tables) if name]


def _buckets(places: Iterable[str]) -> list[Any]:
    names = sorted({place.removeprefix("s3://").partition("/")[0] for place in places})
    return [Sub(f"arn:${{AWS::Partition}}:s3:::{name}") for name in names]


def _objects(places: Iterable[str]) -> list[Any]:
    return [Sub(f"arn:${{AWS::Partition}}:s3:::{place.removeprefix('s3://')}*") for place in sorted(places)]


def _workgroup() -> Any:
    return workgroup(
        "PipelineWorkgroup",
        named("pipeline"),
        "Checks of the pipelines' tables, with a limit on what one check may read",
        limit="PipelineScanLimitMegabytes",
    )


def _from_events() -> Statement:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Condition": {"ArnEquals": {"aws:SourceArn": GetAtt("PipelineEnded", "Arn")}},
    }


def _started_by_the_end_of_runs(pipelines: Sequence[Pipeline]) -> list[Any]:
    functions, letters = ("PipelinePublish", "PipelineReport"), GetAtt(title(alarms.DEAD_LETTERS), "Arn")
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "status": _ENDED,
            "stateMachineArn": [Sub(f"{_STATES}:stateMachine:{each.state_machine}") for each in pipelines],
        },
    }
    return [
        events.Rule(
            "PipelineEnded",
            Name=named("pipeline-ended"),
            Description="Every end of a run of a declared pipeline, good or bad",
            EventPattern=pattern,
            State="ENABLED",
            Targets=[
                events.Target(Id=name, Arn=GetAtt(name, "Arn"), DeadLetterConfig=events.DeadLetterConfig(Arn=letters))
                for name in functions
            ],
        ),
        *(part for name in functions for part in _started(name, letters)),
    ]


def _started(name: str, letters: Any) -> list[Any]:
    return [
        awslambda.Permission(
            f"{name}Permission",
            FunctionName=GetAtt(name, "Arn"),
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=GetAtt("PipelineEnded", "Arn"),
        ),
        awslambda.EventInvokeConfig(
            f"{name}Retries",
            FunctionName=Ref(name),
            Qualifier="$LATEST",
            MaximumRetryAttempts=2,
            DestinationConfig=awslambda.DestinationConfig(OnFailure=awslambda.OnFailure(Destination=letters)),
        ),
    ]
