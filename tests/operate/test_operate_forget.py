"""`deliverywatch forget`: no object holds the recipient any more, every message still counts, and the rest is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deliverywatch.errors import CloudRefused
from deliverywatch.operate.account.aws import delete_versions, translated
from deliverywatch.operate.lake import forget as flow
from deliverywatch.operate.lake.forget import Forgotten
from deliverywatch.sms import compact, ingest
from deliverywatch.sms.clicksend.pages import Page
from deliverywatch.sms.clicksend.recipients import Recipients, hash_key
from deliverywatch.sms.lake import day_objects, forget, merge
from deliverywatch.sms.ports import Ports, Settings, Source
from deliverywatch.storage.folder import Folder

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
NUMBER, OTHER = "+61400000001", "+61400000002"
SECRET = "a secret of the tests"


class History:
    """One message an hour for five days, to two numbers in turn."""

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        begin = NOW - timedelta(days=5)
        hours = (begin + timedelta(hours=number) for number in range(118))
        rows = [self._row(moment) for moment in hours if start <= moment < end]
        yield Page(1, len(rows), 1, rows)

    @staticmethod
    def _row(moment: datetime) -> dict[str, object]:
        number = NUMBER if moment.hour % 2 else OTHER
        return {"message_id": f"{moment:%d%H}", "date": int(moment.timestamp()), "to": number, "direction": "out",
                "status": "Sent", "status_code": "201", "error_code": "4"}  # fmt: skip


@pytest.fixture(scope="module", params=["hashed", "plain"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five days of which the oldest are one object each."""
    root = tmp_path_factory.mktemp("lake")
    store, settings = Folder(root), Settings()
    source = Source(History(), Recipients(hash_key(SECRET), plain=request.param == "plain"))
    ports = Ports(connect=lambda: source, store=store, emit=lambda _: None)
    plan = ingest.backfill_plan(NOW, settings, store, 5)
    ingest.run(NOW, settings, ports, token="fill", by_hand=plan)
    done = compact.compact(compact.due(store.sizes("sms/"), NOW), store, token="c")
    assert done.day_count >= 1
    return root


@pytest.fixture
def folder(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DELIVERYWATCH_RECIPIENT_KEY", SECRET)
    monkeypatch.setenv("COLUMNS", "80")
    return shutil.copytree(written, tmp_path / "lake")


def people(folder: Path) -> list[tuple[str, str | None, str | None]]:
    names = ("message_id", "recipient_hash", "recipient")
    return [each for _, body in day_objects.bodies(Folder(folder), "sms/") for each in merge.rows(body, names)]


def test_the_number_is_gone_and_every_message_is_there(folder: Path, run: Callable[..., Result]) -> None:
    before = people(folder)
    result = run("forget", NUMBER, "--lake", folder, "--yes")
    assert result.exit_code == 0, result.stderr
    after = people(folder)
    assert [each[0] for each in after] == [each[0] for each in before]
    odd = [each for each in after if int(each[0][2:]) % 2]
    assert len(odd) > 40
    assert {each[1:] for each in odd} == {(None, None)}
    assert [each for each in after if each not in odd] == [each for each in before if int(each[0][2:]) % 2 == 0]
    assert f"{len(odd)} rows of" in result.stdout
    assert "are blanked; the messages stay as counts" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_again_there_is_nothing_to_do(folder: Path, run: Callable[..., Result]) -> None:
    run("forget", NUMBER, "--lake", folder, "--yes")
    objects = {path: path.read_bytes() for path in folder.glob("sms/*/*.parquet")}
    assert "The lake holds no message to this number" in run("forget", NUMBER, "--lake", folder, "--yes").stdout
    assert {path: path.read_bytes() for path in folder.glob("sms/*/*.parquet")} == objects


@pytest.mark.parametrize("spelling", ["61400000001", "+61 400 000 001", "+61-400-(000)-001"])
def test_a_number_is_found_however_it_is_written(folder: Path, run: Callable[..., Result], spelling: str) -> None:
    rows = [
        json.loads(run("forget", each, "--lake", folder, "--dry-run", "--json").stdout)["rows"]
        for each in (NUMBER, spelling)
    ]
    assert rows[0] == rows[1] > 40


def test_a_dry_run_changes_nothing(folder: Path, run: Callable[..., Result]) -> None:
    before = people(folder)
    told = json.loads(run("forget", NUMBER, "--lake", folder, "--dry-run", "--json").stdout)
    assert told["changed"] is False
    assert people(folder) == before


def test_what_remains_is_told(folder: Path, run: Callable[..., Result]) -> None:
    told = {
        each["where"]
        for each in json.loads(run("forget", NUMBER, "--lake", folder, "--yes", "--json").stdout)["remains"]
    }
    assert told == {"ClickSend", "the next runs", "a back-fill"}


def test_without_a_terminal_it_asks_for_yes(folder: Path, run: Callable[..., Result]) -> None:
    result = run("forget", NUMBER, "--lake", folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "add --yes" in result.stderr


def test_a_day_that_is_just_being_made_does_not_bring_it_back(folder: Path) -> None:
    store = Folder(folder)
    known_as = forget.traces(NUMBER, Recipients(hash_key(SECRET)))
    day = (NOW - timedelta(days=2)).replace(hour=0)
    # A compaction that was killed after it had sealed all hours.
    from deliverywatch.sms.lake import seal
    from deliverywatch.storage.store import update

    for key in day_objects.hour_keys(day):
        update(store, key, lambda body: seal.sealed(body, "killed"), lambda _: None)
    flow.forget(store, known_as, token="f")
    assert not flow.find(store, known_as).row_counts
    day_objects.make_day(store, day, "next")
    day_objects.clear(store, day, "next")
    assert not flow.find(store, known_as).row_counts


def test_in_a_bucket_old_versions_are_told_and_purged(
    cloud: LocalCloud, noon: datetime, run: Callable[..., Result], found: tuple[object, object]
) -> None:
    cloud.clock.advance_to(noon)
    for minutes in (0, 10):
        moment = (noon + timedelta(minutes=minutes)).isoformat()
        assert cloud.invoke("deliverywatch-prod-sms-ingest", {"scheduled_time": moment}).error is None
    s3, bucket = cloud.client("s3"), found[1].bucket  # type: ignore[attr-defined]
    known = Recipients(hash_key("demo-key", is_api_key=True))
    (key, *_) = (each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="sms/")["Contents"])
    rows = pq.read_table(pa.BufferReader(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    number = next(each for each in _numbers() if known.hashed(each) in rows["recipient_hash"].to_pylist())
    told = json.loads(run("forget", number, "--yes", "--json").stdout)
    assert told["rows"] >= 1
    assert {each["where"] for each in told["remains"]} >= {"ClickSend", "old versions", "mails", "athena-results/"}
    purged = json.loads(run("forget", number, "--yes", "--purge", "--json").stdout)
    assert purged["rows"] == 0
    assert purged["purged_versions"] > 0
    assert "old versions" not in {each["where"] for each in purged["remains"]}


def _numbers() -> Iterator[str]:
    from deliverywatch.local.clicksend.traffic import HEALTHY, day

    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for message in day(midnight, phases=HEALTHY):
        yield str(message.fields["to"])


def test_what_is_old_enough_does_not_come_back() -> None:
    old = Forgotten({"sms/dt=2026-11-01/day.parquet": 1}, datetime(2026, 11, 1, tzinfo=UTC))
    told = dict(flow.remains(old, datetime(2026, 11, 21, tzinfo=UTC), {}, None))
    assert "the next runs" not in told
    stack = {"AthenaResultDays": "30", "EmailPartitions": "day"}
    whole = dict(flow.remains(old, datetime(2026, 11, 21, tzinfo=UTC), stack, 12))
    assert "30 days" in whole["athena-results/"]
    assert "gone by 2026-11-29" in whole["old versions"]
    assert "e-mail events" in whole
    new = Forgotten({"sms/dt=2026-11-20/03.parquet": 1}, datetime(2026, 11, 20, tzinfo=UTC))
    assert (
        "after 2026-11-24 02:00 UTC"
        in dict(flow.remains(new, datetime(2026, 11, 21, tzinfo=UTC), {}, 0))["the next runs"]
    )


def test_a_number_comes_from_standard_input_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from deliverywatch.cli import main

    arguments = ["forget", "-", "--lake", str(folder), "--dry-run", "--json"]
    told = CliRunner().invoke(main, arguments, input=f"{NUMBER}\n")
    assert json.loads(told.stdout)["rows"] > 40
    assert told.stderr == ""


def test_old_versions_are_purged_only_after_a_yes(
    cloud: LocalCloud, run: Callable[..., Result], found: tuple[object, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    s3, bucket = cloud.client("s3"), found[1].bucket  # type: ignore[attr-defined]
    for body in (b"older", b"newer"):
        s3.put_object(Bucket=bucket, Key="sms/note.txt", Body=body)
    monkeypatch.setattr("deliverywatch.cli.forget.able_to_ask", lambda **_: None)
    declined = run("forget", "+61400000000", "--purge")
    assert "Delete every old version of its objects" in declined.stderr
    assert declined.exit_code == 1
    assert len(s3.list_object_versions(Bucket=bucket, Prefix="sms/note.txt")["Versions"]) == 2
    s3.delete_object(Bucket=bucket, Key="sms/note.txt")


def test_an_old_version_that_s3_will_not_delete_is_an_error_although_it_answers_200() -> None:
    class S3:
        def delete_objects(self, **_: object) -> dict[str, object]:
            return {"Errors": [{"Key": "sms/a", "VersionId": "1", "Code": "AccessDenied", "Message": "Access Denied"}]}

    with pytest.raises(CloudRefused, match="AWS denies DeleteObjects"), translated("The old versions under sms/"):
        list(delete_versions(S3(), "lake", [{"Key": "sms/a", "VersionId": "1"}]))
