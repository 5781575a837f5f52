"""A declared history table -> one Athena query that makes all its checks, and its row -> checks and a score.

Versions of a key are ordered by their begin, then by their end, open ends last; what each check means in the table's
convention is in `rules`. Rows without a key or a begin take part in one check only, because nothing can be said of
their order.

Timestamps of Iceberg tables have microseconds, those of Hive tables milliseconds: `valid_to` must come from the same
value as the next `valid_from`, or a tolerance be declared; else each hand-over looks like a gap or an overlap.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from deliverywatch.pipeline.checks import conventions, rules, source
from deliverywatch.pipeline.checks.rules import Rule, rules_of
from deliverywatch.pipeline.checks.sql import (
    BETWEEN,
    SAMPLES,
    identifier,
    in_words,
    key_text,
    moment,
    samples_of,
    table_name,
    timestamp,
    whole,
    written_at,
)
from deliverywatch.pipeline.checks.validation import Check, Counts, Result, Score, Topic
from deliverywatch.pipeline.declaration.histories import HardDeletes, History, Strategy

_FOREVER = "TIMESTAMP '9999-12-31 23:59:59.999'"

_QUERY = """WITH kept AS (
  SELECT {kept}
  FROM {table}
), marked AS (
  SELECT *, {current} AS c, {is_whole} AS is_whole FROM kept
), versions AS (
  SELECT *,
    LAG(f) {window} AS prior_f,
    LAG(d) {window} AS prior_d,
    LEAD(f) {window} AS next_f,
    MAX(GREATEST(COALESCE(t, {forever}), f)) {window_so_far} AS covered_until,
    SUM(CASE WHEN c THEN 1 ELSE 0 END) OVER ({partition}) AS current_count{more}
  FROM marked
), judged AS (
  SELECT {key}, {key_text} AS sample, COUNT(*) AS versions, MAX(t) AS latest_end, MIN(unknown_word) AS unknown_word,
    MIN({gap}) AS shortest_gap, MAX({gap}) AS longest_gap,
{sums}    SUM(CASE WHEN {in_run} AND prior_f IS NULL AND NOT d THEN 1 ELSE 0 END) AS created,
    SUM(CASE WHEN {in_run} AND prior_f IS NOT NULL AND NOT d THEN 1 ELSE 0 END) AS updated,
    SUM(CASE WHEN {in_run} AND d AND NOT COALESCE(prior_d, FALSE) THEN 1 ELSE 0 END) AS deleted
  FROM versions GROUP BY {key}
){compared}
SELECT COUNT(*) AS keys, SUM(versions) AS versions, {bad_keys} AS bad_keys,
  SUM(created) AS created, SUM(updated) AS updated, SUM(deleted) AS deleted, MAX(latest_end) AS latest_end,
  {unknown_words} AS unknown_words, MIN(shortest_gap) AS shortest_gap, MAX(longest_gap) AS longest_gap{results}
FROM {judged}"""


def query(
    history: History,
    as_of: datetime,
    since: datetime,
    made: Sequence[Rule] | None = None,
    samples_count: int = SAMPLES,
) -> str:
    """Return the query of a validation at `as_of`; versions written from `since` on are counted as the run's."""
    now, begin = (timestamp(time, history.time_zone) for time in (as_of, since))
    judged = [rule for rule in made or rules_of(history) if not rule.not_judged]
    own, names = [rule for rule in judged if not rule.is_of_source], [rule.name for rule in judged]
    keys = [f"k{number}" for number in range(len(history.key))]
    partition = f"PARTITION BY {', '.join(keys)}, is_whole"
    order = f"{partition} ORDER BY {', '.join(_order(history))}"
    compared = source.compared(history, judged, as_of) if history.source else ""
    return _QUERY.format(
        kept=",\n    ".join(_kept(history)),
        table=table_name(history.table),
        key=", ".join(keys),
        key_text=key_text(keys),
        current=_current(history).replace("as_of", now),
        is_whole=" AND ".join(f"{column} IS NOT NULL" for column in (*keys, "f")),
        partition=partition,
        window=f"OVER ({order})",
        window_so_far=f"OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        forever=_FOREVER,
        more="".join(f",\n    {column}" for column in _more(history, f"OVER ({order})")),
        gap=_length_of_gap(own),
        unknown_words=samples_of("unknown_word", SAMPLES),
        in_run=f"is_whole AND counted >= {begin} AND counted < {now}",
        sums="".join(f"    {column},\n" for column in [*map(_sum, own), *source.latest(history)]).replace("as_of", now),
        compared=compared,
        judged="compared" if compared else "judged",
        bad_keys=f"COUNT_IF({' + '.join(names)} > 0)" if names else "CAST(NULL AS BIGINT)",
        results="".join(
            f",\n  {column}"
            for column in [*(_result(name, samples_count) for name in names), *source.differences(history, names)]
        ),
    )


def _kept(history: History) -> Iterator[str]:
    """Yield what is read of the table; its own names end here, so that none of them can be taken for one of ours."""
    for prefix, names in (("k", history.key), ("v", history.tracked)):
        yield from (f"{identifier(name)} AS {prefix}{number}" for number, name in enumerate(names))
    end, far = moment(history.valid_to, history.times), f"TIMESTAMP '{history.open_end}'"
    yield f"{moment(history.valid_from, history.times)} AS f"
    yield f"{f'CASE WHEN {end} < {far} THEN {end} END' if history.open_end else end} AS t"
    yield f"{in_words(history.is_current, rules.words_of_current(history)[0])} AS flag"
    yield f"{_is_deleted(history)} AS d"
    yield f"{_unknown(history)} AS unknown_word"
    yield f"{written_at(history)} AS counted"
    if history.order_by:
        yield f"{identifier(history.order_by)} AS o"
    if history.version_key:
        yield f"{identifier(history.version_key)} AS version_key"


def _is_deleted(history: History) -> str:
    if history.deleted_at:
        return f"COALESCE(TRIM(CAST({identifier(history.deleted_at)} AS VARCHAR)), '') <> ''"
    return in_words(history.is_deleted, rules.words_of_deleted(history)[0])


def _unknown(history: History) -> str:
    """Return the value of a flag that means neither yes nor no; NULL where all of them do."""
    flags = (
        (history.is_current, *rules.words_of_current(history)),
        (history.is_deleted, *rules.words_of_deleted(history)),
    )
    unknown = [
        f"CASE WHEN NOT {in_words(column, (*yes, *no))} THEN {key_text([identifier(column)])} END"
        for column, yes, no in flags
        if column and no
    ]
    return f"COALESCE({', '.join(unknown)}, NULL)" if unknown else "CAST(NULL AS VARCHAR)"


def _current(history: History) -> str:
    """Return the condition under which a version is the current one."""
    if history.is_current:
        return "flag"
    return rules.is_open(history) + (" AND NOT d" if history.hard_deletes is HardDeletes.SOFT else "")


def _order(history: History) -> list[str]:
    # The flags and the values stand last in the order, so that it is one order even among versions with one begin.
    tracked = [f"v{number}" for number in range(len(history.tracked))]
    return ["f", *(["o"] if history.order_by else []), "t", "c", "d", *tracked]


def _more(history: History, window: str) -> Iterator[str]:
    """Yield the columns over neighbours that only some conventions need."""
    if history.tracked and history.strategy is Strategy.CHECK:
        compared = [*(f"v{number}" for number in range(len(history.tracked))), "d"]
        same = [f"{name} IS NOT DISTINCT FROM LAG({name}) {window}" for name in compared]
        yield f"{' AND '.join(same)} AS is_same"
        yield f"LAG(GREATEST(COALESCE(t, {_FOREVER}), f)) {window} AS prior_until"
    if history.shared_begins and history.order_by:
        yield f"LAG(o) {window} AS prior_o"
        yield f"LEAD(o) {window} AS next_o"
    if history.version_key:
        yield "COUNT(*) OVER (PARTITION BY version_key) AS version_key_count"


def _length_of_gap(own: Sequence[Rule]) -> str:
    """Return the milliseconds of a gap after a row: inclusive ends that are read as exclusive ones leave equal gaps."""
    violated = [rule.violated for rule in own if rule.name == "gap"] or ["FALSE"]
    return f"CASE WHEN is_whole AND {violated[0]} THEN DATE_DIFF('millisecond', covered_until, next_f) END"


def _sum(rule: Rule) -> str:
    whole_row = "" if rule.name == "null_key" else "is_whole AND "
    return f"SUM(CASE WHEN {whole_row}({rule.violated}) THEN 1 ELSE 0 END) AS {rule.name}"


def _result(name: str, samples_count: int) -> str:
    sample = "sample || ': ' || differing" if name == "missed_change" else "sample"
    return (
        f"SUM({name}) AS {name}_rows, COUNT_IF({name} > 0) AS {name}_keys, "
        f"{samples_of(f'CASE WHEN {name} > 0 THEN {sample} END', samples_count)} AS {name}_samples"
    )


def checks_of(history: History, row: Mapping[str, Any], as_of: datetime) -> list[Check]:
    """Return the checks of the query's row; an empty table gives no data."""
    return [_check(rule, history, row, as_of) for rule in rules_of(history)]


def score_of(row: Mapping[str, Any]) -> Score:
    """Return keys without any violation, of all keys; none of none where every check that could be made is off."""
    keys = whole(row["keys"]) if row["bad_keys"] not in (None, "") else 0
    return Score(keys - whole(row["bad_keys"]), keys)


def counts_of(row: Mapping[str, Any]) -> Counts:
    """Return how many versions the run wrote, by what they did to their key."""
    return Counts(None, whole(row["created"]), whole(row["updated"]), whole(row["deleted"]))


def _check(rule: Rule, history: History, row: Mapping[str, Any], as_of: datetime) -> Check:
    if rule.not_judged:
        sentence = f"{history.table}: {rule.sentence}: not judged, because {rule.not_judged}."
        return Check(rule.name, Topic.INTEGRITY, Result.NOT_JUDGED, sentence, history.table, is_fatal=False)
    rows, keys, total = whole(row[f"{rule.name}_rows"]), whole(row[f"{rule.name}_keys"]), whole(row["keys"])
    is_judged = total and source.is_compared(rule, row)
    result = Result.FAILED if rows else Result.PASSED if is_judged else Result.NO_DATA
    none = "not judged, because no row of the source is due" if total and not is_judged else "none"
    more = source.differing(history, row) if rule.name == "missed_change" else ""
    hint = conventions.hint(rule.name, history, row, as_of)
    sentence = f"{history.table}: {rule.sentence}: {rows:,} rows, {keys:,} of {total:,} keys{more}.{hint}"
    return Check(
        name=rule.name,
        topic=Topic.INTEGRITY,
        result=result,
        sentence=sentence if rows else f"{history.table}: {rule.sentence}: {none}.",
        table=history.table,
        rows=rows,
        keys=keys,
        total=total,
        samples=tuple(filter(None, str(row[f"{rule.name}_samples"] or "").split(chr(BETWEEN)))),
        # An empty history violates nothing; whether it may be empty is what the records are counted for.
        is_fatal=result is Result.FAILED,
    )
