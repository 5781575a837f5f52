"""What the pipeline would have published of a lake."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from backtest.backtest_world import MIDNIGHT, SLOT, Row, write_lake
from deliverywatch.backtest import lake
from deliverywatch.engine.alarm import Metric
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

HOUR = timedelta(hours=1)


def row(sent_at: datetime, outcome: str = "delivered", fault: str = "none", late: timedelta = timedelta(0)) -> Row:
    return sent_at, outcome, fault, sent_at + SLOT + late


def read(folder: Path, *, count_recipient_faults: bool = True) -> dict[str, list[tuple[int, float, int]]]:
    """By metric: minute after midnight, value, and seconds after midnight from which it is visible."""
    past = lake.read(folder, "prod", 10, count_recipient_faults=count_recipient_faults)
    origin = MIDNIGHT.timestamp()
    return {
        name: [
            (round(second - origin) // 60, sample.sum, round(sample.published - origin))
            for second, sample in past.series.samples(Metric("DeliveryWatch/Sms", name, (("Environment", "prod"),)))
        ]
        for name in ("Total", "Failed", "Runs")
    }


def test_a_slot_is_stamped_after_its_end_and_visible_when_it_was_published(tmp_path: Path) -> None:
    write_lake(tmp_path, [row(MIDNIGHT), row(MIDNIGHT, "failed"), row(MIDNIGHT, "excluded")])
    found = read(tmp_path)
    assert found == {"Total": [(12, 2.0, 690)], "Failed": [(12, 1.0, 690)], "Runs": [(10, 1.0, 690)]}


def test_a_failure_that_came_out_late_is_visible_as_much_later(tmp_path: Path) -> None:
    write_lake(tmp_path, [row(MIDNIGHT), row(MIDNIGHT, "failed", late=timedelta(minutes=20))])
    assert read(tmp_path)["Failed"][:2] == [(12, 0.0, 690), (12, 1.0, 1890)]


def test_what_a_backfill_saw_days_later_is_taken_as_seen_in_time(tmp_path: Path) -> None:
    late = timedelta(days=3)
    write_lake(tmp_path, [row(MIDNIGHT, late=late), row(MIDNIGHT, "failed", late=late)])
    assert read(tmp_path)["Failed"][0] == (12, 1.0, 690)


@pytest.mark.parametrize(("is_counted", "failed"), [(True, 1.0), (False, 0.0)])
def test_dead_numbers_count_as_the_template_says(tmp_path: Path, *, is_counted: bool, failed: float) -> None:
    write_lake(tmp_path, [row(MIDNIGHT, "failed", "recipient")])
    assert read(tmp_path, count_recipient_faults=is_counted)["Failed"][0][1] == failed


def test_an_hour_without_an_object_is_a_gap_and_never_zero(tmp_path: Path) -> None:
    write_lake(tmp_path, [row(MIDNIGHT), row(MIDNIGHT + 2 * HOUR)])
    minutes = [minute for minute, *_ in read(tmp_path)["Runs"]]
    assert [minute for minute in minutes if 60 < minute <= 120] == []
    assert "1 hours between them are gaps" in lake.read(tmp_path, "prod", 10, count_recipient_faults=True).notes[1]


def test_an_hour_without_an_object_is_quiet_where_the_watermark_says_so(tmp_path: Path) -> None:
    write_lake(tmp_path, [row(MIDNIGHT), row(MIDNIGHT + 2 * HOUR)], watermark=MIDNIGHT + 3 * HOUR)
    quiet = [value for minute, value, _ in read(tmp_path)["Total"] if 60 < minute - 2 <= 120]
    assert quiet == [0.0] * 6


def test_what_was_not_observed_yet_is_not_quiet(tmp_path: Path) -> None:
    write_lake(tmp_path, [row(MIDNIGHT), row(MIDNIGHT + SLOT)])
    assert [minute for minute, *_ in read(tmp_path)["Runs"]] == [10, 20]


def test_a_folder_that_is_no_lake_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no hour of a lake"):
        read(tmp_path)


def test_a_damaged_object_is_named(tmp_path: Path) -> None:
    path = write_lake(tmp_path, [row(MIDNIGHT)]) / "sms/dt=2026-11-20/00.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"00\.parquet is not an hour of a DeliveryWatch lake"):
        read(tmp_path)
