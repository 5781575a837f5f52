"""What is declared of a table that keeps every version of a row, in which convention it does so, and its source.

A convention is a set of answers to the questions that people answer differently: whether the end is included, what
stands for no end, how the current version is known, what becomes of a deleted key. `PRESETS` answers them for the tools
of the field; each field of a declaration overrules its preset.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deliverywatch import thresholds


class Ends(StrEnum):
    """Whether a version still holds at its `valid_to`."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"


class Precision(StrEnum):
    """The smallest step of `valid_from` and `valid_to`: an inclusive end is followed by a begin one step later."""

    DAY = "day"
    SECOND = "second"
    MILLISECOND = "millisecond"
    MICROSECOND = "microsecond"


class Times(StrEnum):
    """How `valid_from` and `valid_to` are written: as dates, timestamps or such text, or as whole numbers."""

    TIMESTAMPS = "timestamps"
    YYYYMMDD = "yyyymmdd"
    EPOCH_SECONDS = "epoch_seconds"
    EPOCH_MILLISECONDS = "epoch_milliseconds"


class HardDeletes(StrEnum):
    """What becomes of a key that the source no longer has: dbt's three words, and a flag in the version itself."""

    IGNORE = "ignore"  # its last version stays current
    INVALIDATE = "invalidate"  # its last version ends, and nothing follows until it comes back
    NEW_RECORD = "new_record"  # its last version ends, and one that is marked as deleted follows
    SOFT = "soft"  # a version is marked as deleted; it may have ended, or not


class CurrentIs(StrEnum):
    """Which version a flag marks, or would: the last one, or, where versions are planned, the one that holds now."""

    LATEST = "latest"
    IN_FORCE = "in_force"


class Strategy(StrEnum):
    """When dbt writes a version: when a column changed, or whenever `updated_at` did, though nothing else changed."""

    CHECK = "check"
    TIMESTAMP = "timestamp"


class Rows(StrEnum):
    """What the rows of a source are: one for each key, or one for each change, of which the newest counts."""

    KEYS = "keys"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """The table of which a history keeps the versions; comparing both finds a change that the history missed.

    Attributes:
        key: Its columns that hold the history's key, in the same order; `tracked` likewise.
        updated_at: When a row was last changed, or arrived; empty where nobody knows, so that every row counts.
        delay_hours: The history may lack so long a change that is newer than all that it holds.
        is_deleted: The flag of a row that the source itself marks as deleted; empty if its rows disappear.
    """

    table: str
    key: tuple[str, ...]
    tracked: tuple[str, ...] = ()
    updated_at: str = ""
    delay_hours: float = thresholds.PIPELINE_SOURCE_DELAY_HOURS
    is_deleted: str = ""
    deleted_values: tuple[str, ...] = ()
    rows: Rows = Rows.KEYS


@dataclass(frozen=True, slots=True)
class History:
    """A table that keeps every version of a row (a slowly changing dimension of type 2).

    Attributes:
        key: The columns that name the thing of which versions are kept.
        valid_from: A version holds from this time on,
        valid_to: until this one; NULL, or `open_end` and later, in the version that has no end.
        is_current: The flag of the current version; empty where the table has none: it is the one without an end.
        is_deleted: The flag of a thing that is gone; empty where the table has none.
        tracked: The columns of which at least one differs between two versions in a row.
        open_end: A far date that stands for NULL, such as `9999-12-31`; both forms may be there at once.
        loaded_at: The time at which a version was written, for counting what a run did; empty for `valid_from`.
        current_values: The values of `is_current` that mean yes, in lower case; empty for the usual words.
        not_current_values: Those that mean no; where both are known, any other value is a violation.
        deleted_at: A time that is set once a thing is gone, instead of `is_deleted`.
        shared_begins: Whether several versions of a key may have one begin, as on one day where times are dates.
        order_by: The column that says which of these came first.
        version_key: The column that names a version, such as `dbt_scd_id`: not NULL, and never twice.
        time_zone: Of the times in the table, if they are not in UTC.
        tolerance_milliseconds: By so much may an end and the next begin miss each other.
        checks_off: Names of checks that are not made.
    """

    table: str
    key: tuple[str, ...]
    valid_from: str
    valid_to: str
    is_current: str = ""
    is_deleted: str = ""
    tracked: tuple[str, ...] = ()
    open_end: str = ""
    loaded_at: str = ""
    convention: str = ""
    times: Times = Times.TIMESTAMPS
    ends: Ends = Ends.EXCLUSIVE
    precision: Precision | None = None
    hard_deletes: HardDeletes = HardDeletes.IGNORE
    current_values: tuple[str, ...] = ()
    not_current_values: tuple[str, ...] = ()
    deleted_values: tuple[str, ...] = ()
    deleted_at: str = ""
    current_is: CurrentIs = CurrentIs.LATEST
    future_versions: bool = False
    shared_begins: bool = False
    order_by: str = ""
    version_key: str = ""
    strategy: Strategy = Strategy.CHECK
    time_zone: str = "UTC"
    tolerance_milliseconds: int = 0
    checks_off: tuple[str, ...] = ()
    source: SourceTable | None = None

    @property
    def has_deletions(self) -> bool:
        """Whether a row is marked as deleted."""
        return bool(self.is_deleted or self.deleted_at)


# What each check says of a table; the names are the same in every language and release.
CHECKS: Mapping[str, str] = {
    "many_current": "more than one current version of a key",
    "no_current": "no current version of a key that is not deleted",
    "flag_disagrees": "the current flag disagrees with the end",
    "current_not_latest": "a current version that is not the latest",
    "begins_after_end": "a version that ends before or when it begins",
    "overlap": "a version that ends after the next begins",
    "gap": "a time without a version between two",
    "duplicate_begin": "versions with one begin",
    "unchanged": "a version that is the same as the one before",
    "null_key": "no key or no begin",
    "deleted_current": "a deleted version that is still current",
    "future_begin": "a version that begins in the future",
    "future_end": "a version that ends in the future",
    "unknown_flag": "a flag whose value is neither yes nor no",
    "duplicate_version_key": "a version without a key of its own",
    "missed_change": "a change of the source that the history missed",
    "missed_insert": "a key of the source that the history does not have, or has as deleted",
    "missed_delete": "a current version of a key that the source no longer has",
    "source_empty": "nothing to compare with, because the source has no row with a key",
    "source_duplicate": "a key with several rows in the source",
}

# docs.getdbt.com/docs/build/snapshots, docs.databricks.com/aws/en/ldp/cdc, sqlmesh.readthedocs.io model_kinds,
# learn.microsoft.com/sql/relational-databases/tables/temporal-tables
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "half-open": {},
    "inclusive-days": {"ends": "inclusive", "precision": "day"},
    "dbt-snapshot": {
        "valid_from": "dbt_valid_from",
        "valid_to": "dbt_valid_to",
        "version_key": "dbt_scd_id",
        "hard_deletes": "ignore",
    },
    "databricks-scd2": {"valid_from": "__START_AT", "valid_to": "__END_AT", "hard_deletes": "invalidate"},
    "sqlmesh-scd2": {"valid_from": "valid_from", "valid_to": "valid_to", "hard_deletes": "ignore"},
    "sql-server-temporal": {
        "valid_from": "ValidFrom",
        "valid_to": "ValidTo",
        "open_end": "9999-12-31",
        "hard_deletes": "invalidate",
        "shared_begins": True,
        "strategy": "timestamp",
    },
}
