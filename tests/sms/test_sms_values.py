"""Fields come as numbers, as texts, as nothing: each becomes a value of its column's type or none."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.sms.clicksend.values import as_json, milliseconds, price_of, text, whole

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "1e999999", "NaN"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("201", "201"),
        (201, "201"),
        (201.0, "201"),
        (" a ", "a"),
        ("", None),
        (None, None),
        ([1], None),
        ({}, None),
        (1e20, None),
        (10**20, "1" + "0" * 20),
    ],
)
def test_texts(value: Any, expected: str | None) -> None:
    assert text(value) == expected


def test_a_text_is_cut_and_a_lone_surrogate_replaced() -> None:
    assert len(text("x" * 5000) or "") == 1000
    assert text("a\ud800") == "a?"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        ("1", 1),
        ("1.00", 1),
        ("0", 0),
        (1.0, 1),
        (None, None),
        ("", None),
        ("many", None),
        (2**31, None),
        ("NaN", None),
    ],
)
def test_whole_numbers(value: Any, expected: int | None) -> None:
    assert whole(value, 32) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1795258800, 1795258800000),
        ("1795258800", 1795258800000),
        ("1795258800.0", 1795258800000),
        (0, None),
        (-5, None),
        ("", None),
        ("soon", None),
        (True, None),
        (10**9 - 1, None),
        (1795258800123, 1795258800000),
        ("1795258800123", 1795258800000),
        ("2026-11-21T11:00:00+00:00", 1795258800000),
        ("2026-11-21T13:00:00.5+02:00", 1795258800000),
        ("2026-11-21 11:00:00", 1795258800000),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31", None),
        (2**33, None),
        (2**33 * 1000, None),
        (10**12 - 1, None),
        (1e20, None),
    ],
)
def test_times(value: Any, expected: int | None) -> None:
    assert milliseconds(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.0792", "0.079200"),
        ("0.070000", "0.070000"),
        (0.07, "0.070000"),
        ("0.00000049", "0.000000"),
        (1, "1.000000"),
        ("-0.5", "-0.500000"),
        ("free", None),
        ("999999.999999", "999999.999999"),
        ("1000000", None),
        ("1e999999", None),
        ("Infinity", None),
    ],
)
def test_prices(value: Any, expected: str | None) -> None:
    assert price_of(value) == (Decimal(expected) if expected else None)


def test_unknown_fields_are_bounded_json() -> None:
    assert json.loads(as_json({"b": 1, "a": [None]}) or "") == {"a": [None], "b": 1}
    assert json.loads(as_json({"a": "x" * 2000}) or "") == {"omitted": ["a"]}
    assert as_json({}) is None


@given(ANYTHING)
def test_no_value_raises_and_every_result_fits_its_column(value: Any) -> None:
    number, price, word = whole(value, 32), price_of(value), text(value)
    assert number is None or -(2**31) <= number < 2**31
    assert price is None or abs(price) < 10**6
    assert word is None or 0 < len(word.encode()) <= 4000
    moment = milliseconds(value)
    assert moment is None or 0 < moment < 2**33 * 1000
    assert json.loads(as_json({"x": value}) or "") is not None
