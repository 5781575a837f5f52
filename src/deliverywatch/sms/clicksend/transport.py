"""A GET of ClickSend's API -> its answer, or an error that says what is in the way and what to do about it.

An answer has one deadline from the request to its last byte, however steadily it drips, and one limit in bytes, before
and after it is inflated. A proxy that the environment names is used, or refused in words.
"""

from __future__ import annotations

import socket
import ssl
import threading
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from deliverywatch.errors import ConfigurationError, SourceMalformed, SourceUnavailable

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

    from deliverywatch.sms.clicksend.credentials import Credentials

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}

# A page of 100 messages has 100 KB. Eight may be in memory at once, each as text and as rows.
_MOST_BYTES = 16_000_000

_VERSION = "/v3"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came; `body` is inflated, `retry_after` as the header has it."""

    status: int
    body: bytes
    retry_after: str | None = None


class Transport:
    """A client of one address; safe to use from several threads."""

    def __init__(
        self,
        credentials: Credentials,
        base_url: str,
        *,
        connections: int = 1,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            credentials: Sent with HTTP Basic authentication, to this address only.
            base_url: Address without path, or with that of the version; https, or http to this machine.
            connections: Most connections that are kept.
            proxies: Proxies by scheme, and exceptions as `no`; those of the environment if none are given.

        Raises:
            ConfigurationError: The address would send the key in clear text or is none, or the proxy cannot be used.
        """
        self._url = checked_address(base_url)
        self._host = urlsplit(self._url).netloc  # never credentials: such an address is refused
        self._proxy = proxy_of(self._url, getproxies() if proxies is None else proxies)
        options = {"maxsize": connections, "headers": headers(credentials), "retries": False}
        self._http = _manager(self._proxy, options)
        self._http.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def get(self, path: str, fields: Mapping[str, str], connect_seconds: float, answer_seconds: float) -> Answer:
        """Return the answer whole.

        Args:
            path: Below the address, with the version.
            fields: Parameters of the query.
            connect_seconds: Time-out of a connection.
            answer_seconds: From the request to the last byte of the answer.

        Raises:
            SourceUnavailable: There is no way to ClickSend, or no whole answer in time.
            SourceMalformed: The answer is too large, or compressed in a way that nobody asked for.
        """
        timeout = urllib3.Timeout(connect=connect_seconds, read=answer_seconds)
        with _deadline(answer_seconds) as deadline:
            try:
                # Neither retried nor redirected: pauses have a budget, and the key stays with one address.
                response = self._http.request(
                    "GET",
                    self._url + path,
                    fields=fields,
                    timeout=timeout,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                raw = _received(response)
            except (HTTPError, OSError) as error:
                raise self._explained(error, connect_seconds, answer_seconds, is_late=deadline.is_over) from error
        if deadline.is_over:
            raise _late(answer_seconds)
        return Answer(response.status, _inflated(raw, response), response.headers.get("Retry-After"))

    def _explained(
        self, error: Exception, connect_seconds: float, answer_seconds: float, *, is_late: bool
    ) -> SourceUnavailable:
        host = self._host
        if is_late or isinstance(error, ReadTimeoutError):
            return _late(answer_seconds)
        if isinstance(error, ProxyError):
            return _proxy_error(error, urlsplit(self._proxy or "").hostname or "", host)
        if isinstance(error, SSLError):
            return _certificate_error(error, host)
        if isinstance(error, NameResolutionError):
            return SourceUnavailable(
                f"The name of {host} cannot be resolved: there is no such host, or no DNS.",
                kind="dns",
                next_step="Check ClickSendUrl. A function in a VPC needs DNS and a way to the internet, a NAT gateway.",
            )
        if isinstance(error, NewConnectionError | ConnectTimeoutError):
            refused = isinstance(error.__cause__, ConnectionRefusedError)
            how = "refuses the connection" if refused else f"gave no connection within {connect_seconds:g} s"
            return SourceUnavailable(
                f"{host} {how}: the connection to {host} failed.",
                kind="no-connection",
                next_step="Check ClickSendUrl, and what stands between: a firewall, a VPC without a NAT gateway.",
            )
        return SourceUnavailable(
            f"ClickSend is not available: the connection to {host} failed ({type(error).__name__})."
        )


def headers(credentials: Credentials) -> dict[str, str]:
    """Return what every request carries."""
    # Not urllib3's make_headers: it encodes as Latin-1 and fails on other letters.
    pair = b64encode(f"{credentials.username}:{credentials.api_key}".encode()).decode()
    # ClickSend asks for a content type, though a GET has no content.
    return {"Authorization": f"Basic {pair}", "Content-Type": "application/json", "User-Agent": "DeliveryWatch"}


def checked_address(base_url: str) -> str:
    """Return an address without a slash or a version at its end.

    Raises:
        ConfigurationError: It would send the key in clear text, or is none.
    """
    base_url = base_url.strip()
    try:
        address = urlsplit(base_url)
        named = address.hostname and address.port != 0 and not (address.query or address.fragment)
    except ValueError:
        named = None
    if not named or address.scheme not in {"https", "http"}:
        raise ConfigurationError("The ClickSend address is not one like https://rest.clicksend.com.")
    if address.username is not None or address.password is not None:
        raise ConfigurationError("The ClickSend address holds credentials; they belong into their own settings.")
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise ConfigurationError("The ClickSend address is not https, so that the API key would travel in clear text.")
    return base_url.rstrip("/").removesuffix(_VERSION).rstrip("/")


def proxy_of(url: str, proxies: Mapping[str, str]) -> str | None:
    """Return the proxy through which an address is reached; none for this machine and for exceptions.

    Raises:
        ConfigurationError: The proxy is of a kind that cannot be used.
    """
    address = urlsplit(url)
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if not proxy or _goes_direct(address.hostname or "", proxies.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    kind = proxy.partition("://")[0].lower()
    if kind not in {"http", "https"} or not urlsplit(proxy).hostname:
        raise ConfigurationError(
            f"The environment names a proxy of the kind {kind[:20]!r} for {address.netloc}; only http and https work.",
            next_step=f"Set HTTPS_PROXY to an address like http://proxy:3128, or add {address.hostname} to NO_PROXY.",
        )
    return proxy


def _goes_direct(host: str, exceptions: str) -> bool:
    """Whether a host is this machine or one of the exceptions: names, or ends of names, or `*` for all."""
    names = [name.strip().lower().lstrip(".") for name in exceptions.split(",")]
    is_exception = any(name == "*" or host == name or host.endswith(f".{name}") for name in names if name)
    return host in _LOOPBACK or is_exception


def _manager(proxy: str | None, options: dict[str, Any]) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(**options)
    address = urlsplit(proxy)
    pair = f"{unquote(address.username or '')}:{unquote(address.password or '')}"
    secret = {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"} if address.username else {}
    return urllib3.ProxyManager(
        f"{address.scheme}://{address.netloc.rpartition('@')[2]}", proxy_headers=secret, **options
    )


def _late(seconds: float) -> SourceUnavailable:
    return SourceUnavailable(f"ClickSend is not available: it did not answer in full within {seconds:g} s.")


def _proxy_error(error: ProxyError, proxy: str, host: str) -> SourceUnavailable:
    # http.client's words for an answer of the proxy, such as "Tunnel connection failed: 407 Proxy Authentication".
    cause = str(error.original_error)
    reason = "it wants a user name and password (407)" if " 407 " in cause else "it cannot be reached or refuses"
    return SourceUnavailable(
        f"The proxy {proxy} does not lead to {host}: {reason}.",
        kind="proxy",
        next_step=f"Check HTTPS_PROXY in the environment, or add {host} to NO_PROXY to go without it.",
    )


def _certificate_error(error: SSLError, host: str) -> SourceUnavailable:
    cause = error.args[0] if error.args else None
    is_certificate = isinstance(cause, ssl.SSLCertVerificationError)
    reason = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else type(cause).__name__
    fault = "the certificate is not to be trusted" if is_certificate else "no encrypted connection comes about"
    return SourceUnavailable(
        f"The connection to {host} was given up before the key was sent: {fault} ({str(reason)[:200]}).",
        kind="certificate",
        next_step="Check ClickSendUrl and the clock. Behind a company's proxy that reads along, name the file with its "
        "certificate authority in SSL_CERT_FILE.",
    )


def _received(response: BaseHTTPResponse) -> bytes:
    """Return the body as it came, and keep the connection if that was all of it."""
    raw = response.read(_MOST_BYTES + 1, decode_content=False)
    if len(raw) > _MOST_BYTES:
        response.close()
        raise _too_large()
    response.release_conn()
    return raw


def _inflated(raw: bytes, response: BaseHTTPResponse) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"", "identity"} or not raw:
        return raw
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise SourceMalformed("ClickSend's answer is compressed in a way that nobody asked for.")
    # Either header, of gzip or of zlib.
    inflating = zlib.decompressobj(wbits=47)
    try:
        body = inflating.decompress(raw, _MOST_BYTES + 1)
    except zlib.error:
        raise SourceUnavailable("ClickSend is not available: its compressed answer is damaged.") from None
    if len(body) > _MOST_BYTES:
        raise _too_large()
    if not inflating.eof:
        raise SourceUnavailable("ClickSend is not available: its compressed answer is truncated.")
    return body


def _too_large() -> SourceMalformed:
    return SourceMalformed(f"ClickSend's answer is larger than {_MOST_BYTES // 1_000_000} MB.")


class _Deadline:
    """Ends a request by shutting its socket down, whatever is being received: time-outs count from byte to byte."""

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.is_over = False

    def end(self) -> None:
        """Shut the socket down; the thread that receives gets an end of file or an error at once."""
        self.is_over = True
        if self.sock is not None:
            with suppress(OSError):
                # Not SSLSocket's own, which would take the encryption away under the other thread.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


_request = threading.local()


@contextmanager
def _deadline(seconds: float) -> Iterator[_Deadline]:
    _request.deadline = deadline = _Deadline()
    timer = threading.Timer(seconds, deadline.end)
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()
        _request.deadline = None


class _Watched:
    """Tells the deadline of the thread's request which socket it is about: from the first byte, also to a proxy."""

    sock: Any

    def _new_conn(self) -> socket.socket:
        opened: socket.socket = super()._new_conn()  # type: ignore[misc]
        _watch(opened)
        return opened

    def request(self, *args: Any, **options: Any) -> None:
        super().request(*args, **options)  # type: ignore[misc]
        # Another one than was opened, if it was encrypted since, or kept from an earlier request.
        _watch(self.sock)


def _watch(sock: socket.socket) -> None:
    if deadline := getattr(_request, "deadline", None):
        deadline.sock = sock


class _Connection(_Watched, HTTPConnection):
    """To this machine, or to a proxy."""


class _SecureConnection(_Watched, HTTPSConnection):
    """To ClickSend."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
