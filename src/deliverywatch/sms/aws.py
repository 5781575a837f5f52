"""The room's adapters to AWS: the bucket as the store behind the lake, and the ClickSend account from SSM parameters.

An endpoint other than AWS comes from boto3's own `AWS_ENDPOINT_URL`; nothing here knows of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import ConfigurationError, StoreConflict, StoreUnavailable
from deliverywatch.sms.clicksend.credentials import Credentials
from deliverywatch.sms.clicksend.recipients import hash_key
from deliverywatch.sms.lake.watermark import Stored

# Adaptive mode retries 5xx, throttling and broken connections with jitter, and slows down when told to.
_CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"mode": "adaptive", "total_max_attempts": 6})

_MISSING = {"NoSuchKey", "404"}

# What S3 answers when the condition of a write does not hold: changed, being changed, or deleted meanwhile.
_OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409", *_MISSING}


class Bucket:
    """Objects of one S3 bucket."""

    def __init__(self, name: str, client: Any = None) -> None:
        self._name = name
        self._s3 = client or boto3.client("s3", config=_CONFIG)

    def read(self, key: str) -> Stored | None:
        """Return the object, or none."""
        with _translated(key):
            try:
                answer = self._s3.get_object(Bucket=self._name, Key=key)
                return Stored(answer["Body"].read(), answer["ETag"])
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise

    def metadata(self, key: str) -> Mapping[str, str]:
        """Return the object's metadata and its etag without reading it; nothing if there is no object."""
        with _translated(key):
            try:
                answer = self._s3.head_object(Bucket=self._name, Key=key)
                return {"etag": answer["ETag"], **answer["Metadata"]}
            except ClientError as error:
                if _code(error) in _MISSING:
                    return {}
                raise

    def write(self, key: str, body: bytes) -> None:
        """Store the object whatever is there."""
        with _translated(key):
            self._s3.put_object(Bucket=self._name, Key=key, Body=body, ContentType=_content_type(key))

    def replace(self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str]) -> None:
        """Store the object if the present one has this etag, or with none if there is no object.

        Raises:
            StoreConflict: The present object is another one.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        fields: dict[str, Any] = {"ContentType": _content_type(key), "Metadata": dict(metadata), **condition}
        with _translated(key):
            try:
                self._s3.put_object(Bucket=self._name, Key=key, Body=body, **fields)
            except ClientError as error:
                if _code(error) in _OVERTAKEN:
                    raise StoreConflict(f"{key} was written by somebody else meanwhile.") from error
                raise

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of the objects that begin so, in order."""
        return [key for key, _ in self.sizes(prefix)]

    def sizes(self, prefix: str) -> list[tuple[str, int]]:
        """Return keys and bytes of the objects that begin so, in order."""
        with _translated(prefix):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            return [(each["Key"], each["Size"]) for page in pages for each in page.get("Contents", [])]

    def delete(self, key: str, etag: str) -> None:
        """Delete the object if it is still the one with this etag; one that is gone is no failure.

        Raises:
            StoreConflict: The present object is another one.
        """
        with _translated(key):
            try:
                self._s3.delete_object(Bucket=self._name, Key=key, IfMatch=etag)
            except ClientError as error:
                if _code(error) in _MISSING:
                    return
                if _code(error) in _OVERTAKEN:
                    raise StoreConflict(f"{key} was written by somebody else meanwhile.") from error
                raise


@dataclass(frozen=True, slots=True)
class Account:
    """The ClickSend account, and the key of the hashes of its recipients' numbers."""

    credentials: Credentials
    recipient_key: bytes = field(repr=False)


@cache
def account(prefix: str) -> Account:
    """Return the account of the SSM parameters under a path, read once per container.

    Raises:
        ConfigurationError: The parameters are missing or may not be read.
    """
    return account_of(boto3.client("ssm", config=_CONFIG), prefix)


def account_of(ssm: Any, prefix: str) -> Account:
    """Return the account of the SSM parameters under a path, read with a client of one's own.

    Raises:
        ConfigurationError: The parameters are missing or may not be read.
    """
    names = {name: f"{prefix}/{name}" for name in ("username", "api_key", "recipient_key")}
    try:
        answer = ssm.get_parameters(Names=[*names.values()], WithDecryption=True)
    except (ClientError, BotoCoreError) as error:
        raise ConfigurationError(
            f"The ClickSend credentials under {prefix} cannot be read from SSM: {_code(error)}.",
            next_step="Check that the parameters exist and that the function may read and decrypt them.",
        ) from error
    values = {parameter["Name"]: parameter["Value"].strip() for parameter in answer["Parameters"]}
    missing = [names[name] for name in ("username", "api_key") if not values.get(names[name])]
    if missing:
        raise ConfigurationError(
            f"ClickSend credentials are missing in SSM: {' and '.join(missing)}.",
            next_step="Store them with `aws ssm put-parameter --type SecureString --name ... --value ...`.",
        )
    credentials = Credentials(values[names["username"]], values[names["api_key"]])
    own_key = values.get(names["recipient_key"])
    return Account(credentials, hash_key(own_key or credentials.api_key, is_api_key=not own_key))


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise StoreUnavailable(f"S3 could not be used for {key}: {_code(error)}.") from error


def _code(error: ClientError | BotoCoreError) -> str:
    """S3's word for the error, or the name of what happened on the way to it."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


def _content_type(key: str) -> str:
    return "application/vnd.apache.parquet" if key.endswith(".parquet") else "application/json"
