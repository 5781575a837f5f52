"""Where the file comes from: addresses of Git hosts, what HTTP answers, and the last good copy."""

import json
import ssl
import subprocess
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
from queries_world import MemoryLake
from urllib3.exceptions import ProtocolError

from deliverywatch.errors import ConfigurationError, SourceRefused, SourceThrottled, SourceUnavailable
from deliverywatch.queries.config import source
from deliverywatch.queries.config.file import Refused
from deliverywatch.queries.config.http_source import HttpSource
from deliverywatch.queries.config.source import COPY, Packaged, current, revision_of
from deliverywatch.queries.config.source_url import is_pinned, request

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://raw.githubusercontent.com/acme/queries/main/queries.json"
BODY = b'{"queries": {"daily": {"schedule": "rate(1 day)", "query": "SELECT 1"}}}'


@pytest.mark.parametrize(
    ("given", "token", "asked", "header"),
    [
        (URL, "", URL, None),
        (URL, "t", URL, ("Authorization", "Bearer t")),
        (f"{URL}?token=OLD", "t", URL, ("Authorization", "Bearer t")),
        ("https://github.com/acme/queries/blob/main/queries.json", "", URL, None),
        ("https://github.com/acme/queries/raw/main/queries.json", "", URL, None),
        ("https://gitlab.com/a/b/c/-/raw/main/q/x.json", "", "https://gitlab.com/a/b/c/-/raw/main/q/x.json", None),
        (
            "https://git.example.com/a/b/-/blob/main/q/x.json",
            "t",
            "https://git.example.com/api/v4/projects/a%2Fb/repository/files/q%2Fx.json/raw?ref=main",
            ("PRIVATE-TOKEN", "t"),
        ),
        (
            "https://gitlab.com/a/b/-/raw/refs/tags/v1/x.json",
            "t",
            "https://gitlab.com/api/v4/projects/a%2Fb/repository/files/x.json/raw?ref=v1",
            ("PRIVATE-TOKEN", "t"),
        ),
        ("https://bitbucket.org/a/b/src/main/x.json", "", "https://bitbucket.org/a/b/raw/main/x.json", None),
        (
            "https://bitbucket.org/a/b/raw/main/q/x.json",
            "t",
            "https://api.bitbucket.org/2.0/repositories/a/b/src/main/q/x.json",
            ("Authorization", "Bearer t"),
        ),
        ("https://files.example.com/x.json", "t", "https://files.example.com/x.json", ("Authorization", "Bearer t")),
    ],
)
def test_an_address_of_a_browser_leads_to_the_file(
    given: str, token: str, asked: str, header: tuple[str, str] | None
) -> None:
    wanted = request(given, token)
    assert wanted.url == asked
    secret = {name: value for name, value in wanted.headers.items() if name in ("Authorization", "PRIVATE-TOKEN")}
    assert secret == (dict([header]) if header else {})
    assert "Bearer" not in repr(wanted)
    assert "PRIVATE-TOKEN" not in repr(wanted)


@pytest.mark.parametrize("url", ["http://example.com/x", "https://user:pw@example.com/x", "ftp://x", "x.json", ""])
def test_an_address_that_is_not_safe_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="not an https URL"):
        request(url)


def test_a_commit_is_distinguished_from_a_branch() -> None:
    commit = "20bd3223a0b1c2d3e4f5061728394a5b6c7d8e9f"
    assert is_pinned(URL.replace("main", commit))
    assert not is_pinned(URL)


@dataclass
class Answer:
    status: int
    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Http:
    """Answers in turn; the last one again and again."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers, self.asked = list(answers), []  # type: ignore[var-annotated]

    def request(self, _: str, url: str, **options: Any) -> Any:
        self.asked.append((url, options["headers"]))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def git(*answers: Answer | Exception) -> tuple[HttpSource, Http, list[float]]:
    http, pauses = Http(*answers), []  # type: ignore[var-annotated]
    return HttpSource(URL, lambda: "secret", http, pauses.append), http, pauses


def test_the_file_comes_with_its_etag_and_the_revision_that_git_gives_it() -> None:
    fetched = git(Answer(200, b"hello\n", {"ETag": '"abc"'}))[0].fetch("")
    assert fetched is not None
    # echo hello | git hash-object --stdin
    assert (fetched.revision, fetched.etag) == ("ce013625030ba8dba906f756967f9e9ca394464a", '"abc"')


def test_an_unchanged_file_is_not_sent_again() -> None:
    client, http, _ = git(Answer(304))
    assert client.fetch('"abc"') is None
    assert http.asked[0][1]["If-None-Match"] == '"abc"'


@pytest.mark.parametrize("passing", [Answer(500), Answer(503), Answer(408), ProtocolError("reset")])
def test_what_passes_is_tried_again(passing: Answer | Exception) -> None:
    client, http, pauses = git(passing, passing, Answer(200, BODY))
    assert client.fetch("") is not None
    assert (len(http.asked), len(pauses)) == (3, 2)


def test_a_host_that_stays_away_is_unavailable_after_four_tries() -> None:
    client, http, _ = git(ProtocolError("reset"))
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        client.fetch("")
    assert len(http.asked) == 4


@pytest.mark.parametrize(
    ("answer", "tries"),
    [
        (Answer(429), 4),
        (Answer(429, headers={"Retry-After": "3600"}), 1),
        (Answer(403, headers={"X-RateLimit-Remaining": "0"}), 4),
    ],
)
def test_a_host_that_asks_for_patience_gets_it(answer: Answer, tries: int) -> None:
    client, http, pauses = git(answer)
    with pytest.raises(SourceThrottled):
        client.fetch("")
    assert len(http.asked) == tries
    assert all(pause <= 25 for pause in pauses)


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 410])
def test_what_will_not_pass_is_refused_at_once_without_the_token_in_the_sentence(status: int) -> None:
    client, http, _ = git(Answer(status))
    with pytest.raises(SourceRefused, match=f"HTTP {status}") as caught:
        client.fetch("")
    assert len(http.asked) == 1
    assert "secret" not in f"{caught.value} {caught.value.next_step}"


def test_a_web_page_is_not_the_file() -> None:
    with pytest.raises(SourceRefused, match="web page"):
        git(Answer(200, b"\n<!DOCTYPE html>"))[0].fetch("")


class Given:
    """A source that gives what it is told to."""

    def __init__(self, *results: bytes | Exception | None, url: str = URL) -> None:
        self.results, self.url, self.etags = list(results), url, []  # type: ignore[var-annotated]

    def fetch(self, etag: str) -> source.Fetched | None:
        self.etags.append(etag)
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return None if result is None else source.Fetched(result, revision_of(result), "etag")


def test_a_good_file_is_kept_with_its_revision() -> None:
    lake = MemoryLake()
    newest = current(Given(BODY), lake, "pn", NOW)
    kept = json.loads(lake.objects[COPY])
    assert list(newest.config.queries) == ["daily"]
    assert (kept["body"], kept["revision"], kept["source"]) == (BODY.decode(), revision_of(BODY), URL)


def test_an_unchanged_file_is_the_copy() -> None:
    lake, given = MemoryLake(), Given(BODY, None)
    current(given, lake, "pn", NOW)
    assert list(current(given, lake, "pn", NOW).config.queries) == ["daily"]
    assert given.etags == ["", "etag"]


def test_an_etag_of_another_url_is_not_sent() -> None:
    lake, other = MemoryLake(), Given(BODY, url="https://example.com/other.json")
    current(Given(BODY), lake, "pn", NOW)
    current(other, lake, "pn", NOW)
    assert other.etags == [""]


def test_a_source_that_cannot_be_had_leaves_the_last_good_copy() -> None:
    lake, given = MemoryLake(), Given(BODY, SourceUnavailable("down"))
    current(given, lake, "pn", NOW)
    before = dict(lake.objects)
    newest = current(given, lake, "pn", NOW)
    assert (list(newest.config.queries), str(newest.problem)) == (["daily"], "down")
    assert lake.objects == before


def test_without_a_copy_a_source_that_cannot_be_had_is_a_failure() -> None:
    with pytest.raises(SourceUnavailable):
        current(Given(SourceUnavailable("down")), MemoryLake(), "pn", NOW)


def test_a_wrong_file_leaves_the_copy_as_it_is() -> None:
    lake, given = MemoryLake(), Given(BODY, b'{"queries": {"daily": {}}}')
    current(given, lake, "pn", NOW)
    before = dict(lake.objects)
    with pytest.raises(Refused):
        current(given, lake, "pn", NOW)
    assert lake.objects == before


def test_a_damaged_copy_is_made_anew() -> None:
    lake = MemoryLake()
    lake.objects[COPY] = b"{"
    assert list(current(Given(BODY), lake, "pn", NOW).config.queries) == ["daily"]


def test_the_packaged_file_is_read_once_per_content(tmp_path: Path) -> None:
    path = tmp_path / "schedules.json"
    path.write_bytes(BODY)
    fetched = Packaged(path).fetch("")
    assert fetched is not None
    assert fetched.body == BODY
    assert Packaged(path).fetch(fetched.etag) is None


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[Answer], list[dict[str, str]]]]:
    """A Git host on loopback, with TLS: its address, what it will answer in turn, and what it was asked with."""
    folder, answers, asked = tmp_path_factory.mktemp("host"), [], []  # type: ignore[var-annotated]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            answer = answers.pop(0)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data)

        def log_message(self, *_: object) -> None:
            pass

    certificate = folder / "host.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-keyout", str(certificate), "-out", str(folder / "certificate.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run(command, check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + (folder / "certificate.pem").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}", answers, asked
        server.shutdown()


def test_over_the_wire_a_file_is_fetched_refused_unchanged_and_waited_for(
    host: tuple[str, list[Answer], list[dict[str, str]]],
) -> None:
    address, answers, asked = host
    pauses: list[float] = []
    with urllib3.PoolManager(cert_reqs="CERT_NONE", assert_hostname=False) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = HttpSource(f"{address}/a/b/-/raw/main/q.json", lambda: "glpat", pool, pauses.append)  # type: ignore[arg-type]
        answers += [Answer(429, headers={"Retry-After": "2"}), Answer(200, BODY, {"ETag": 'W/"1"'})]
        fetched = client.fetch("")
        assert fetched is not None
        assert (fetched.body, fetched.etag, asked[0]["PRIVATE-TOKEN"]) == (BODY, 'W/"1"', "glpat")
        assert 2 <= pauses[0] <= 2.5
        answers.append(Answer(304))
        assert client.fetch(fetched.etag) is None
        assert asked[-1]["If-None-Match"] == 'W/"1"'
        answers.append(Answer(302, headers={"Location": "https://elsewhere.example/login"}))
        with pytest.raises(SourceRefused, match="moved, or asks for a login"):
            client.fetch("")


def test_a_host_that_cannot_be_reached_is_unavailable() -> None:
    with urllib3.PoolManager() as pool, pytest.raises(SourceUnavailable, match="cannot be reached"):
        HttpSource("https://127.0.0.1:9/x.json", lambda: "", pool, lambda _: None).fetch("")  # type: ignore[arg-type]
