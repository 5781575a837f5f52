"""What a team says of its pipelines (`pipelines.json`, made of cfn/pipelines.toml) -> what the flows look for.

Names of machines and folders end in ARNs, so only plain ones are let in; those of tables and columns are quoted in SQL.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline.declaration.histories import History
from deliverywatch.pipeline.declaration.history_fields import history_of
from deliverywatch.pipeline.declaration.limits import Limits, limits_of
from deliverywatch.pipeline.declaration.names import COLUMN, DATABASE, TABLE
from deliverywatch.pipeline.declaration.source import PLACEHOLDER, Path, Source, shared
from deliverywatch.pipeline.declaration.table import Form, Table, raise_mistakes

# It is used in logical ids of the template, in names of alarms and in keys of objects.
_NAME = Form(
    re.compile(r"[a-z][a-z0-9_]{0,30}"), "1 to 31 lower-case letters, digits and underscores that begin with a letter"
)
# CreateStateMachine refuses spaces, brackets, wildcards and these; names that are not ASCII have no metrics.
_MACHINE = Form(
    re.compile(r"[!'()+\-.0-9=@A-Z_a-z]{1,80}"),
    "the name of a state machine, no ARN, of 1 to 80 ASCII letters, digits and - _ . + = @ ! ' ( )",
    is_per_environment=True,
)
_STATE = Form(re.compile(r"[^\n]{1,80}"), "the name of a state, in 1 to 80 characters", is_per_environment=True)
_FOLDER = Form(
    re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([\w!.'()=/ -]*/)?", re.ASCII),
    "a folder in S3, written s3://bucket/ or s3://bucket/prefix/",
    is_per_environment=True,
)
_FUNCTION = Form(
    re.compile(r"[A-Za-z0-9_-]{1,64}"),
    "the name of a Lambda function: 1 to 64 letters, digits and - _",
    is_per_environment=True,
)
# The namespace of its metrics, unless a pipeline has its own; those that begin with AWS/ are AWS's.
NAMESPACE = "DeliveryWatch/Pipeline"
_NAMESPACE = Form(
    re.compile(r"(?!AWS/)[A-Za-z0-9_][A-Za-z0-9_.#/-]{0,254}"),
    "a namespace of CloudWatch: 1 to 255 ASCII letters, digits and - _ . # /, which does not begin with AWS/",
)
# Of a rule for errors; `diagnosis.faults` knows what each can be.
_FAULT_FIELDS = ("match", "code", "why", "where", "severity", "retryable", "next", "actions", "is_last_resort")
# Watches and alarms of the whole system are called so: `pipeline-blind`.
RESERVED_NAMES = ("blind", "errors", "undelivered", "unmeasured", "validate")


class Where(StrEnum):
    """The part of a pipeline in which something went wrong."""

    ORCHESTRATOR = "orchestrator"
    INGEST = "ingest"
    TRANSFORM = "transform"
    TEST = "test"
    INTEGRITY = "integrity"
    MONITOR = "monitor"


@dataclass(frozen=True, slots=True)
class Records:
    """The table that a run writes its rows to; `required` columns hold a value in every row.

    `loaded_at` is the column with the time at which a row was written (a timestamp in UTC), `changed_at` that with the
    time at which the source last changed it: freshness is measured on it.
    """

    table: str
    loaded_at: str
    changed_at: str
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline.

    Attributes:
        name: Also the value of the metrics' dimension `Pipeline`.
        namespace: Of its metrics.
        steps: Name of a state -> the part of the pipeline it belongs to. A good run has gone through all of them, those
            that watch and those that are optional left out.
        database: Athena's database for tables that name none.
        artifacts: Where dbt's results lie, as `s3://bucket/prefix/`; empty for none.
        functions: Lambda functions that are its steps, such as the one that runs dbt: their errors have an alarm.
        data: Where Athena reads the tables' files, likewise.
        optional: Steps that a good run may leave out, or recover from.
        nested: State machines that its steps start and wait for, whose runs are read too.
    """

    name: str
    state_machine: str
    namespace: str = NAMESPACE
    steps: Mapping[str, Where] = field(default_factory=dict)
    database: str = ""
    artifacts: str = ""
    data: tuple[str, ...] = ()
    records: Records | None = None
    histories: tuple[History, ...] = ()
    functions: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    optional: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()

    @property
    def expected_steps(self) -> tuple[str, ...]:
        """The steps that a good run has gone through: not those that watch, nor those that are optional."""
        left_out = {step for step, where in self.steps.items() if where is Where.MONITOR} | {*self.optional}
        return tuple(step for step in self.steps if step not in left_out)


def pipelines_of(document: object, source: Source | None = None) -> tuple[Pipeline, ...]:
    """Return the pipelines of a declaration, the decoded file; `source` knows the lines for what is wrong with it.

    Raises:
        ConfigurationError: Something is missing, misspelt or named twice; it says where, what, and what it can be.
    """
    root = Table(document if isinstance(document, dict) else {})
    root.check_fields(["pipeline", "fault"])
    tables = root.tables("pipeline")
    pipelines = tuple(map(_pipeline, tables))
    for fault in root.tables("fault"):
        fault.check_fields(_FAULT_FIELDS)
        fault.flag("retryable")
    if not tables and not root.mistakes:
        root.refuse("pipeline", "is missing: it declares no pipeline. Write one as [[pipeline]].")
    _check_uniqueness(tables, pipelines)
    raise_mistakes(root.mistakes, source or Source())
    return pipelines


def _check_uniqueness(tables: Sequence[Table], pipelines: Sequence[Pipeline]) -> None:
    """Refuse pipelines that would share parameters and alarms, or take each other's runs."""
    others: list[tuple[int, Pipeline]] = []
    for position, (table, one) in enumerate(zip(tables, pipelines, strict=True)):
        for before, other in others:
            if one.name and _squeezed(one.name) == _squeezed(other.name):
                table.refuse("name", f"is '{one.name}': pipeline[{before}] has the same name, and can be another.")
            if one.state_machine and (machine := shared(one.state_machine, other.state_machine)):
                table.refuse(
                    "state_machine",
                    f"is '{one.state_machine}': pipeline[{before}] has the same state_machine"
                    f"{_in_one(machine, one.state_machine, other.state_machine)}, so each run would be that of both, "
                    "and can be another.",
                )
        others.append((position, one))
    for table, one in zip(tables, pipelines, strict=True):
        for position, other in others:
            if one is not other and one.state_machine and (machine := shared(one.state_machine, other.name)):
                table.refuse(
                    "state_machine",
                    f"is '{one.state_machine}', which pipeline[{position}] is called"
                    f"{_in_one(machine, one.state_machine)}: its runs would be taken for that one's. It can be any "
                    "other; or give that pipeline another name.",
                )


def _in_one(shared_name: str, *names: str) -> str:
    """Return words that say what names become which are the same in one environment only."""
    return f" in an environment where it is '{shared_name}'" if any(PLACEHOLDER in name for name in names) else ""


def _squeezed(name: str) -> str:
    # As in logical ids, which have no underscores: `a_b` and `a__b` would have the same parameters.
    return "".join(part.capitalize() for part in name.split("_"))


def named(name: str, pipelines: Sequence[Pipeline]) -> Pipeline:
    """Return the pipeline of this name, or of this state machine's name; raise ConfigurationError if there is none."""
    for pipeline in pipelines:
        if name in (pipeline.name, pipeline.state_machine):
            return pipeline
    names = ", ".join(pipeline.name for pipeline in pipelines)
    raise ConfigurationError(
        f"No pipeline and no state machine called '{name}' is declared.",
        next_step=f"Declare it in cfn/pipelines.toml and build again; declared: {names}.",
    )


def without_databases(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline whose tables are named without their database, as files in one folder are."""

    def bare(table: str) -> str:
        return table.rpartition(".")[2]

    records = pipeline.records and replace(pipeline.records, table=bare(pipeline.records.table))

    def bare_history(history: History) -> History:
        source = history.source and replace(history.source, table=bare(history.source.table))
        return replace(history, table=bare(history.table), source=source)

    histories = tuple(map(bare_history, pipeline.histories))
    return replace(pipeline, records=records, histories=histories, database="")


def _pipeline(table: Table) -> Pipeline:
    table.check_fields(_fields(Pipeline))
    name = table.text("name", _NAME)
    if name in RESERVED_NAMES:
        table.refuse("name", f"is '{name}', which an alarm of the whole system is called, and can be another.")
    steps, limits, records = table.table("steps"), table.table("limits"), table.table("records")
    pipeline = Pipeline(
        name=name,
        state_machine=table.text("state_machine", _MACHINE),
        namespace=table.text("namespace", _NAMESPACE, NAMESPACE),
        steps=_steps(steps) if steps else {},
        database=table.text("database", DATABASE, ""),
        artifacts=table.text("artifacts", _FOLDER, ""),
        data=table.texts("data", _FOLDER),
        records=_records(records) if records else None,
        histories=tuple(map(history_of, table.tables("history"))),
        functions=table.texts("functions", _FUNCTION),
        limits=limits_of(limits) if limits else Limits(),
        optional=table.texts("optional", _STATE),
        nested=table.texts("nested", _MACHINE),
    )
    _check_tables(table, pipeline)
    return pipeline


def _steps(table: Table) -> dict[str, Where]:
    for step in table.body:
        if not _STATE.fits(step):
            table.refuse(step, f"can be {_STATE.words}.")
    return {step: Where(table.word(step, Where)) for step in table.body}


def _check_tables(table: Table, pipeline: Pipeline) -> None:
    """Refuse tables that Athena would not find, and a history that is declared twice."""
    names: dict[Path, str] = {("records",): pipeline.records.table} if pipeline.records else {}
    for number, history in enumerate(pipeline.histories):
        names[("history", number)] = history.table
        names[("history", number, "source")] = history.source.table if history.source else ""
    for place, name in names.items():
        if name and "." not in name and not pipeline.database:
            table.refuse_below(
                (*place, "table"),
                f'is "{name}", without a database, and can be DATABASE.{name}; or give the pipeline its database.',
            )
    declared: dict[str, int] = {}
    for number, history in enumerate(pipeline.histories):
        # As Athena finds it: in the database of the pipeline, and without regard to case.
        name = (history.table if "." in history.table else f"{pipeline.database}.{history.table}").lower()
        if history.table and declared.setdefault(name, number) != number:
            sentence = f'is "{history.table}", which history[{declared[name]}] is, and can be another.'
            table.refuse_below(("history", number, "table"), sentence)


def _fields(kind: type[Pipeline | Records]) -> list[str]:
    # The declaration names one history after the other.
    return [{"histories": "history"}.get(one.name, one.name) for one in fields(kind)]


def _records(table: Table) -> Records:
    table.check_fields(_fields(Records))
    return Records(
        table=table.text("table", TABLE),
        loaded_at=table.text("loaded_at", COLUMN),
        changed_at=table.text("changed_at", COLUMN, ""),
        required=table.texts("required", COLUMN),
    )
