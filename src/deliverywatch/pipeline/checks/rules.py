"""The convention of a history -> the condition under which a row of it violates each check, or why it is not judged.

Conditions are over the columns of `versions` in `scd2`: f and t are the begin and the end (NULL when open), c and d
say whether a version is current and deleted, `prior_` and `next_` are the neighbours, `as_of` is the time of the
validation. Each is over a row that has a key and a begin: nothing can be said of the order of others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deliverywatch.pipeline.declaration.histories import (
    CHECKS,
    CurrentIs,
    Ends,
    HardDeletes,
    History,
    Precision,
    Strategy,
)

# What a flag says, in lower case, where the declaration does not; nothing is the same as NULL.
# Where a flag has been through a float it is 1.0, or in Athena's words 1.0E0.
_YES, _NO = ("true", "t", "yes", "y", "1", "1.0", "1.0e0"), ("false", "f", "no", "n", "0", "0.0", "0.0e0", "")
_CURRENT = (*_YES, "current", "active", "latest")
_NOT_CURRENT = (*_NO, "expired", "inactive", "historical", "history", "previous")
DELETED = (*_YES, "deleted", "d", "x")
_NOT_DELETED = (*_NO, "active", "current")

# Of inclusive ends: what is between an end and the next begin. Athena has no interval below a millisecond.
_STEPS = {
    Precision.DAY: "INTERVAL '1' DAY",
    Precision.SECOND: "INTERVAL '1' SECOND",
    Precision.MILLISECOND: "INTERVAL '0.001' SECOND",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the checks: the condition under which a row violates it; without one, why it is not judged."""

    name: str
    violated: str = ""
    not_judged: str = ""

    @property
    def sentence(self) -> str:
        """What it is about, in words."""
        return CHECKS[self.name]

    @property
    def is_of_source(self) -> bool:
        """Whether it is about keys of the source, not about rows of the history."""
        return self.name.startswith(("missed_", "source_"))


def rules_of(history: History) -> tuple[Rule, ...]:
    """Return the checks of a history in their usual order; those of its source only where it declares one."""
    judged = {**_of_flags(history), **_of_times(history), **_of_values(history), **_of_source(history)}
    return tuple(
        Rule(name, not_judged="it is switched off") if name in history.checks_off else Rule(name, *judged[name])
        for name in CHECKS
        if name in judged
    )


def words_of_current(history: History) -> tuple[Sequence[str], Sequence[str]]:
    """Return the values of the current flag that mean yes, and those that mean no; none where all others do."""
    if history.current_values:
        return history.current_values, history.not_current_values
    return _CURRENT, history.not_current_values or _NOT_CURRENT


def words_of_deleted(history: History) -> tuple[Sequence[str], Sequence[str]]:
    """Return the values of the flag of deleted versions, likewise."""
    return (history.deleted_values, ()) if history.deleted_values else (DELETED, _NOT_DELETED)


def in_force(history: History) -> str:
    """Return the condition under which a version holds at the validation, by its begin and end."""
    until = f"t + {_step(history)}" if _step(history) else "t"
    compared = "<=" if history.ends is Ends.INCLUSIVE and not _step(history) else "<"
    return f"(f <= as_of AND (t IS NULL OR as_of {compared} {until}))"


def is_latest(history: History) -> str:
    """Return the condition under which a version is the one that a current flag marks."""
    if history.current_is is CurrentIs.LATEST:
        return "next_f IS NULL"
    return "(f <= as_of AND (next_f IS NULL OR next_f > as_of))"


def is_open(history: History) -> str:
    """Return the condition under which a version is not over."""
    return "t IS NULL" if history.current_is is CurrentIs.LATEST else in_force(history)


def _has_known_words(history: History) -> bool:
    current, deleted = (words(history)[1] for words in (words_of_current, words_of_deleted))
    return bool((history.is_current and current) or (history.is_deleted and deleted))


_Judged = dict[str, tuple[str] | tuple[str, str]]


def _of_flags(history: History) -> _Judged:
    latest, deletes = is_latest(history), history.hard_deletes
    excused = {HardDeletes.SOFT: " AND NOT d", HardDeletes.NEW_RECORD: " AND NOT (d AND t IS NULL)"}.get(deletes, "")
    disagrees = {
        HardDeletes.SOFT: f"NOT d AND c <> ({is_open(history)})",
        HardDeletes.NEW_RECORD: f"CASE WHEN d THEN c AND NOT ({is_open(history)}) ELSE c <> ({is_open(history)}) END",
    }.get(deletes, f"c <> ({is_open(history)})")
    no_flag, ends = ("", "no flag is declared"), ("", "a key whose versions have all ended counts as deleted")
    no_words = ("", "no flag is declared, or every other value means no")
    return {
        "many_current": ("c AND current_count > 1",),
        "no_current": ends if deletes is HardDeletes.INVALIDATE else (f"{latest} AND current_count = 0{excused}",),
        "flag_disagrees": (disagrees,) if history.is_current else no_flag,
        "current_not_latest": (f"c AND NOT ({latest})",),
        "deleted_current": ("d AND c",)
        if deletes is HardDeletes.SOFT and history.is_current
        else ("", "deleted versions may be current" if history.has_deletions else "nothing is marked as deleted"),
        "unknown_flag": ("unknown_word IS NOT NULL",) if _has_known_words(history) else no_words,
    }


def _of_times(history: History) -> _Judged:
    inclusive, step = history.ends is Ends.INCLUSIVE, _step(history)
    # An end of the day before the begin is how some close a version that did not last to the end of its day.
    shortest = f"f > t + {step}" if inclusive and step and history.shared_begins else "f > t"
    touches = ">=" if inclusive and not history.shared_begins else ">"
    later = f"t {touches} next_f{_slack(history, '+')}"
    # Without a step of its own, an inclusive end is followed within a millisecond.
    hole = f"covered_until {'<=' if inclusive and not step else '<'} next_f{_slack(history, '-', step)}"
    deleted = " AND NOT d" if history.hard_deletes is HardDeletes.SOFT else ""
    plans_ends = history.future_versions or history.current_is is CurrentIs.IN_FORCE
    again = " AND o IS NOT DISTINCT FROM {0}_o" if history.shared_begins else ""
    twin = " OR ".join(f"(f = {side}_f{again.format(side)})" for side in ("prior", "next"))
    return {
        "begins_after_end": (f"t IS NOT NULL AND {shortest if inclusive or history.shared_begins else 'f >= t'}",),
        "overlap": (f"next_f IS NOT NULL AND (t IS NULL OR {later})",),
        "gap": ("", "a key may be deleted and come back")
        if history.hard_deletes is HardDeletes.INVALIDATE
        else (f"next_f IS NOT NULL AND {hole}{deleted}",),
        "duplicate_begin": ("", "versions may share a begin, and no order_by tells them apart")
        if history.shared_begins and not history.order_by
        else (f"COALESCE({twin}, FALSE)",),
        "future_begin": ("", "versions are planned") if history.future_versions else ("f > as_of",),
        "future_end": ("", "ends may be planned") if plans_ends else ("t > as_of",),
    }


def _of_values(history: History) -> _Judged:
    twice_deleted = "d AND COALESCE(prior_d, FALSE)" if history.hard_deletes is HardDeletes.NEW_RECORD else ""
    has_gaps = history.hard_deletes in (HardDeletes.INVALIDATE, HardDeletes.SOFT)
    follows = f" AND prior_until >= f{_slack(history, '-', _step(history))}" if has_gaps else ""
    # Without an order, versions that share a begin or last no time may have been any of them the one before.
    is_ambiguous = history.shared_begins and not history.order_by
    alone = "prior_f < f AND prior_until > prior_f AND (next_f IS NULL OR next_f > f)"
    apart = f" AND {alone}" if is_ambiguous else ""
    same = f"prior_f IS NOT NULL AND is_same{follows}{apart}"
    reason = "no tracked columns are declared"
    if history.strategy is Strategy.TIMESTAMP:
        same, reason = "", "the strategy timestamp writes a version whenever a row was touched"
    elif not history.tracked:
        same = ""
    either = " OR ".join(f"({one})" for one in (twice_deleted, same) if one)
    return {
        "unchanged": (either,) if either else ("", reason),
        "null_key": ("NOT is_whole",),
        "duplicate_version_key": ("version_key IS NULL OR version_key_count > 1",)
        if history.version_key
        else ("", "no version_key is declared"),
    }


def _of_source(history: History) -> _Judged:
    source = history.source
    if source is None:
        return {}
    never = history.hard_deletes is HardDeletes.IGNORE
    return {
        "missed_change": ("is_live AND is_due AND differs",) if source.tracked else ("", "it tracks no columns"),
        "missed_insert": (
            f"source_rows > 0 AND is_due AND NOT is_gone AND NOT is_live{' AND versions = 0' if never else ''}",
        ),
        "missed_delete": ("", "hard_deletes is ignore")
        if never
        else ("is_live AND (source_rows = 0 OR is_due AND is_gone)",),
        "source_empty": ("versions > 0 AND source_is_empty",),
        "source_duplicate": ("source_rows > 1",) if source.rows == "keys" else ("", "its rows are changes"),
    }


def _step(history: History) -> str:
    """Return the interval between an inclusive end and the next begin; nothing where they are one moment."""
    return _STEPS.get(history.precision, "") if history.ends is Ends.INCLUSIVE and history.precision else ""


def _slack(history: History, sign: str, step: str = "") -> str:
    """Return what is added to or taken from a moment: the step of an inclusive end, and the tolerance."""
    milliseconds = history.tolerance_milliseconds
    if history.ends is Ends.INCLUSIVE and history.precision is Precision.MICROSECOND and sign == "-":
        milliseconds = max(milliseconds, 1)
    tolerance = f" {sign} INTERVAL '{milliseconds / 1000:.3f}' SECOND" if milliseconds else ""
    return (f" {sign} {step}" if step else "") + tolerance
