"""An HTTP server on 127.0.0.1 that takes POSTs, answers them as a service does, and has that service's bad days.

In a test: `with WebhookServer() as server: server.faults.append(Fault(429, retry_after="30"))`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass(frozen=True, slots=True)
class Request:
    """A POST as it came; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `is_late` for one that is given up by whoever waits for it."""

    status: int = 200
    body: bytes = b"ok"
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with the next request.

    Attributes:
        status: Answered instead of taking the message; 0 for the service's own answer.
        retry_after: The header of that name.
        is_silent: Whether the message is taken, and the answer never comes: a time-out after acceptance.
        is_cut: Whether the connection is closed without an answer, before the message is taken.
    """

    status: int = 0
    body: bytes = b""
    retry_after: str = ""
    is_silent: bool = False
    is_cut: bool = False


class Receiver:
    """A service on loopback, served by threads of this process.

    Attributes:
        requests: Everything that came, refused or not.
        faults: Of the next requests, in order.
    """

    def __init__(self, answer: Callable[[Request], Reply], port: int = 0) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self._answer = answer
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def reply(self, request: Request) -> Reply | None:
        """Return the answer to a request; None to close the connection."""
        with self._lock:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else Fault()
            if fault.is_cut:
                return None
            reply = _failed(fault) if fault.status else self._answer(request)
        if fault.is_silent:
            self._stopped.wait()
            return None
        return reply


def _failed(fault: Fault) -> Reply:
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    return Reply(fault.status, fault.body, headers=headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that went away; show anything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = receiver.reply(Request(self.path, headers, body))
            self.close_connection = True
            if reply is None:
                return
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Stay silent."""

    return Handler
