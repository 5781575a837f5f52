"""The ClickSend account in SSM parameters."""

import os
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from deliverywatch.errors import ConfigurationError
from deliverywatch.sms import aws

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
