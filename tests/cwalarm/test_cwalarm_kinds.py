"""What CloudWatch refuses about an expression is said beforehand, with its position; what passes is evaluated."""

from typing import Any

import pytest
from engine_alarms import NOON, entry, minutes, ratio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cwalarm.definitions.alarm import Alarm, Metric
from cwalarm.describe.soundness import problems
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.series import Series
from cwalarm.metric_math.functions import FUNCTIONS


def watching(text: str, **more: str) -> Alarm:
    """Return an alarm on an expression over the metrics m and n; `more` are further expressions by their ids."""
    others = [{"Id": query_id, "Expression": expression, "ReturnData": False} for query_id, expression in more.items()]
    metrics = [entry("m", "Failed", 300), entry("n", "Total", 300)]
    return ratio(Metrics=[{"Id": "e", "Expression": text}, *others, *metrics])


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("IF(m)", 1, "IF takes 2 to 3 arguments, not 1,"),
        ("m + ABS(m, n)", 5, "ABS takes 1 argument, not 2,"),
        ("m + FILL(m, ASC)", 5, "Argument 2 of FILL must be REPEAT or LINEAR,"),
        ("SORT(METRICS(), ASC, AVG)", 1, "Argument 2 of SORT must be AVG or MIN or MAX or SUM,"),
        ("m + ASC", 3, "Operator + has a keyword where a number or a time series belongs,"),
        ("-'x'", 1, "Operator - has text in quotes where"),
        ("SUM([m, 1])", 5, "Square brackets hold something else than time series,"),
        ("PERIOD(m + 1) * m", 1, "Argument 1 of PERIOD must be a metric, not an expression,"),
        ("HOUR(3)", 1, "Argument 1 of HOUR must be a time series,"),
        ("IF(m, n, 'x')", 1, "Argument 3 of IF must be a number or a time series,"),
        ("m + SUM(METRICS('zz'))", 9, "METRICS finds no metric whose id holds 'zz',"),
        ("AVG(SLICE([m, n], 5)) + m", 5, "SLICE leaves no time series,"),
        ("SLICE([m, n], 1e400)", 15, "1e400 is too large a number,"),
        ("SORT(METRICS(), AVG, DESC, AVG(m) / 0)", 1, "Argument 4 of SORT must be a number that does not depend on"),
        ("SUM([m, n] + METRICS('m'))", 12, "Operator + has arrays of different lengths,"),
        ("ABS(m,)", 7, "Unexpected ')'"),
        ("e + m", 1, r"e refers to itself \(e -> e\), found"),
    ],
)
def test_a_part_that_does_not_fit_is_said_with_its_position(text: str, position: int, words: str) -> None:
    sentences = problems(watching(text))
    assert len(sentences) == 1
    assert sentences[0].startswith(words.replace("\\", ""))
    assert f"at character {position} of the expression" in sentences[0]


def test_expressions_that_refer_to_one_another_are_named_as_a_circle() -> None:
    sentences = problems(watching("x * 2", x="y + m", y="x + m"))
    assert "x refers to itself (x -> y -> x), found at character 1 of the expression 'x + m'." in sentences[0]


def test_expressions_on_top_of_one_another_may_not_be_endlessly_deep() -> None:
    chain = {f"x{number}": f"x{number + 1} + 1" for number in range(500)}
    assert "nested deeper than 100" in problems(watching("x0", **chain, x500="m"))[0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AVG(m)", "a number"),
        ("MIN(m) * 1", "a number"),
        ("METRIC_COUNT(METRICS())", "a number"),
        ("PERIOD(m)", "a number"),
        ("1 + 1", "a number"),
        ("IF(1, 2, 3)", "a number"),
        ("METRICS()", "an array of time series (2 of them)"),
        ("REMOVE_EMPTY([m])", "an array of time series"),
        ("'m'", "text in quotes"),
    ],
)
def test_a_result_that_is_not_one_time_series_is_refused_whatever_the_data(text: str, kind: str) -> None:
    assert problems(watching(text)) == [f"The result of e is {kind}, and an alarm watches exactly one time series."]


@pytest.mark.parametrize(
    "text",
    [
        "IF(AVG(m) > 5, m)",
        "IF(AVG(m) > 5, 1, n)",
        "IF(AVG(m) > 5, m, 7)",
        "SLICE(METRICS(), 0, 1)",
        "SLICE(METRICS(), METRIC_COUNT(METRICS()) - 1)",
        "FIRST(REMOVE_EMPTY(METRICS()))",
        "SUM(REMOVE_EMPTY([m, n]) + m)",
        "TIME_SERIES(MAX(m))",
        "m - AVG(m)",
        "SUM(x) / METRIC_COUNT(x)",
    ],
)
@pytest.mark.parametrize("value", [None, 1.0, 9.0])
def test_one_time_series_is_one_whether_there_is_data_or_not(text: str, value: float | None) -> None:
    alarm = watching(text, x="METRICS()") if "x" in text else watching(text)
    assert problems(alarm) == []
    assert len(evaluate(alarm, held([value] * 20), NOON).slots) == 3


def test_an_entry_is_either_a_metric_or_an_expression() -> None:
    both = {**entry("m", "Failed"), "Expression": "n", "ReturnData": True}
    assert "m must be either a metric or an expression." in problems(ratio(Metrics=[both, entry("n", "Total")]))
    assert "e must be either a metric or an expression." in problems(ratio(Metrics=[{"Id": "e"}, entry("n", "Total")]))


def held(values: list[float | None]) -> Series:
    series = Series()
    for index, value in enumerate(values):
        for name in ("Failed", "Total") if value is not None else ():
            series.add(Metric("App", name, (("Environment", "test"),)), NOON - minutes(index + 1), value or 0.0)
    return series


TREES = st.recursive(
    st.sampled_from(["m", "n", "x", "1", "0", "2.5", "'m'", "METRICS()", "REPEAT", "AVG", "DESC"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "^", "<", "==", "&&", "OR"]), inner).map(" ".join),
        st.tuples(
            st.sampled_from(sorted(FUNCTIONS)),
            st.lists(inner, min_size=1, max_size=3).map(", ".join),
        ).map(lambda call: f"{call[0]}({call[1]})"),
        st.lists(inner, min_size=1, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
        inner.map(lambda operand: f"(-{operand})"),
    ),
    max_leaves=8,
)
VALUES = st.lists(st.one_of(st.none(), st.floats(-1e100, 1e100)), min_size=20, max_size=20)


@settings(max_examples=300)
@given(text=TREES, other=TREES, values=VALUES)
@example(text="m + SUM(REMOVE_EMPTY(METRICS('n')))", other="m", values=[None] * 20)
@example(text="SUM([m ^ 3 * 1e8, n ^ 3 * 1e8]) + RUNNING_SUM(m ^ 3 * 1e8)", other="m", values=[1e100] * 20)
@example(text="FIRST(SORT(REMOVE_EMPTY(METRICS()), AVG, DESC, 1)) ^ 0.5", other="m", values=[-1.0] * 20)
def test_an_expression_that_passes_is_evaluated_whatever_the_data(text: str, other: str, values: Any) -> None:
    alarm = watching(text, x=other)
    if not problems(alarm):
        assert len(evaluate(alarm, held(values), NOON).slots) == 3
