"""What is read in the CSV that Athena wrote: rows, first rows, and what each alert measures."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level
from deliverywatch.queries.config.query import OPERATORS, Alert, Measure, NoRow
from deliverywatch.queries.run.result import read

CSV = '"country","n","share"\n"IT","3","12.5"\n"AU","250",\n"DE","7","1e-1"\n'


def alert(on: str, operator: str = ">", value: float = 100, column: str = "") -> Alert:
    return Alert("high", Level.WARNING, Measure(on), column, operator, value, csv_export=False)


def reading(one: Alert, text: str = CSV) -> tuple[bool, float | None]:
    (only,) = read(text.splitlines(keepends=True), [one]).readings
    return only.holds, only.measured


def problem(one: Alert, text: str = CSV) -> str:
    (only,) = read(text.splitlines(keepends=True), [one]).readings
    assert not (only.holds and only.problem)
    return only.problem


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (alert("rows", ">", 2), (True, 3)),
        (alert("rows", ">", 3), (False, 3)),
        (alert("rows", "==", 3), (True, 3)),
        (alert("first_value", "<", 5, "n"), (True, 3)),
        (alert("first_value", ">", 5, "n"), (False, 3)),
        (alert("any_row", ">", 100, "n"), (True, 250)),
        (alert("any_row", ">", 1000, "n"), (False, 250)),
        (alert("any_row", "<", 5, "N"), (True, 3)),
        (alert("any_row", "==", 6, "n"), (False, 7)),
        (alert("any_row", "!=", 7, "n"), (True, 250)),
        (alert("any_row", "<", 1, "share"), (True, 0.1)),
        (alert("any_row", "<=", 0, "share"), (False, 0.1)),
    ],
)
def test_what_an_alert_measures(one: Alert, expected: tuple[bool, float | None]) -> None:
    assert reading(one) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('"n"\n', "no row"),
        ('"n"\n\n', "NULL"),
        ('"n"\n""\n', "NULL"),
        ('"n"\n"IT"\n', "'IT', which is no number"),
        ('"n"\n"NaN"\n', "'NaN'"),
        ('"n"\n"1_0"\n', "'1_0'"),
        ('"n"\n"true"\n', "'true'"),
    ],
)
@pytest.mark.parametrize("on", ["first_value", "any_row"])
def test_what_cannot_be_measured_is_no_condition_that_does_not_hold(on: str, text: str, why: str) -> None:
    assert reading(alert(on, "<", 5), text) == (False, None)
    assert why in problem(alert(on, "<", 5), text)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (alert("any_row", "<", 5, "share"), ""),
        (alert("any_row", ">", 20, "share"), "1 of 3 rows have no number; the first of them has NULL"),
        (alert("any_row", ">", 20, "n"), ""),
        (alert("first_value", ">", 20, "share"), ""),
    ],
)
def test_a_row_without_a_number_might_be_worse_unless_another_one_is_bad_enough(one: Alert, why: str) -> None:
    assert problem(one) == why


@pytest.mark.parametrize("on", ["first_value", "any_row"])
def test_no_row_is_good_news_only_where_the_alert_says_so_and_a_null_never_is(on: str) -> None:
    offenders = replace(alert(on, "<", 5), no_row=NoRow.OK)
    assert (reading(offenders, '"n"\n'), problem(offenders, '"n"\n')) == ((False, None), "")
    assert "NULL" in problem(offenders, '"n"\n\n')
    assert "no column" in problem(replace(offenders, column="x"), '"n"\n')


@given(st.lists(st.none() | st.integers(-9, 9), max_size=6), st.sampled_from(sorted(OPERATORS)), st.integers(-9, 9))
def test_the_worst_row_decides_as_all_rows_together(numbers: list[int | None], operator: str, value: int) -> None:
    text = "".join(["n,x\n", *(f"{'' if number is None else number},x\n" for number in numbers)])
    is_any = any(OPERATORS[operator](number, value) for number in numbers if number is not None)
    one = alert("any_row", operator, value)
    assert reading(one, text)[0] == is_any
    assert bool(problem(one, text)) == (not is_any and (None in numbers or not numbers))


def test_the_worst_row_is_kept_wherever_it_stands() -> None:
    text = "n,who\n" + "".join(f"{number},x\n" for number in range(50)) + "99,y\n1,z\n"
    (one,) = read(text.splitlines(keepends=True), [alert("any_row", ">", 40)]).readings
    assert (one.measured, one.row) == (99, ("99", "y"))


@pytest.mark.parametrize("text", ["", '"a\rb"c\rd\n'])
def test_what_athena_never_wrote_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read([text] if text else [], [])


def test_an_empty_line_is_a_row_whose_only_value_is_null() -> None:
    assert reading(alert("rows", ">", 0), '"n"\n\n') == (True, 1)


def test_a_header_alone_is_no_row() -> None:
    assert reading(alert("rows", "==", 0), '"n"\n') == (True, 0)


def test_commas_quotes_and_line_breaks_in_values_are_read_as_they_stand() -> None:
    text = '"name","n"\n"a, ""b""\nc","1"\n"d","2"\n'
    result = read(text.splitlines(keepends=True), [])
    assert (result.row_count, result.rows[0]) == (2, ('a, "b"\nc', "1"))


def test_a_missing_column_is_reported_with_those_of_the_result_and_other_alerts_are_measured() -> None:
    alerts = [alert("any_row", column="price"), alert("rows", ">", 2)]
    result = read(CSV.splitlines(keepends=True), alerts)
    assert "'price'" in result.problem
    assert "country, n, share" in result.problem
    assert [one.holds for one in result.readings] == [False, True]
    assert "'price'" in result.readings[0].problem


def test_a_mail_shows_the_first_rows_and_columns_in_short() -> None:
    header = ",".join(f'"c{number}"' for number in range(9))
    rows = "".join(",".join(['"' + "x" * 90 + '"'] * 9) + "\n" for _ in range(50))
    result = read(f"{header}\n{rows}".splitlines(keepends=True), [])
    assert (result.row_count, len(result.rows), len(result.columns), len(result.rows[0])) == (50, 10, 6, 6)
    assert result.rows[0][0] == "x" * 37 + "..."


def test_alerts_on_one_measure_share_a_watch_and_others_do_not() -> None:
    names = [alert("rows").watch, alert("any_row").watch, alert("any_row", column="n").watch]
    odd = [alert("any_row", column="a b").watch, alert("any_row", column="a-b").watch]
    assert names == ["rows", "any_row", "any_row.n"]
    assert len(set(odd)) == 2
