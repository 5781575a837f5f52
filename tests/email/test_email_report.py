"""The report of a period: what the tests know of the mails, in every form, and harmless in each."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from email_population import DAY, NOW, Known, population
from email_world import event, line

from deliverywatch.cli import main
from deliverywatch.email import land
from deliverywatch.email.events.links import LinkRules
from deliverywatch.email.events.streams import Stream
from deliverywatch.email.report.engagement import Engagement
from deliverywatch.email.report.mails import NAMES
from deliverywatch.email.report.pages import csv_of, engagement, html_of
from deliverywatch.storage.folder import Folder

SINCE = datetime(2026, 10, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(lake_of: Callable[[str], Path]) -> Path:
    return lake_of("day")


@pytest.fixture(scope="module")
def document(lake: Path) -> dict[str, Any]:
    links = LinkRules(("u",), ("https://example.com/unsubscribe",))
    return engagement(Folder(lake), SINCE, NOW, links=links).document()


def mails(campaign: str, stream: str = "newsletter") -> list[Known]:
    return [each for each in population() if each.campaign == campaign and each.stream == stream]


def known(campaign: list[Known], event_type: str, **about: Any) -> int:
    return sum(
        any(kind == event_type and about.items() <= facts.items() and at < NOW for kind, at, facts in each.facts)
        for each in campaign
    )


def test_each_campaign_is_counted_by_mails(document: dict[str, Any]) -> None:
    rows = {(row["stream"], row["campaign"]): row for row in document["campaigns"]}
    assert set(rows) == {*(("newsletter", f"issue-{week}") for week in range(5)), ("transactional", "(none)")}
    for (stream, campaign), row in rows.items():
        same = mails(campaign, stream)
        assert (row["sent"], row["delivered"]) == (len(same), known(same, "Delivery"))
        assert row["bounced"] == known(same, "Bounce", kind="Permanent")
        assert (row["opened"], row["clicked"]) == (known(same, "Open"), known(same, "Click"))
        people, unknown = (known(same, "Open", verdict=verdict) for verdict in ("Unlikely", None))
        bounds = row["opened_by_people_at_least"], row["opened_by_people_at_most"]
        assert bounds == (people, people + unknown)
        assert row["opened_by_people"] == (None if unknown else people)
        assert row["open_percent"] == pytest.approx(100 * row["opened"] / row["delivered"], abs=0.006)
        assert row["unsubscribed"] == known(same, "Subscription")
    assert document["campaigns"][0]["campaign"] in ("issue-0", "(none)")


def test_days_and_weeks_add_up(document: dict[str, Any]) -> None:
    everything = [each for each in population() if each.sent.sent_at >= SINCE]
    assert sum(row["sent"] for row in document["days"]) == len(everything)
    weeks = [row for row in document["weeks"] if row["stream"] == "newsletter"]
    assert [row["week"] for row in weeks] == sorted(row["week"] for row in weeks)
    newest, before = weeks[-1], weeks[-2]
    people = {each.sent.recipients[0] for each in mails("issue-0") if known([each], "Delivery")}
    assert newest["reached"] == len(people)
    growth = 100 * (newest["reached"] - before["reached"]) / before["reached"]
    assert newest["reached_growth_percent"] == pytest.approx(growth, abs=0.06)
    assert 0 < newest["engaged_at_least"] <= newest["engaged_at_most"] < newest["reached"]


def test_links_are_pages_without_what_is_configured_to_track_and_to_unsubscribe(document: dict[str, Any]) -> None:
    assert {row["link"] for row in document["links"]} == {"https://example.com/offer", "https://example.com/offer#top"}
    assert document["links"][0]["clicked"] >= document["links"][-1]["clicked"]


def test_copies_count_once(document: dict[str, Any]) -> None:
    assert document["copies"] > 0


def run(lake: Path, *arguments: str) -> Result:
    period = ["--since", "2026-10-20", "--until", f"{NOW:%Y-%m-%dT%H:%MZ}"]
    return CliRunner().invoke(main, ["email", "report", "--lake", str(lake), *period, *arguments])


def test_by_hand_it_is_a_table_of_80_columns(lake: Path) -> None:
    result = run(lake)
    assert result.exit_code == 0
    assert "newsl: issue-0" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_share_that_events_are_missing_for_is_a_dash(tmp_path: Path) -> None:
    mails = [{"timestamp": "2026-11-01T09:00:00.000Z", "messageId": f"id-{number}"} for number in range(3)]
    events = [{**event(kind), "mail": {**event(kind)["mail"], **mail}} for mail in mails for kind in ("Send", "Open")]
    delivered = {**event("Delivery"), "mail": {**event("Delivery")["mail"], **mails[0]}}
    lines = [line(one) for one in (*events, delivered)]
    land.land(lambda: lines, land.Settings(Stream.NEWSLETTER, NOW, "x"), Folder(tmp_path))
    result = run(tmp_path)
    assert (result.exit_code, result.stdout.splitlines()[3].split()[-5:]) == (0, ["0.0%", "-", "-", "0.0%", "0.0%"])


def test_a_mail_sent_just_after_midnight_counts_though_firehose_keeps_it_with_the_day_before(tmp_path: Path) -> None:
    sent = event("Send")
    sent["mail"]["timestamp"] = "2026-11-20T00:05:00.000Z"
    land.land(
        lambda: [line(sent)],
        land.Settings(Stream.NEWSLETTER, datetime(2026, 11, 19, 23, 55, tzinfo=UTC), "x"),
        Folder(tmp_path),
    )
    report = engagement(Folder(tmp_path), datetime(2026, 11, 20, tzinfo=UTC), NOW).document()
    assert [row["sent"] for row in report["days"]] == [1]


def test_json_goes_to_stdout_and_files_are_named_on_stderr(lake: Path, tmp_path: Path) -> None:
    result = run(lake, "--json", "--csv", str(tmp_path), "--html", str(tmp_path / "report.html"))
    document = json.loads(result.stdout)
    assert "campaigns.csv" in result.stderr
    for section in ("campaigns", "days", "weeks", "domains", "links"):
        rows = list(csv.DictReader(io.StringIO((tmp_path / f"{section}.csv").read_text())))
        assert len(rows) == len(document[section]) > 0


def test_one_stream_can_be_asked_for(lake: Path) -> None:
    rows = json.loads(run(lake, "--json", "--stream", "transactional").stdout)["campaigns"]
    assert {row["stream"] for row in rows} == {"transactional"}


def test_the_page_needs_nothing_but_itself_and_shows_every_campaign(document: dict[str, Any]) -> None:
    page = html_of(document)
    assert not re.findall(r'(?:src|href)="', page)
    assert "<script" not in page
    for row in document["campaigns"]:
        assert f">{row['campaign']}</td>" in page
    heights = [float(each) for each in re.findall(r"height:([\d.]+)%", page)]
    assert max(heights) == 100.0
    assert len(page) < 120_000


def test_the_page_is_whole_and_legible_on_a_phone_and_on_a_screen(
    document: dict[str, Any], tmp_path: Path, look: Callable[[Path | str, str], list[str]]
) -> None:
    for name, content in {
        "email-report": document,
        "email-report-long": hostile("issue-" * 40),
        "email-none": none(),
    }.items():
        (tmp_path / "report.html").write_text(html_of(content), encoding="utf-8")
        assert look(tmp_path / "report.html", name) == []


def none() -> dict[str, Any]:
    return Engagement(SINCE, NOW, LinkRules()).document()


def report_of(*events: dict[str, Any], campaign: str = "issue") -> dict[str, Any]:
    """The report of events of one mail, unless they say otherwise."""
    mail = {"sent_at": NOW - DAY, "message_id": "id-1", "campaign": campaign, "recipients": ["a@example.com"]}
    rows = [{**mail, "event_id": f"{number:024x}", **event} for number, event in enumerate(events)]
    period = Engagement(SINCE, NOW, LinkRules())
    period.add(Stream.NEWSLETTER, [tuple(row.get(column) for column in NAMES) for row in rows])
    return period.document()


SENT, DELIVERED, OPENED = ({"event_type": kind} for kind in ("Send", "Delivery", "Open"))


def test_an_open_counts_for_the_day_of_its_mail_whatever_is_sent_on_its_own_day() -> None:
    today = {"sent_at": NOW - timedelta(minutes=5), "message_id": "id-2"}
    days = report_of(SENT, DELIVERED, OPENED, {**SENT, **today}, {**DELIVERED, **today})["days"]
    assert [(row["opened"], row["open_percent"]) for row in days] == [(1, 100.0), (0, 0.0)]


def test_a_share_of_nothing_and_one_that_events_are_missing_for_are_not_known() -> None:
    (nothing_sent,) = report_of({**OPENED, "bot_verdict": "Unlikely"})["days"]
    assert (nothing_sent["opened_by_people"], nothing_sent["open_percent"]) == (1, None)
    (none_sent,) = report_of({"event_type": "Bounce", "bounce_type": "Permanent"})["days"]
    assert (none_sent["bounced"], none_sent["bounced_percent"]) == (1, None)
    stopped = {"event_type": "Bounce", "bounce_type": "Permanent", "bounce_subtype": "OnAccountSuppressionList"}
    (domain,) = report_of(stopped)["domains"]
    assert (domain["sent"], domain["attempted"], domain["bounced_percent"]) == (0, None, None)


@pytest.mark.parametrize("verdict", [None, "Perhaps"])
def test_an_open_without_a_verdict_is_by_nobody_or_by_a_person(verdict: str | None) -> None:
    document = report_of(SENT, DELIVERED, {**OPENED, "bot_verdict": verdict})
    (row,) = document["campaigns"]
    assert (row["opened_by_people"], row["opened_by_bots"], row["open_percent_people"]) == (None, None, None)
    assert (row["opened_by_people_at_least"], row["opened_by_people_at_most"]) == (0, 1)
    assert (row["open_percent_people_at_least"], row["open_percent_people_at_most"]) == (0.0, 100.0)
    page = html_of(document)
    assert "0.0 to 100.0 %" in page
    assert "no verdict on 1" in page


def test_a_mail_to_several_people_counts_for_each_and_once_where_ses_names_nobody() -> None:
    people = ["a@example.com", "b@example.com", "c@gmail.com"]
    events = [
        {**SENT, "recipients": people},
        {**DELIVERED, "recipients": people[2:]},
        {"event_type": "Bounce", "bounce_type": "Permanent", "recipients": people[:2]},
        {**OPENED, "recipients": people},
        {"event_type": "Subscription", "unsubscribed_all": True, "recipients": people},
    ]
    document = report_of(*events)
    (row,) = document["campaigns"]
    assert [row[name] for name in ("sent", "delivered", "bounced", "opened", "unsubscribed")] == [3, 1, 2, 1, 1]
    shares = {row["domain"]: (row["sent"], row["bounced_percent"], row["complaints"]) for row in document["domains"]}
    assert shares == {"example.com": (2, 100.0, "reported"), "gmail.com": (1, 0.0, "not reported")}
    assert ">not reported</td>" in html_of(document)


def test_what_is_only_at_one_domain_is_said_and_silence_of_gmail_is_no_comparison() -> None:
    people = [f"{number}@{domain}" for domain in ("example.com", "example.org", "gmail.com") for number in range(5)]
    bounce = {"event_type": "Bounce", "bounce_type": "Permanent", "recipients": people[:5]}
    complaints = {"event_type": "Complaint", "recipients": people[:5]}
    (row,) = report_of({**SENT, "recipients": people}, bounce)["providers"]
    assert row["sentence"] == "5 bounced, only at example.com (100.0 % of 5)."
    (row,) = report_of({**SENT, "recipients": people}, {"event_type": "DeliveryDelay", "recipients": people[:5]})[
        "providers"
    ]
    assert row["sentence"] == "5 were delayed, only at example.com (100.0 % of 5)."
    elsewhere = {**SENT, "recipients": people[:5] + people[10:]}
    assert report_of(elsewhere, complaints)["providers"] == []


def test_only_the_ten_domains_that_receive_most_are_shown() -> None:
    people = [f"{number}@d{domain:02}.example" for domain in range(12) for number in range(12 - domain)]
    rows = report_of({**SENT, "recipients": people})["domains"]
    assert [row["domain"] for row in rows] == [f"d{domain:02}.example" for domain in range(10)]


def hostile(name: str) -> dict[str, Any]:
    return report_of(SENT, DELIVERED, campaign=name)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x>'])
def test_names_are_text_in_the_page_whatever_they_hold(name: str) -> None:
    page = html_of(hostile(name))
    assert name not in page
    assert "&lt;" in page


@pytest.mark.parametrize("name", ["=1+1", "+1+1", "-1+1", "@SUM(A1)"])
def test_no_name_is_a_formula_in_a_spreadsheet(name: str) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_of(hostile(name)["campaigns"])))
    assert row["campaign"] == f"'{name}"


def test_a_period_without_events_is_told_in_one_sentence(tmp_path: Path) -> None:
    result = run(tmp_path, "--html", str(tmp_path / "report.html"), "--csv", str(tmp_path))
    assert result.stdout == "There are no events in this period.\n"
    assert "There are no events in this period." in (tmp_path / "report.html").read_text()


def test_a_period_that_ends_before_it_begins_is_a_wrong_call(lake: Path) -> None:
    result = CliRunner().invoke(
        main, ["email", "report", "--lake", str(lake), "--since", "2026-11-02", "--until", "2026-11-01"]
    )
    assert result.exit_code == 2
    assert "--since is not before --until" in result.stderr
