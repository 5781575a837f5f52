"""What a check says of a value and its limit agrees with what it found, however many decimals they have."""

from datetime import UTC, datetime

import pytest

from deliverywatch.pipeline.checks.records import checks_of
from deliverywatch.pipeline.declaration.limits import Limits
from deliverywatch.pipeline.declaration.pipelines import Records

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROWS = Records("raw.orders", "loaded_at", "changed_at", ("id",))


@pytest.mark.parametrize(
    ("incomplete", "limit", "said"),
    [
        (10, 99.9995, "99.999 % of the rows have every required value, at least 99.9995 % must"),
        (1, 99.99995, "99.9999 % of the rows have every required value, at least 99.99995 % must"),
        (50_000, 95.0, "95.00 % of the rows have every required value, at least 95 % must"),
        (10, 98.0, "100.00 % of the rows have every required value, at least 98 % must"),
    ],
)
def test_a_share_does_not_look_like_a_limit_that_it_misses(incomplete: int, limit: float, said: str) -> None:
    row = {"processed": 1_000_000, "incomplete": incomplete, "missing_0": incomplete, "newest": NOON}
    (quality,) = [one for one in checks_of(ROWS, Limits(quality_percent=limit), row, NOON) if one.name == "quality"]
    assert said in quality.sentence
    assert quality.is_fatal == (100 - incomplete / 10_000 < limit)


def test_an_age_does_not_look_like_a_limit_that_it_exceeds() -> None:
    row = {"processed": 200, "incomplete": 0, "missing_0": 0, "newest": "2026-11-21 11:27:36.000"}
    (fresh,) = [one for one in checks_of(ROWS, Limits(stale_hours=0.5), row, NOON) if one.name == "freshness"]
    assert "is 0.54 hours old, over 0.5 is too old" in fresh.sentence
