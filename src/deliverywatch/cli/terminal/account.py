"""The environment -> the ClickSend account that `ingest` and `backfill` read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.errors import ConfigurationError, SourceRefused

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.sms.clicksend.credentials import Credentials
    from deliverywatch.sms.clicksend.pages import Page
    from deliverywatch.sms.ports import Source

_NEXT_STEP = "Check CLICKSEND_USERNAME and CLICKSEND_API_KEY, and that this ClickSend user may use the API."

_URL = "DELIVERYWATCH_CLICKSEND_URL"
_NAMES = ("CLICKSEND_USERNAME", "CLICKSEND_API_KEY")

# Keys the hashes of a folder's recipients, as the SSM parameter `recipient_key` does for a stack.
RECIPIENT_KEY = "DELIVERYWATCH_RECIPIENT_KEY"

# Without a single page for so long a reading is given up; a long one may take as long as it takes.
_PATIENCE_SECONDS = 600.0


def source(report: Callable[[datetime, int], None]) -> Source:
    """Return the account that the environment names."""
    from deliverywatch.sms.clicksend.credentials import Credentials
    from deliverywatch.sms.clicksend.recipients import Recipients
    from deliverywatch.sms.ports import Source

    if missing := [name for name in _NAMES if not os.environ.get(name, "").strip()]:
        raise ConfigurationError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set in the environment.",
            next_step="Set the user name and API key that ClickSend shows under Developers > API credentials.",
        )
    url = os.environ.get(_URL) or "https://rest.clicksend.com"
    credentials = Credentials(os.environ[_NAMES[0]], os.environ[_NAMES[1]])
    try:
        history = _ReportingHistory(credentials, url, report)
    except ConfigurationError as error:
        raise ConfigurationError(
            str(error), next_step=f"Correct {_URL} in your environment, or unset it to read ClickSend itself."
        ) from error
    return Source(history, Recipients(recipient_key()))


def recipient_key() -> bytes:
    """Return the key of the recipients' hashes in a folder, as the environment says it."""
    from deliverywatch.sms.clicksend.credentials import Credentials
    from deliverywatch.sms.clicksend.recipients import hash_key

    if own := os.environ.get(RECIPIENT_KEY):
        return hash_key(own)
    if not os.environ.get(_NAMES[1]):
        raise ConfigurationError(
            f"Neither {RECIPIENT_KEY} nor {_NAMES[1]} is set in the environment: numbers cannot be hashed.",
            next_step="Set the one with which the folder was filled.",
        )
    return hash_key(Credentials("", os.environ[_NAMES[1]]).api_key, is_api_key=True)


def source_of_stack(cloud: Cloud, parameters: Mapping[str, str], report: Callable[[datetime, int], None]) -> Source:
    """Return the account of a stack, with its key for hashes and its choice of what is stored of a number."""
    from deliverywatch.operate.account.deployment import credentials_path
    from deliverywatch.sms.aws import account_of
    from deliverywatch.sms.clicksend.recipients import Recipients
    from deliverywatch.sms.ports import Source

    account = account_of(cloud.client("ssm"), credentials_path(parameters))
    history = _ReportingHistory(account.credentials, parameters["ClickSendUrl"], report)
    return Source(history, Recipients(account.recipient_key, plain=parameters["RecipientNumbers"] == "plain"))


class _ReportingHistory:
    """A history that reports what is read of it, and is patient as long as something is."""

    def __init__(self, credentials: Credentials, url: str, report: Callable[[datetime, int], None]) -> None:
        from deliverywatch.sms.clicksend.client import ClickSend

        self._client = ClickSend(credentials, url, remaining_seconds=self._remaining_seconds)
        self._report = report
        self._waiting_since = 0.0

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        """Yield the pages of what was sent in [start, end)."""
        self._note(start, 0)
        try:
            for page in self._client.pages(start, end):
                self._note(start, len(page.rows))
                yield page
        except SourceRefused as error:
            raise SourceRefused(str(error), kind=error.kind, next_step=_NEXT_STEP) from error

    def _note(self, start: datetime, row_count: int) -> None:
        self._waiting_since = time.monotonic()
        self._report(start, row_count)

    def _remaining_seconds(self) -> float:
        return self._waiting_since + _PATIENCE_SECONDS - time.monotonic()
