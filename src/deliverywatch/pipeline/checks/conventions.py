"""A declared history -> its convention in words, for who reads the checks; and what a result says of a wrong one."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.pipeline.checks.rules import words_of_current
from deliverywatch.pipeline.checks.sql import BETWEEN, time_of, whole
from deliverywatch.pipeline.declaration.histories import CurrentIs, Ends, HardDeletes, History, Rows, SourceTable, Times

_DELETES = {
    HardDeletes.IGNORE: "a deleted key keeps its current version",
    HardDeletes.INVALIDATE: "the last version of a deleted key ends and none follows",
    HardDeletes.NEW_RECORD: "a version that is marked as deleted follows the last one",
    HardDeletes.SOFT: "a version is marked as deleted",
}
# Inclusive ends that are read as exclusive ones leave gaps of exactly this length.
_STEPS = {1: "millisecond", 1000: "second", 86_400_000: "day"}
# An end so far away is a word for none.
_FAR = timedelta(days=36_500)


def described(history: History) -> str:
    """Return in which convention a history is read, all of it declared and nothing guessed."""
    return f"{history.table} is read as {history.convention or 'half-open'}: {'; '.join(_parts(history))}."


def _parts(history: History) -> Iterator[str]:
    end = "included" if history.ends is Ends.INCLUSIVE else "not included"
    until = f", by the {history.precision}" if history.precision else ""
    times = "" if history.times is Times.TIMESTAMPS else f" (both as {history.times})"
    zone = "" if history.time_zone == "UTC" else f", in the time of {history.time_zone}"
    yield f"a version holds from {history.valid_from} until {history.valid_to}, which is {end}{until}{times}{zone}"
    yield f"no end is NULL{f' or {history.open_end[:10]} and later' if history.open_end else ''}"
    yield _current(history)
    yield f"hard_deletes is {history.hard_deletes}: {_DELETES[history.hard_deletes]}"
    if history.shared_begins:
        order = f"in the order of {history.order_by}" if history.order_by else "and nothing says which came first"
        yield f"versions may share a begin, {order}"
    if history.future_versions:
        yield "versions may be planned"
    yield f"a version differs from the one before in {' or '.join(history.tracked) or 'what is not declared'}"
    if history.source:
        yield _source(history.source)


def _current(history: History) -> str:
    if not history.is_current:
        which = "holds now" if history.current_is is CurrentIs.IN_FORCE else "has no end"
        return f"there is no flag: the version that {which} is current"
    yes, no = words_of_current(history)
    others = f", {', '.join(word or 'NULL' for word in no)} are not" if no else ", all others are not"
    which = "the one that holds now" if history.current_is is CurrentIs.IN_FORCE else "the last one"
    return f"{history.is_current} marks {which}: {', '.join(word or 'NULL' for word in yes)} are current{others}"


def _source(source: SourceTable) -> str:
    rows = "the newest of its rows of a key counts" if source.rows is Rows.CHANGES else "it has one row for each key"
    late = f" and {source.delay_hours:g} hours may pass until the history has a change" if source.updated_at else ""
    return f"its source is {source.table}, {rows}{late}"


def hint(name: str, history: History, row: Mapping[str, Any], as_of: datetime) -> str:
    """Return what a failed check says of a declaration that does not fit the table; nothing where it may fit."""
    if name == "gap" and history.ends is Ends.EXCLUSIVE:
        shortest, longest = whole(row["shortest_gap"]), whole(row["longest_gap"])
        step = _STEPS.get(shortest) if shortest == longest else None
        return f" Each is one {step} long: are the ends inclusive, with the precision {step}?" if step else ""
    latest = time_of(row["latest_end"])
    if name in ("flag_disagrees", "no_current", "future_end") and latest and latest > as_of + _FAR:
        return f" Ends run to {latest:%Y-%m-%d}: if that means no end, declare it as open_end."
    return _hint_of(name, history, row)


def _hint_of(name: str, history: History, row: Mapping[str, Any]) -> str:
    if name == "no_current" and not history.is_current and history.hard_deletes is HardDeletes.IGNORE:
        return " If deleted keys end so, declare hard_deletes as invalidate."
    if name == "unknown_flag":
        values = str(row["unknown_words"] or "").replace(chr(BETWEEN), ", ")
        fields = "current_values and not_current_values, or deleted_values" if history.is_current else "deleted_values"
        return f" Its values are {values}: say what they mean in {fields}."
    if name == "duplicate_begin" and not history.shared_begins:
        return " If several versions may begin at once, as on one day where times are dates, declare shared_begins."
    if name == "missed_insert" and whole(row["versions"]) and not whole(row["common_keys"]):
        return " No key of the source is in the history: are both written alike, 1 and not 1.0 or 001?"
    return ""
