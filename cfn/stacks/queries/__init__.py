"""Scheduled queries: their schedule group, the reconciler, the executor, and where runs are kept."""

from collections.abc import Collection
from pathlib import Path

from troposphere import GetAtt, If, Ref, Sub, scheduler

from blocks.extras import Extra
from blocks.parts import Function, arn, chosen_name, dead_letters, named, not_kept, retries, role, schedule, title
from blocks.stack import Stack, dashboard_url
from blocks.tables import JSON_LINES, LAKE, saved_queries, table
from deliverywatch.queries.config import file
from deliverywatch.queries.run.record import COLUMNS
from stacks.queries.alarms import DEAD_LETTERS, WATCHES
from stacks.queries.dashboard import queries_dashboard
from stacks.queries.parameters import CONDITIONS, PARAMETERS, RULES
from stacks.queries.roles import GROUP, execute_may, reconcile_may, start_may

START = "queries-start"
_FILE = Path(__file__).parents[2] / "schedules.json"


def stack(_extras: Collection[Extra] = ()) -> Stack:
    """Return everything of scheduled queries, or raise InputError if cfn/schedules.json is wrong."""
    file.read(_FILE.read_bytes(), "deliverywatch")
    reconcile, execute = _reconcile(), _execute()
    return Stack(
        resources=[
            table("query_runs", "One row per run of a scheduled query", f"{LAKE}queries/runs/", COLUMNS, JSON_LINES),
            *saved_queries("queries"),
            scheduler.ScheduleGroup(
                "QueriesScheduleGroup",
                Condition="QueriesMakesGroup",
                Name=chosen_name("QueriesGroupName", named("queries")),
            ),
            *dead_letters(DEAD_LETTERS),
            role(START, "scheduler.amazonaws.com", start_may(title(DEAD_LETTERS)), _SOURCE),
            *schedule("queries-reconcile-rounds", reconcile, Sub("cron(0/${QueriesReconcileMinutes} * * * ? *)")),
            not_kept(
                "queries-reconcile",
                "The next round does what this one left undone.",
                "The alarm queries-reconcile-stale.",
            ),
            # A run that failed is repeated twice, then it waits for somebody.
            retries("queries-execute", 2, DEAD_LETTERS),
            queries_dashboard(),
        ],
        parameters=PARAMETERS,
        rules=RULES,
        conditions=CONDITIONS,
        outputs=_OUTPUTS,
        functions=[reconcile, execute],
        watches=WATCHES,
    )


def _reconcile() -> Function:
    return Function(
        room="queries",
        verb="reconcile",
        description="The file of queries -> EventBridge schedules kept in step with it",
        # 10,000 queries take 150 MB.
        memory_megabytes=256,
        timeout_seconds=600,
        packages=("aws-embedded-metrics", "tzdata", "urllib3"),
        environment={
            "CONFIG_GIT_URL": If("QueriesFromPackage", "", Ref("QueriesConfigUrl")),
            "CONFIG_TOKEN_PARAMETER": If("QueriesHasToken", Ref("QueriesTokenParameter"), ""),
            "QUERY_EXECUTOR_ARN": GetAtt("QueriesExecute", "Arn"),
            "SCHEDULE_ROLE_ARN": GetAtt(f"{title(START)}Role", "Arn"),
            "SCHEDULE_GROUP_NAME": GROUP,
            "PROJECT_NAME": Ref("QueriesProject"),
            "DEAD_LETTER_QUEUE_ARN": GetAtt(title(DEAD_LETTERS), "Arn"),
            "DISABLED_BY_HAND": Ref("QueriesDisabledByHand"),
            "DELETE_COUNT": Ref("QueriesDeleteCount"),
            "DELETE_PERCENT": Ref("QueriesDeletePercent"),
            "SPREAD_MINUTES": Ref("QueriesSpreadMinutes"),
            "PERIOD_MINUTES": Ref("QueriesReconcileMinutes"),
            "DATABASES": Sub("${Database},${QueriesDatabase}"),
            **_SHARED,
        },
        statements=reconcile_may(f"{title(START)}Role"),
        files={"deliverywatch/queries/schedules.json": "cfn/schedules.json"},
    )


def _execute() -> Function:
    return Function(
        room="queries",
        verb="execute",
        description="One run of a query: result exported, alerts told, all of it written down",
        memory_megabytes=512,
        # The most that Lambda gives: it waits for Athena.
        timeout_seconds=900,
        packages=("aws-embedded-metrics", "tzdata"),
        environment={
            "WORKGROUP": Ref("Workgroup"),
            "DATABASE": Ref("Database"),
            "TIMEOUT_SECONDS": Ref("QueriesTimeoutSeconds"),
            "UNMEASURED_RUNS": Ref("QueriesUnmeasuredRuns"),
            **_SHARED,
        },
        statements=execute_may(title(DEAD_LETTERS)),
    )


_SHARED = {
    "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
    "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
    "DELIVERYWATCH_ALERTS_TOPIC": Ref("AlertsTopic"),
}


# Scheduler names the group, not the schedule, as the source when it takes the role.
_SOURCE = Sub(arn("scheduler", "schedule-group/${Group}"), Group=GROUP)


_OUTPUTS = {
    "QueriesReconciler": ("Function that keeps schedules in step with the file", Ref("QueriesReconcile")),
    "QueriesExecutor": ("Function that runs a query", Ref("QueriesExecute")),
    "QueriesDashboardUrl": dashboard_url("queries", "The dashboard of scheduled queries"),
    "QueriesDeadLettersUrl": ("Queue of runs that could not be started or finished", Ref(title(DEAD_LETTERS))),
}
