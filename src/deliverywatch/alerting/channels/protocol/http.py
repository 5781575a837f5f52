"""A POST -> its answer within a time, or why there is none; no error holds the address, which may be a secret.

An answer has one deadline from the request to its last byte, however slowly it drips: the request runs in a thread that
is left behind.
"""

from __future__ import annotations

import logging
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Protocol
from urllib.parse import urlsplit

from deliverywatch.errors import ConfigurationError
from deliverywatch.thresholds import CHANNEL_ANSWER_SECONDS

# Of an answer, more is read by nobody. Slack returns the message, with twelve bytes for each character of some scripts.
_ANSWER_LIMIT_BYTES = 524_288
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

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], seconds: float = CHANNEL_ANSWER_SECONDS
    ) -> Answer:
        """Send a request once, without following redirects; it takes at most so long.

        Raises:
            NotSent: There was no connection.
            NotConfirmed: There was no whole answer in time.
        """


class Web:
    """Http over urllib3."""

    def __init__(self, seconds: float = CHANNEL_ANSWER_SECONDS) -> None:
        """Make a client whose requests take at most so long."""
        self._seconds = seconds

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], seconds: float = CHANNEL_ANSWER_SECONDS
    ) -> Answer:
        """Send a request in a thread, and wait for its answer as long as there is time."""
        seconds = min(seconds, self._seconds)
        answers: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()
        arguments = (url, body, dict(headers), seconds, answers)
        threading.Thread(target=_answered, args=arguments, daemon=True, name="channel").start()
        try:
            answer = answers.get(timeout=seconds)
        except queue.Empty:
            raise NotConfirmed(f"no answer within {seconds:.3g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(frozen=True, slots=True)
class Within:
    """Http whose requests end with the time that is left."""

    http: Http
    seconds_left: Callable[[], float]

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], seconds: float = CHANNEL_ANSWER_SECONDS
    ) -> Answer:
        """Send a request if there is time for it."""
        left = min(seconds, self.seconds_left())
        if left <= 0:
            raise NotSent("there was no time left for it")
        return self.http.post(url, body, headers, left)


def checked(url: str, what: str) -> str:
    """Return an address that a secret holds, or raise ConfigurationError, which does not repeat it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 and url.isprintable() and " " not in url else ""
    except ValueError:
        host = ""
    if not host or not (_is_loopback(parts.scheme, host) or (parts.scheme == "https" and _is_public(host))):
        raise ConfigurationError(
            f"The secret of {what} does not hold one public address like https://example.com/hook."
        )
    return url


def _is_loopback(scheme: str, host: str) -> bool:
    return scheme in {"http", "https"} and host in _LOOPBACK


def _is_public(host: str) -> bool:
    """Return whether a host is a name, or a number that is of the internet: not of a network's own or a machine's."""
    try:
        number = ip_address(socket.inet_aton(host.rstrip(".")))  # in all the ways in which it can be written
    except OSError:
        try:
            number = ip_address(host)
        except ValueError:
            return True
    mapped = number.ipv4_mapped if isinstance(number, IPv6Address) else None
    number = mapped or number
    return number.is_global and not number.is_multicast


def _answered(
    url: str, body: bytes, headers: dict[str, str], seconds: float, answers: queue.SimpleQueue[Answer | Exception]
) -> None:
    answers.put(_tried(url, body, headers, seconds))


def _tried(url: str, body: bytes, headers: dict[str, str], seconds: float) -> Answer | Exception:
    import urllib3  # 30 ms that only a message to a channel pays for
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

    # What it warns of, as of headers that it cannot read, it says with the address.
    logging.getLogger("urllib3").propagate = False
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
