"""A POST -> its answer within a time, or why there is none; no error holds the address, which may be a secret.

An answer has one deadline from the request to its last byte, however slowly it drips: the request runs in a thread that
is left behind.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from deliverywatch.errors import ConfigurationError
from deliverywatch.thresholds import CHANNEL_ANSWER_SECONDS

# Of an answer, more is read by nobody.
_ANSWER_LIMIT_BYTES = 65_536
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer; header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class NotSent(Exception):
    """The service certainly took nothing: there was no connection. It says why."""


class NotConfirmed(Exception):
    """The service may have taken it: the request was on its way, and no whole answer came. It says why."""


class Http(Protocol):
    """What channels send with."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request once, without following redirects.

        Raises:
            NotSent: There was no connection.
            NotConfirmed: There was no whole answer in time.
        """


class Web:
    """Http over urllib3."""

    def __init__(self, seconds: float = CHANNEL_ANSWER_SECONDS) -> None:
        """Make a client whose requests take at most so long."""
        self._seconds = seconds

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request in a thread, and wait for its answer as long as there is time."""
        answers: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()
        arguments = (url, body, dict(headers), self._seconds, answers)
        threading.Thread(target=_answered, args=arguments, daemon=True, name="channel").start()
        try:
            answer = answers.get(timeout=self._seconds)
        except queue.Empty:
            raise NotConfirmed(f"no answer within {self._seconds:g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


def checked(url: str, what: str) -> str:
    """Return an address that a secret holds, or raise ConfigurationError, which does not repeat it."""
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise ConfigurationError(f"The secret of {what} does not begin with an address like https://example.com/hook.")
    return url


def _answered(
    url: str, body: bytes, headers: dict[str, str], seconds: float, answers: queue.SimpleQueue[Answer | Exception]
) -> None:
    answers.put(_tried(url, body, headers, seconds))


def _tried(url: str, body: bytes, headers: dict[str, str], seconds: float) -> Answer | Exception:
    import urllib3  # 30 ms that only a message to a channel pays for
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

    timeout = urllib3.Timeout(connect=min(seconds, 5.0), read=seconds)
    try:
        with urllib3.PoolManager(num_pools=1, timeout=timeout, retries=False) as pool:
            response = pool.request("POST", url, body=body, headers=headers, redirect=False, preload_content=False)
            read = response.read(_ANSWER_LIMIT_BYTES, decode_content=False)
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, read, names)
    except (ConnectTimeoutError, NewConnectionError, SSLError) as error:
        return NotSent(f"no connection ({type(error).__name__})")
    # What urllib3 says of an error holds the address.
    except (HTTPError, OSError) as error:
        return NotConfirmed(f"the connection broke ({type(error).__name__})")
    except Exception as error:  # an address that cannot be used, in whatever way
        return NotSent(f"the request could not be made ({type(error).__name__})")
