"""The lake of a stack: filled by hand, compacted by its function under its own role, and by the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from deliverywatch.errors import StoreConflict
from deliverywatch.sms.lake import day_objects, merge
from deliverywatch.sms.lake.slots import day_key_of, key_of
from deliverywatch.storage.s3 import Bucket

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.clicksend.server import ClickSendServer
    from deliverywatch.local.cloud.cloud import LocalCloud

COMPACT = "deliverywatch-prod-sms-compact"
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def bucket(cloud: LocalCloud) -> Bucket:
    """The stack's bucket, with an hour of messages and without anything older."""
    stack = cloud.client("cloudformation").describe_stacks(StackName="deliverywatch-prod")["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    found = Bucket(outputs["LakeBucket"], cloud.client("s3"))
    for key in found.keys(""):
        stored = found.read(key)
        assert stored is not None
        found.delete_if_unchanged(key, stored.etag)
    return found


def messages(bucket: Bucket) -> list[str]:
    return sorted(
        name for _, body in day_objects.bodies(bucket, "sms/") for (name,) in merge.rows(body, ("message_id",))
    )


def filled(run: Callable[..., Result], noon: datetime, hours: int = 3) -> Result:
    since = noon - timedelta(hours=hours)
    return run("backfill", "--since", since.isoformat(), "--until", noon.isoformat())


def test_a_backfill_fills_the_bucket_with_the_hashes_of_the_function_and_emits_nothing(
    cloud: LocalCloud, clicksend: ClickSendServer, noon: datetime, bucket: Bucket, run: Callable[..., Result]
) -> None:
    result = filled(run, noon)
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert "3 hours of s3://deliverywatch-prod-lakebucket" in result.stderr
    assert len(messages(bucket)) > 50
    before = bucket.read(key_of(noon - timedelta(hours=1)))
    assert cloud.invoke("deliverywatch-prod-sms-ingest", {"scheduled_time": noon.isoformat()}).error is None
    assert bucket.read(key_of(noon - timedelta(hours=1))) == before, "the function finds the same rows, hashes included"
    assert "0 new messages" in filled(run, noon).stderr


def test_a_dry_run_reads_nothing(
    clicksend: ClickSendServer, noon: datetime, bucket: Bucket, run: Callable[..., Result]
) -> None:
    query_count = len(clicksend.queries)
    result = run("backfill", "--since", (noon - timedelta(hours=3)).isoformat(), "--dry-run")
    assert "Would read" in result.stderr
    assert len(clicksend.queries) == query_count
    assert bucket.keys("") == []


def aged(bucket: Bucket, noon: datetime, run: Callable[..., Result]) -> datetime:
    """Move three hours of messages six days back."""
    assert filled(run, noon).exit_code == 0
    old = TODAY - timedelta(days=6)
    for number in range(3):
        stored = bucket.read(key_of(noon - timedelta(hours=number + 1)))
        assert stored is not None
        bucket.write_if_unchanged(key_of(old + timedelta(hours=number)), stored.body, None, {"unsettled": "1"})
        bucket.delete(key_of(noon - timedelta(hours=number + 1)))
    return old


def test_the_function_compacts_under_its_own_role(
    cloud: LocalCloud, noon: datetime, bucket: Bucket, run: Callable[..., Result]
) -> None:
    old = aged(bucket, noon, run)
    before = messages(bucket)
    answer = cloud.invoke(COMPACT, {})
    assert answer.error is None
    assert (answer.payload["day_count"], answer.payload["failures"]) == (1, {})
    assert bucket.keys(f"sms/dt={old:%Y-%m-%d}/") == [day_key_of(old)]
    assert messages(bucket) == before
    assert int((bucket.metadata(day_key_of(old)) or {})["unsettled"]) >= 0
    assert cloud.invoke(COMPACT, {}).payload["day_count"] == 0


def test_a_damaged_hour_fails_the_function_with_a_sentence(
    cloud: LocalCloud, noon: datetime, bucket: Bucket, run: Callable[..., Result]
) -> None:
    old = aged(bucket, noon, run)
    bucket.write(key_of(old + timedelta(hours=9)), b"no Parquet")
    error = cloud.invoke(COMPACT, {}).error or ""
    assert f"Not compacted: {old:%Y-%m-%d}: " in error
    assert "09.parquet is not an object of a DeliveryWatch lake" in error


def test_the_command_does_the_same(noon: datetime, bucket: Bucket, run: Callable[..., Result]) -> None:
    old = aged(bucket, noon, run)
    dry = json.loads(run("compact", "--dry-run", "--json").stdout)
    assert dry == {"days": [{"day": f"{old:%Y-%m-%d}", "hours": 3, "made": False}]}
    assert len(bucket.keys(f"sms/dt={old:%Y-%m-%d}/")) == 3
    assert "1 day, 3 hour objects joined and deleted" in run("compact").stderr
    assert bucket.keys(f"sms/dt={old:%Y-%m-%d}/") == [day_key_of(old)]
    assert "Nothing to do" in run("compact").stderr


def test_lake_show_reads_the_bucket_too(noon: datetime, bucket: Bucket, run: Callable[..., Result]) -> None:
    assert "the function fills it at the end of each slot" in run("lake", "show").stdout
    filled(run, noon)
    whole = json.loads(run("lake", "show", "--json").stdout)
    assert whole["totals"]["total"] == len(messages(bucket)) - whole["totals"]["excluded"]
    assert json.loads(run("lake", "show", "--since", TODAY.isoformat(), "--json").stdout)["hours"] == []


def test_an_object_that_was_replaced_meanwhile_is_not_deleted(bucket: Bucket) -> None:
    bucket.write("state/probe", b"1")
    first = bucket.read("state/probe")
    assert first is not None
    bucket.write("state/probe", b"2")
    with pytest.raises(StoreConflict):
        bucket.delete_if_unchanged("state/probe", first.etag)
    assert bucket.read("state/probe") is not None
