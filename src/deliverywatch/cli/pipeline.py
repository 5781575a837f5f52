"""`deliverywatch pipeline publish`, `diagnose`, `validate` and `lint`: the pipeline system's work, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import echo, json_option, print_json, wrapped
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.input_files import read_bytes, read_json
from deliverywatch.cli.terminal.output import print_either
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.cli.terminal.time_options import TimeOrAge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deliverywatch.pipeline.checks.validation import Check, Report
    from deliverywatch.pipeline.declaration.pipelines import Pipeline
    from deliverywatch.pipeline.declaration.source import Source
    from deliverywatch.pipeline.lint.findings import Finding

_DECLARATION = Path("cfn/pipelines.toml")
_PIPELINES = click.option(
    "--pipelines",
    "declaration",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The declaration of the pipelines, TOML or JSON.  [default: {_DECLARATION}, if it exists]",
)
_ENVIRONMENT = click.option(
    "--environment", default="prod", show_default=True, help="What stands for ${Environment} in the declaration."
)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def pipeline() -> None:
    """Look at runs of Step Functions, Glue and dbt, and at the data they leave."""


@pipeline.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, required=True, help="Print the metrics; nothing is emitted.")
@click.option("--environment", default="prod", show_default=True, help="Dimension of the metrics.")
@click.option("--pipeline", "name", default="", help="Its other dimension.  [default: the state machine's name]")
@click.option("--execution", type=_FILE, help="For results of dbt: the event or execution that they must belong to.")
@click.option("--history", type=_FILE, help="For an execution: what GetExecutionHistory says of it.")
def publish(
    *,
    file: Path,
    dry_run: bool,  # noqa: ARG001 - it must be given
    environment: str,
    name: str,
    execution: Path | None,
    history: Path | None,
) -> None:
    """Print the metrics that would be emitted for FILE, as JSON.

    FILE is a Step Functions event or execution, a Glue job run or several, or dbt's run_results.json (versions 4 to 6).
    In AWS the function pipeline-publish emits them at the end of every run; by hand there is only this dry run, because
    an execution is counted once. The function has the history, the results and the times of a run together: what one
    file cannot tell is said in the notes.

    \b
    JSON: {"kind": "dbt", "metrics": [{"name": "DbtTestsFailed", "value": 1,
             "unit": "Count", "dimensions": {"Pipeline": "sf_user", ...}}],
           "unknown": {"a status no rule covers": 1}, "notes": []}
    """  # noqa: D301 - click wants the control character
    from deliverywatch.pipeline.preview import preview

    others = [read_json(other) if other else None for other in (execution, history)]
    print_json(preview(read_json(file), environment, name, *others), indent=1)


@pipeline.command()
@click.argument("execution")
@_PIPELINES
@_ENVIRONMENT
@target_and_json
def diagnose(*, execution: str, declaration: Path | None, environment: str, as_json: bool, target: Target) -> None:
    """Say where and why a run failed, and what to do, as its mail would.

    EXECUTION is the ARN of an execution of a state machine. Nobody is notified and nothing is stored. Any state
    machine will do; one that is declared is known by the names of its steps. Ends with 3 if the run is not well.

    \b
    JSON: {"well": false, "verdict": "failing" (healthy, too_little, blind),
           "evidence": [{"verdict": "", "subject": "job", "sentence": ""}],
           "where": "ingest", "why": "timeout",
           "severity": "HIGH", "retryable": true, "step": "", "message": "",
           "sentence": "", "facts": {}, "actions": [], "steps": [],
           "links": [{"title": "", "url": ""}]}
    """  # noqa: D301 - click wants the control character
    if execution.count(":") < 7:
        raise click.UsageError("EXECUTION is the ARN of an execution, arn:aws:states:...:execution:MACHINE:NAME.")
    diagnosis = _diagnosed(execution, declaration, environment, target)
    print_either(diagnosis, _in_words(diagnosis), as_json=as_json, indent=1)
    if not diagnosis["well"]:
        raise SystemExit(Exit.CHECK_FAILED)


def _diagnosed(arn: str, declaration: Path | None, environment: str, target: Target) -> dict[str, Any]:
    from deliverywatch.pipeline import aws
    from deliverywatch.pipeline.diagnosis.collect import run_of_arn
    from deliverywatch.pipeline.diagnosis.faults import shipped
    from deliverywatch.pipeline.report import examine

    source, cloud = _declared(declaration, environment), target.connect()
    *_, account, _, name = arn.split(":")[:7]
    steps, artifacts = aws.StepFunctions(cloud.client("stepfunctions")), aws.Artifacts(cloud.client("s3"), account)
    run = run_of_arn(arn, _pipelines(source, name, environment), steps, artifacts)
    return examine(run, shipped().with_rules(source.document))[0]


@pipeline.command()
@click.option(
    "--local",
    "folder",
    required=True,
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder of the tables, Parquet, CSV or JSON lines: NAME.parquet, or the files below NAME/.",
)
@click.option("--pipeline", "name", default="", help="Which pipeline.  [default: the first that is declared]")
@_PIPELINES
@_ENVIRONMENT
@click.option("--part", type=click.Choice(["all", "records", "histories"]), default="all", show_default=True)
@click.option("--since", type=TimeOrAge(), help="When the run began.  [default: a day before --until]")
@click.option("--until", type=TimeOrAge(), help="The time of the validation.  [default: now]")
@json_option
def validate(
    *,
    folder: Path,
    name: str,
    declaration: Path | None,
    environment: str,
    part: str,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Run all checks of a pipeline on tables in a folder.

    The same queries that the function pipeline-validate runs on Athena run here on DuckDB. Tables are found by their
    name without the database. Ends with 3 if a check fails.

    A history is read in the convention that is declared: convention, ends, open_end, hard_deletes and so on. Nothing is
    guessed from the data: the first paragraphs say how each history is read, and which checks that leaves out. An end
    that looks like a declaration that does not fit is named with its check.

    \b
    JSON: {"passed": false, "failed_checks": ["overlap"],
           "scores": {"quality": {"percent": 99.5, "good": 199, ...}, ...},
           "counts": {"processed": 200, ...}, "age_hours": 1.2,
           "checks": [{"name": "overlap", "result": "failed", "rows": 2,
             "keys": 1, "total": 50, "samples": ["7"], "sentence": ""}],
           "conventions": ["users_history is read as dbt-snapshot: ..."]}
    """  # noqa: D301 - click wants the control character
    from deliverywatch.pipeline.checks.conventions import described
    from deliverywatch.pipeline.checks.duck import LocalTables
    from deliverywatch.pipeline.checks.validation import document
    from deliverywatch.pipeline.declaration.pipelines import named, pipelines_of, without_databases
    from deliverywatch.pipeline.validate import Part, Task, validate

    source = _declared(declaration, environment)
    declared = pipelines_of(source.document, source)
    chosen = without_databases(named(name, declared) if name else declared[0])
    end = until or datetime.now(UTC)
    task = Task(chosen, Part(part), since or end - timedelta(days=1), end)
    if task.since >= task.until:
        raise click.UsageError("--since must be before --until.")
    report = validate(task, LocalTables(folder))
    said = [described(history) for history in chosen.histories] if task.part is not Part.RECORDS else []
    print_either(document(report) | {"conventions": said}, _checks(report, said), as_json=as_json, indent=1)
    if not report.is_passed:
        raise SystemExit(Exit.CHECK_FAILED)


def _checks(report: Report, conventions: Sequence[str]) -> str:
    from deliverywatch.pipeline.checks.validation import Result, Topic

    lines = [line for convention in conventions for line in (wrapped(convention), "")]
    for check in report.checks:
        if check.topic is Topic.INTEGRITY and check.result is not Result.FAILED:
            continue
        first, indent = f"{check.result.value:<10} {check.name:<22}", " " * 33
        lines.append(wrapped(check.sentence, indent, first))
        if check.samples:
            lines.append(wrapped(f"for example {', '.join(check.samples)}", indent, indent))
    scores = [
        f"{name:<9} {'no data' if score.percent is None else f'{score.percent:.2f} %'} "
        f"({score.good:,} of {score.total:,} {what})"
        for name, score, what in (("quality", report.quality, "rows"), ("integrity", report.integrity, "keys"))
    ]
    return "\n".join([*lines, *_not_failed(report.checks), "", *scores, "", _last_words(report)])


def _last_words(report: Report) -> str:
    if report.failed:
        return "It does not pass."
    if not report.is_passed:
        return "Nothing could be judged: there are no rows, or no check of them is made."
    if empty := report.empty_histories:
        return f"What is there passes; of {', '.join(empty)} nobody can tell: no version is there, so no run is well."
    return "It passes."


def _not_failed(checks: Sequence[Check]) -> list[str]:
    """Return one paragraph for the checks of each history that passed, and one for those that were not made."""
    from deliverywatch.pipeline.checks.validation import Result, Topic

    paragraphs: dict[tuple[str, Result], list[str]] = {}
    for check in checks:
        if check.topic is Topic.INTEGRITY and check.result is not Result.FAILED:
            reason = check.sentence.partition(": not judged, because ")[2].rstrip(".")
            paragraphs.setdefault((check.table, check.result), []).append(f"{check.name}{reason and f' ({reason})'}")
    return [
        wrapped(f"{table}: {', '.join(names)}.", " " * 11, f"{result.value:<10} ")
        for (table, result), names in paragraphs.items()
    ]


@pipeline.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--strict", is_flag=True, help="End with 3 for warnings, too.")
@json_option
def lint(*, file: Path, strict: bool, as_json: bool) -> None:
    """Find what hides failures in a state machine, or lets its runs hang.

    FILE is a definition in Amazon States Language (JSONPath or JSONata), or a CloudFormation, SAM or CDK template with
    some, as JSON or YAML. Ends with 3 if there is an error: a failure that ends in success, or a run that nobody ends.

    \b
    Errors     a Catch of any failure whose path ends in success, its own or
               that of good runs, also after Choice, Pass and notification,
               or that leads straight on to the next work or item; a status
               that says failed, or only that it is over, or a state named
               for failure (fail, error, aborted) that ends in success;
               failures of a Map that are tolerated and not looked at; jobs
               and executions started without .sync whose status nobody asks
               for; functions invoked with InvocationType Event; answers of
               aws-sdk:lambda:invoke and sfn:startSyncExecution that may be
               failures, unread; a task token or activity without a limit; a
               Fail that is not reached
    Warnings   a Catch of any failure that does something and goes on with
               the work, drops the error, or puts it in the place of the
               input; a .sync without TimeoutSeconds; retries of any failure
               for over an hour, or for ever; startExecution.sync, not .sync:2
    \b
    JSON: {"findings": [{"rule": "caught-succeeds", "severity": "error",
             "state": "Notify", "path": "$.States.Notify", "why": "",
             "instead": "", "machine": ""}], "not_read": []}
    """  # noqa: D301 - click wants the control character
    from deliverywatch.cli.terminal.state_machines import read_machines
    from deliverywatch.pipeline.lint.rules import findings_of

    read = read_machines(file)
    findings = [one for machine in read.machines for one in findings_of(machine.definition, machine.name)]
    document = {"findings": [one.document() for one in findings], "not_read": list(read.missing)}
    print_either(document, _findings(findings, read.missing), as_json=as_json, indent=1)
    if any(strict or one.severity == "error" for one in findings):
        raise SystemExit(Exit.CHECK_FAILED)


def _findings(findings: list[Finding], missing: tuple[str, ...]) -> str:
    lines = [
        f"{one.severity.value:<7}  {one.machine + ': ' if one.machine else ''}{one.path}  [{one.rule}]\n"
        + wrapped(one.sentence, " " * 9, " " * 9)
        for one in findings
    ]
    unread = [f"The definition of {name} is in another file, which is not here: give that file." for name in missing]
    return "\n".join([*(lines or ["Nothing was found that hides a failure."]), *unread])


def _declared(declaration: Path | None, environment: str) -> Source:
    """Return the declaration of an environment, TOML or JSON; empty if none is named and there is none."""
    from deliverywatch.pipeline.declaration.source import Source, in_environment, read

    file = declaration or _DECLARATION
    if declaration is None and not file.exists():
        return Source()
    if file.suffix == ".json":
        return Source(str(file), in_environment(read_json(file), environment))
    source = read(read_bytes(file), str(file))
    return replace(source, document=in_environment(source.document, environment))


def _pipelines(source: Source, machine: str, environment: str) -> tuple[Pipeline, ...]:
    """Return the declared pipelines, and one without a declaration for a state machine that is not among them."""
    from deliverywatch.pipeline.declaration.pipelines import Pipeline, pipelines_of

    declared = pipelines_of(source.document, source) if source.document else ()
    is_declared = any(machine in (pipeline.name, pipeline.state_machine) for pipeline in declared)
    if declared and not is_declared:
        where = f"{source.file} declares no pipeline with the state machine {machine} in the environment {environment}"
        echo(f"{where}: it is read without its steps. Another --environment may have it.", err=True)
    return declared if is_declared else (*declared, Pipeline(machine, machine))


def _in_words(diagnosis: dict[str, Any]) -> str:
    if diagnosis["well"]:
        name = diagnosis["execution"].split(":")[-1]
        return f"The run {name} of {diagnosis['pipeline']} is well ({diagnosis['status']})."
    if "facts" not in diagnosis:
        seen = [wrapped(f"{one['verdict']}: {one['sentence']}", "    ", "  ") for one in diagnosis["evidence"]]
        words = "Nobody can tell whether it is well" if diagnosis["status"] != "RUNNING" else "It goes on"
        return "\n".join([f"{words} ({diagnosis['status']}). What was seen:", "", *seen])
    facts = [wrapped(f"{name}: {value}", "    ", "  ") for name, value in diagnosis["facts"].items()]
    steps = [wrapped(f"{number}. {step}", "     ", "  ") for number, step in enumerate(diagnosis["steps"], 1)]
    links = [f"  {link['title']}: {link['url']}" for link in diagnosis["links"]]
    return "\n".join([wrapped(diagnosis["sentence"]), "", *facts, "", "What to do:", *steps, "", "Links:", *links])
