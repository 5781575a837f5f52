"""A history -> a ClickSend server on loopback: faithful to the documented protocol, and to what goes wrong with it.

By itself: `python -m deliverywatch.local.clicksend.server`; in a test: `with ClickSendServer(Messages([...])) as s:`.
"""

import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Self

import click

from deliverywatch.local.clicksend import answers
from deliverywatch.local.clicksend.answers import Answer, BadQueryError, Query, Wallet
from deliverywatch.local.clicksend.bulk import Bulk
from deliverywatch.local.clicksend.faults import Fault, PlannedFault, damaged, refusal
from deliverywatch.local.clicksend.history import History, Message, Messages, Shape
from deliverywatch.local.clicksend.http import Server
from deliverywatch.local.clicksend.listings import listing_of
from deliverywatch.local.clicksend.traffic import day as day_of_messages

_PATH = "/v3/sms/history"
_ACCOUNT = "/v3/account"
_DAY = timedelta(days=1)


class ClickSendServer:
    """A ClickSend server on 127.0.0.1, served by threads of this process; listens from `start` (or `with`) to `stop`.

    It shows its history as at `now` (aware; None for the real time) to one user.

    Attributes:
        wallet: What the account can pay with; to top it up, replace it.
        account_answer: Is answered instead of the account, if set.
        queries: The requests for history in order of arrival.
        account_queries: How often the account was read.
        most_under_way: The largest number of requests for history that were answered at the same time.
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
        self.wallet = Wallet()
        self.account_answer: Answer | None = None
        self.queries: list[Query] = []
        self.account_queries = 0
        self.most_under_way = 0
        self._under_way = 0
        self._faults: list[PlannedFault] = []
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

    def add_fault(
        self,
        fault: Fault,
        *,
        times: int | None = 1,
        page: int | None = None,
        retry_after: str | None = None,
        seconds: float = 30.0,
    ) -> None:
        """Answer requests to come wrongly, as `PlannedFault` says, after the faults that are planned already."""
        with self._lock:
            self._faults.append(PlannedFault(fault, times, page, retry_after, seconds))

    def clear_faults(self) -> None:
        """Forget all planned faults."""
        with self._lock:
            self._faults.clear()

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer to one request; called by the server's threads, header names in lower case."""
        path, _, parameters = target.partition("?")
        # In this order: ClickSend answers 404 before it reads credentials.
        if method != "GET" or path not in (_PATH, _ACCOUNT):
            return answers.NOT_FOUND
        if headers.get("authorization") != self._authorization():
            return answers.UNAUTHORIZED
        if path == _ACCOUNT:
            return self._account()
        try:
            query = answers.parse_query(parameters)
        except BadQueryError as problem:
            return answers.bad_request(problem)
        with self._counted(query):
            return self._with_faults(query)

    def _account(self) -> Answer:
        self.account_queries += 1
        left = self.wallet.left(self.history, self._time())
        return self.account_answer or answers.account(self.username, self.api_key, self.wallet, left)

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
        planned = self._planned_fault(query.page)
        if planned is None:
            return answers.page(query, self.history, self._time())
        if planned.fault is Fault.DELAY:
            self._stopped.wait(planned.seconds)
        elif planned.fault in {Fault.APPEARS, Fault.VANISHES}:
            self._shift(query, planned.fault)
        return refusal(planned) or damaged(self._page(query, planned.fault), planned.fault)

    def _planned_fault(self, page: int) -> PlannedFault | None:
        """Return the first fault for a request of this page and count it as done once."""
        with self._lock:
            planned = next((fault for fault in self._faults if fault.page in {None, page}), None)
            if planned and planned.times is not None:
                planned.times -= 1
                if planned.times == 0:
                    self._faults.remove(planned)
            return planned

    def _page(self, query: Query, fault: Fault) -> Answer:
        now = self._time()
        matching = self.history.between(query.date_from, query.date_to, now)
        listing = listing_of(fault, query, self.history, matching, len(self.queries))
        return answers.page(query, self.history, now, listing)

    def _time(self) -> datetime:
        return self.now or datetime.now(UTC)

    def _shift(self, query: Query, fault: Fault) -> None:
        """Let a message appear or vanish at the begin of the range, so that all its pages shift."""
        if not isinstance(self.history, Messages):
            raise TypeError("Only a history of given messages can shift.")
        with self._lock:
            first = self.history.between(query.date_from, query.date_to, self._time())[0]
            if fault is Fault.VANISHES:
                self.history.remove(first)
            else:
                sent_at = datetime.fromtimestamp(query.date_from, UTC) + timedelta(seconds=1)
                self.history.add(Message(f"APPEARED-{len(self.queries)}", sent_at))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; by default a free one.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="First day of sending, UTC; by default yesterday.")
@click.option("--messages", type=click.IntRange(1), help="So many messages, evenly, instead of a day with an incident.")
@click.option(
    "--hours", type=click.FloatRange(0.1), default=24, show_default=True, help="Spread --messages over these."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same messages.")
@click.option("--old-rows", is_flag=True, help="Answer the row shape of ClickSend's older documents.")
@click.option("--balance", type=float, default=42.5, show_default=True, help="Credit, before what is sent from now on.")
@click.option("--username", default="demo", show_default=True, help="The user that is let in.")
@click.option("--api-key", default="demo-key", show_default=True, help="That user's key.")
def main(
    *,
    port: int,
    day: datetime | None,
    messages: int | None,
    hours: float,
    seed: int,
    old_rows: bool,
    balance: float,
    username: str,
    api_key: str,
) -> None:
    """Serve synthetic messages as ClickSend's SMS history, on this machine only, until interrupted.

    The first line of output is the address for DELIVERYWATCH_CLICKSEND_URL. Messages appear and change in real time.
    """
    midnight = (day or datetime.now(UTC) - _DAY).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    shape = Shape.OLD if old_rows else Shape.CURRENT
    history = Bulk(midnight, hours, messages, seed) if messages else Messages(day_of_messages(midnight, seed), shape)
    with ClickSendServer(history, username=username, api_key=api_key, port=port) as server:
        server.wallet = Wallet(balance, spends_from=datetime.now(UTC))
        click.echo(server.url)
        click.echo(f"Messages of {midnight:%Y-%m-%d} for user {username}; stop with Ctrl-C.", err=True)
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


if __name__ == "__main__":
    main()
