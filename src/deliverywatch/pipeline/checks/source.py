"""The source of a history -> the part of its query that finds what the history missed.

The newest version of each key is joined with the source's row of that key, as text. A row of the source counts once the
history must have seen it: it is older than the newest version that was ever written, or older than the declared delay.

Values of one type of text are compared as they are. Values of other types, or of different ones, are the same if their
text is, or if both read as the same number, time or truth value: a decimal 5.00 is the text 5, and 2026-01-31 is that
day's midnight. NULL is only the same as NULL.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.pipeline.checks import rules
from deliverywatch.pipeline.checks.rules import DELETED, Rule
from deliverywatch.pipeline.checks.sql import (
    identifier,
    in_words,
    key_text,
    literal,
    moment,
    table_name,
    timestamp,
    whole,
    written_at,
)
from deliverywatch.pipeline.declaration.histories import History, Rows, SourceTable

_COMPARED = """, source AS (
  SELECT {keys}, {key_text} AS sample, COUNT(*) AS source_rows, MAX(updated) AS updated, MAX(gone) AS gone{values}
  FROM ({rows})
  WHERE {is_whole} GROUP BY {keys}
), joined AS (
  SELECT COALESCE(h.sample, s.sample) AS sample, COALESCE(h.versions, 0) AS versions,
    h.latest_end, h.unknown_word, h.shortest_gap, h.longest_gap,
    COALESCE(h.created, 0) AS created, COALESCE(h.updated, 0) AS updated, COALESCE(h.deleted, 0) AS deleted,
    COALESCE(s.source_rows, 0) AS source_rows, COALESCE(h.live, 0) = 1 AS is_live, COALESCE(s.gone, 0) = 1 AS is_gone,
    {is_due} AS is_due, {is_empty} AS source_is_empty{joined}
  FROM judged h FULL JOIN source s ON {same_key}
), compared AS (
  SELECT *{violated},
    {differing} AS differing
  FROM (SELECT *, {differs} AS differs FROM joined)
)"""


def latest(history: History) -> Iterator[str]:
    """Yield what is kept of a key's newest version for the comparison, over the columns of `versions`."""
    if history.source is None:
        return
    is_newest = f"is_whole AND {rules.is_latest(history)}"
    for number in range(len(history.source.tracked)):
        yield f"MAX(CASE WHEN {is_newest} THEN v{number} END) AS v{number}"
    is_live = f"{is_newest} AND NOT d AND (t IS NULL OR {rules.in_force(history)})"
    yield f"MAX(CASE WHEN {is_live} THEN 1 ELSE 0 END) AS live"


def compared(history: History, judged: Sequence[Rule], as_of: datetime) -> str:
    """Return the common table expressions that end in `compared`, which has a row for each key of either table."""
    table = history.source
    assert table is not None  # noqa: S101 - only called with one
    keys, numbers = [f"k{number}" for number in range(len(table.key))], range(len(table.tracked))
    joined = [f"COALESCE(h.{rule.name}, 0) AS {rule.name}" for rule in judged if not rule.is_of_source]
    joined += [f"COALESCE(s.source_rows, 0) = 1 AND {_differs(f'h.v{n}', f's.s{n}')} AS x{n}" for n in numbers]
    joined += [f"{_types(f'h.v{n}', f's.s{n}')} AS types{n}" for n in numbers]
    violated = [f"CASE WHEN {rule.violated} THEN 1 ELSE 0 END AS {rule.name}" for rule in judged if rule.is_of_source]
    return _COMPARED.format(
        keys=", ".join(keys),
        key_text=key_text(keys),
        values="".join(f", MAX(s{number}) AS s{number}" for number in numbers),
        rows=_rows(table),
        is_whole=" AND ".join(f"{key} IS NOT NULL" for key in keys),
        is_due=_is_due(history, table, as_of),
        is_empty=_is_empty(table),
        joined="".join(f",\n    {column}" for column in joined),
        same_key=" AND ".join(f"CAST(h.{key} AS VARCHAR) = s.{key}" for key in keys),
        violated="".join(f",\n    {column}" for column in violated),
        differing=_names(table, history),
        differs=" OR ".join(f"x{number}" for number in numbers) or "FALSE",
    )


def is_compared(rule: Rule, row: Mapping[str, Any]) -> bool:
    """Return whether a check had anything to compare: of a source none of whose rows is due nothing can be missed."""
    return rule.name not in ("missed_change", "missed_insert") or whole(row["due_keys"]) > 0


def differences(history: History, judged: Sequence[str]) -> Iterator[str]:
    """Yield what is counted of all keys, and for each compared column: keys in which it differs, and types that do."""
    if history.source:
        yield "COUNT_IF(source_rows > 0 AND versions > 0) AS common_keys"
        yield "COUNT_IF(source_rows > 0 AND is_due) AS due_keys"
    for number in range(len(history.source.tracked) if history.source and "missed_change" in judged else 0):
        yield f"COUNT_IF(missed_change > 0 AND x{number}) AS differs_{number}, MAX(types{number}) AS types_{number}"


def differing(history: History, row: Mapping[str, Any]) -> str:
    """Return which columns differ in how many keys, and how values of different types were compared, in words."""
    said = []
    for number, name in enumerate(history.tracked):
        if keys := whole(row.get(f"differs_{number}")):
            types = str(row.get(f"types_{number}") or "").lower()
            said.append(f"{name} in {keys:,}" + (f" ({types}, compared by value)" if types else ""))
    return f"; {', '.join(said)}" if said else ""


def _rows(table: SourceTable) -> str:
    """Return the query of the source's rows: all, or the newest change of each key."""
    columns = [f"CAST({identifier(name)} AS VARCHAR) AS k{number}" for number, name in enumerate(table.key)]
    columns += [f"{identifier(name)} AS s{number}" for number, name in enumerate(table.tracked)]
    columns.append(f"{moment(table.updated_at) if table.updated_at else 'CAST(NULL AS TIMESTAMP(6))'} AS updated")
    gone = in_words(table.is_deleted, table.deleted_values or DELETED)
    columns.append(f"CASE WHEN {gone} THEN 1 ELSE 0 END AS gone")
    read = f"SELECT {', '.join(columns)} FROM {table_name(table.table)}"  # noqa: S608 - names are quoted
    if table.rows is Rows.KEYS:
        return read
    keys = ", ".join(f"k{number}" for number in range(len(table.key)))
    ranked = f"SELECT *, RANK() OVER (PARTITION BY {keys} ORDER BY updated DESC) AS place FROM ({read})"  # noqa: S608
    # A change that was delivered twice is one change.
    return f"SELECT DISTINCT * FROM ({ranked}) WHERE place = 1"  # noqa: S608


def _is_due(history: History, table: SourceTable, as_of: datetime) -> str:
    if not table.updated_at:
        return "TRUE"
    now, latest_by = (
        timestamp(time, history.time_zone) for time in (as_of, as_of - timedelta(hours=table.delay_hours))
    )
    written = written_at(history)
    last_run = f"(SELECT MAX({written}) FROM {table_name(history.table)} WHERE {written} <= {now})"  # noqa: S608
    return f"(s.updated IS NULL OR s.updated <= {latest_by} OR s.updated <= {last_run})"


def _is_empty(table: SourceTable) -> str:
    """Return the condition that the source has not one row with a key: of none of them could a change be missed."""
    has_key = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in table.key)
    any_row = f"SELECT 1 AS one FROM {table_name(table.table)} WHERE {has_key} LIMIT 1"  # noqa: S608
    return f"(SELECT COUNT(*) FROM ({any_row})) = 0"  # noqa: S608


def _differs(one: str, other: str) -> str:
    texts = f"CAST({one} AS VARCHAR)", f"CAST({other} AS VARCHAR)"
    both_text = f"({_are_texts(one, other)})"
    doubles, decimals = (
        " = ".join(f"TRY_CAST({text} AS {kind})" for text in texts) for kind in ("DOUBLE", "DECIMAL(38, 9)")
    )
    times, truths = " = ".join(map(_as_time, texts)), " = ".join(map(_as_truth, texts))
    # Whole numbers of more than 15 digits are different though they are one double.
    same = f"({doubles} AND COALESCE({decimals}, TRUE)) OR {times} OR {truths}"
    return f"({' IS DISTINCT FROM '.join(texts)} AND ({both_text} OR NOT COALESCE({same}, FALSE)))"


def _as_time(text: str) -> str:
    # Athena does not cast the T and the Z of ISO 8601, nor what it writes itself after a time in UTC.
    in_utc = f"REGEXP_REPLACE({text}, ' ?(Z|UTC|[+]00(:?00)?)$', '')"
    return f"TRY_CAST(REPLACE({in_utc}, 'T', ' ') AS TIMESTAMP(6))"


def _as_truth(text: str) -> str:
    # In words, because what can be cast to a boolean is not the same everywhere: Athena casts no 'yes'.
    return f"CASE LOWER({text}) WHEN 'true' THEN 1 WHEN '1' THEN 1 WHEN 'false' THEN 0 WHEN '0' THEN 0 END"


def _are_texts(*values: str) -> str:
    return " AND ".join(f"LOWER(TYPEOF({value})) LIKE '%char%'" for value in values)


def _types(one: str, other: str) -> str:
    types = f"LOWER(TYPEOF({one}))", f"LOWER(TYPEOF({other}))"
    are_different = f"{' <> '.join(types)} AND NOT ({_are_texts(one, other)})"
    return f"CASE WHEN {are_different} THEN {types[0]} || ' here and ' || {types[1]} || ' in the source' END"


def _names(table: SourceTable, history: History) -> str:
    names = [
        f"CASE WHEN x{number} THEN {literal(name)} END"
        for number, name in enumerate(history.tracked[: len(table.tracked)])
    ]
    return f"ARRAY_JOIN(ARRAY[{', '.join(names)}], ', ')" if names else "''"
