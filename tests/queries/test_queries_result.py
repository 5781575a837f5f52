"""What is read in the CSV that Athena wrote: rows, first rows, and what each alert measures."""

import pytest

from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level
from deliverywatch.queries.config.query import Alert, Measure
from deliverywatch.queries.run.result import read

CSV = '"country","n","share"\n"IT","3","12.5"\n"AU","250",\n"DE","7","1e-1"\n'


def alert(on: str, operator: str = ">", value: float = 100, column: str = "") -> Alert:
    return Alert("high", Level.WARNING, Measure(on), column, operator, value, csv_export=False)


def reading(one: Alert, text: str = CSV) -> tuple[bool, float | None]:
    (only,) = read(text.splitlines(keepends=True), [one]).readings
    return only.holds, only.measured


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (alert("rows", ">", 2), (True, 3)),
        (alert("rows", ">", 3), (False, 3)),
        (alert("rows", "==", 3), (True, 3)),
        (alert("first_value", "<", 5, "n"), (True, 3)),
        (alert("first_value", ">", 5, "n"), (False, 3)),
        (alert("any_row", ">", 100, "n"), (True, 250)),
        (alert("any_row", ">", 1000, "n"), (False, None)),
        (alert("any_row", "<", 1, "share"), (True, 0.1)),
        (alert("any_row", "<=", 0, "share"), (False, None)),
    ],
)
def test_what_an_alert_measures(one: Alert, expected: tuple[bool, float | None]) -> None:
    assert reading(one) == expected


@pytest.mark.parametrize("text", ['"n"\n', '"n"\n\n', '"n"\n""\n', ""])
def test_no_value_is_no_alert(text: str) -> None:
    assert reading(alert("first_value", "<", 5), text) == (False, None)
    assert reading(alert("any_row", "<", 5), text) == (False, None)


def test_an_empty_line_is_a_row_whose_only_value_is_null() -> None:
    assert reading(alert("rows", ">", 0), '"n"\n\n') == (True, 1)


def test_a_header_alone_is_no_row() -> None:
    assert reading(alert("rows", "==", 0), '"n"\n') == (True, 0)


def test_commas_quotes_and_line_breaks_in_values_are_read_as_they_stand() -> None:
    text = '"name","n"\n"a, ""b""\nc","1"\n"d","2"\n'
    result = read(text.splitlines(keepends=True), [])
    assert (result.row_count, result.rows[0]) == (2, ('a, "b"\nc', "1"))


def test_a_missing_column_is_reported_with_those_of_the_result() -> None:
    with pytest.raises(InputError, match="'price'") as caught:
        reading(alert("any_row", column="price"))
    assert "country, n, share" in caught.value.next_step


def test_text_is_not_compared_with_a_number() -> None:
    with pytest.raises(InputError, match="'IT', which is not a number"):
        reading(alert("first_value", column="country"))


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
