"""Metric math: CloudWatch's published examples, its rules for missing data, and text that is no expression."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cwalarm.errors import InputError
from cwalarm.metric_math import expression
from cwalarm.metric_math.functions import FUNCTIONS, REFUSED
from cwalarm.metric_math.values import Frame, Value

N = None


def value_of(text: str, frame: Frame | None = None, **values: Value) -> Value:
    def value(name: str) -> Value:
        if name not in values:
            raise InputError(f"The test gives no {name}.")
        return values[name]

    return expression.evaluate(expression.parse(text), value, frame or Frame())


# The example series of "Metric math syntax and functions".
COMPARED: dict[str, Value] = {"metric1": [30.0, 20.0, 0.0, 0.0], "metric2": [20.0, N, 20.0, N]}
BRANCHED: dict[str, Value] = {
    "metric1": [1.0, 1.0, 0.0, 0.0, N],
    "metric2": [30.0, N, 0.0, 0.0, 30.0],
    "metric3": [0.0, 0.0, 20.0, N, 20.0],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(metric1 < metric2)", [0, 0, 1, 0]),
        ("(metric1 >= 30)", [1, 0, 0, 0]),
        ("(metric1 > 15 AND metric2 > 15)", [1, 0, 0, 0]),
        ("metric1 > 15 && metric2 > 15", [1, 0, 0, 0]),
        ("metric1 > 25 || metric2 == 20", [1, 0, 1, 0]),
        ("metric1 != 0", [1, 1, 0, 0]),
    ],
)
def test_comparisons_come_out_as_the_user_guide_says(text: str, expected: list[float]) -> None:
    assert value_of(text, **COMPARED) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IF(metric1, metric2, metric3)", [30, 0, 20, 0, N]),
        ("IF(metric1, 5, metric3)", [5, 5, 20, N, N]),
        ("IF(metric1, metric2, 5)", [30, 0, 5, 5, N]),
        ("IF(metric1, metric2)", [30, 0, N, N, N]),
        ("IF(1, metric2, metric3)", [30, N, 0, 0, 30]),
        ("IF(0, metric2, metric3)", [0, 0, 20, N, 20]),
        ("IF(0, metric2)", [N, N, N, N, N]),
    ],
)
def test_branches_come_out_as_the_user_guide_says(text: str, expected: list[float | None]) -> None:
    assert value_of(text, **BRANCHED) == expected


@pytest.mark.parametrize(
    ("failed", "total", "share"), [(3, 0, N), (3, N, N), (N, 4, 0), (N, N, N), (3, 4, 75), (0, 0, N)]
)
def test_a_share_is_dropped_where_the_total_is_zero_or_missing(
    failed: float | None, total: float | None, share: float | None
) -> None:
    assert value_of("100*failed/total", failed=[failed], total=[total]) == [share]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 ^ 3 ^ 2", 512),
        ("-2 ^ 2", -4),
        ("2 ^ -1", 0.5),
        ("10 - 4 - 3", 3),
        ("24 / 4 / 2", 3),
        ("1 < 2 AND 2 < 1 OR 1", 1),
        ("1 + 1 == 2", 1),
        ("1e3 + .5", 1000.5),
        ("--1", 1),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, expected: float) -> None:
    assert value_of(text) == expected


GAP: list[float | None] = [N, 2.0, N, N, 8.0, N]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FILL(m, 0)", [0, 2, 0, 0, 8, 0]),
        ("FILL(m, REPEAT)", [N, 2, 2, 2, 8, 8]),
        ("FILL(m, LINEAR)", [N, 2, 4, 6, 8, N]),
        ("FILL(m, other)", [1, 2, 1, 1, 8, 1]),
        ("DIFF(m)", [N, N, N, N, 6, N]),
        ("DIFF_TIME(m)", [N, N, N, N, 180, N]),
        ("RATE(m)", [N, N, N, N, 6 / 180, N]),
        ("RUNNING_SUM(m)", [N, 2, N, N, 10, N]),
        ("ABS(-m)", GAP),
        ("CEIL(m / 3)", [N, 1, N, N, 3, N]),
        ("FLOOR(m / 3)", [N, 0, N, N, 2, N]),
        ("LOG10(m * 5)", [N, 1, N, N, math.log10(40), N]),
        ("LOG(m - 2)", [N, N, N, N, math.log(6), N]),
        ("m - MIN(m)", [N, 0, N, N, 6, N]),
        ("m / MAX(m)", [N, 0.25, N, N, 1, N]),
        ("m * 0 + SUM(m)", [N, 10, N, N, 10, N]),
        ("m * 0 + AVG(m)", [N, 10 / 6, N, N, 10 / 6, N]),
        ("m * 0 + STDDEV(m)", [N, 3, N, N, 3, N]),
        ("m * 0 + DATAPOINT_COUNT(m)", [N, 2, N, N, 2, N]),
        ("SUM([m, other])", [1, 3, 1, 1, 9, 1]),
        ("MAX([m, other])", [1, 2, 1, 1, 8, 1]),
        ("MIN([m, other])", [1, 1, 1, 1, 1, 1]),
        ("AVG([m, other])", [0.5, 1.5, 0.5, 0.5, 4.5, 0.5]),
        ("SUM([m, other] * 2)", [2, 6, 2, 2, 18, 2]),
        ("SUM(100 / [m, other])", [100, 150, 100, 100, 112.5, 100]),
        ("FIRST(SORT([other, m], MAX, DESC))", GAP),
        ("FIRST(SORT([m, other], SUM, ASC))", [1, 1, 1, 1, 1, 1]),
        ("LAST(SORT([m, other], AVG, DESC, 1))", GAP),
        ("SUM(SLICE([m, other], 1))", [1, 1, 1, 1, 1, 1]),
        ("SUM(SLICE([m, other], 0, 1))", GAP),
        ("m / METRIC_COUNT([m, other])", [N, 1, N, N, 4, N]),
        ("SUM(REMOVE_EMPTY([m - 0, m * other / 0]))", GAP),
        ("TIME_SERIES(7)", [7, 7, 7, 7, 7, 7]),
        ("MINUTE(m)", [58, 59, 0, 1, 2, 3]),
        ("HOUR(m)", [11, 11, 12, 12, 12, 12]),
        ("DAY(m)", [6] * 6),
        ("DATE(m)", [21] * 6),
        ("MONTH(m)", [11] * 6),
        ("YEAR(m)", [2026] * 6),
        ("EPOCH(m) - 1795262280", [0, 60, 120, 180, 240, 300]),
        ("m / PERIOD(m)", [N, 2 / 60, N, N, 8 / 60, N]),
        ("SUM(METRICS())", [1, 3, 1, 1, 9, 1]),
        ('SUM(METRICS("oth"))', [1, 1, 1, 1, 1, 1]),
    ],
)
def test_functions_do_what_the_user_guide_says(text: str, expected: list[float | None]) -> None:
    other: list[float | None] = [1.0] * 6
    starts = tuple(1795262280 + 60 * slot for slot in range(6))
    frame = Frame(starts, 60, {"m": lambda: GAP, "other": lambda: other})
    assert value_of(text, frame, m=GAP, other=other) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("m1 +", 5, "ends too early"),
        ("m1 $ m2", 4, "Unexpected '$'"),
        ("FOO(m1)", 1, "Unknown function FOO"),
        ("1 + avg(m1)", 5, "write AVG"),
        ("m1 + SEARCH('x', 'Sum', 300)", 6, "CloudWatch allows no alarm on it"),
        ("ANOMALY_DETECTION_BAND(m1)", 1, "AWS learns the band"),
        ("SELECT AVG(x) FROM y", 1, "Metrics Insights queries read metrics"),
        ("(m1", 4, "expected ')'"),
        ("m1 m2", 4, "Unexpected 'm2'"),
        ("", 1, "ends too early"),
        ("IF(,)", 4, "Unexpected ','"),
        ("AND", 1, "Unexpected 'AND'"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said_with_its_position(text: str, position: int, words: str) -> None:
    with pytest.raises(InputError, match=f"at character {position} ") as raised:
        expression.parse(text)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "ABS(m, m)",
        "FILL(m, ASC)",
        "SORT(m, ASC, AVG)",
        "m + ASC",
        "[m, 1]",
        "PERIOD(m + 1)",
        "IF(m)",
        "HOUR(3)",
        "FIRST(1)",
    ],
)
def test_an_argument_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        value_of(text, m=[1.0])


def test_every_function_of_the_user_guide_is_there_or_refused_with_a_reason() -> None:
    documented = (
        "ABS ANOMALY_DETECTION_BAND AVG CEIL DATAPOINT_COUNT DATE DAY DB_PERF_INSIGHTS DIFF DIFF_TIME EPOCH FILL FIRST "
        "FLOOR HOUR IF INSIGHT_RULE_METRIC LAMBDA LAST LOG LOG10 MAX METRIC_COUNT METRICS MIN MINUTE MONTH PERIOD RATE "
        "REMOVE_EMPTY RUNNING_SUM SEARCH SERVICE_QUOTA SLICE SORT STDDEV SUM TIME_SERIES YEAR"
    )
    assert set(documented.split()) <= FUNCTIONS.keys() | REFUSED.keys()


PIECES = [
    *FUNCTIONS,
    "m1",
    "m2",
    "REPEAT",
    "1",
    "2.5e3",
    '"x"',
    *"+-*/^<>()[],",
    "==",
    "!=",
    "<=",
    "&&",
    "||",
    "AND",
    " ",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
@example("(" * 2000)
@example("-" * 2000)
@example("1" + "+1" * 1000)
@example("[" * 500 + "]" * 500)
@example("9" * 400 + "^" + "9" * 400)
@example("FILL(" * 300)
def test_no_text_makes_the_engine_crash_or_hang(text: str) -> None:
    series: list[float | None] = [1.0, None, -2.0]
    try:
        value_of(text, Frame((0, 60, 120), 60, {"m1": lambda: series}), m1=series, m2=[0.0, 3.0, None])
    except InputError as error:
        assert str(error)
        assert error.next_step
