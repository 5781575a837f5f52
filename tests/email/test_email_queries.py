"""Every saved query and both views, executed over data that went through the transform and the conversion.

DuckDB stands in for Athena; what comes out is compared with numbers counted here from what the tests know of the mails.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from email_athena import Rows, database, saved
from email_athena import run as run_at
from email_population import DAY, NOW, Known, population
from email_values import of_type
from sqlglot import exp

from deliverywatch.athena_duckdb import translated
from deliverywatch.email.events.links import LinkRules

LAYOUTS = ["day", "year-month-day"]


@pytest.fixture(scope="module", params=LAYOUTS)
def athena(request: pytest.FixtureRequest, template: dict[str, Any], lake_of: Callable[[str], Path]) -> Any:
    """A database with the tables and views of the template, over files that the landing wrote."""
    links = {"EmailUnsubscribeLinks": "https://example.com/unsubscribe"}
    return database(lake_of(request.param), template, EmailPartitions=request.param, **links)


NAMES = [
    "email-bounce-reasons",
    "email-by-domain",
    "email-daily-funnel",
    "email-deduplicated-events",
    "email-delivery-latency",
    "email-duplicates",
    "email-growth",
    "email-inactive-recipients",
    "email-ingestion-lag",
    "email-message-timeline",
    "email-open-and-click-rates",
    "email-overall-engagement",
    "email-sender-standing",
    "email-small-files",
    "email-top-links",
    "email-unsubscribes",
]


def run(athena: duckdb.DuckDBPyConnection, sql: str) -> Rows:
    """Run a query as if it were NOW."""
    return run_at(athena, sql, NOW)


def test_the_saved_queries_are_those_that_were_promised(template: dict[str, Any]) -> None:
    assert sorted(saved(template)) == NAMES
    made = of_type(template, "AWS::Athena::NamedQuery", Environment="staging")["EmailDailyFunnelQuery"]
    assert (made["Database"], made["WorkGroup"]) == ("email_events_db_staging", "email-analytics-staging")


@pytest.mark.parametrize("name", NAMES)
def test_a_query_says_what_it_answers_and_what_it_costs_and_is_bounded_by_days(
    template: dict[str, Any], name: str
) -> None:
    header = re.match(r"(-- .*\n)+", saved(template)[name])
    assert header is not None
    assert header[0].splitlines()[0].endswith("?")
    assert "-- Cost: reads" in header[0]
    tree = sqlglot.parse_one(saved(template)[name], read="athena")
    reading = [
        select
        for select in tree.find_all(exp.Select)
        if (source := select.args.get("from_") or select.args.get("from"))
        and source.this.name in ("email_events", "email_events_unique")
    ]
    assert reading
    for select in reading:
        assert any(bound.this.name == "dt" for bound in select.args["where"].find_all(exp.GTE)), select.sql()


@pytest.mark.parametrize("name", NAMES)
def test_every_query_runs_and_finds_something(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, name: str
) -> None:
    assert run(athena, saved(template)[name])


def happened(known: Known, event_type: str, since: timedelta = 30 * DAY, **about: Any) -> bool:
    """Whether an event of a mail lies in the days that a query reads."""
    first = (NOW - since).replace(hour=0, minute=0, second=0)
    return any(
        kind == event_type
        and about.items() <= facts.items()
        and first <= moment + timedelta(minutes=5)
        and moment <= NOW
        for kind, moment, facts in known.facts
    )


def count(mails: list[Known], event_type: str, since: timedelta = 30 * DAY, **about: Any) -> int:
    return sum(happened(each, event_type, since, **about) for each in mails)


def test_the_daily_funnel_counts_mails_by_the_day_they_were_sent(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    found = run(athena, saved(template)["email-daily-funnel"])
    first = (NOW - 30 * DAY).date()
    mails = [each for each in population() if each.sent.sent_at.date() >= first]
    days = Counter((each.sent.sent_at.date(), each.stream, each.campaign) for each in mails)
    assert {(row["sent_day"], row["stream"], row["campaign"]): row["sent"] for row in found} == days
    for row in found:
        same = [
            each
            for each in mails
            if (each.sent.sent_at.date(), each.stream, each.campaign)
            == (row["sent_day"], row["stream"], row["campaign"])
        ]
        assert row["delivered"] == count(same, "Delivery")
        assert row["bounced_hard"] == count(same, "Bounce", kind="Permanent")
        assert row["bounced_soft"] == count(same, "Bounce", kind="Transient")
        assert row["complained"] == count(same, "Complaint")
        assert (row["opened"], row["clicked"]) == (count(same, "Open"), count(same, "Click"))
        for name, kind in (("opened", "Open"), ("clicked", "Click")):
            least, unknown = (count(same, kind, verdict=verdict) for verdict in ("Unlikely", None))
            bounds = row[f"{name}_by_people_at_least"], row[f"{name}_by_people_at_most"]
            assert bounds == (least, least + unknown)
            assert row[f"{name}_by_people"] == (None if unknown else least)
    assert sum(row["bounced_hard"] for row in found) > 0


def test_opens_and_clicks_are_told_of_people_and_bots_apart(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    found = {row["campaign"]: row for row in run(athena, saved(template)["email-open-and-click-rates"])}
    sixty = 60 * DAY
    for campaign in ("issue-0", "issue-3", "(none)"):
        same = [each for each in population() if each.campaign == campaign]
        delivered = count(same, "Delivery", sixty)
        row = found[campaign]
        assert row["delivered"] == delivered
        assert row["open_percent"] == pytest.approx(100 * count(same, "Open", sixty) / delivered, abs=0.006)
        people = count(same, "Open", sixty, verdict="Unlikely")
        bots = count(same, "Open", sixty, verdict="Likely")
        unknown = count(same, "Open", sixty, verdict=None)
        assert row["open_percent_people"] is None
        assert row["open_percent_people_at_least"] == pytest.approx(100 * people / delivered, abs=0.006)
        assert row["open_percent_people_at_most"] == pytest.approx(100 * (people + unknown) / delivered, abs=0.006)
        assert row["open_percent_bots_at_least"] == pytest.approx(100 * bots / delivered, abs=0.006)
        assert row["click_percent"] == pytest.approx(100 * count(same, "Click", sixty) / delivered, abs=0.006)
        assert row["without_verdict"] == unknown


def test_an_advertiser_sees_how_many_people_a_stream_reaches_and_what_share_they_open_and_click(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    rows = run(athena, saved(template)["email-overall-engagement"])
    assert [row["stream"] for row in rows] == ["newsletter", "transactional"]
    for row in rows:
        same = [mail for mail in population() if mail.stream == row["stream"]]
        delivered = [mail for mail in same if happened(mail, "Delivery", 30 * DAY)]
        assert row["delivered"] == len(delivered)
        assert row["people_reached"] == len({mail.sent.recipients[0] for mail in delivered})
        opened = count(same, "Open", 30 * DAY)
        assert row["open_percent"] == pytest.approx(100 * opened / len(delivered), abs=0.006)
        for bound, verdicts in (("at_least", ["Unlikely"]), ("at_most", ["Unlikely", None])):
            people = [mail for mail in same if any(happened(mail, "Click", 30 * DAY, verdict=one) for one in verdicts)]
            share = 100 * len(people) / len(delivered)
            assert row[f"click_percent_people_{bound}"] == pytest.approx(share, abs=0.006)


def test_links_are_ranked_by_page_without_those_that_are_configured_as_unsubscribing(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    rows = run(athena, saved(template)["email-top-links"])
    clicks = [
        (each.stream, each.campaign, facts["link"])
        for each in population()
        for kind, moment, facts in each.facts
        if kind == "Click" and happened(each, "Click") and moment <= NOW and "/unsubscribe" not in facts["link"]
    ]
    pages = Counter((*click[:2], LinkRules().page(click[2])) for click in clicks)
    assert {(row["stream"], row["campaign"], row["link"]): row["clickers"] for row in rows} == pages
    assert all("utm_" not in row["link"] and "?u=" in row["link"] for row in rows)


def test_growth_counts_different_people_by_the_week_of_their_mails(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    rows = [row for row in run(athena, saved(template)["email-growth"]) if row["stream"] == "newsletter"]
    for row, previous in itertools.pairwise(rows[:4]):
        mails = [
            each for each in population()
            if each.stream == "newsletter" and row["week"] <= each.sent.sent_at.date() < row["week"] + 7 * DAY
        ]  # fmt: skip
        reached = {each.sent.recipients[0] for each in mails if happened(each, "Delivery", 84 * DAY)}
        assert row["reached"] == len(reached)
        growth = 100 * (row["reached"] - previous["reached"]) / previous["reached"]
        assert row["reached_growth_percent"] == pytest.approx(growth, abs=0.06)
        for name, verdicts in (("engaged_at_least", ["Unlikely"]), ("engaged_at_most", ["Unlikely", None])):
            engaged = [
                each
                for each in mails
                for kind in ("Open", "Click")
                for one in verdicts
                if happened(each, kind, verdict=one)
            ]
            assert row[name] == len({each.sent.recipients[0] for each in engaged})
        assert row["engaged"] is None


def test_bounces_are_grouped_by_what_the_server_said(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    found = run(athena, saved(template)["email-bounce-reasons"])
    expected = Counter(
        (each.stream, facts["kind"]) for each in population() if happened(each, "Bounce")
        for kind, _, facts in each.facts if kind == "Bounce"
    )  # fmt: skip
    assert {(row["stream"], row["bounce_type"]): row["bounces"] for row in found} == expected
    assert {row["status_code"] for row in found} == {"5.1.1", "4.2.2"}


def test_domains_are_told_apart_and_gmail_has_no_complaints_to_tell(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    found = run(athena, saved(template)["email-by-domain"])
    for row in found:
        same = [
            each
            for each in population()
            if each.stream == row["stream"] and each.sent.recipients[0].endswith(f"@{row['recipient_domain']}")
        ]
        assert (row["sent"], row["delivered"]) == (count(same, "Send"), count(same, "Delivery"))
        assert row["delayed"] == count(same, "DeliveryDelay")
        assert row["delayed_percent"] == pytest.approx(100 * row["delayed"] / row["sent"], abs=0.006)
        if row["recipient_domain"] == "gmail.com":
            assert (row["complained_percent"], row["complaints"]) == (None, "not reported")
        else:
            assert (row["complained"], row["complaints"]) == (count(same, "Complaint"), "reported")


def test_latency_lies_between_the_fastest_and_the_slowest(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    found = run(athena, saved(template)["email-delivery-latency"])
    for row in found:
        assert 300 <= row["median_millis"] <= row["p90_millis"] <= row["p99_millis"] <= row["longest_millis"] < 9000
    assert sum(row["delivered"] for row in found) == count(list(population()), "Delivery")


def test_a_timeline_shows_every_step_of_one_message(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    asked = next(each for each in population() if happened(each, "Click") and happened(each, "Send"))
    sql = saved(template)["email-message-timeline"].replace("CAST(NULL AS", f"CAST('{asked.sent.message_id}' AS")
    found = run(athena, sql)
    steps = [kind for kind, moment, _ in sorted(asked.facts, key=lambda fact: fact[1]) if moment <= NOW]
    assert [row["event_type"] for row in found] == steps
    assert found[0]["subject"] == asked.sent.subject


def test_as_it_stands_the_timeline_is_of_the_newest_bounce(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    found = run(athena, saved(template)["email-message-timeline"])
    assert [row["event_type"] for row in found] == ["Send", "Bounce"]


def test_who_never_opens_is_inactive_whatever_bots_do(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    found = {row["recipient"]: row["delivered"] for row in run(athena, saved(template)["email-inactive-recipients"])}
    people: dict[str, list[Known]] = {}
    for each in population():
        if each.stream == "newsletter":
            people.setdefault(each.sent.recipients[0], []).append(each)
    expected = {
        person: count(mails, "Delivery", 90 * DAY)
        for person, mails in people.items()
        if count(mails, "Delivery", 90 * DAY) >= 3
        and not any(
            happened(each, kind, 90 * DAY, verdict=verdict)
            for each in mails for kind in ("Open", "Click") for verdict in ("Unlikely", None)
        )
    }  # fmt: skip
    assert found == expected
    assert len(expected) >= 10


def test_unsubscribes_are_told_with_their_source(template: dict[str, Any], athena: duckdb.DuckDBPyConnection) -> None:
    found = run(athena, saved(template)["email-unsubscribes"])
    assert sum(row["left_all_topics"] for row in found) == count(list(population()), "Subscription")
    assert {row["subscription_source"] for row in found} == {"UnsubscribeHeader"}


def test_a_senders_standing_counts_permanent_bounces_only(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    found = run(athena, saved(template)["email-sender-standing"])
    mails = list(population())
    assert sum(row["bounced"] for row in found) == count(mails, "Bounce", kind="Permanent")
    assert sum(row["sent"] for row in found) == count(mails, "Send")
    assert sum(row["complained"] for row in found) == count(mails, "Complaint")


def test_the_lag_is_from_the_event_to_its_arrival(template: dict[str, Any], athena: duckdb.DuckDBPyConnection) -> None:
    for row in run(athena, saved(template)["email-ingestion-lag"]):
        assert 0 <= row["median_seconds"] <= row["p99_seconds"] <= row["longest_seconds"] <= 3600 + 300
        assert row["newest"].replace(tzinfo=UTC) <= NOW + timedelta(hours=1)


def test_copies_are_found_and_the_view_shows_each_event_once(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    found = run(athena, saved(template)["email-duplicates"])
    assert sum(row["copies"] for row in found) > 0
    assert sum(row["rows_stored"] - row["events"] - row["copies"] for row in found) == 0
    (both,) = athena.execute("SELECT count(*), count(DISTINCT event_id) FROM email_events").fetchall()
    (unique,) = athena.execute("SELECT count(*) FROM email_events_unique").fetchall()
    assert both[0] > both[1] == unique[0]


def test_small_files_are_counted_by_day(template: dict[str, Any], athena: duckdb.DuckDBPyConnection) -> None:
    found = run(athena, saved(template)["email-small-files"])
    (stored,) = athena.execute("SELECT count(DISTINCT object_path) FROM email_events").fetchall()
    assert 0 < sum(row["objects"] for row in found) <= stored[0]
    assert found[0]["dt"] == datetime(2026, 11, 21, tzinfo=UTC).date()


def test_tags_are_read_by_name(athena: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT DISTINCT element_at(tags, 'ses:configuration-set')[1] AS name FROM email_events_unique"
    names = {row[0] for row in athena.execute(translated(sql)).fetchall()}
    assert names == {"set-newsletter", "set-transactional"}
