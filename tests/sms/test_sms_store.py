"""The store behind the lake, in memory, in a folder and in S3: the same rules; and changes that lose nobody's work."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws
from sms_world import Memory

from deliverywatch.errors import ConfigurationError, StoreConflict, StoreUnavailable
from deliverywatch.sms import aws
from deliverywatch.sms.lake.folder import Folder
from deliverywatch.sms.lake.watermark import Store, update

KEY = "sms/dt=2026-11-21/12.parquet"
SECRETS = "/deliverywatch/test/clicksend"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    aws.account.cache_clear()
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="lake")
        yield


@pytest.fixture(params=["memory", "folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "bucket":
        request.getfixturevalue("cloud")
        return aws.Bucket("lake")
    return Folder(tmp_path) if request.param == "folder" else Memory()


def parquet(unsettled: int) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"a": [1]}).replace_schema_metadata({"unsettled": str(unsettled)})
    pq.write_table(table, sink)
    return sink.getvalue()


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.read(KEY) is None
    assert store.metadata(KEY) == {}


def test_what_was_written_is_read(store: Store) -> None:
    store.write("state/sms.json", b"1")
    store.write("state/sms.json", b"2")
    assert (store.read("state/sms.json") or pytest.fail("nothing stored")).body == b"2"


def test_what_stands_beside_an_object_is_known_without_reading_it(store: Store) -> None:
    store.replace(KEY, parquet(3), None, {"unsettled": "3"})
    assert store.metadata(KEY)["unsettled"] == "3"


def test_an_object_without_anything_beside_it_is_known_to_be_there(store: Store) -> None:
    store.write(KEY, parquet(3))
    assert store.metadata(KEY)


def test_keys_and_sizes_are_listed_under_a_prefix(store: Store) -> None:
    for key in ("sms/dt=2026-11-21/12.parquet", "sms/dt=2026-11-20/03.parquet", "state/sms.json"):
        store.write(key, b"12345")
    assert store.keys("sms/") == ["sms/dt=2026-11-20/03.parquet", "sms/dt=2026-11-21/12.parquet"]
    assert store.sizes("sms/dt=2026-11-2") == [(key, 5) for key in store.keys("sms/")]
    assert store.keys("nothing/") == []


def test_only_who_knows_the_present_object_may_delete_it(store: Store) -> None:
    store.write(KEY, b"1")
    first = store.read(KEY) or pytest.fail("nothing stored")
    if not isinstance(store, aws.Bucket):  # moto does not look at the condition; the local cloud does
        store.write(KEY, b"2")
        with pytest.raises(StoreConflict):
            store.delete(KEY, first.etag)
    store.delete(KEY, (store.read(KEY) or pytest.fail("nothing stored")).etag)
    assert store.read(KEY) is None
    store.delete(KEY, first.etag)


def test_only_who_knows_the_present_object_may_replace_it(store: Store) -> None:
    store.replace(KEY, parquet(1), None, {})
    first = store.read(KEY) or pytest.fail("nothing stored")
    store.replace(KEY, parquet(2), first.etag, {})
    second = store.read(KEY) or pytest.fail("nothing stored")
    for etag in (None, first.etag):
        with pytest.raises(StoreConflict):
            store.replace(KEY, parquet(3), etag, {})
    assert store.read(KEY) == second


def test_an_object_that_is_gone_is_not_replaced(store: Store) -> None:
    with pytest.raises(StoreConflict):
        store.replace(KEY, parquet(1), '"0123456789abcdef0123456789abcdef"', {})


@dataclass(frozen=True)
class Appended:
    body: bytes | None
    metadata: dict[str, str]


def append(store: Store, letter: bytes, pauses: list[float] | None = None) -> Appended:
    def change(body: bytes | None) -> Appended:
        return Appended((body or b"") + letter, {})

    return update(store, "text", change, (pauses if pauses is not None else []).append)


def test_a_change_is_made_again_when_another_writer_was_faster() -> None:
    memory, pauses = Memory(), []

    def other(operation: str, _key: str) -> None:
        if operation == "replace" and len(pauses) < 2:
            memory.objects["text"] = (memory.objects.get("text", (b"", {}))[0] + b"b", {})

    memory.before = other
    append(memory, b"a", pauses)
    assert memory.objects["text"][0] == b"bba"
    assert pauses == sorted(pauses)


def test_a_writer_that_always_loses_gives_up_with_an_error() -> None:
    memory = Memory()
    memory.before = lambda operation, key: operation != "replace" or memory.objects.update({key: (os.urandom(8), {})})
    with pytest.raises(StoreConflict, match="10 times in a row"):
        append(memory, b"a")


def test_a_write_whose_answer_was_lost_is_recognised_and_not_made_twice() -> None:
    memory = Memory()

    def lost(_operation: str, _key: str) -> None:
        memory.after = None
        raise StoreConflict("412 to the repetition of a write that had succeeded")

    memory.after = lost
    assert append(memory, b"a").body == b"a"
    assert memory.objects["text"][0] == b"a"
    assert memory.writes == ["text"]


def test_nothing_is_written_where_nothing_changes() -> None:
    memory = Memory()
    update(memory, "text", lambda _body: Appended(None, {}), lambda _seconds: None)
    assert memory.objects == {}


def test_a_bucket_that_refuses_is_an_error_that_says_so(cloud: None) -> None:
    with pytest.raises(StoreUnavailable, match="NoSuchBucket") as caught:
        aws.Bucket("elsewhere").read(KEY)
    assert "bucket" in caught.value.next_step


def answer_503_once(bucket: aws.Bucket, operation: str) -> list[str]:
    """S3 does what it is asked but answers 503 to the first request; returns the requests."""
    asked: list[str] = []

    def busy(request: Any, **_: Any) -> Any:
        asked.append(request.url)
        return _unavailable() if len(asked) == 1 else None

    bucket._s3.meta.events.register_first(f"before-send.s3.{operation}", busy)
    return asked


def test_s3_is_asked_again_when_it_answers_503(cloud: None) -> None:
    bucket = aws.Bucket("lake")
    bucket.write(KEY, b"x")
    asked = answer_503_once(bucket, "GetObject")
    assert (bucket.read(KEY) or pytest.fail("nothing stored")).body == b"x"
    assert len(asked) == 2


def test_a_write_that_s3_kept_although_it_answered_503_is_not_made_twice(cloud: None) -> None:
    bucket = aws.Bucket("lake")
    asked = answer_503_once(bucket, "PutObject")
    assert append(bucket, b"a").body == b"a"
    assert (bucket.read("text") or pytest.fail("nothing stored")).body == b"a"
    assert len(asked) == 2


def _unavailable() -> Any:
    from botocore.awsrequest import AWSResponse

    class Raw(io.BytesIO):
        def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
            yield self.read()

    return AWSResponse("https://lake.s3.amazonaws.com", 503, {}, Raw(b"<Error><Code>SlowDown</Code></Error>"))


def secrets(**values: str) -> None:
    for name, value in values.items():
        boto3.client("ssm").put_parameter(Name=f"{SECRETS}/{name}", Value=value, Type="SecureString")


def test_the_account_is_read_once_and_keeps_its_key_to_itself(cloud: None) -> None:
    secrets(username="someone", api_key="s3cret\n")
    account = aws.account(SECRETS)
    assert (account.credentials.username, account.credentials.api_key) == ("someone", "s3cret")
    assert "s3cret" not in repr(account)
    boto3.client("ssm").delete_parameter(Name=f"{SECRETS}/api_key")
    assert aws.account(SECRETS) is account


def test_a_recipient_key_of_its_own_outlives_a_change_of_the_api_key(cloud: None) -> None:
    secrets(username="someone", api_key="first", recipient_key="r")
    first = aws.account(SECRETS)
    aws.account.cache_clear()
    boto3.client("ssm").put_parameter(Name=f"{SECRETS}/api_key", Value="2nd", Type="SecureString", Overwrite=True)
    assert aws.account(SECRETS).recipient_key == first.recipient_key


def test_missing_credentials_are_named(cloud: None) -> None:
    secrets(username="someone")
    with pytest.raises(ConfigurationError, match=f"{SECRETS}/api_key") as caught:
        aws.account(SECRETS)
    assert "put-parameter" in caught.value.next_step
