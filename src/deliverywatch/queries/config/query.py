"""What one entry of the configuration means: a query with its schedule, its export and its alerts.

The file itself is described in `schema.json`, which editors read; `file` turns it into these.
"""

import operator
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from deliverywatch.messages.level import Level

# How severe an alert may be.
SEVERITIES = (Level.WARNING, Level.CRITICAL)
# What a parameter of a query may be.
Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]


class Kind(StrEnum):
    """What a query is for: its result as a file, or a condition on its result."""

    EXPORT = "export"
    ALERTS = "alerts"


class Measure(StrEnum):
    """What of the result an alert compares with its threshold."""

    ROWS = "rows"
    FIRST_VALUE = "first_value"
    ANY_ROW = "any_row"


class NoRow(StrEnum):
    """What a result without a row says to an alert that compares a value: nothing, or that all is well."""

    UNMEASURED = "unmeasured"
    OK = "ok"


OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One condition.

    Attributes:
        column: The column of `first_value` and `any_row`; empty for the first one.
        csv_export: Whether the result is exported when the condition holds.
        no_row: What a result without a row says; only who wrote the query knows.
    """

    name: str
    severity: Level
    on: Measure
    column: str
    operator: str
    value: float
    csv_export: bool
    no_row: NoRow = NoRow.UNMEASURED

    def holds(self, measured: float) -> bool:
        """Whether a measured value meets the condition."""
        return OPERATORS[self.operator](measured, self.value)

    def badness(self, measured: float) -> float:
        """How near to its condition a value is, or how far beyond it: the worst row has the highest."""
        match self.operator:
            case ">" | ">=":
                return measured
            case "<" | "<=":
                return -measured
            case "!=":
                return abs(measured - self.value)
            case _:
                return -abs(measured - self.value)

    @property
    def rule(self) -> str:
        """The condition in words: `rows > 100`."""
        what = {Measure.ROWS: "rows", Measure.FIRST_VALUE: "value", Measure.ANY_ROW: "any row"}[self.on]
        return f"{what}{f' of {self.column}' if self.column else ''} {self.operator} {self.value:.12g}"

    @property
    def watch(self) -> str:
        """What it measures, as a part of a watch's name: alerts on one measure are severity levels of one watch."""
        if not self.column:
            return str(self.on)
        plain = re.sub(r"[^0-9A-Za-z_]+", "-", self.column).strip("-")[:30]
        different = "" if plain == self.column else f"-{zlib.crc32(self.column.encode()):08x}"
        return f"{self.on}.{plain}{different}"


@dataclass(frozen=True, slots=True)
class Query:
    """One query as its analyst wants it.

    Attributes:
        expression: As written; one that does not parse is refused by AWS.
        timezone: As written, a name of the IANA database; dates of placeholders are in it too.
        sql: With its placeholders.
        threshold: What {THRESHOLD} stands for, if it is used.
        channel: E-mail addresses that get its alerts instead of the stack's recipients.
        csv_export: Whether every run's result is exported.
        database: Where its bare tables are; empty for the lake's own.
        days_back: How many days before its run {DATE} is.
    """

    id: str
    kind: Kind
    expression: str
    sql: str
    description: str = ""
    timezone: str = "UTC"
    enabled: bool = True
    owner: str = ""
    channel: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    threshold: float | None = None
    csv_export: bool = False
    filename_template: str = ""
    database: str = ""
    days_back: int = 0

    def day(self, local: datetime) -> datetime:
        """Return the day that a run is about, {DATE}, from when it was due."""
        return local - timedelta(days=self.days_back)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in the file that is wrong or old-fashioned, with its JSON path such as `$.queries.daily.schedule`."""

    path: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Schedules that somebody else keeps, or kept: a group, and what their names begin with."""

    group: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file: its queries by id, and what is accepted but not needed.

    Attributes:
        refused: What is wrong with schedules: AWS refuses those of these queries, and the others go on.
        imported_from: Where queries came from: what is left there is shown until it is gone.
    """

    queries: Mapping[str, Query]
    notices: tuple[Problem, ...] = ()
    refused: tuple[Problem, ...] = ()
    imported_from: tuple[Origin, ...] = ()
