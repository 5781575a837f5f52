"""Pipelines: three functions, the rule that starts two of them at the end of every run, and what each pipeline adds."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troposphere import Equals, GetAtt, Ref, Sub, events

from blocks.extras import Extra
from blocks.parts import (
    PREFIX,
    Function,
    Statement,
    allow,
    arn,
    dead_letters,
    invocable,
    named,
    not_kept,
    retries,
    schedule,
    sender,
    title,
)
from blocks.stack import Stack, dashboard_url
from blocks.tables import workgroup
from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline.declaration.pipelines import pipelines_of
from deliverywatch.pipeline.declaration.source import Source, read
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.thresholds import PIPELINE_MEASURE_MINUTES
from stacks.pipeline.alarms import DEAD_LETTERS, MAILS_HEALTH, watches
from stacks.pipeline.dashboard import pipeline_dashboard
from stacks.pipeline.parameters import HEALTH_MAIL, limits, parameters
from stacks.shared import MAY_LIST_LAKE, MAY_SET_ASIDE, may_publish, objects

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline

DECLARATION = "cfn/pipelines.toml"
EXAMPLE = "cfn/pipelines.example.toml"
_STARTED = ("pipeline-publish", "pipeline-report")
_MAY_READ = ("DescribeExecution", "DescribeMapRun", "DescribeStateMachineForExecution", "GetExecutionHistory")
_ENDED = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


def stack(extras: Collection[Extra] = ()) -> Stack:
    """Return everything of the pipeline system, for the pipelines that are declared; nothing where none is."""
    declaration = EXAMPLE if Extra.EXAMPLE_PIPELINE in extras else DECLARATION
    source = read((Path(__file__).parents[3] / declaration).read_bytes(), declaration)
    return stack_of(declared(source), declaration) if source.document else Stack(resources=[])


def declared(source: Source) -> tuple[Pipeline, ...]:
    """Return the pipelines of a declaration, or raise ConfigurationError if the functions could not use all of it.

    A wrong rule for faults would otherwise show in the first run that fails.
    """
    pipelines = pipelines_of(source.document, source)
    for number, rule in enumerate(source.document.get("fault", [])):
        try:
            shipped().with_rules({"fault": [rule]})
        except ConfigurationError as error:
            place = f"{source.place(('fault', number))}: fault[{number}]"
            raise ConfigurationError(f"{place} cannot be used: {error}", next_step=error.next_step) from error
    return pipelines


def stack_of(pipelines: Sequence[Pipeline], declaration: str = DECLARATION) -> Stack:
    """Return everything of the pipeline system, for these pipelines; the functions ship their declaration."""
    functions = [replace(function, files=shipped_as(declaration)) for function in _functions(pipelines)]
    return Stack(
        resources=[
            workgroup(
                "PipelineWorkgroup",
                named("pipeline"),
                "Checks of the pipelines' tables, with a limit on what one check may read",
                limit="PipelineScanLimitMegabytes",
            ),
            *dead_letters(DEAD_LETTERS, [sender("events", GetAtt("PipelineEnded", "Arn"))]),
            *_started_by_the_end_of_runs(pipelines),
            *schedule("pipeline-measure-running", functions[-1], f"rate({PIPELINE_MEASURE_MINUTES} minutes)"),
            not_kept("pipeline-measure", "Ten minutes later the next run measures anew.", "pipeline-errors"),
            pipeline_dashboard(pipelines),
        ],
        parameters=parameters(pipelines),
        conditions={MAILS_HEALTH: Equals(Ref(HEALTH_MAIL), "true")},
        functions=functions,
        watches=watches(pipelines),
        outputs={
            "PipelineReportArn": ("Task for the failure path of a state machine", GetAtt("PipelineReport", "Arn")),
            "PipelineValidateArn": ("Task that checks what a run wrote", GetAtt("PipelineValidate", "Arn")),
            "PipelineDeadLettersUrl": ("Ends of runs that could not be handled", Ref(title(DEAD_LETTERS))),
            "PipelineDashboardUrl": dashboard_url("pipeline", "The dashboard of pipelines"),
        },
    )


def shipped_as(declaration: str) -> dict[str, str]:
    """Return the declaration's place in the zips."""
    return {"deliverywatch/pipeline/pipelines.toml": declaration}


def _function(verb: str, description: str, statements: Sequence[Statement], **more: Any) -> Function:
    return Function(
        room="pipeline",
        verb=verb,
        description=description,
        statements=statements,
        **{"timeout_seconds": 60, **more},
    )


def _functions(pipelines: Sequence[Pipeline]) -> list[Function]:
    environment = _environment(pipelines)
    unhandled = Sub("${LakeBucket.Arn}/state/pipeline-blind.json")
    records = [*objects("state/pipeline"), unhandled]
    looks = [*_may_look(pipelines), allow(["s3:GetObject", "s3:PutObject"], records), MAY_SET_ASIDE]
    machines = [Sub(arn("states", f"stateMachine:{pipeline.state_machine}")) for pipeline in pipelines]
    return [
        _function(
            "publish",
            "The end of a run -> its metrics, each execution counted once",
            looks,
            packages=("aws-embedded-metrics",),
            environment=environment,
        ),
        _function(
            "report",
            "A run that failed -> where, why and what to do; a good one ends what was open",
            [
                *looks,
                # The contexts of the watches, which the notifier reads.
                allow("s3:PutObject", Sub("${LakeBucket.Arn}/state/pipeline-*")),
                *may_publish("AlertsTopic"),
            ],
            packages=("aws-embedded-metrics",),
            environment={**environment, "DELIVERYWATCH_ALERTS_TOPIC": Ref("AlertsTopic")},
        ),
        _function(
            "validate",
            "The tables after a run -> checks and scores, made by Athena",
            _may_validate(pipelines),
            # It waits for Athena, which may take minutes over a large history.
            timeout_seconds=900,
            packages=("tzdata",),
            environment={**environment, "DELIVERYWATCH_WORKGROUP": named("pipeline")},
        ),
        _function(
            "measure",
            "The executions that run -> the age of each pipeline's oldest",
            [
                allow("states:ListExecutions", machines),
                allow(["s3:GetObject", "s3:PutObject"], unhandled),
                MAY_LIST_LAKE,
                # What the mail about a run that hangs says of it.
                allow("s3:PutObject", Sub("${LakeBucket.Arn}/state/pipeline-*-missed.json")),
            ],
            packages=("aws-embedded-metrics",),
            environment=environment,
        ),
    ]


def _environment(pipelines: Iterable[Pipeline]) -> dict[str, Any]:
    text = json.dumps({pipeline.name: limits(pipeline) for pipeline in pipelines}, separators=(",", ":"))
    return {
        "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
        "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
        "DELIVERYWATCH_LIMITS": Sub(text),
    }


def _may_look(pipelines: Sequence[Pipeline]) -> list[Statement]:
    # Of the state machines that a pipeline's own starts too: a failure that is caught in one of them is caught.
    machines = sorted({name for pipeline in pipelines for name in (pipeline.state_machine, *pipeline.nested)})
    runs = [Sub(arn("states", part)) for name in machines for part in (f"execution:{name}:*", f"mapRun:{name}/*")]
    folders = [pipeline.artifacts for pipeline in pipelines if pipeline.artifacts]
    return [
        allow([f"states:{action}" for action in _MAY_READ], runs),
        allow("s3:ListBucket", [MAY_LIST_LAKE["Resource"], *_buckets(folders)]),
        *([allow("s3:GetObject", _objects(folders))] if folders else []),
    ]


def _may_validate(pipelines: Sequence[Pipeline]) -> list[Statement]:
    databases = sorted({name for pipeline in pipelines for name in _databases(pipeline)})
    tables = ["catalog", *(kind for name in databases for kind in (f"database/{name}", f"table/{name}/*"))]
    folders = sorted({folder for pipeline in pipelines for folder in pipeline.data})
    query = ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"]
    return [
        allow([*query, "athena:StopQueryExecution"], Sub(arn("athena", f"workgroup/{PREFIX}-pipeline"))),
        allow(
            ["glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions"],
            [Sub(arn("glue", table)) for table in tables],
        ),
        allow(["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], objects("athena-results")),
        allow(["s3:ListBucket", "s3:GetBucketLocation"], [GetAtt("LakeBucket", "Arn"), *_buckets(folders)]),
        *([allow("s3:GetObject", _objects(folders))] if folders else []),
    ]


def _databases(pipeline: Pipeline) -> list[str]:
    tables = [history.table for history in pipeline.histories]
    tables += [history.source.table for history in pipeline.histories if history.source]
    if pipeline.records:
        tables.append(pipeline.records.table)
    return [name for name in (table.rpartition(".")[0] or pipeline.database for table in tables) if name]


def _buckets(folders: Iterable[str]) -> list[Any]:
    names = sorted({folder.removeprefix("s3://").partition("/")[0] for folder in folders})
    return [Sub(f"arn:${{AWS::Partition}}:s3:::{name}") for name in names]


def _objects(folders: Iterable[str]) -> list[Any]:
    return [Sub(f"arn:${{AWS::Partition}}:s3:::{folder.removeprefix('s3://')}*") for folder in sorted(folders)]


def _started_by_the_end_of_runs(pipelines: Sequence[Pipeline]) -> list[Any]:
    undelivered = events.DeadLetterConfig(Arn=GetAtt(title(DEAD_LETTERS), "Arn"))
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "status": _ENDED,
            "stateMachineArn": [Sub(arn("states", f"stateMachine:{pipeline.state_machine}")) for pipeline in pipelines],
        },
    }
    rule = events.Rule(
        "PipelineEnded",
        Name=named("pipeline-ended"),
        Description="Every end of a run of a declared pipeline, good or bad",
        EventPattern=pattern,
        State="ENABLED",
        Targets=[
            events.Target(Id=title(name), Arn=GetAtt(title(name), "Arn"), DeadLetterConfig=undelivered)
            for name in _STARTED
        ],
    )
    source = GetAtt(rule, "Arn")
    return [
        rule,
        *(
            invocable(f"{title(name)}Permission", title(name), "events.amazonaws.com", SourceArn=source)
            for name in _STARTED
        ),
        *(retries(name, 2, DEAD_LETTERS) for name in _STARTED),
    ]
