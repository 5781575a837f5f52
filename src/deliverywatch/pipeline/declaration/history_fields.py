"""A table `[[pipeline.history]]` of the declaration -> a history; fields that contradict each other are refused.

A field that has no effect beside another is refused, too: who wrote it expects something of it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import date, datetime

from cwalarm.schedules import zones
from deliverywatch import thresholds
from deliverywatch.pipeline.declaration.histories import (
    CHECKS,
    PRESETS,
    CurrentIs,
    Ends,
    HardDeletes,
    History,
    Precision,
    Rows,
    SourceTable,
    Strategy,
    Times,
)
from deliverywatch.pipeline.declaration.names import COLUMN, TABLE, TIME
from deliverywatch.pipeline.declaration.table import Form, Table

_VALUE = Form(re.compile(r".{0,100}"), "a value of the flag, as text, such as Y; an empty text is NULL")
_CHECK = Form(re.compile("|".join(CHECKS)), f"the name of a check: {', '.join(CHECKS)}")
_ZONE = Form(re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}"), "a time zone such as Europe/Berlin")
_SPAN = Form(
    re.compile(r"[0-9]{1,6} (millisecond|second|minute|hour|day)s?"), "a time such as 1 millisecond or 2 hours"
)
_EPOCHS = (Times.EPOCH_SECONDS, Times.EPOCH_MILLISECONDS)
_MILLISECONDS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
# This date and later ones mean no end: of an earlier one nearly every version would have none.
_EARLIEST_OPEN_END = "2030"
# Fields that are called otherwise in the declaration, which says its spans in words.
_NAMES = {"tolerance_milliseconds": "tolerance", "delay_hours": "delay"}


def history_of(declared: Table) -> History:
    """Return the history that a table declares; what is wrong with it is noted in the table."""
    convention = declared.word("convention", PRESETS, "half-open")
    declared.check_fields([_NAMES.get(one.name, one.name) for one in fields(History)])
    table = replace(declared, body={**_defaults(declared, convention), **declared.body})
    history = History(
        table=table.text("table", TABLE),
        key=table.texts("key", COLUMN, least=1),
        valid_from=table.text("valid_from", COLUMN),
        valid_to=table.text("valid_to", COLUMN),
        is_current=table.text("is_current", COLUMN, ""),
        is_deleted=table.text("is_deleted", COLUMN, ""),
        tracked=table.texts("tracked", COLUMN),
        open_end=_open_end(table),
        loaded_at=table.text("loaded_at", COLUMN, ""),
        convention=convention,
        times=Times(table.word("times", Times, Times.TIMESTAMPS)),
        ends=Ends(table.word("ends", Ends, Ends.EXCLUSIVE)),
        precision=Precision(table.word("precision", Precision)) if "precision" in table.body else None,
        hard_deletes=HardDeletes(table.word("hard_deletes", HardDeletes)),
        current_values=_words(table, "current_values"),
        not_current_values=_words(table, "not_current_values"),
        deleted_values=_words(table, "deleted_values"),
        deleted_at=table.text("deleted_at", COLUMN, ""),
        current_is=CurrentIs(table.word("current_is", CurrentIs)),
        future_versions=table.flag("future_versions"),
        shared_begins=table.flag("shared_begins"),
        order_by=table.text("order_by", COLUMN, ""),
        version_key=table.text("version_key", COLUMN, ""),
        strategy=Strategy(table.word("strategy", Strategy, _strategy(table))),
        time_zone=_time_zone(table),
        tolerance_milliseconds=_milliseconds(table, "tolerance", 0),
        checks_off=table.texts("checks_off", _CHECK),
    )
    history = replace(history, source=_source(table, history))
    for name, sentence in _contradictions(table, history):
        table.refuse(name, sentence)
    return history


def _defaults(table: Table, convention: str) -> dict[str, object]:
    """Return what a convention says of fields that are not declared."""
    preset = dict(PRESETS[convention])
    deletes = table.body.get("hard_deletes", preset.get("hard_deletes"))
    if convention == "dbt-snapshot" and deletes == HardDeletes.NEW_RECORD:
        preset["is_deleted"] = "dbt_is_deleted"
    if table.body.get("valid_from", preset.get("valid_from")) != preset.get("valid_from"):
        # Whoever renames the columns of a tool may have renamed, or left out, this one.
        preset.pop("version_key", None)
    has_mark = table.body.get("is_deleted") or table.body.get("deleted_at")
    in_force = CurrentIs.IN_FORCE if table.body.get("future_versions") is True else CurrentIs.LATEST
    soft = HardDeletes.SOFT if has_mark else HardDeletes.IGNORE
    return {"hard_deletes": soft.value, "current_is": in_force.value, **preset}


def _strategy(table: Table) -> str | None:
    """Return the strategy where none is declared; a snapshot of dbt has to say it, since nothing tells it apart."""
    is_needed = table.body.get("convention") == "dbt-snapshot" and table.body.get("tracked")
    return None if is_needed else Strategy.CHECK


def _open_end(table: Table) -> str:
    value = table.body.get("open_end")
    # Without quotes it is a date of TOML.
    body = {**table.body, "open_end": str(value)} if isinstance(value, date) else table.body
    written = replace(table, body=body).text("open_end", TIME, "")
    if written and (not _is_time(written) or written < _EARLIEST_OPEN_END):
        table.refuse("open_end", f'is "{written}", and can be a date at which no version ends, such as 9999-12-31.')
    return f"{written} 00:00:00" if written and " " not in written else written


def _is_time(text: str) -> bool:
    try:
        return bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _words(table: Table, name: str) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in table.texts(name, _VALUE))


def _time_zone(table: Table) -> str:
    name = table.text("time_zone", _ZONE, "UTC") or "UTC"
    if name in zones.names():
        return name
    table.refuse("time_zone", f'is "{name}", and can be {_ZONE.words}.')
    return "UTC"


def _milliseconds(table: Table, name: str, default: int) -> int:
    number, _, unit = table.text(name, _SPAN, f"{default} millisecond").partition(" ")
    return int(number or 0) * _MILLISECONDS.get(unit.removesuffix("s"), 1)


def _source(history_table: Table, history: History) -> SourceTable | None:
    table = history_table.table("source")
    if table is None:
        return None
    table.check_fields(["table", "columns", "updated_at", "delay", "is_deleted", "deleted_values", "rows"])
    columns = _columns(table, history)
    updated_at, deleted = table.text("updated_at", COLUMN, ""), _words(table, "deleted_values")
    source = SourceTable(
        table=table.text("table", TABLE),
        key=tuple(columns.get(name, name) for name in history.key),
        tracked=tuple(columns.get(name, name) for name in history.tracked),
        updated_at=updated_at,
        delay_hours=_milliseconds(table, "delay", thresholds.PIPELINE_SOURCE_DELAY_HOURS * 3_600_000) / 3_600_000,
        is_deleted=table.text("is_deleted", COLUMN, ""),
        deleted_values=deleted,
        rows=Rows(table.word("rows", Rows, Rows.KEYS)),
    )
    if "delay" in table.body and not updated_at:
        table.refuse("delay", "needs updated_at, the column that says when a row of the source was changed.")
    if source.rows is Rows.CHANGES and not updated_at:
        table.refuse("rows", 'is "changes", of which the newest counts, and needs updated_at; or can be keys.')
    if deleted and not source.is_deleted:
        table.refuse("deleted_values", "needs is_deleted, the column that they are values of.")
    if source.table and source.table == history.table:
        table.refuse("table", f'is "{source.table}", the history itself, and can be the table that it is made of.')
    return source


def _columns(table: Table, history: History) -> dict[str, str]:
    """Return the names of the source's columns by those of the history, where they differ."""
    columns = table.table("columns")
    if columns is None:
        return {}
    known = [*history.key, *history.tracked]
    for name in columns.body:
        if name not in known:
            columns.refuse(name, f"is neither in key nor in tracked, and can be {' or '.join(known)}.")
    return {name: columns.text(name, COLUMN) for name in columns.body}


def _contradictions(table: Table, history: History) -> Iterator[tuple[str, str]]:
    """Yield fields that contradict others, with what they can be."""
    yield from _of_columns(history)
    yield from _of_ends(table, history)
    yield from _of_deletes(history)
    yield from _of_flags(history)
    if history.order_by and not history.shared_begins:
        yield "order_by", "says which of several versions with one begin came first, and needs shared_begins = true."
    if useless := [name for name in history.checks_off if name and name not in _made(history)]:
        yield "checks_off", f'names "{useless[0]}", which needs a source, and can name {", ".join(_made(history))}.'
    if history.checks_off and set(history.checks_off) >= set(_made(history)):
        yield "checks_off", "leaves no check to be made, and can name fewer; or leave out the history."
    if history.convention == "dbt-snapshot" and history.ends is Ends.INCLUSIVE:
        yield "ends", 'is "inclusive", which a snapshot of dbt never is; it can be exclusive, or convention another.'


def _of_columns(history: History) -> Iterator[tuple[str, str]]:
    """Yield fields that name a column of another one: it would say nothing of the one of the two."""
    flags, marks = [("is_current", history.is_current)], [("is_deleted", history.is_deleted)]
    ends = [("valid_from", history.valid_from), ("valid_to", history.valid_to)]
    named = [*ends, *flags, *(("key", name) for name in dict.fromkeys(history.key))]
    for others in (marks, [("tracked", name) for name in dict.fromkeys(history.tracked)]):
        taken: dict[str, str] = {}
        for field, column in [*named, *others]:
            other = taken.setdefault(column.casefold(), field) if column else field
            if other != field and (other, field) != ("valid_from", "valid_to"):
                yield field, f'names "{column}", which is {other}, and can name another column.'


def _of_ends(table: Table, history: History) -> Iterator[tuple[str, str]]:
    if history.ends is Ends.INCLUSIVE and history.precision is None:
        can_be = ", ".join(Precision)
        yield "precision", f"is missing: it says what lies between an inclusive end and the next begin: {can_be}."
    if history.ends is Ends.EXCLUSIVE and "precision" in table.body:
        yield "precision", 'has no effect on exclusive ends, and can be left out; or write ends = "inclusive".'
    if history.ends is Ends.INCLUSIVE and history.times is Times.YYYYMMDD and history.precision is not Precision.DAY:
        yield "precision", f'is "{history.precision}" though times are days, and can be day.'
    if history.times in _EPOCHS and "time_zone" in table.body:
        yield "time_zone", "has no effect on times that are counted from 1970 in UTC, and can be left out."
    if history.valid_from and history.valid_from.casefold() == history.valid_to.casefold():
        yield "valid_to", f'is "{history.valid_to}" like valid_from, and can be another column.'


def _of_deletes(history: History) -> Iterator[tuple[str, str]]:
    deletes, marked = history.hard_deletes, history.has_deletions
    if deletes in (HardDeletes.NEW_RECORD, HardDeletes.SOFT) and not marked:
        yield "hard_deletes", f'is "{deletes}", and needs is_deleted or deleted_at; or can be ignore or invalidate.'
    if deletes is HardDeletes.IGNORE and marked:
        yield (
            "hard_deletes",
            'is "ignore" though deleted versions are marked, and can be new_record, soft or invalidate.',
        )
    if history.is_deleted and history.deleted_at:
        yield "deleted_at", "says the same as is_deleted, and can be left out."
    if history.deleted_values and not history.is_deleted:
        yield "deleted_values", "needs is_deleted, the column that they are values of."


def _of_flags(history: History) -> Iterator[tuple[str, str]]:
    if history.current_values and not history.is_current:
        yield "current_values", "needs is_current, the column that they are values of."
    if history.not_current_values and not history.current_values:
        yield "not_current_values", "needs current_values, which says what the others are."
    if both := sorted({*history.current_values} & {*history.not_current_values}):
        yield "not_current_values", f'names "{both[0]}", which is in current_values, and can name others.'


def _made(history: History) -> Sequence[str]:
    of_source = ("missed_", "source_")
    return [name for name in CHECKS if history.source or not name.startswith(of_source)]
