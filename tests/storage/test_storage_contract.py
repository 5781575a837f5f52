"""One contract for every store: in memory, in a folder, and in S3 as moto and as the local cloud answer for it."""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.response import StreamingBody
from moto import mock_aws
from urllib3.exceptions import ProtocolError, ReadTimeoutError, SSLError

from deliverywatch.errors import StoreConflict, StoreUnavailable, error_code
from deliverywatch.storage.folder import Folder
from deliverywatch.storage.memory import Memory
from deliverywatch.storage.s3 import Bucket
from deliverywatch.storage.store import ATTEMPTS, Change, Store, Stored, Unreachable, read_listed, update

KEY = "sms/dt=2026-11-21/12.parquet"
ETAG = '"0123456789abcdef0123456789abcdef"'
ADAPTERS = ("memory", "folder", "moto", "local cloud")


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="lake")
        yield client


# For all: it has an environment of its own, which must not begin within a test.
@pytest.fixture(scope="module", autouse=True)
def local_cloud() -> Iterator[Any]:
    from deliverywatch.local.cloud.cloud import LocalCloud

    with LocalCloud(datetime.now(UTC)) as running:
        client = running.client("s3")
        client.create_bucket(Bucket="lake")
        yield client


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(adapter: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if adapter == "memory":
        yield Memory()
    elif adapter == "folder":
        yield Folder(tmp_path / "lake")
    else:
        client = request.getfixturevalue(adapter.replace(" ", "_"))
        yield Bucket("lake", client)
        for found in client.list_objects_v2(Bucket="lake").get("Contents", []):
            client.delete_object(Bucket="lake", Key=found["Key"])


def parquet(unsettled: int) -> bytes:
    """An object that says in its footer what S3 keeps beside it: a folder has no other place."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({"unsettled": str(unsettled)}), sink)
    return sink.getvalue()


def stored(store: Store, key: str = KEY) -> Stored:
    return store.read(key) or pytest.fail("nothing stored")


def test_an_absent_object_is_none(store: Store) -> None:
    assert store.read(KEY) is None
    assert store.metadata(KEY) is None


def test_what_was_written_last_is_read(store: Store) -> None:
    store.write("state/sms.json", b"1")
    store.write("state/sms.json", b"2")
    assert stored(store, "state/sms.json").body == b"2"


def test_an_etag_changes_with_the_content_and_with_nothing_else(store: Store) -> None:
    store.write(KEY, b"1")
    first = stored(store)
    assert stored(store) == first
    store.write(KEY, b"2")
    assert stored(store).etag != first.etag


def test_metadata_are_kept_beside_the_object(store: Store) -> None:
    store.write_if_unchanged(KEY, parquet(3), None, {"unsettled": "3"})
    assert (store.metadata(KEY) or {})["unsettled"] == "3"


def test_an_object_without_metadata_is_not_an_absent_one(store: Store) -> None:
    store.write("state/sms.json", b"{}")
    assert store.metadata("state/sms.json") == {}


def test_keys_and_sizes_are_listed_by_prefix_and_sorted(store: Store) -> None:
    for key in ("sms/dt=2026-11-21/12.parquet", "sms/dt=2026-11-20/03.parquet", "state/sms.json"):
        store.write(key, b"12345")
    assert store.keys("sms/") == ["sms/dt=2026-11-20/03.parquet", "sms/dt=2026-11-21/12.parquet"]
    assert store.sizes("sms/dt=2026-11-2") == [(key, 5) for key in store.keys("sms/")]
    assert store.keys("nothing/") == []


def test_a_deleted_object_is_absent_and_deleting_it_again_is_no_failure(store: Store) -> None:
    store.write(KEY, b"1")
    etag = stored(store).etag
    store.delete(KEY)
    assert store.read(KEY) is None
    store.delete(KEY)
    store.delete_if_unchanged(KEY, etag)


def test_only_who_read_the_present_object_may_write_over_it(store: Store) -> None:
    store.write_if_unchanged(KEY, b"1", None)
    first = stored(store)
    store.write_if_unchanged(KEY, b"2", first.etag)
    for etag in (None, first.etag):
        with pytest.raises(StoreConflict):
            store.write_if_unchanged(KEY, b"3", etag)
    assert stored(store).body == b"2"


def test_an_object_deleted_meanwhile_has_changed(store: Store) -> None:
    store.write(KEY, b"1")
    etag = stored(store).etag
    store.delete(KEY)
    with pytest.raises(StoreConflict):
        store.write_if_unchanged(KEY, b"2", etag)
    assert store.read(KEY) is None


def test_only_who_read_the_present_object_may_delete_it(store: Store, adapter: str) -> None:
    store.write(KEY, b"1")
    first = stored(store)
    if adapter != "moto":  # it does not look at the condition
        store.write(KEY, b"2")
        with pytest.raises(StoreConflict):
            store.delete_if_unchanged(KEY, first.etag)
    store.delete_if_unchanged(KEY, stored(store).etag)
    assert store.read(KEY) is None


def test_a_listed_object_that_is_gone_is_an_error(store: Store) -> None:
    store.write(KEY, b"1")
    assert read_listed(store, KEY) == b"1"
    store.delete(KEY)
    with pytest.raises(StoreUnavailable, match="gone"):
        read_listed(store, KEY)


# Reading, changing and writing.


def appended(store: Store, letter: bytes, meanwhile: Callable[[], None] | None = None) -> bytes:
    """Append a letter; `meanwhile` runs between each reading and the writing after it."""

    def change(body: bytes | None) -> Change[bytes]:
        if meanwhile:
            meanwhile()
        after = (body or b"") + letter
        return Change(after, after)

    return update(store, "text", change, lambda _: None)


def test_an_object_is_made_and_changed(store: Store) -> None:
    assert appended(store, b"a") == b"a"
    assert appended(store, b"b") == b"ab"
    assert stored(store, "text").body == b"ab"


def test_a_change_is_computed_again_when_another_writer_was_faster(store: Store) -> None:
    others = [b"x", b"xy"]
    assert appended(store, b"a", lambda: store.write("text", others.pop(0)) if others else None) == b"xya"


def test_a_change_is_computed_again_when_the_object_was_deleted_meanwhile(store: Store) -> None:
    store.write("text", b"old")
    deletions = [lambda: store.delete("text")]
    assert appended(store, b"a", lambda: deletions.pop()() if deletions else None) == b"a"


def test_a_writer_that_always_loses_gives_up(store: Store) -> None:
    rivals = iter(range(99))
    with pytest.raises(StoreConflict, match=f"{ATTEMPTS} times in a row at text"):
        appended(store, b"a", lambda: store.write("text", str(next(rivals)).encode()))


def test_a_body_that_others_can_write_too_is_not_taken_for_ones_own(store: Store) -> None:
    others = [b"1"]

    def counted(body: bytes | None) -> Change[None]:
        if others:
            store.write("text", others.pop())
        return Change(str(int(body or 0) + 1).encode(), None)

    update(store, "text", counted, lambda _: None)
    assert stored(store, "text").body == b"2"


def test_nothing_is_written_where_nothing_changes(store: Store) -> None:
    assert update(store, "text", lambda _: Change(None, "as it was")) == "as it was"
    assert store.read("text") is None


def test_the_pauses_between_tries_grow_up_to_a_limit() -> None:
    store, pauses, rivals = Memory(), list[float](), iter(range(99))

    def change(_: bytes | None) -> Change[None]:
        store.write("text", str(next(rivals)).encode())
        return Change(b"mine", None)

    with pytest.raises(StoreConflict):
        update(store, "text", change, pauses.append)
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0]


# What S3 may answer. The faults are put into boto3's own pipeline: its retries and its parsing are real.


def answer(status: int, code: str) -> AWSResponse:
    class Raw(io.BytesIO):
        def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
            yield self.read()

    body = f"<Error><Code>{code}</Code></Error>".encode()
    return AWSResponse("https://lake.s3.amazonaws.com", status, {}, Raw(body if code else b""))


def answering(client: Any, operation: str, *answers: AWSResponse) -> list[str]:
    """Let S3 do what the first requests ask but answer so; returns the requests."""
    requests: list[str] = []

    def fault(request: Any, **_: Any) -> AWSResponse | None:
        requests.append(request.url)
        return answers[len(requests) - 1] if len(requests) <= len(answers) else None

    client.meta.events.register_first(f"before-send.s3.{operation}", fault)
    return requests


CHANGED = [
    (412, "PreconditionFailed"),
    (409, "ConditionalRequestConflict"),
    (409, "OperationAborted"),
    (404, "NoSuchKey"),
]


@pytest.mark.parametrize("etag", [None, ETAG])
@pytest.mark.parametrize(("status", "code"), CHANGED)
def test_each_answer_to_a_condition_that_does_not_hold_is_one_conflict(
    moto: Any, status: int, code: str, etag: str | None
) -> None:
    answering(moto, "PutObject", answer(status, code))
    with pytest.raises(StoreConflict, match=KEY):
        Bucket("lake", moto).write_if_unchanged(KEY, b"1", etag)


@pytest.mark.parametrize(("status", "code"), CHANGED)
def test_after_each_of_them_a_change_is_made_anew(moto: Any, status: int, code: str) -> None:
    tries: list[str] = []

    def refused(**_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        tries.append(code)
        return (answer(status, code), {"Error": {"Code": code}}) if len(tries) == 1 else None

    moto.meta.events.register_first("before-call.s3.PutObject", refused)
    assert appended(Bucket("lake", moto), b"a") == b"a"
    assert len(tries) == 2


@pytest.mark.parametrize(("status", "code"), CHANGED[:3])
def test_a_deletion_whose_condition_does_not_hold_is_a_conflict(moto: Any, status: int, code: str) -> None:
    answering(moto, "DeleteObject", answer(status, code))
    with pytest.raises(StoreConflict):
        Bucket("lake", moto).delete_if_unchanged(KEY, ETAG)


def test_a_conditional_deletion_of_an_object_that_is_gone_is_done(moto: Any) -> None:
    requests = answering(moto, "DeleteObject", answer(404, "NoSuchKey"))
    Bucket("lake", moto).delete_if_unchanged(KEY, ETAG)
    assert len(requests) == 1


def test_s3_is_asked_again_when_it_answers_503(moto: Any) -> None:
    bucket = Bucket("lake", moto)
    bucket.write(KEY, b"x")
    requests = answering(moto, "GetObject", answer(503, "SlowDown"))
    assert stored(bucket).body == b"x"
    assert len(requests) == 2


def test_a_write_whose_answer_was_lost_is_recognised_and_not_made_twice(moto: Any) -> None:
    """S3 keeps the object and answers 503; boto3 repeats the request, which then meets its own result."""
    bucket = Bucket("lake", moto)
    requests = answering(moto, "PutObject", answer(503, "SlowDown"))
    assert appended(bucket, b"a") == b"a"
    assert stored(bucket, "text").body == b"a"
    assert len(requests) == 2


def test_a_lost_answer_is_recognised_even_if_others_could_have_written_the_same(moto: Any) -> None:
    bucket = Bucket("lake", moto)
    bucket.write("text", b"1")
    answering(moto, "PutObject", answer(503, "SlowDown"))
    update(bucket, "text", lambda body: Change(str(int(body or 0) + 1).encode(), None), lambda _: None)
    assert stored(bucket, "text").body == b"2"


class Unanswering(Memory):
    """A store that keeps the next write and answers with an error; `is_down` as long as it also refuses to be read."""

    is_down = False
    fails = True

    def write_if_unchanged(self, *arguments: Any) -> None:
        super().write_if_unchanged(*arguments)
        if self.fails:
            raise StoreUnavailable("S3 answers 503.")

    def metadata(self, key: str) -> Mapping[str, str] | None:
        if self.is_down:
            raise StoreUnavailable("S3 answers 503.")
        return super().metadata(key)


def test_a_write_that_took_effect_though_its_answer_is_an_error_is_recognised() -> None:
    store = Unanswering()
    assert update(store, KEY, lambda _: Change(b"a", "written")) == "written"
    store.is_down = True
    with pytest.raises(StoreUnavailable):
        update(store, KEY, lambda _: Change(b"b", "written"))


class BrokenBody(io.BytesIO):
    """What comes before the connection breaks."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, *_: Any) -> bytes:
        raise self.error


def breaking(client: Any, error: Exception, times: int) -> None:
    """Break the connection while the first bodies are read."""
    left = [error] * times

    def broken(parsed: dict[str, Any], **_: Any) -> None:
        if left:
            parsed["Body"] = StreamingBody(BrokenBody(left.pop()), 10)

    client.meta.events.register("after-call.s3.GetObject", broken)


BROKEN = [ProtocolError("IncompleteRead"), ReadTimeoutError(None, "", ""), SSLError("bad record mac")]  # type: ignore[arg-type]


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
def test_a_body_that_breaks_off_is_read_again(moto: Any, error: Exception) -> None:
    bucket = Bucket("lake", moto)
    bucket.write(KEY, b"x")
    breaking(moto, error, 2)
    assert stored(bucket).body == b"x"


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
def test_a_body_that_always_breaks_off_is_unavailable(moto: Any, error: Exception) -> None:
    bucket = Bucket("lake", moto)
    bucket.write(KEY, b"x")
    breaking(moto, error, 3)
    with pytest.raises(StoreUnavailable, match=KEY):
        bucket.read(KEY)


def operations(store: Store) -> list[Callable[[], object]]:
    return [
        lambda: store.read(KEY),
        lambda: store.write(KEY, b"1"),
        lambda: store.write_if_unchanged(KEY, b"1", None),
        lambda: store.write_if_unchanged(KEY, b"1", ETAG),
        lambda: store.delete(KEY),
        lambda: store.keys("sms/"),
        lambda: store.sizes("sms/"),
    ]


def raises_unavailable(store: Store, *more: Callable[[], object], match: str) -> None:
    for operation in (*operations(store), *more):
        with pytest.raises(StoreUnavailable, match=match):
            operation()


def test_a_denied_access_is_unavailable_and_never_absent(moto: Any) -> None:
    moto.meta.events.register_first("before-send.s3", lambda **_: answer(403, "AccessDenied"))
    store = Bucket("lake", moto)
    raises_unavailable(store, lambda: store.delete_if_unchanged(KEY, ETAG), match="AccessDenied")


def test_a_denied_look_at_an_object_is_unavailable_and_never_absent(moto: Any) -> None:
    answering(moto, "HeadObject", answer(403, ""))
    with pytest.raises(StoreUnavailable, match="403"):
        Bucket("lake", moto).metadata(KEY)


@pytest.mark.parametrize("name", ["moto", "local cloud"])
def test_a_missing_bucket_is_unavailable_and_the_error_says_what_to_check(
    name: str, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(name.replace(" ", "_"))
    with pytest.raises(StoreUnavailable, match="NoSuchBucket") as caught:
        Bucket("elsewhere", client).read(KEY)
    assert "bucket" in caught.value.next_step


def test_a_store_that_cannot_be_reached_is_unavailable() -> None:
    config = Config(connect_timeout=1, retries={"total_max_attempts": 1}, region_name="us-east-1")
    client = boto3.client(
        "s3", endpoint_url="http://127.0.0.1:9", aws_access_key_id="a", aws_secret_access_key="b", config=config
    )
    store = Bucket("lake", client)
    more = (lambda: store.metadata(KEY), lambda: store.delete_if_unchanged(KEY, ETAG))
    raises_unavailable(store, *more, match="EndpointConnectionError")


def test_a_folder_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for operation in operations(Folder(tmp_path / "file"))[:5]:
        with pytest.raises(StoreUnavailable, match=KEY):
            operation()


def test_a_store_known_to_be_down_says_so_at_once() -> None:
    store = Unreachable()
    raises_unavailable(store, lambda: store.metadata(KEY), lambda: store.delete_if_unchanged(KEY, ETAG), match="moment")


def test_the_code_of_an_error_is_awss_word_or_the_name_of_what_happened(moto: Any) -> None:
    with pytest.raises(Exception, match="NoSuchBucket") as caught:
        moto.get_object(Bucket="elsewhere", Key=KEY)
    assert error_code(caught.value) == "NoSuchBucket"
    assert error_code(TimeoutError()) == "TimeoutError"
