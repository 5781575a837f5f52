"""A model of histories: what happened to keys -> the rows that each convention keeps of it, healthy or with one fault.

Nothing here knows the query. A life is what happened to a key, tick by tick; a convention writes it down as its tools
do. A fault changes the rows of one key, and says which checks must report that key, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from deliverywatch.pipeline.checks import scd2
from deliverywatch.pipeline.declaration.pipelines import pipelines_of

if TYPE_CHECKING:
    from deliverywatch.pipeline.checks.duck import LocalTables
    from deliverywatch.pipeline.declaration.histories import History

Row = dict[str, Any]
# Tick and value from then on; None while the key is deleted.
Life = list[tuple[int, str | None]]

AS_OF = datetime(2026, 11, 21, 12, tzinfo=UTC)
LAST_TICK = 60
HOUR, DAY, MICROSECOND = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
NAMES = {name: name for name in ("k", "f", "t", "cur", "del", "email", "plan", "scd", "n")}


@dataclass(frozen=True)
class Convention:
    """How rows are written, and `declared`, how that is declared.

    `step` is what lies between an inclusive end and the next begin, `small` the least shift that is a fault.
    """

    name: str
    declared: Row
    tick: timedelta = HOUR
    step: timedelta = timedelta()
    small: timedelta = MICROSECOND
    flag: tuple[Any, Any] | None = None
    deleted: tuple[Any, Any] = (True, False)
    far: str = ""
    deletes: str = "ignore"
    is_planned: bool = False
    shares_begins: bool = False
    is_date: bool = False
    is_number: bool = False
    zone: str = "UTC"
    names: dict[str, str] = field(default_factory=lambda: NAMES)

    @property
    def history(self) -> History:
        """The declaration, read."""
        columns = {"key": [self.names["k"]], "tracked": [self.names["email"], self.names["plan"]]}
        source = {"table": "s", "updated_at": "changed", "delay": "2 hours"}
        body = {"table": "h", **columns, "source": source, **self.declared}
        document = {"pipeline": [{"name": "p", "state_machine": "m", "database": "d", "history": [body]}]}
        return pipelines_of(document)[0].histories[0]

    def time(self, tick: int) -> datetime:
        """The time of a tick, as the table has it; the last one is a moment before the validation."""
        start = AS_OF.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        start = datetime(2026, 11, 21) if self.is_date else start - timedelta(minutes=1)  # noqa: DTZ001 - as stored
        return start + self.tick * (tick - LAST_TICK)


PLAIN = {"valid_from": "f", "valid_to": "t"}
FLAGGED = {**PLAIN, "is_current": "cur"}
DBT = {"convention": "dbt-snapshot", "strategy": "check", "valid_from": "f", "valid_to": "t", "version_key": "scd"}
SALESFORCE = NAMES | {"k": "Account-Id", "f": "from", "t": "to", "email": "Division", "plan": "Audit_Phase__c"}
SALESFORCE["cur"] = 'Is "Current"'
CONVENTIONS = (
    Convention("plain", {**FLAGGED, "is_deleted": "del"}, flag=(True, False), deletes="soft"),
    Convention("no flag", PLAIN),
    Convention("dbt, ignore", DBT),
    Convention("dbt, invalidate", {**DBT, "hard_deletes": "invalidate"}, deletes="invalidate"),
    Convention(
        "dbt, new_record",
        {**DBT, "hard_deletes": "new_record", "is_deleted": "del"},
        deletes="new_record",
        deleted=("True", "False"),
    ),
    Convention(
        "dbt, new_record, far date",
        {**DBT, "hard_deletes": "new_record", "is_deleted": "del", "open_end": "2999-12-31"},
        deletes="new_record",
        far="9999-12-31",
    ),
    Convention(
        "days, inclusive",
        {**FLAGGED, "convention": "inclusive-days", "open_end": "9999-12-31"},
        tick=DAY, step=DAY, small=DAY, flag=("Y", "N"), far="9999-12-31", is_date=True,
    ),
    Convention(
        "seconds, inclusive",
        {**FLAGGED, "ends": "inclusive", "precision": "second", "hard_deletes": "invalidate"},
        step=timedelta(seconds=1), small=timedelta(seconds=1), flag=(1, 0), deletes="invalidate",
    ),
    Convention(
        "milliseconds, inclusive",
        {**PLAIN, "ends": "inclusive", "precision": "millisecond"},
        step=timedelta(milliseconds=1), small=timedelta(milliseconds=1),
    ),
    Convention(
        "microseconds, inclusive",
        {**FLAGGED, "ends": "inclusive", "precision": "microsecond"},
        step=MICROSECOND, small=timedelta(milliseconds=2), flag=("current", None),
    ),
    Convention(
        "several a day",
        {**FLAGGED, "shared_begins": True, "order_by": "n"},
        tick=DAY, small=DAY, flag=("true", "false"), shares_begins=True, is_date=True,
    ),
    Convention(
        "several a day, inclusive",
        {**PLAIN, "convention": "inclusive-days", "shared_begins": True, "order_by": "n"},
        tick=DAY, step=DAY, small=2 * DAY, shares_begins=True, is_date=True,
    ),
    Convention(
        "several a day, no order",
        {**PLAIN, "shared_begins": True},
        tick=DAY, small=DAY, shares_begins=True, is_date=True,
    ),
    Convention("planned", {**FLAGGED, "future_versions": True}, flag=("yes", "no"), is_planned=True),
    Convention("planned, no flag", {**PLAIN, "future_versions": True}, is_planned=True),
    Convention(
        "soft deletes, no flag",
        {**PLAIN, "is_deleted": "del", "deleted_values": ["X"]},
        deletes="soft",
        deleted=("X", None),
    ),
    Convention(
        "own words",
        {**FLAGGED, "current_values": ["A"], "not_current_values": ["H", ""]},
        flag=("A", "H"),
    ),
    Convention(
        "days as numbers",
        {**FLAGGED, "convention": "inclusive-days", "times": "yyyymmdd", "open_end": "9999-12-31"},
        tick=DAY, step=DAY, small=DAY, flag=("Y", "N"), far="9999-12-31", is_date=True, is_number=True,
    ),
    Convention("local time", {**PLAIN, "time_zone": "Pacific/Auckland"}, zone="Pacific/Auckland"),
    Convention(
        "names of Salesforce",
        {"valid_from": "from", "valid_to": "to", "is_current": 'Is "Current"', "hard_deletes": "invalidate"},
        flag=("1", "0"), deletes="invalidate", names=SALESFORCE,
    ),
)  # fmt: skip


def life(random: Random, convention: Convention) -> Life:
    """A random life in this convention, in which each value differs from the one before."""
    events: Life = []
    tick, last = random.randint(0, 10), ""
    for _ in range(random.randint(1, 6)):
        is_alive = bool(events) and events[-1][1] is not None
        value = (
            None
            if is_alive and random.random() < 0.3
            else random.choice([v for v in "abcd" if v != last or not is_alive])
        )
        events.append((tick, value))
        last = value or last
        tick += random.choice([0, 1, 4]) if convention.shares_begins and value else random.randint(2, 8)
    if convention.is_planned and random.random() < 0.5 and events[-1][1]:
        events.append((LAST_TICK + 5, "z"))
    return events


def healthy(key: str, events: Life, convention: Convention) -> list[Row]:
    """The rows that a convention keeps of a life."""
    rows: list[Row] = []
    for number, (tick, value) in enumerate(events):
        if value is None:
            _deleted(rows, tick, convention)
        elif convention.deletes != "ignore" or not rows or rows[-1]["email"] != value:
            if rows and (convention.deletes in ("ignore", "new_record") or events[number - 1][1] is not None):
                _end(rows[-1], tick, convention)
            rows.append({"k": key, "tick": tick, "end": None, "del": False, "email": value})
    for number, row in enumerate(rows):
        in_force = row["tick"] <= LAST_TICK and (row["end"] is None or row["end"] > LAST_TICK)
        row |= {
            "f": convention.time(row["tick"]),
            "t": None if row["end"] is None else convention.time(row["end"]) - convention.step,
            "cur": in_force if convention.is_planned else row["end"] is None,
            "plan": "same",
            "scd": f"{key}-{number}",
            "n": number,
        }
    return rows


def _end(row: Row, tick: int, convention: Convention) -> None:
    row["end"] = tick


def _deleted(rows: list[Row], tick: int, convention: Convention) -> None:
    if convention.deletes != "ignore":
        _end(rows[-1], tick, convention)
    if convention.deletes == "soft":
        rows[-1]["del"] = True
    if convention.deletes == "new_record":
        rows.append({**rows[-1], "tick": tick, "end": None, "del": True})


def source_rows(key: str, events: Life, convention: Convention, *, is_newer: bool = False) -> list[Row]:
    """What the source has of a key; `is_newer` if it changed since the history was written."""
    past = [value for tick, value in events if tick <= LAST_TICK]
    if is_newer:
        changed = AS_OF.astimezone(ZoneInfo(convention.zone)).replace(tzinfo=None) - timedelta(seconds=30)
        return [{"k": key, "email": "newer", "plan": "same", "changed": changed}]
    if not past or past[-1] is None:
        return []
    return [{"k": key, "email": past[-1], "plan": "same", "changed": convention.time(0)}]


@dataclass
class Case:
    """A key with one fault: its rows, the source's rows, and the checks that must report it."""

    rows: list[Row]
    source: list[Row]
    expected: set[str] = field(default_factory=set)


Fault = Callable[[Case, Convention], bool]
# Three versions, of which each lasts long enough to be moved a little.
_LONG: Life = [(3, "a"), (13, "b"), (23, "c")]


def long_case(key: str, convention: Convention) -> Case:
    """A key that is not deleted, in which faults are planted."""
    return Case(healthy(key, _LONG, convention), source_rows(key, _LONG, convention))


def _gone(convention: Convention) -> set[str]:
    """What the comparison says of a key that no version holds of, though the source has it."""
    return set() if convention.deletes == "ignore" else {"missed_insert"}


def _no_current(convention: Convention) -> set[str]:
    return set() if convention.deletes == "invalidate" else {"no_current"}


def _holes(convention: Convention) -> set[str]:
    return set() if convention.deletes == "invalidate" else {"gap"}


def _twice_current(case: Case, convention: Convention) -> bool:
    if convention.flag:
        case.rows[1]["cur"] = True
        case.expected |= {"many_current", "current_not_latest", "flag_disagrees"}
    else:
        case.rows[1]["t"] = None
        case.expected |= {"many_current", "current_not_latest", "overlap"}
    return True


def _ended_though_it_is_in_the_source(case: Case, convention: Convention) -> bool:
    case.rows[-1] |= {"t": convention.time(33) - convention.step, "cur": False}
    case.expected |= _no_current(convention) | _gone(convention)
    return True


def _flag_is_lost(case: Case, convention: Convention) -> bool:
    case.rows[-1]["cur"] = False
    case.expected |= {"flag_disagrees"} | _no_current(convention)
    return bool(convention.flag)


def _ended_with_its_flag(case: Case, convention: Convention) -> bool:
    case.rows[-1]["t"] = convention.time(33) - convention.step
    case.expected |= {"flag_disagrees"} | _gone(convention)
    return bool(convention.flag)


def _flag_was_not_moved(case: Case, convention: Convention) -> bool:
    case.rows[-1]["cur"], case.rows[1]["cur"] = False, True
    case.expected |= {"flag_disagrees", "current_not_latest"}
    return bool(convention.flag)


def _ends_before_it_begins(case: Case, convention: Convention) -> bool:
    case.rows[0]["t"] = case.rows[0]["f"] - 3 * convention.tick
    case.expected |= {"begins_after_end"} | _holes(convention)
    return True


def _ends_late(case: Case, convention: Convention) -> bool:
    case.rows[0]["t"] += convention.small
    case.expected |= {"overlap"}
    return True


def _ends_early(case: Case, convention: Convention) -> bool:
    case.rows[0]["t"] -= convention.small
    case.expected |= _holes(convention)
    return "gap" in case.expected


def _written_twice(case: Case, convention: Convention) -> bool:
    case.rows.insert(0, {**case.rows[0]})
    has_order = not convention.shares_begins or "order_by" in convention.declared
    case.expected |= {"overlap"} | ({"duplicate_begin", "unchanged"} if has_order else set())
    case.expected |= {"duplicate_version_key"} if "version_key" in convention.declared else set()
    return True


def _nothing_changed(case: Case, convention: Convention) -> bool:
    case.rows[1]["email"] = "a"
    case.expected |= {"unchanged"}
    return True


def _deleted_twice(case: Case, convention: Convention) -> bool:
    if convention.deletes != "new_record":
        return False
    key = case.rows[0]["k"]
    case.rows[:] = healthy(key, [*_LONG, (33, None)], convention)
    case.source.clear()
    case.rows[-1] |= {"t": convention.time(43)}
    case.rows.append({**case.rows[-1], "f": convention.time(43), "t": None, "scd": f"{key}-again"})
    case.expected |= {"unchanged"}
    return True


def _tombstone_is_open_after_the_key_came_back(case: Case, convention: Convention) -> bool:
    if convention.deletes != "new_record":
        return False
    case.rows[:] = healthy(case.rows[0]["k"], [*_LONG, (33, None), (43, "c")], convention)
    case.rows[-2]["t"] = None
    case.expected |= {"many_current", "current_not_latest", "overlap"}
    return True


def _has_no_begin(case: Case, convention: Convention) -> bool:
    case.rows[0]["f"] = None
    case.expected |= {"null_key"}
    return True


def _deleted_yet_current(case: Case, convention: Convention) -> bool:
    case.rows[-1]["del"] = True
    case.expected |= {"deleted_current", "missed_insert"}
    return convention.deletes == "soft" and bool(convention.flag)


def _begins_in_the_future(case: Case, convention: Convention) -> bool:
    case.rows[-1]["f"] = convention.time(LAST_TICK + 3)
    case.rows[-2]["t"] = case.rows[-1]["f"] - convention.step
    case.expected |= {"future_begin", "future_end"}
    return not convention.is_planned


def _ends_in_the_future(case: Case, convention: Convention) -> bool:
    case.rows[-1]["t"] = convention.time(LAST_TICK + 3)
    case.expected |= (
        {"future_end"} | _no_current(convention) if not convention.flag else {"future_end", "flag_disagrees"}
    )
    return not convention.is_planned


def _flag_says_something_else(case: Case, convention: Convention) -> bool:
    case.rows[0]["cur"] = "?"
    case.expected |= {"unknown_flag"}
    return bool(convention.flag and isinstance(convention.flag[0], str))


def _version_key_is_used_twice(case: Case, convention: Convention) -> bool:
    case.rows[0]["scd"] = case.rows[1]["scd"]
    case.expected |= {"duplicate_version_key"}
    return "version_key" in convention.declared


def _has_no_version_key(case: Case, convention: Convention) -> bool:
    case.rows[0]["scd"] = None
    case.expected |= {"duplicate_version_key"}
    return "version_key" in convention.declared


def _source_changed(case: Case, convention: Convention) -> bool:
    case.source[0]["plan"] = "other"
    case.expected |= {"missed_change"}
    return True


def _source_lost_a_value(case: Case, convention: Convention) -> bool:
    case.source[0]["email"] = None
    case.expected |= {"missed_change"}
    return True


def _never_written(case: Case, convention: Convention) -> bool:
    case.rows.clear()
    case.expected |= {"missed_insert"}
    return True


def _source_deleted(case: Case, convention: Convention) -> bool:
    case.source.clear()
    case.expected |= {"missed_delete"}
    return convention.deletes != "ignore"


def _source_has_it_twice(case: Case, convention: Convention) -> bool:
    case.source.append({**case.source[0]})
    case.expected |= {"source_duplicate"}
    return True


# The check that a fault is planted for, and the fault.
FAULTS: Sequence[tuple[str, Fault]] = (
    ("many_current", _twice_current),
    ("no_current", _flag_is_lost),
    ("no_current", _ended_though_it_is_in_the_source),
    ("flag_disagrees", _ended_with_its_flag),
    ("current_not_latest", _flag_was_not_moved),
    ("begins_after_end", _ends_before_it_begins),
    ("overlap", _ends_late),
    ("overlap", _tombstone_is_open_after_the_key_came_back),
    ("gap", _ends_early),
    ("duplicate_begin", _written_twice),
    ("unchanged", _nothing_changed),
    ("unchanged", _deleted_twice),
    ("null_key", _has_no_begin),
    ("deleted_current", _deleted_yet_current),
    ("future_begin", _begins_in_the_future),
    ("future_end", _ends_in_the_future),
    ("unknown_flag", _flag_says_something_else),
    ("duplicate_version_key", _version_key_is_used_twice),
    ("duplicate_version_key", _has_no_version_key),
    ("missed_change", _source_changed),
    ("missed_change", _source_lost_a_value),
    ("missed_insert", _never_written),
    ("missed_delete", _source_deleted),
    ("source_duplicate", _source_has_it_twice),
)


def tables(rows: Iterable[Row], source: Iterable[Row], convention: Convention) -> tuple[pa.Table, pa.Table]:
    """The history and its source as tables, in the types and with the names of the convention."""
    names, moment = convention.names, pa.date32() if convention.is_date else pa.timestamp("us")
    moment = pa.int64() if convention.is_number else moment
    text = pa.string()
    flag, deleted = ((_type(pair[0]) if pair else text) for pair in (convention.flag, convention.deleted))
    types = {"k": text, "f": moment, "t": moment, "cur": flag, "del": deleted, "email": text, "plan": text}
    types |= {"scd": text, "n": pa.int64()}
    written = [_written(row, convention) for row in rows]
    history = pa.table({names[name]: pa.array([row[name] for row in written], kind) for name, kind in types.items()})
    of_source = {"k": text, "email": text, "plan": text, "changed": pa.timestamp("us")}
    listed = list(source)
    return history, pa.table(
        {names.get(name, name): pa.array([row[name] for row in listed], kind) for name, kind in of_source.items()}
    )


def _type(value: Any) -> Any:
    return pa.bool_() if isinstance(value, bool) else pa.int64() if isinstance(value, int) else pa.string()


def _written(row: Row, convention: Convention) -> Row:
    """A row with the flags and the open end in the words of the convention."""
    words, marks = convention.flag or ("yes", "no"), convention.deleted
    far = datetime.fromisoformat(convention.far) if convention.far and row["n"] % 2 == 0 else None
    times = {"f": row["f"], "t": row["t"] or far}
    if convention.is_number:
        times = {name: time and int(f"{time:%Y%m%d}") for name, time in times.items()}
    return {
        **row,
        **times,
        "cur": row["cur"] if isinstance(row["cur"], str) else words[0] if row["cur"] else words[1],
        "del": marks[0] if row["del"] else marks[1],
    }


def planted(convention: Convention, suffix: str = "") -> dict[str, tuple[str, Case]]:
    """Every fault that this convention can have, in a key of its own: the check it is planted for, and the case."""
    cases = {}
    for check, fault in FAULTS:
        key = fault.__name__.strip("_") + suffix
        case = long_case(key, convention)
        if fault(case, convention):
            # Where keys may end, one without a current version shows in what it disagrees with.
            cases[key] = (check if check in case.expected else min(case.expected), case)
    return cases


Reported = dict[str, set[str]]


def reported(rows: Iterable[Row], source: Iterable[Row], convention: Convention, local: LocalTables) -> Reported:
    """The keys that each check of a convention reports."""
    history, of_source = tables(rows, source, convention)
    local.connection.register("h", history)
    local.connection.register("s", of_source)
    declared = convention.history
    (row,) = local.rows(scd2.query(declared, AS_OF, AS_OF - DAY, samples_count=10_000), "")
    checks = scd2.checks_of(declared, row, AS_OF)
    # A missed change names its columns, too.
    return {check.name: {sample.split(":")[0] for sample in check.samples} for check in checks if check.samples}
