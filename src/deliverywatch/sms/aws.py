"""The room's adapter to AWS: the ClickSend account from SSM parameters.

An endpoint other than AWS comes from boto3's own `AWS_ENDPOINT_URL`; nothing here knows of it.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import ConfigurationError, error_code
from deliverywatch.sms.clicksend.credentials import Credentials
from deliverywatch.sms.clicksend.recipients import hash_key
from deliverywatch.storage.s3 import PATIENT


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
    return account_of(boto3.client("ssm", config=PATIENT), prefix)


def account_of(ssm: Any, prefix: str) -> Account:
    """Return the account of the SSM parameters under a path, read with a client made for it.

    Raises:
        ConfigurationError: The parameters are missing or may not be read.
    """
    names = {name: f"{prefix}/{name}" for name in ("username", "api_key", "recipient_key")}
    try:
        answer = ssm.get_parameters(Names=[*names.values()], WithDecryption=True)
    except (ClientError, BotoCoreError) as error:
        raise ConfigurationError(
            f"The ClickSend credentials under {prefix} cannot be read from SSM: {error_code(error)}.",
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
