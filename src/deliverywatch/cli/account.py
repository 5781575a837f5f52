"""The environment -> the ClickSend account that `ingest` and `backfill` read."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from deliverywatch.errors import ConfigurationError, SourceRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from deliverywatch.sms.ingest import Source
    from deliverywatch.sms.pages import Page

_NEXT_STEP = "Check CLICKSEND_USERNAME and CLICKSEND_API_KEY, and that this ClickSend user may use the API."

_NAMES = ("CLICKSEND_USERNAME", "CLICKSEND_API_KEY")

# Without a single page for so long a reading is given up; a long one may take as long as it takes.
_PATIENCE_SECONDS = 600.0


def source(told: Callable[[datetime, int], None]) -> Source:
    """Return the account that the environment names.

    Args:
        told: Is called with the begin of the range that is being read and the number of rows of each page of it.

    Raises:
        ConfigurationError: A variable is missing, or the address is none.
    """
    # Imported here, as `--help` needs neither HTTP nor JSON.
    from deliverywatch.sms.ingest import Source
    from deliverywatch.sms.recipients import Recipients, hash_key

    if missing := [name for name in _NAMES if not os.environ.get(name)]:
        raise ConfigurationError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set in the environment.",
            next_step="Set the user name and API key that ClickSend shows under Developers > API credentials.",
        )
    key = hash_key(os.environ[_NAMES[1]], is_api_key=True)
    return Source(_TellingHistory(os.environ, told), Recipients(key))


class _TellingHistory:
    """A history that tells what is read of it, and is patient as long as there is something to tell."""

    def __init__(self, environ: Mapping[str, str], told: Callable[[datetime, int], None]) -> None:
        from deliverywatch.sms.clicksend import ClickSend
        from deliverywatch.sms.credentials import Credentials

        username, api_key = (environ[name] for name in _NAMES)
        url = environ.get("DELIVERYWATCH_CLICKSEND_URL") or "https://rest.clicksend.com"
        self._client = ClickSend(Credentials(username, api_key), url, remaining_seconds=self._remaining_seconds)
        self._told = told
        self._waiting_since = 0.0

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        """Yield the pages of what was sent in [start, end)."""
        self._tell(start, 0)
        try:
            for page in self._client.pages(start, end):
                self._tell(start, len(page.rows))
                yield page
        except SourceRefused as error:
            raise SourceRefused(str(error), kind=error.kind, next_step=_NEXT_STEP) from error

    def _tell(self, start: datetime, row_count: int) -> None:
        self._waiting_since = time.monotonic()
        self._told(start, row_count)

    def _remaining_seconds(self) -> float:
        return self._waiting_since + _PATIENCE_SECONDS - time.monotonic()
