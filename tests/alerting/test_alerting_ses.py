"""SES over a real connection to a server on this machine that answers late, not at all, or that it is busy."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from alerting_fakes import World, at, message
from botocore.config import Config

from deliverywatch.alerting import aws as adapters
from deliverywatch.alerting.aws import Ses
from deliverywatch.errors import MailUnavailable

Answer = Callable[[BaseHTTPRequestHandler], None]
RAW = b"Subject: x\r\n\r\nbody"


@dataclass
class Server:
    """An SES whose answers a test lists; after the last one it takes every mail."""

    answers: list[Answer] = field(default_factory=list)
    taken: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers["Content-Length"]))
        self.taken += 1
        (self.answers.pop(0) if self.answers else accept)(request)


def reply(request: BaseHTTPRequestHandler, status: int, body: dict[str, str], error: str = "") -> None:
    content = json.dumps(body).encode()
    request.send_response(status)
    if error:
        request.send_header("x-amzn-ErrorType", error)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def accept(request: BaseHTTPRequestHandler) -> None:
    reply(request, 200, {"MessageId": "x"})


def throttle(request: BaseHTTPRequestHandler) -> None:
    reply(request, 429, {"message": "Maximum sending rate exceeded."}, "TooManyRequestsException")


def fail(request: BaseHTTPRequestHandler) -> None:
    reply(request, 500, {"message": "internal"}, "InternalFailure")


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    ses = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ses.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    variables = {"ENDPOINT_URL": f"http://127.0.0.1:{listener.server_port}", "DEFAULT_REGION": "us-east-1"}
    for name, value in (variables | {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(adapters, "_SEND_PAUSES_SECONDS", (0, 0))
    yield ses
    ses.is_over.set()
    listener.shutdown()
    listener.server_close()


def test_an_ses_that_answers_too_late_is_given_the_mail_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = adapters._SEND_CONFIG.merge(Config(read_timeout=0.2))
    monkeypatch.setattr(adapters, "_SEND_CONFIG", impatient)
    server.answers = [lambda _: server.is_over.wait() and None] * 4
    with pytest.raises(MailUnavailable, match="Read timeout"):
        Ses().send(RAW, "a@example.com", ["b@example.com"])
    assert server.taken == 1


@pytest.mark.parametrize("answer", [fail, hang_up])
def test_an_answer_that_leaves_open_whether_the_mail_was_taken_repeats_nothing(server: Server, answer: Answer) -> None:
    server.answers = [answer]
    with pytest.raises(MailUnavailable):
        Ses().send(RAW, "a@example.com", ["b@example.com"])
    assert server.taken == 1


def test_a_mail_that_was_certainly_not_taken_is_sent_again(server: Server) -> None:
    server.answers = [throttle, throttle]
    assert Ses().send(RAW, "a@example.com", ["b@example.com"]) == "x"
    assert server.taken == 3


def test_a_throttled_mail_is_given_up_after_the_third_try(server: Server) -> None:
    server.answers = [throttle] * 9
    with pytest.raises(MailUnavailable, match="Maximum sending rate"):
        Ses().send(RAW, "a@example.com", ["b@example.com"])
    assert server.taken == 3


def test_the_news_of_a_mail_that_ses_may_have_goes_to_the_fallback_topic_once(server: Server) -> None:
    server.answers = [hang_up]
    world = World()
    world.ses.send = Ses().send  # type: ignore[method-assign]
    world.alarm("sms-critical", "ALARM", "12:04")
    world.tell(message("sms-critical", "ALARM", "12:04"))
    world.sweep(at("12:14"))
    assert (server.taken, len(world.ses.texts)) == (1, 1)
