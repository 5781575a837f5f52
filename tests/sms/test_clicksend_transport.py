"""What stands between us and ClickSend is said in words, and no answer takes longer or more memory than it may."""

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from clicksend_world import API_KEY, END, client, ids, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deliverywatch.errors import ConfigurationError, DeliveryWatchError, SourceMalformed, SourceUnavailable
from deliverywatch.local.clicksend.faults import Fault
from deliverywatch.local.clicksend.history import Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.sms.clicksend.credentials import Credentials
from deliverywatch.sms.clicksend.transport import Transport, checked_address, proxy_of

CREDENTIALS = Credentials("somebody", API_KEY)


@pytest.fixture
def clicksend() -> Iterator[ClickSendServer]:
    with ClickSendServer(Messages(messages(7)), now=END, username="somebody", api_key=API_KEY) as clicksend:
        yield clicksend


def failure_of(url: str, proxies: dict[str, str] | None = None, seconds: float = 5.0) -> DeliveryWatchError:
    with pytest.raises(DeliveryWatchError) as raised:
        Transport(CREDENTIALS, url, proxies=proxies or {}).get("/v3/sms/history", {}, seconds, seconds)
    assert API_KEY not in str(raised.value)
    return raised.value


@pytest.mark.parametrize("fault", [Fault.DRIP, Fault.DRIP_HEADERS])
def test_an_answer_that_drips_has_one_deadline(clicksend: ClickSendServer, fault: Fault) -> None:
    clicksend.add_fault(fault, times=None)
    error = failure_of(clicksend.url, seconds=0.3)
    assert str(error) == "ClickSend is not available: it did not answer in full within 0.3 s."


def test_a_drip_ends_before_the_run_does_and_the_next_answer_is_read(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.DRIP, times=2)
    assert len(ids(client(clicksend, answer_seconds=0.2))) == 7


def test_a_compressed_answer_is_inflated(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.GZIP, times=None)
    assert len(ids(client(clicksend))) == 7


def test_a_compressed_answer_is_inflated_up_to_a_limit(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.GZIP_BOMB, times=None)
    with pytest.raises(SourceMalformed, match="larger than 16 MB"):
        ids(client(clicksend))


@pytest.mark.parametrize("address", ["{}/v3", "{}/v3/", "{}/", " {}\n"])
def test_an_address_may_end_in_the_version(clicksend: ClickSendServer, address: str) -> None:
    assert len(ids(client(clicksend, url=address.format(clicksend.url)))) == 7


def test_an_address_keeps_any_other_path() -> None:
    assert checked_address("https://x.example/gateway/") == "https://x.example/gateway"


def test_a_connection_that_is_refused_is_said_to_be() -> None:
    error = failure_of("http://127.0.0.1:9")
    assert (error.kind, "127.0.0.1:9 refuses the connection" in str(error)) == ("no-connection", True)
    assert "NAT gateway" in error.next_step


def test_a_name_that_does_not_exist_is_said_not_to() -> None:
    error = failure_of("https://clicksend.invalid")
    assert (error.kind, str(error)) == (
        "dns",
        "The name of clicksend.invalid cannot be resolved: there is no such host, or no DNS.",
    )


@contextmanager
def secure_server(folder: Path) -> Iterator[int]:
    """A server on loopback whose certificate nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    both = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(both)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    with served(BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        yield server.server_port


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def test_a_certificate_that_nobody_knows_is_said_to_be_one(tmp_path: Path) -> None:
    with secure_server(tmp_path) as port:
        error = failure_of(f"https://localhost:{port}")
    assert error.kind == "certificate"
    assert "the certificate is not to be trusted (self-signed certificate)" in str(error)
    assert "SSL_CERT_FILE" in error.next_step


def test_a_server_without_encryption_is_said_to_have_none(clicksend: ClickSendServer) -> None:
    error = failure_of(clicksend.url.replace("http", "https"))
    assert error.kind == "certificate"
    assert "no encrypted connection comes about" in str(error)


class AskingProxy(BaseHTTPRequestHandler):
    """A proxy that wants a password."""

    asked: list[tuple[str, str | None]] = []  # noqa: RUF012 (the class is made anew by no test)

    def do_CONNECT(self) -> None:
        self.asked.append((self.path, self.headers.get("Proxy-Authorization")))
        self.send_response(407, "Proxy Authentication Required")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_a_proxy_of_the_environment_is_used_and_what_it_lacks_is_said() -> None:
    AskingProxy.asked.clear()
    with served(AskingProxy) as proxy:
        address = f"http://us%40er:secret@127.0.0.1:{proxy.server_port}"
        error = failure_of("https://rest.clicksend.invalid", {"https": address})
    assert AskingProxy.asked == [("rest.clicksend.invalid:443", "Basic dXNAZXI6c2VjcmV0")]
    assert error.kind == "proxy"
    assert "The proxy 127.0.0.1 does not lead to rest.clicksend.invalid: it wants a user name and password" in str(
        error
    )
    assert "secret" not in str(error) + error.next_step


class DrippingProxy(BaseHTTPRequestHandler):
    """A proxy that never comes to the end of its answer."""

    def do_CONNECT(self) -> None:
        with suppress(OSError):
            for _ in range(10_000):
                self.wfile.write(b"H")
                self.wfile.flush()
                time.sleep(0.02)

    def log_message(self, *_: object) -> None: ...


def test_a_proxy_that_drips_has_the_same_deadline() -> None:
    with served(DrippingProxy) as proxy:
        address = f"127.0.0.1:{proxy.server_port}"
        error = failure_of("https://rest.clicksend.invalid", {"https": address}, seconds=0.3)
    assert "did not answer in full within 0.3 s" in str(error)


def test_a_proxy_that_is_away_is_said_to_be() -> None:
    error = failure_of("https://rest.clicksend.invalid", {"https": "127.0.0.1:9"})
    assert (error.kind, "it cannot be reached or refuses" in str(error)) == ("proxy", True)


@pytest.mark.parametrize(
    ("proxies", "proxy"),
    [
        ({}, None),
        ({"http": "http://p:1"}, None),
        ({"https": "http://p:1"}, "http://p:1"),
        ({"https": "p:1"}, "http://p:1"),
        ({"all": "http://p:1"}, "http://p:1"),
        ({"https": "http://p:1", "no": "rest.clicksend.com"}, None),
        ({"https": "http://p:1", "no": "localhost, .clicksend.com"}, None),
        ({"https": "http://p:1", "no": "*"}, None),
        ({"https": "http://p:1", "no": "send.com,"}, "http://p:1"),
    ],
)
def test_a_proxy_is_chosen_as_other_tools_do(proxies: dict[str, str], proxy: str | None) -> None:
    assert proxy_of("https://rest.clicksend.com", proxies) == proxy


def test_this_machine_is_reached_without_a_proxy() -> None:
    assert proxy_of("http://127.0.0.1:8080", {"http": "http://p:1", "all": "http://p:1"}) is None


@pytest.mark.parametrize("proxy", ["socks5://p:1", "ftp://p", "http://"])
def test_a_proxy_that_cannot_be_used_is_refused_in_words(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="only http and https work") as raised:
        proxy_of("https://rest.clicksend.com", {"all": proxy})
    assert "NO_PROXY" in raised.value.next_step


@pytest.mark.parametrize("key", ["k-1", " k-1\n", "\ufeffk-1\r\n", "k-\n1"])
def test_a_key_is_stripped_of_blanks_and_line_ends_wherever_it_comes_from(key: str) -> None:
    credentials = Credentials("\tsome one \n", key)
    assert (credentials.username, credentials.api_key) == ("some one", "k-1")


def hang_up(listening: socket.socket) -> None:
    listening.accept()[0].close()


def test_a_server_that_hangs_up_is_said_to_be_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=hang_up, args=(listening,), daemon=True).start()
        error = failure_of(f"http://127.0.0.1:{listening.getsockname()[1]}")
    assert (type(error), error.kind) == (SourceUnavailable, "unavailable")
