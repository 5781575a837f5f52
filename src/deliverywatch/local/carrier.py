"""A history -> a ClickSend server on loopback: faithful to the documented protocol, and to what goes wrong with it.

By itself: `python -m deliverywatch.local.carrier`. In a test or demo: `with Carrier(Messages([...])) as carrier:`.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from deliverywatch.local import answers
from deliverywatch.local.answers import Answer, BadQueryError, Query
from deliverywatch.local.history import History, Message, Messages
from deliverywatch.local.misbehaviour import Fault, Misbehaviour, Misbehaviours
from deliverywatch.local.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PATH = "/v3/sms/history"


class Carrier:
    """A ClickSend server on 127.0.0.1, served by threads of this process; listens from `start` (or `with`) to `stop`.

    Attributes:
        history: What is shown.
        now: The moment of which it is shown, aware; None for the real time.
        username: The one user that is let in.
        api_key: That user's key.
        queries: What was asked for, in order of arrival.
        most_under_way: The largest number of requests that were answered at the same time.
    """

    def __init__(
        self,
        history: History | None = None,
        *,
        now: datetime | None = None,
        username: str = "demo",
        api_key: str = "demo-key",
        port: int = 0,
    ) -> None:
        self.history: History = Messages() if history is None else history
        self.now = now
        self.username, self.api_key = username, api_key
        self.queries: list[Query] = []
        self.most_under_way = 0
        self._under_way = 0
        self._misbehaviours = Misbehaviours()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = Server(port, self.answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The address without a path, as `DELIVERYWATCH_CLICKSEND_URL` wants it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop to answer, also what is being delayed."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def misbehave(
        self,
        fault: Fault,
        *,
        times: int | None = 1,
        page: int | None = None,
        retry_after: str | None = None,
        seconds: float = 30.0,
    ) -> None:
        """Order a fault.

        Args:
            fault: What to do wrong.
            times: With how many requests; None for all until `behave`.
            page: Only with requests of this page.
            retry_after: The header's text, for THROTTLED.
            seconds: For DELAY.
        """
        self._misbehaviours.order(Misbehaviour(fault, times, page, retry_after, seconds))

    def behave(self) -> None:
        """Forget all ordered faults."""
        self._misbehaviours.clear()

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer to one request; called by the server's threads, header names in lower case."""
        path, _, parameters = target.partition("?")
        # In this order: ClickSend answers 404 before it reads credentials.
        if method != "GET" or path != _PATH:
            return answers.not_found()
        if headers.get("authorization") != self._authorization():
            return answers.unauthorized()
        try:
            query = answers.parse_query(parameters)
        except BadQueryError as problem:
            return answers.bad_request(problem)
        with self._counted(query):
            return self._with_faults(query)

    def _authorization(self) -> str:
        return "Basic " + b64encode(f"{self.username}:{self.api_key}".encode()).decode()

    @contextmanager
    def _counted(self, query: Query) -> Iterator[None]:
        with self._lock:
            self.queries.append(query)
            self._under_way += 1
            self.most_under_way = max(self.most_under_way, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def _with_faults(self, query: Query) -> Answer:
        order = self._misbehaviours.take(query.page)
        if order is None:
            return self._page(query)
        if order.fault in _REFUSALS:
            return _REFUSALS[order.fault](order)
        if order.fault is Fault.DELAY:
            self._stopped.wait(order.seconds)
        elif order.fault in {Fault.APPEARS, Fault.VANISHES}:
            self._shift(query, order.fault)
        answer = self._page(query, surplus=1 if order.fault is Fault.WRONG_TOTAL else 0)
        return _damaged(answer, order.fault)

    def _page(self, query: Query, surplus: int = 0) -> Answer:
        return answers.page(query, self.history, self._moment(), surplus)

    def _moment(self) -> datetime:
        return self.now or datetime.now(UTC)

    def _shift(self, query: Query, fault: Fault) -> None:
        """Let a message appear or vanish at the begin of the range, so that all its pages shift."""
        if not isinstance(self.history, Messages):
            raise TypeError("Only a history of given messages can shift.")
        with self._lock:
            first = self.history.between(query.date_from, query.date_to, self._moment())[0]
            if fault is Fault.VANISHES:
                self.history.remove(first)
            else:
                sent_at = datetime.fromtimestamp(query.date_from, UTC) + timedelta(seconds=1)
                self.history.add(Message(f"APPEARED-{len(self.queries)}", sent_at))


_REFUSALS: dict[Fault, Callable[[Misbehaviour], Answer]] = {
    Fault.UNAUTHORIZED: lambda _: answers.unauthorized(),
    Fault.FORBIDDEN: lambda _: answers.forbidden(),
    Fault.THROTTLED: lambda order: answers.throttled(order.retry_after),
    Fault.SERVER_ERROR: lambda _: answers.server_error(),
    Fault.BAD_GATEWAY: lambda _: answers.bad_gateway(),
    Fault.ERROR_INSIDE: lambda _: replace(answers.server_error(), status=200),
    Fault.REDIRECT: lambda _: Answer(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}),
}


def _damaged(answer: Answer, fault: Fault) -> Answer:
    half = answer.body[: len(answer.body) // 2]
    if fault is Fault.TRUNCATED:
        return replace(answer, body=half)
    if fault is Fault.CUT_OFF:
        return replace(answer, body=half, missing_bytes=len(answer.body) - len(half))
    return replace(answer, body=b"") if fault is Fault.EMPTY else answer
