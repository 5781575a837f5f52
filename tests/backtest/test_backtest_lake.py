"""What the pipeline would have published of a lake."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from backtest.backtest_world import MIDNIGHT, SLOT, Row, write_lake
from cwalarm.definitions.alarm import Metric
from deliverywatch.backtest.inputs import lake
from deliverywatch.errors import InputError

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
    points = read(tmp_path)
    assert points == {"Total": [(12, 2.0, 690)], "Failed": [(12, 1.0, 690)], "Runs": [(10, 1.0, 690)]}


def test_a_failure_that_came_out_late_is_visible_as_much_later(tmp_path: Path) -> None:
    write_lake(tmp_path, [row(MIDNIGHT), row(MIDNIGHT, "failed", late=timedelta(minutes=20))])
    assert read(tmp_path)["Failed"][:2] == [(12, 0.0, 690), (12, 1.0, 1890)]


def test_what_a_backfill_saw_days_later_is_taken_as_seen_in_time(tmp_path: Path) -> None:
    late = timedelta(days=3)
    write_lake(tmp_path, [row(MIDNIGHT, late=late), row(MIDNIGHT, "failed", late=late)])
    assert read(tmp_path)["Failed"][0] == (12, 1.0, 690)


def test_an_outage_of_the_pipeline_delays_what_was_sent_meanwhile(tmp_path: Path) -> None:
    during = [row(MIDNIGHT + number * SLOT, late=(6 - number) * SLOT) for number in range(1, 6)]
    write_lake(tmp_path, [row(MIDNIGHT), *during, row(MIDNIGHT + 6 * SLOT)])
    points = read(tmp_path)
    assert [minute for minute, *_ in points["Runs"]] == [10, 70]
    assert {visible for minute, _, visible in points["Total"] if 22 <= minute <= 72} == {70 * 60 + 90}
    assert "1 outage of the pipeline" in lake.read(tmp_path, "prod", 10, count_recipient_faults=True).notes[0]


def test_a_quiet_time_is_no_outage(tmp_path: Path) -> None:
    write_lake(tmp_path, [row(MIDNIGHT), row(MIDNIGHT + SLOT, late=4 * SLOT), row(MIDNIGHT + 5 * SLOT)])
    assert [minute for minute, *_ in read(tmp_path)["Runs"]] == [10, 20, 30, 40, 50, 60]


def test_the_assumed_delay_is_the_same_in_every_replay_and_has_the_shares_that_are_printed(tmp_path: Path) -> None:
    rows = [row(MIDNIGHT + number * SLOT) for number in range(1000)]
    write_lake(tmp_path, rows)
    runs = read(tmp_path)["Runs"]
    delays = [visible - minute * 60 for minute, _, visible in runs]
    assert set(delays) == {60, 90, 180}
    assert 0.45 < delays.count(60) / len(delays) < 0.55
    assert read(tmp_path)["Runs"] == runs


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
    with pytest.raises(InputError, match=r"00\.parquet is not an object of a DeliveryWatch lake"):
        read(tmp_path)
