"""What a team says of its pipelines (`pipelines.json`, made of cfn/pipelines.toml) -> what the flows look for.

Names of tables and columns end in SQL, so only plain identifiers are let in.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from deliverywatch import thresholds
from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.untrusted import mapping, objects
from deliverywatch.pipeline.declaration.values import number, text

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
# It is used in logical ids of the template, in names of alarms and in keys of objects.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


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
class History:
    """A table that keeps every version of a row (a slowly changing dimension of type 2).

    Attributes:
        key: The columns that name the thing of which versions are kept.
        valid_from: A version holds from this time on,
        valid_to: until this one, not included; NULL, or `open_end`, in the version that holds now.
        is_deleted: The flag of a thing that is gone; empty where the table has none, so that nothing is ever gone.
        tracked: The columns of which at least one differs between two versions in a row.
        open_end: A far date that stands for NULL, such as `9999-12-31 00:00:00`; both forms may be there at once.
        loaded_at: The time at which a version was written, for counting what a run did; empty for `valid_from`.
    """

    table: str
    key: tuple[str, ...]
    valid_from: str
    valid_to: str
    is_current: str
    is_deleted: str
    tracked: tuple[str, ...]
    open_end: str = ""
    loaded_at: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What must hold of a run, as the stack's parameters say."""

    duration_seconds: int = thresholds.PIPELINE_DURATION_SECONDS
    missed_run_hours: int = thresholds.PIPELINE_MISSED_RUN_HOURS
    minimum_records_count: int = thresholds.PIPELINE_MINIMUM_RECORDS_COUNT
    stale_hours: float = thresholds.PIPELINE_STALE_HOURS
    quality_percent: float = thresholds.PIPELINE_QUALITY_PERCENT
    integrity_percent: float = thresholds.PIPELINE_INTEGRITY_PERCENT


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline.

    Attributes:
        name: Also the value of the metrics' dimension `Pipeline`.
        steps: Name of a state -> the part of the pipeline it belongs to.
        database: Athena's database for tables that name none.
        artifacts: Where dbt's results lie, as `s3://bucket/prefix/`; empty for none.
        data: Where Athena reads the tables' files, likewise.
    """

    name: str
    state_machine: str
    steps: Mapping[str, Where] = field(default_factory=dict)
    database: str = ""
    artifacts: str = ""
    data: tuple[str, ...] = ()
    records: Records | None = None
    histories: tuple[History, ...] = ()
    limits: Limits = field(default_factory=Limits)


def pipelines_of(document: object) -> tuple[Pipeline, ...]:
    """Return the pipelines of a declaration, the decoded file.

    Raises:
        ConfigurationError: Something is missing, misspelt or named twice; the sentence says what.
    """
    pipelines = tuple(map(_pipeline, _list_of(mapping(document), "pipeline")))
    for attribute in ("name", "state_machine"):
        names = [getattr(pipeline, attribute) for pipeline in pipelines]
        if len(set(names)) < len(names):
            raise _wrong(f"Two pipelines have the same {attribute}")
    if not pipelines:
        raise _wrong("It declares no pipeline")
    return pipelines


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
    histories = tuple(replace(history, table=bare(history.table)) for history in pipeline.histories)
    return replace(pipeline, records=records, histories=histories, database="")


def _pipeline(body: Mapping[str, Any]) -> Pipeline:
    _check_fields(body, "pipeline", Pipeline.__slots__)
    name, machine = text(body.get("name")), text(body.get("state_machine"))
    if not _NAME.fullmatch(name):
        raise _wrong(f"The name '{name}' is not 1 to 31 lower-case letters, digits and underscores")
    if not machine:
        raise _wrong(f"{name} names no state_machine")
    artifacts, data = text(body.get("artifacts")), body.get("data")
    urls = tuple(map(text, data)) if isinstance(data, list) else ()
    for url in (*([artifacts] if artifacts else []), *urls):
        if not re.fullmatch(r"s3://[a-z0-9.-]+/(.+/)?", url):
            raise _wrong(f"'{url}' of {name} is not of the form s3://bucket/prefix/")
    records = body.get("records")
    return Pipeline(
        name=name,
        state_machine=machine,
        steps={step: _where(word, name) for step, word in mapping(body.get("steps")).items()},
        database=_optional(body, "database"),
        artifacts=artifacts,
        data=urls,
        records=_records(mapping(records)) if records else None,
        histories=tuple(map(_history, _list_of(body, "history"))),
        limits=limits_of(mapping(body.get("limits"))),
    )


def limits_of(body: Mapping[str, Any], default: Limits | None = None) -> Limits:
    """Return limits: those that are given, the others as they were; raise ConfigurationError for what is none."""
    _check_fields(body, "limits", Limits.__slots__)
    base = default or Limits()
    return Limits(
        duration_seconds=int(_limit(body, "duration_seconds", base.duration_seconds)),
        missed_run_hours=int(_limit(body, "missed_run_hours", base.missed_run_hours)),
        minimum_records_count=int(_limit(body, "minimum_records", base.minimum_records_count)),
        stale_hours=_limit(body, "stale_hours", base.stale_hours),
        quality_percent=_limit(body, "quality_percent", base.quality_percent),
        integrity_percent=_limit(body, "integrity_percent", base.integrity_percent),
    )


def _limit(body: Mapping[str, Any], name: str, default: float) -> float:
    limit = number(body.get(name, default))
    if limit is None or limit < 0:
        raise _wrong(f"The limit {name} is '{body[name]}', and must be a number from 0 on")
    return limit


def _list_of(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = body.get(name, [])
    if not isinstance(value, list):
        raise _wrong(f"There may be several of {name}, so it is written in two brackets, as [[{name}]]")
    return objects(value)


def _check_fields(body: Mapping[str, Any], kind: str, names: Iterable[str]) -> None:
    """Refuse what is misspelt: what it meant would not be watched, unnoticed."""
    # The declaration names one history after the other, and says what is counted without `_count`.
    fields = [{"histories": "history", "minimum_records_count": "minimum_records"}.get(name, name) for name in names]
    for name in body:
        if name not in fields:
            raise _wrong(f"'{name}' is not a field of {kind}; it has {', '.join(fields)}")


def _where(word: object, name: str) -> Where:
    if word not in list(Where):
        raise _wrong(f"A step of {name} is said to be '{word}', which is none of {', '.join(Where)}")
    return Where(str(word))


def _records(body: Mapping[str, Any]) -> Records:
    _check_fields(body, "records", Records.__slots__)
    return Records(
        table=_table(body),
        loaded_at=_identifier(body, "loaded_at"),
        changed_at=_optional(body, "changed_at"),
        required=_identifiers(body, "required"),
    )


def _history(body: Mapping[str, Any]) -> History:
    _check_fields(body, "history", History.__slots__)
    key = _identifiers(body, "key")
    if not key:
        raise _wrong(f"The history {body.get('table')} names no key")
    open_end = text(body.get("open_end"))
    if open_end and not re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?", open_end):
        raise _wrong(f"The open_end '{open_end}' is not a time such as 9999-12-31 00:00:00")
    return History(
        table=_table(body),
        key=key,
        valid_from=_identifier(body, "valid_from"),
        valid_to=_identifier(body, "valid_to"),
        is_current=_identifier(body, "is_current"),
        is_deleted=_optional(body, "is_deleted"),
        tracked=_identifiers(body, "tracked"),
        open_end=open_end,
        loaded_at=_optional(body, "loaded_at"),
    )


def _table(body: Mapping[str, Any]) -> str:
    name = text(body.get("table"))
    if not _TABLE.fullmatch(name):
        raise _wrong(f"'{name}' is not a name of a table such as curated.users_history")
    return name


def _identifiers(body: Mapping[str, Any], field_name: str) -> tuple[str, ...]:
    value = body.get(field_name, [])
    names = [value] if isinstance(value, str) else list(value) if isinstance(value, list) else []
    return tuple(_checked(name, field_name) for name in names)


def _identifier(body: Mapping[str, Any], field_name: str) -> str:
    return _checked(body.get(field_name), field_name)


def _optional(body: Mapping[str, Any], field_name: str) -> str:
    return _identifier(body, field_name) if body.get(field_name) else ""


def _checked(name: object, field_name: str) -> str:
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
        raise _wrong(f"'{name}' under {field_name} is not a plain name of a column")
    return name


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"The declaration of the pipelines cannot be used: {what[0].lower()}{what[1:]}.",
        next_step="Correct cfn/pipelines.toml, whose comments explain every field, and build again.",
    )
