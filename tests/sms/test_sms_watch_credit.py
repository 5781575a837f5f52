"""A run reads the balance once an hour, beside its work, and keeps it; no failure of that stops the run."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sms_world import NOW, World, at, row

from deliverywatch.errors import SourceRefused, SourceThrottled, SourceUnavailable, StoreUnavailable
from deliverywatch.local.clicksend import answers
from deliverywatch.local.clicksend.answers import Answer, Wallet
from deliverywatch.local.clicksend.history import Message, Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.sms import aws
from deliverywatch.sms.assessments.balances import KEY
from deliverywatch.sms.clicksend.credit import Credit
from deliverywatch.sms.handle_ingest import handler

SLOT, HOUR = timedelta(minutes=10), timedelta(hours=1)


class Account:
    """An account whose balance falls by one with each reading, and that can refuse to be read."""

    def __init__(self, balance: float = 100.0) -> None:
        self.balance = balance
        self.readings = 0
        self.error: Exception | None = None

    def __call__(self) -> Credit:
        self.readings += 1
        if self.error:
            raise self.error
        self.balance -= 1
        return Credit(self.balance, 5.0, is_active=True, recharges=False)


def world(account: Account) -> World:
    return World(credit=account)


def kept(made: World) -> dict[str, Any]:
    return json.loads(made.store.objects[KEY])  # type: ignore[no-any-return]


def verdict(made: World) -> tuple[str, str]:
    left = made.context()["assessments"]["sms-credit"]
    return left["verdict"], left["opens"]


def test_the_balance_is_read_once_an_hour() -> None:
    account = Account()
    made = world(account)
    for number in range(13):
        made.run(NOW + number * SLOT)
    assert account.readings == 3
    assert [item["balance"] for item in kept(made)["balances"]] == [99.0, 98.0, 97.0]


def test_a_credit_that_ends_is_a_notice_and_a_verdict() -> None:
    made = world(Account(60.0))
    for number in range(25):
        made.run(NOW + number * HOUR)
    assert verdict(made) == ("failing", "warning")
    levels = [notice.level.value for notice in made.notices if notice.watch == "sms-credit"]
    assert levels[0] == "ok" and levels[-1] == "warning"


def test_a_message_that_is_refused_for_credit_is_critical_at_once() -> None:
    made = world(Account())
    made.history.rows = [row("M1", at("12:05"), status="INSUFFICIENT_CREDIT", status_code=None)]
    made.run()
    assert verdict(made) == ("failing", "critical")


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable("ClickSend is away."),
        SourceThrottled("Too many."),
        SourceRefused("No access."),
        ValueError("KEY-0123-SECRET"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_balance_that_cannot_be_read_is_noted_and_read_by_the_next_run(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account()
    account.error = error
    made = world(account)
    made.history.rows = [row("M1", at("12:05"))]
    assert made.run().new_count == 1
    assert made.run_count() == 1
    assert kept(made)["unread"]["since"] == "2026-11-21T12:10:00Z"
    assert "SECRET" not in caplog.text + json.dumps(kept(made))
    account.error = None
    made.run(NOW + SLOT)
    assert (account.readings, kept(made)["unread"], len(kept(made)["balances"])) == (2, None, 1)


def test_a_day_without_a_balance_is_blind() -> None:
    account = Account()
    account.error = SourceRefused("This user may not read the account.")
    made = world(account)
    for number in range(25):
        made.run(NOW + number * HOUR)
    assert verdict(made) == ("blind", "blind")
    assert "This user may not read the account." in made.context()["assessments"]["sms-credit"]["sentence"]


def test_without_time_the_balance_waits_for_the_next_run() -> None:
    account = Account()
    made = world(account)
    made.seconds_left = 45.0
    made.run()
    assert (account.readings, made.run_count()) == (0, 1)


def test_where_nobody_watches_the_credit_nothing_is_read_and_that_is_said() -> None:
    made = World()
    made.run()
    assert KEY not in made.store.objects
    assert verdict(made) == ("too_little", "ok")


@pytest.mark.parametrize("operation", ["read", "replace"])
def test_a_store_that_fails_costs_the_balance_and_not_the_run(operation: str) -> None:
    made = world(Account())

    def broken(step: str, key: str) -> None:
        if key == KEY and step == operation:
            raise StoreUnavailable("S3 is away.")

    made.store.before = broken
    made.run()
    assert made.run_count() == 1
    assert verdict(made)[0] in ("blind", "too_little")


def test_balances_that_cannot_be_read_are_set_aside_and_begun_anew() -> None:
    made = world(Account())
    made.store.write(KEY, b"half a docu")
    made.run()
    assert made.store.objects[f"damaged/{KEY}"] == b"half a docu"
    assert len(kept(made)["balances"]) == 1


@dataclass
class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 600_000


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ClickSendServer, Callable[[datetime], None], Any]]:
    """A ClickSend account that spends, and the function that watches it."""
    aws.account.cache_clear()
    # Before moto, which has a key of its own that would be put back after it.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    now = NOW.replace(minute=0)
    history = Messages([Message(f"M{number}", now + number * SLOT) for number in range(60)])
    with ClickSendServer(history, now=now, username="jo-the-user", api_key="KEY-0123-SECRET") as server, mock_aws():
        server.wallet = Wallet(3.0, spends_from=now)
        values = {"ENVIRONMENT": "test", "BUCKET": "lake", "CREDENTIALS": "/clicksend", "CLICKSEND_URL": server.url}
        values |= {"SLOT_MINUTES": "10", "COUNT_RECIPIENT_FAULTS": "true", "RECIPIENT_NUMBERS": "hashed"}
        values |= {"ALERTS_TOPIC": "arn:aws:sns:us-east-1:123456789012:alerts", "CREDIT_WATCH": "true"}
        for name, value in values.items():
            monkeypatch.setenv(f"DELIVERYWATCH_{name}", value)
        s3, ssm = boto3.client("s3"), boto3.client("ssm")
        s3.create_bucket(Bucket="lake")
        for name, value in (("username", server.username), ("api_key", server.api_key)):
            ssm.put_parameter(Name=f"/clicksend/{name}", Value=value, Type="SecureString")

        def go(moment: datetime) -> None:
            server.now = moment
            handler({"scheduled_time": moment.isoformat()}, Context())

        yield server, go, s3


def objects(s3: Any) -> dict[str, bytes]:
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="lake")["Contents"]]
    return {key: s3.get_object(Bucket="lake", Key=key)["Body"].read() for key in keys}


def test_the_function_reads_the_balance_of_its_own_account(run: Any) -> None:
    server, go, s3 = run
    for number in range(3):
        go(NOW.replace(minute=0) + number * HOUR)
    balances = json.loads(objects(s3)[KEY])["balances"]
    assert [round(item["balance"], 4) for item in balances] == [2.9208, 2.4456, 1.9704]
    assert server.account_queries == 3


@pytest.mark.parametrize(
    "account_answer",
    [
        None,
        Answer(200, b'{"http_code": 200, "data": {"balance": "KEY-0123-SECRET"}}'),
        Answer(200, b'"KEY-0123-SECRET'),
        answers.FORBIDDEN,
        answers.throttled("20"),
        answers.BAD_GATEWAY,
    ],
)
def test_the_key_that_the_account_answers_is_kept_nowhere(
    run: Any, account_answer: Answer | None, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    server, go, s3 = run
    server.account_answer = account_answer
    go(NOW.replace(minute=0))
    printed = capsys.readouterr()
    everything = b"".join(objects(s3).values()) + (caplog.text + printed.out + printed.err).encode()
    assert b"sms_ingest" in everything
    assert b"KEY-0123-SECRET" not in everything and b"jo-the-user" not in everything


@pytest.mark.parametrize(
    ("account", "amounts"),
    [
        ('{"balance": "NaN"}', []),
        ('{"balance": "inf"}', []),
        ('{"balance": 12.5, "low_credit_amount": null, "auto_recharge": null, "active": null, "banned": null}', [12.5]),
    ],
)
def test_only_an_amount_is_a_balance_and_a_switch_that_is_null_hides_none(
    run: Any, account: str, amounts: list[float]
) -> None:
    server, go, s3 = run
    server.account_answer = Answer(200, f'{{"http_code": 200, "data": {account}}}'.encode())
    go(NOW.replace(minute=0))
    kept_in_store = json.loads(objects(s3)[KEY])
    assert [one["balance"] for one in kept_in_store["balances"]] == amounts
    assert (kept_in_store["unread"] is None) is bool(amounts)
