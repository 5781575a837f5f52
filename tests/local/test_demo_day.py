"""A carrier incident through the whole deployed stack: exactly one mail per change, and a folder that tells it."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import deployed
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from deliverywatch.cli import main
from deliverywatch.errors import ConfigurationError, InputError
from deliverywatch.local.clicksend.traffic import INCIDENT
from deliverywatch.local.demo import play, sms_day, sms_rates
from deliverywatch.local.demo.report import Outcome
from deliverywatch.local.demo.sms_rates import Rates
from deliverywatch.local.demo.timeline import timeline

HOURS = 4


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The stack after four hours, 10:00 to 14:00: quiet, a rise to 6 %, an outage of 40 %, quiet."""
    with deployed.deployed(tmp_path_factory.mktemp("build"), hour=10, phases=INCIDENT, has_chats=True) as stack:
        stack.cloud.client("sqs").create_queue(QueueName="copies")
        _copy_alerts(stack)
        stack.live(HOURS * 60)
        yield stack


def _copy_alerts(stack: deployed.Deployed) -> None:
    """Keep what the alerts topic sends, to send it again."""
    queue = "arn:aws:sqs:us-east-1:111122223333:copies"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue}
    url = stack.cloud.client("sqs").get_queue_url(QueueName="copies")["QueueUrl"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    stack.cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    stack.cloud.client("sns").subscribe(TopicArn=deployed.ALERTS, Protocol="sqs", Endpoint=queue)


@pytest.fixture(scope="module")
def rates(played: deployed.Deployed) -> Rates:
    return sms_rates.read(played.cloud, played.now - HOURS * 60 * play.MINUTE, played.now)


@pytest.fixture
def written(played: deployed.Deployed, rates: Rates, tmp_path: Path) -> Outcome:
    events = timeline(played.cloud, played.source.phases)
    return sms_day.write(played.cloud, rates, events, tmp_path / "out", "lead")


def test_each_change_of_the_incident_is_one_mail_and_nothing_else_is(played: deployed.Deployed) -> None:
    assert [(each["event"], each["level"]) for each in played.records()] == [
        ("OPENED", "warning"),
        ("ESCALATED", "critical"),
        ("DOWNGRADED", "warning"),
        ("RESOLVED", "ok"),
    ]
    assert [re.match(r"\[(\w+)", subject)[1] for subject in played.subjects()] == [
        "WARNING",
        "CRITICAL",
        "WARNING",
        "RESOLVED",
    ]  # type: ignore[index]
    assert {mail.channel for mail in played.cloud.outbox()} == {"ses"}


def test_the_review_of_the_incident_is_written_from_what_the_day_left(
    played: deployed.Deployed, tmp_path: Path
) -> None:
    incident = str(played.records()[0]["incident"])
    result = CliRunner().invoke(main, ["review", incident, "--out", str(tmp_path / "review.md")])
    assert result.exit_code == 0, result.output
    written, chart = (tmp_path / "review.md").read_text(), (tmp_path / "review.svg").read_text()
    assert re.findall("^## .*", written, re.MULTILINE) == [
        "## Timeline",
        "## What was affected",
        "## How fast it was known",
        "## What is not known",
    ]
    assert [word in written for word in ("First bad message", "Concentrated: ", "are O2", "review.svg")] == [True] * 4
    # The back-test of the stack's own settings mails when the stack did.
    (mailed_at,) = re.findall(r"^\| as they were +\| +(\d\d:\d\d)", written, re.MULTILINE)
    assert mailed_at == f"{played.cloud.outbox()[0].sent_at:%H:%M}"
    assert "What would have been faster:" not in written
    assert "first bad message" in chart


def test_no_function_failed(played: deployed.Deployed) -> None:
    assert played.cloud.failures == []


def test_a_mail_leaves_with_its_alarm_or_with_the_run_that_proves_it(played: deployed.Deployed) -> None:
    changes = {each.at for each in played.cloud.transitions}
    others = {mail.sent_at for mail in played.cloud.outbox()} - changes
    assert all(sent_at.minute % 10 == 0 and sent_at.second < 30 for sent_at in others)


def test_the_mails_form_one_thread_and_carry_a_picture(played: deployed.Deployed) -> None:
    messages = [mail.message for mail in played.cloud.outbox()]
    assert len({str(message["References"]).split()[0] for message in messages}) == 1
    assert all("image/png" in {part.get_content_type() for part in message.walk()} for message in messages)


def test_messages_that_come_again_in_any_order_are_harmless(played: deployed.Deployed) -> None:
    before, sqs = played.subjects(), played.cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="copies")["QueueUrl"]
    copies = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        copies += [json.loads(each["Body"])["Message"] for each in batch]
    assert len(copies) > 8
    for message in [*reversed(copies), *copies]:
        played.cloud.client("sns").publish(TopicArn=deployed.ALERTS, Message=message)
    played.cloud.settle()
    assert played.subjects() == before


def test_every_saved_query_runs_in_athena_over_what_the_functions_wrote(played: deployed.Deployed) -> None:
    athena = played.cloud.client("athena")
    identifiers = athena.list_named_queries(WorkGroup=play.STACK)["NamedQueryIds"]
    queries = [athena.get_named_query(NamedQueryId=each)["NamedQuery"] for each in identifiers]
    assert len(queries) >= 6
    assert {query["Name"]: _outcome(athena, query) for query in queries} == {
        query["Name"]: "SUCCEEDED" for query in queries
    }


def _outcome(athena: Any, query: dict[str, Any]) -> str:
    started = athena.start_query_execution(
        QueryString=query["QueryString"], QueryExecutionContext={"Database": query["Database"]}, WorkGroup=play.STACK
    )
    while True:
        status = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            return str(status.get("StateChangeReason") or status["State"])


def test_the_rates_have_the_numbers_of_the_lake(rates: Rates, written: Outcome) -> None:
    files = sorted((written.page.parent / "lake").rglob("*.parquet"))
    rows = [row for path in files for row in pq.ParquetFile(path).read().to_pylist()]
    in_time = [row for row in rows if rates.start <= row["sent_at"] < rates.end - 10 * play.MINUTE]
    counted = sum(each.total for each in rates.samples if each.at > rates.start + 10 * play.MINUTE)
    assert counted == len(in_time)
    assert 30 < rates.peak_percent < 45


def test_the_page_shows_what_the_chats_got_beside_each_mail(played: deployed.Deployed, written: Outcome) -> None:
    mails = timeline(played.cloud, ()).mails
    assert [[chat.channel for chat in mail.chats] for mail in mails] == [
        ["Slack", "Teams"],
        ["Slack", "Teams", "Webhook"],  # from the change on that makes it critical
        ["Slack", "Teams", "Webhook"],
        ["Slack", "Teams", "Webhook"],
    ]
    html = unescape(written.page.read_text())
    for mail in mails:
        assert {chat.headline.partition(" ")[2] for chat in mail.chats if chat.channel != "Webhook"} == {
            mail.mail.subject
        }
        assert all(line.text in html for chat in mail.chats for line in chat.lines)


def test_the_page_stands_alone_and_leads_to_every_file(written: Outcome) -> None:
    page = written.page
    html = page.read_text()
    links = re.findall(r'(?:href|src)="([^"]+)"', html)
    assert len(links) >= 4 * 3
    assert all((page.parent / link).exists() for link in links)
    assert json.loads((page.parent / "timeline.json").read_text())[-1]["kind"] in ("alarm", "mail")
    for path in (page.parent / "mails").glob("*.html"):
        assert "cid:" not in path.read_text()


def test_the_page_is_whole_and_legible_on_a_phone_and_on_a_screen(
    written: Outcome, look: Callable[[Path | str, str], list[str]]
) -> None:
    (mail,) = (written.page.parent / "mails").glob("02-*.html")
    assert look(written.page, "demo-sms") + look(mail, "demo-sms-mail") == []


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something else than an earlier demo"):
        play.prepare(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_an_address_without_credentials_is_reported() -> None:
    with pytest.raises(ConfigurationError, match="CLICKSEND_USERNAME and CLICKSEND_API_KEY is not"):
        sms_day.real_account({"DELIVERYWATCH_CLICKSEND_URL": "https://rest.clicksend.com"})


def test_with_an_account_in_the_environment_its_last_24_hours_are_played() -> None:
    environ = {
        "DELIVERYWATCH_CLICKSEND_URL": "https://rest.clicksend.com",
        "CLICKSEND_USERNAME": "u",
        "CLICKSEND_API_KEY": "k",
    }
    now = deployed.MIDNIGHT + 607 * play.MINUTE
    with sms_day.plan(environ, now) as (source, start, end):
        assert (source.url, source.username) == ("https://rest.clicksend.com", "u")
        assert (start, end) == (now - sms_day.DAY - 7 * play.MINUTE, now - 7 * play.MINUTE)
