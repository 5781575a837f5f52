"""The room's adapters to AWS: the ClickSend account from SSM parameters, the alerts topic.

An endpoint other than AWS comes from boto3's own `AWS_ENDPOINT_URL`; nothing here knows of it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import CloudRefused, ConfigurationError, error_code
from deliverywatch.messages import notice as notices
from deliverywatch.messages.notice import SystemNotice
from deliverywatch.sdk import sendable
from deliverywatch.sms.clicksend import credit
from deliverywatch.sms.clicksend.client import ClickSend
from deliverywatch.sms.clicksend.credentials import Credentials
from deliverywatch.sms.clicksend.credit import Credit
from deliverywatch.sms.clicksend.recipients import Recipients, hash_key
from deliverywatch.sms.ports import Source
from deliverywatch.storage.s3 import ODD, PATIENT


@dataclass(frozen=True, slots=True)
class Account:
    """The ClickSend account, and the key of the hashes of its recipients' numbers."""

    credentials: Credentials
    recipient_key: bytes = field(repr=False)


class AlertsTopic:
    """The topic that the notifier listens to; its client is made when it is needed, which is rare."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def publish(self, notice: SystemNotice) -> None:
        """Publish a notice; a failure on the way is boto's."""
        message = json.dumps(notices.to_document(notice))
        with sendable(CloudRefused):
            boto3.client("sns", config=PATIENT).publish(TopicArn=self._arn, Message=message, Subject="DeliveryWatch")


def source(setting: Mapping[str, str], remaining_seconds: Callable[[], float]) -> Source:
    """Return the account of a function's environment, without the prefix of its names, and what is kept of its numbers.

    Raises:
        ConfigurationError: The parameters are missing or may not be read.
    """
    opened = account(setting["CREDENTIALS"])
    history = ClickSend(opened.credentials, setting["CLICKSEND_URL"], remaining_seconds=remaining_seconds)
    recipients = Recipients(opened.recipient_key, plain=setting["RECIPIENT_NUMBERS"] == "plain")
    reads_credit = setting.get("CREDIT_WATCH") == "true"
    return Source(history, recipients, _credit_of(opened.credentials, setting) if reads_credit else None)


def _credit_of(credentials: Credentials, setting: Mapping[str, str]) -> Callable[[], Credit]:
    return lambda: credit.ask(credentials, setting["CLICKSEND_URL"])


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
        with sendable(ConfigurationError):
            answer = ssm.get_parameters(Names=[*names.values()], WithDecryption=True)
            values = {parameter["Name"]: parameter["Value"].strip() for parameter in answer["Parameters"]}
    except (ClientError, BotoCoreError, *ODD) as error:
        raise ConfigurationError(
            f"The ClickSend credentials under {prefix} cannot be read from SSM: {error_code(error)}.",
            next_step="Check that the parameters exist and that the function may read and decrypt them.",
        ) from error
    missing = [names[name] for name in ("username", "api_key") if not values.get(names[name])]
    if missing:
        raise ConfigurationError(
            f"ClickSend credentials are missing in SSM: {' and '.join(missing)}.",
            next_step="Store them with `aws ssm put-parameter --type SecureString --name ... --value ...`.",
        )
    credentials = Credentials(values[names["username"]], values[names["api_key"]])
    own_key = values.get(names["recipient_key"])
    return Account(credentials, hash_key(own_key or credentials.api_key, is_api_key=not own_key))
