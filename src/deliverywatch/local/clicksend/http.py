"""A function from request to answer -> an HTTP/1.1 server on 127.0.0.1, a thread per connection.

http.server reads the requests; what is added is speed on kept-alive connections, ClickSend's rate-limit headers and
answers that break off.
"""

import sys
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

from deliverywatch.local.clicksend.answers import Answer, Drip

Answering = Callable[[str, str, Mapping[str, str]], Answer]

# Not enforced: no limit of the history is known. These are the headers that every answer of ClickSend carries.
_LIMIT_HEADERS = {"x-ratelimit-limit": "6000", "x-ratelimit-remaining": "5999", "ratelimit-reset": "60"}

# A drip ends when the client goes away, or with this process.
_ENDLESS_BYTES = 100_000
_DRIP_SECONDS = 0.02


class Server(ThreadingTCPServer):
    """Listens on 127.0.0.1 only; port 0 finds a free one."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answering: Answering) -> None:
        self.answering = answering
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that went away; show anything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "protected", ""

    # An answer leaves in one piece, and at once: together these save 40 ms per page on a kept-alive connection.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answering(self.command, self.path, headers)
        if answer.drip is not Drip.NONE:
            self._drip(answer)
            return
        self.send_response(answer.status)
        announced = {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body) + answer.missing_bytes),
        }
        for name, value in {**_LIMIT_HEADERS, **announced, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        # After a body that was not read, or one that is too short, the next request could not be separated from it.
        self.close_connection |= bool(answer.missing_bytes) or self.command != "GET"

    def _drip(self, answer: Answer) -> None:
        """Send a byte every while and never come to an end; whoever waits has to go away."""
        head = b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\nX-Slow: " % (answer.status, _ENDLESS_BYTES)
        self.wfile.write(head if answer.drip is Drip.HEADERS else head + b"yes\r\n\r\n")
        self.close_connection = True
        for _ in range(_ENDLESS_BYTES):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(_DRIP_SECONDS)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Stay silent."""
