"""Numbers and times as people read them."""

from datetime import timedelta

import pytest
from alerting_fakes import DAY, at

from deliverywatch.alerting.mail import formatting, links
from deliverywatch.messages import untrusted


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 %"),
        (0.04, "0 %"),
        (0.5, "0.5 %"),
        (2.05, "2 %"),
        (3, "3 %"),
        (9.96, "10 %"),
        (31.4, "31 %"),
        (100, "100 %"),
    ],
)
def test_a_percentage_has_a_decimal_only_where_it_says_something(value: float, expected: str) -> None:
    assert formatting.percent(value).replace("\u00a0", " ") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1204, "1,204"), (0, "0"), (0.3512, "0.351"), (1843.25, "1,843.2"), (-3, "-3"), (1e15, "1,000,000,000,000,000")],
)
def test_an_amount_has_its_thousands_apart(value: float, expected: str) -> None:
    assert formatting.amount(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(99.9, "99.9"), (99.95, "99.95"), (0.5, "0.5"), (3600, "3,600"), (25, "25"), (1e20, "1e+20")],
)
def test_a_limit_keeps_the_decimals_that_somebody_gave_it(value: float, expected: str) -> None:
    assert formatting.exact(value) == expected


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (97.98, 98, "97.98"),
        (99.85, 99.9, "99.85"),
        (98, 98, "98"),
        (31.4, 25, "31"),
        (31 / 3, 10, "10.33"),
        (99.999998, 99.999999, "99.999998"),
        (99.9999999, 100, "99.9999999"),
        (0.5, 0.5000000000000001, "0.5"),
    ],
)
def test_a_value_does_not_look_like_the_limit_that_it_is_beside(value: float, limit: float, expected: str) -> None:
    assert formatting.beside(value, limit, formatting.percent_bare) == expected


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [
        (0, "0 min", "0m"),
        (42 * 60, "42 min", "42m"),
        (3600, "1 h", "1h"),
        (125 * 60, "2 h 5 min", "2h 5m"),
        (86400, "1 d", "1d"),
        (3 * 86400 + 4 * 3600, "3 d 4 h", "3d 4h"),
        (-5, "0 min", "0m"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_units(seconds: int, long: str, short: str) -> None:
    assert formatting.span(timedelta(seconds=seconds)).replace("\u00a0", " ") == long
    assert formatting.span_short(timedelta(seconds=seconds)) == short


@pytest.mark.parametrize(
    ("seconds", "expected"), [(60, "minute"), (1800, "30 minutes"), (3600, "hour"), (21600, "6 hours"), (10, "minute")]
)
def test_a_window_stands_after_in_the_last(seconds: int, expected: str) -> None:
    assert formatting.window(seconds).replace("\u00a0", " ") == expected


def test_a_time_of_another_day_brings_its_date() -> None:
    clock = formatting.clock("Europe/Berlin")
    assert clock.day_time(at("12:04"), at("13:00")) == "13:04"
    assert clock.day_time(at("12:04"), at("23:30")) == "21 Nov 13:04"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\r\nb", "a b"),
        (None, ""),
        (3, "3"),
        ({"a": 1}, '{"a": 1}'),
        ("  x ", "x"),
        ("\x00", ""),
        ("é", "é"),
        ("x" * 9, "xxxx…"),
    ],
)
def test_foreign_text_is_one_line(value: object, expected: str) -> None:
    assert untrusted.text(value, 5 if value == "x" * 9 else 100) == expected


@pytest.mark.parametrize("value", [None, "x", True, float("nan"), float("inf"), "1e999", [], {}])
def test_what_is_no_number_is_none(value: object) -> None:
    assert untrusted.number(value) is None


@pytest.mark.parametrize("value", [None, 3, "yesterday", "", "0001-01-01T00:00:00+14:00", []])
def test_what_is_no_time_is_none(value: object) -> None:
    assert untrusted.moment(value) is None


def test_a_time_without_a_zone_is_utc() -> None:
    assert untrusted.moment("2026-11-21T00:00:00") == untrusted.moment("2026-11-21T11:00:00+1100") == DAY


def test_different_names_give_different_safe_keys() -> None:
    names = ["a/b", "a-b", "a b", "../a", "a" * 500, "a" * 501, "ü"]
    keys = [untrusted.key_part(name) for name in names]
    assert len(set(keys)) == len(names)
    assert all(len(key) <= 120 and key.replace("-", "").replace(".", "").isalnum() for key in keys)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("ap-southeast-2", "https://ap-southeast-2.console.aws.amazon.com/"),
        ("us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/"),
    ],
)
def test_a_link_leads_to_the_console_of_its_partition(region: str, host: str) -> None:
    assert links.alarm_url(region, "a b/c").startswith(host)
    assert links.alarm_url(region, "a b/c").endswith("#alarmsV2:alarm/a%20b%2Fc")


@pytest.mark.parametrize(
    "arn", ["", "arn:aws:cloudwatch:evil.example/#:1:alarm:x", "a:b:c", "arn:aws:cloudwatch:REGION:1:alarm:x"]
)
def test_only_a_region_becomes_part_of_a_host(arn: str) -> None:
    assert links.region_of(arn) == ""
