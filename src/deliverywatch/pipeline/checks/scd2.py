"""A declared history table -> one Athena query that makes twelve checks in one pass, and its row -> checks and a score.

The intervals are half open, [valid_from, valid_to), and the version that holds now has no end (NULL, or a far date).
Versions of a key are ordered by their begin, then by their end, open ends last. Rows without a key or a begin take part
in one check only, because nothing can be said of their order.

Timestamps of Iceberg tables have microseconds, those of Hive tables milliseconds: `valid_to` must come from the same
value as the next `valid_from`, or each hand-over looks like a gap or an overlap of less than a millisecond.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deliverywatch.pipeline.checks.sql import SAMPLES, key_text, timestamp, whole
from deliverywatch.pipeline.checks.validation import Check, Counts, Result, Score, Topic
from deliverywatch.pipeline.declaration.pipelines import History

# Between samples: the unit separator, since a key may hold a comma.
_BETWEEN = 31


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the checks: the condition under which a row violates it, over the columns of `versions`."""

    name: str
    violated: str
    sentence: str


# f and t are the begin and the end (NULL when open), c and d the flags; `prior_` and `next_` are the neighbours.
RULES = (
    Rule("many_current", "c AND current_count > 1", "more than one current version of a key"),
    Rule("no_current", "is_last AND NOT d AND current_count = 0", "no current version of a key that is not deleted"),
    Rule("flag_disagrees", "NOT d AND c <> (t IS NULL)", "the current flag disagrees with the open end"),
    Rule("current_not_latest", "c AND NOT is_last", "a current version that is not the latest"),
    Rule("begins_after_end", "t IS NOT NULL AND f >= t", "a version that ends before or when it begins"),
    Rule("overlap", "next_f IS NOT NULL AND (t IS NULL OR t > next_f)", "a version that ends after the next begins"),
    Rule("gap", "next_f IS NOT NULL AND covered_until < next_f", "a time without a version between two"),
    Rule("duplicate_begin", "COALESCE(f = prior_f, FALSE) OR COALESCE(f = next_f, FALSE)", "versions with one begin"),
    Rule("unchanged", "prior_f IS NOT NULL AND is_same", "a version that is the same as the one before"),
    Rule("null_key", "", "no key or no begin"),
    Rule("deleted_current", "d AND c", "a deleted version that is still current"),
    Rule("future_begin", "f > as_of", "a version that begins in the future"),
)

_QUERY = """WITH kept AS (
  SELECT {columns}, {valid_from} AS f, {valid_to} AS t, COALESCE({is_current}, FALSE) AS c,
    {is_deleted} AS d, {counted} AS counted
  FROM {table}
), versions AS (
  SELECT *,
    LAG(f) {window} AS prior_f,
    LAG(d) {window} AS prior_d,
    LEAD(f) {window} AS next_f,
    LEAD(f) {window} IS NULL AS is_last,
    MAX(GREATEST(COALESCE(t, {forever}), f)) {window_so_far} AS covered_until,
    SUM(CASE WHEN c THEN 1 ELSE 0 END) OVER (PARTITION BY {key}) AS current_count,
    {is_same} AS is_same
  FROM kept WHERE {is_whole}
), found AS (
  SELECT {key}, COUNT(*) AS versions,
{sums},
    SUM(CASE WHEN {in_run} AND prior_f IS NULL AND NOT d THEN 1 ELSE 0 END) AS created,
    SUM(CASE WHEN {in_run} AND prior_f IS NOT NULL AND NOT d THEN 1 ELSE 0 END) AS updated,
    SUM(CASE WHEN {in_run} AND d AND NOT COALESCE(prior_d, FALSE) THEN 1 ELSE 0 END) AS deleted
  FROM versions GROUP BY {key}
  UNION ALL
  SELECT {key}, COUNT(*), {nothing}, 0, 0, 0 FROM kept WHERE NOT ({is_whole}) GROUP BY {key}
), judged AS (
  SELECT {key_text} AS sample, SUM(versions) AS versions,
    SUM(created) AS created, SUM(updated) AS updated, SUM(deleted) AS deleted,
{again}
  FROM found GROUP BY {key}
)
SELECT COUNT(*) AS keys, SUM(versions) AS versions, COUNT_IF({any_violated}) AS bad_keys,
  SUM(created) AS created, SUM(updated) AS updated, SUM(deleted) AS deleted,
{results}
FROM judged"""


def query(history: History, as_of: datetime, since: datetime, rules: Sequence[Rule] = RULES) -> str:
    """Return the query of a validation at `as_of`; versions written from `since` on are counted as the run's."""
    open_end = f"NULLIF({history.valid_to}, TIMESTAMP '{history.open_end}')" if history.open_end else history.valid_to
    begin_and_end = f"counted >= {timestamp(since)} AND counted < {timestamp(as_of)}"
    # The flags and the values stand last in the order, so that it is one order even among versions with one begin.
    order = f"PARTITION BY {', '.join(history.key)} ORDER BY {', '.join(['f', 't', 'c', 'd', *history.tracked])}"
    compared = [f"{name} IS NOT DISTINCT FROM LAG({name}) OVER ({order})" for name in (*history.tracked, "d")]
    names = [rule.name for rule in rules]
    return _QUERY.format(
        columns=", ".join([*history.key, *history.tracked]),
        valid_from=history.valid_from,
        valid_to=open_end,
        is_current=history.is_current,
        is_deleted=f"COALESCE({history.is_deleted}, FALSE)" if history.is_deleted else "FALSE",
        counted=history.loaded_at or history.valid_from,
        table=history.table,
        key=", ".join(history.key),
        window=f"OVER ({order})",
        window_so_far=f"OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        forever="TIMESTAMP '9999-12-31 23:59:59.999'",
        is_same=" AND ".join(compared) if history.tracked else "FALSE",
        is_whole=" AND ".join(f"{column} IS NOT NULL" for column in (*history.key, "f")),
        in_run=f"({begin_and_end})",
        sums=",\n".join(_sum(rule, as_of) for rule in rules),
        nothing=", ".join("COUNT(*)" if name == "null_key" else "0" for name in names),
        again=",\n".join(f"    SUM({name}) AS {name}" for name in names),
        key_text=key_text(history.key),
        any_violated=f"{' + '.join(names)} > 0",
        results=",\n".join(_result(name) for name in names),
    )


def _sum(rule: Rule, as_of: datetime) -> str:
    violated = rule.violated.replace("as_of", timestamp(as_of)) or "FALSE"
    return f"    SUM(CASE WHEN {violated} THEN 1 ELSE 0 END) AS {rule.name}"


def _result(name: str) -> str:
    samples = f"ARRAY_JOIN(MIN(CASE WHEN {name} > 0 THEN sample END, {SAMPLES}), CHR({_BETWEEN}))"
    return f"  SUM({name}) AS {name}_rows, COUNT_IF({name} > 0) AS {name}_keys, {samples} AS {name}_samples"


def checks_of(history: History, row: Mapping[str, Any]) -> list[Check]:
    """Return the twelve checks of the query's row; an empty table gives no data."""
    return [_check(rule, history, row) for rule in RULES]


def score_of(row: Mapping[str, Any]) -> Score:
    """Return keys without any violation, of all keys."""
    keys = whole(row["keys"])
    return Score(keys - whole(row["bad_keys"]), keys)


def counts_of(row: Mapping[str, Any]) -> Counts:
    """Return how many versions the run wrote, by what they did to their key."""
    return Counts(None, whole(row["created"]), whole(row["updated"]), whole(row["deleted"]))


def _check(rule: Rule, history: History, row: Mapping[str, Any]) -> Check:
    rows, keys, total = whole(row[f"{rule.name}_rows"]), whole(row[f"{rule.name}_keys"]), whole(row["keys"])
    result = Result.NO_DATA if not total else Result.FAILED if rows else Result.PASSED
    if rule.name == "unchanged" and not history.tracked:
        result = Result.NO_DATA
    sentence = f"{history.table}: {rule.sentence}: {rows:,} rows, {keys:,} of {total:,} keys."
    samples = filter(None, str(row[f"{rule.name}_samples"] or "").split(chr(_BETWEEN)))
    return Check(
        name=rule.name,
        topic=Topic.INTEGRITY,
        result=result,
        sentence=sentence if rows else f"{history.table}: {rule.sentence}: none.",
        table=history.table,
        rows=rows,
        keys=keys,
        total=total,
        samples=tuple(samples),
        # An empty history violates nothing; whether it may be empty is what the records are counted for.
        is_fatal=result is Result.FAILED,
    )
