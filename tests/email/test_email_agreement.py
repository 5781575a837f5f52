"""The same events by way of the landing into one lake: tally, report and every saved query that counts say the same.

What is compared is what each of them calls by its own name; what it should be stands in a table of its own here.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from email_athena import Rows, database, run, saved
from email_world import answered, line
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from deliverywatch.email import land
from deliverywatch.email.events.links import LinkRules
from deliverywatch.email.events.streams import Stream
from deliverywatch.email.rates.providers import SILENT_DOMAINS
from deliverywatch.email.report.pages import engagement
from deliverywatch.storage.folder import Folder

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LINKS = LinkRules(("u",), ("https://example.com/leave",))
PARAMETERS = {"EmailTrackingParameters": "u", "EmailUnsubscribeLinks": "https://example.com/leave"}

ATTEMPTED = ["Undetermined", "General", "NoEmail", "MailboxFull", "MessageTooLarge", "ContentRejected"]
STOPPED = [
    *("Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList", "OnGlobalSuppressionList"),
    *("EmailValidationSuppressed", "ValidationFailed", "UnsubscribedRecipient"),
]
BY_SES = {"mta": "dns; amazonses.com", "words": "Amazon SES did not send the message to this address"}
BY_A_SERVER = {"mta": "dsn; a8-70.smtp-out.amazonses.com", "words": "smtp; 550 5.1.1 user unknown"}
NO_EVIDENCE: dict[str, str] = {}
SIMULATOR = "bounce@simulator.amazonses.com"
THREE = ["ana@example.org", "Ben@Example.net", "cy@gmail.com"]
PEOPLE = [["ana@example.org"], THREE, [SIMULATOR], ["d@example.net", SIMULATOR]]
PAGES = ["https://example.com/?p=1&u=2", "https://example.com/?p=2&utm_id=3", "https://example.com/leave?u=1"]


@dataclass(slots=True)
class Sample:
    """A mail, and what SES says became of it."""

    people: list[str]
    events: list[tuple[str, dict[str, Any]]]
    age_days: int = 3
    has_time: bool = True
    is_sending_seen: bool = True
    expected: dict[str, int] = field(default_factory=dict)

    def lines(self, number: int) -> list[bytes]:
        sent_at = NOW - self.age_days * DAY
        mail = {
            "timestamp": iso(sent_at) if self.has_time else "soon",
            "messageId": f"message-{number}",
            "source": "news@example.com",
            "destination": self.people,
            "tags": {"campaign": [f"sample-{number}"]},
        }
        sending = [("send", "Send", {})] if self.is_sending_seen or not self.events else []
        kind = ("eventType", "notificationType")[number % 2]
        events = [*sending, *((name[:1].lower() + name[1:], name, block) for name, block in self.events)]
        return [
            line({kind: name, "mail": mail, block: {**content, "timestamp": iso(sent_at + timedelta(hours=hour))}})
            for hour, (block, name, content) in enumerate(events)
        ]


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def bounce(people: list[str], kind: str, subtype: str, evidence: dict[str, str]) -> tuple[str, dict[str, Any]]:
    words = {"diagnosticCode": evidence["words"]} if evidence else {}
    block: dict[str, Any] = {"bounceType": kind, "bounceSubType": subtype}
    if evidence:
        block["reportingMTA"] = evidence["mta"]
    return "Bounce", {**block, "bouncedRecipients": [{"emailAddress": person, **words} for person in people]}


def complaint(people: list[str], kind: str | None, subtype: str | None) -> tuple[str, dict[str, Any]]:
    about = {"complaintFeedbackType": kind, "complaintSubType": subtype}
    return "Complaint", {**about, "complainedRecipients": [{"emailAddress": person} for person in people]}


def visit(event_type: str, verdict: str | None, link: str) -> tuple[str, dict[str, Any]]:
    block = {"ipAddress": "192.0.2.1", "userAgent": "x", "isBotEvent": verdict}
    return event_type, {**block, **({"link": link} if event_type == "Click" else {})}


def table() -> list[Sample]:
    """Every word of SES, with and without the word of a server, for one person, several, and the simulator."""
    samples = []
    bounces = {"Permanent": "bounced", "Transient": "bounced_soft", "Undetermined": "bounced_undetermined"}
    for people, subtype, evidence, (kind, name) in product(
        PEOPLE, [*ATTEMPTED, *STOPPED, "Quarantined"], [NO_EVIDENCE, BY_SES, BY_A_SERVER], bounces.items()
    ):
        counted = sum(person != SIMULATOR for person in people)
        said_by_ses = evidence is BY_SES or (subtype == "Quarantined" and evidence is NO_EVIDENCE)
        what = "not_attempted" if subtype in STOPPED or said_by_ses else name
        samples.append(Sample(people, [bounce(people, kind, subtype, evidence)], expected={what: counted}))
    for people, type_, subtype in product(PEOPLE, [None, "abuse", "not-spam"], [None, *STOPPED]):
        counted = sum(person != SIMULATOR for person in people)
        is_one = type_ != "not-spam" and subtype is None
        expected = {"complained": counted if is_one else 0, "not_attempted": counted if subtype else 0}
        samples.append(Sample(people, [complaint(people, type_, subtype)], expected=expected))
    return samples


class Built:
    """The built template and the saved queries in it."""

    def __init__(self, template: dict[str, Any]) -> None:
        self.template, self.queries = template, saved(template)


@pytest.fixture(scope="module")
def built_queries(template: dict[str, Any]) -> Built:
    return Built(template)


class Lake:
    """Samples that landed in a folder, as the report and the saved queries see them."""

    def __init__(self, root: Path, built: Built, samples: list[Sample]) -> None:
        lines = [one for number, sample in enumerate(samples) for one in sample.lines(number)]
        done = land.land(lambda: lines, land.Settings(Stream.NEWSLETTER, NOW, "x"), Folder(root))
        assert (done.results["Ok"], done.fields.lost) == (len(lines), 0)
        # A table of DuckDB needs a file.
        other = Sample(["eve@example.org"], []).lines(len(samples))
        land.land(lambda: other, land.Settings(Stream.TRANSACTIONAL, NOW, "x"), Folder(root))
        self.queries, self.athena = built.queries, database(root, built.template, **PARAMETERS)
        # Read once, not once for each query.
        self.athena.execute("CREATE TABLE rows AS FROM email_events_unique")
        self.athena.execute("CREATE OR REPLACE VIEW email_events_unique AS FROM rows")
        self.report = engagement(Folder(root), NOW - 29 * DAY, NOW, [Stream.NEWSLETTER], LINKS).document()

    def rows(self, name: str) -> Rows:
        rows = run(self.athena, self.queries[f"email-{name}"], NOW)
        return [row for row in rows if row["stream"] == "newsletter"]


VISITS = some.builds(
    visit,
    some.sampled_from(["Open", "Click"]),
    some.sampled_from(["Likely", "Unlikely", "Perhaps", None]),
    some.sampled_from(
        ["https://example.com/?p=1&u=2", "https://example.com/?p=2&utm_id=3", "https://example.com/leave?u=1"]
    ),
)
EVERYBODY = some.lists(
    some.sampled_from([*THREE, "ANA@example.org", "Ana <ana@example.org>", "<x@d.example>", SIMULATOR]),
    min_size=1,
    max_size=4,
)
OUTCOMES = EVERYBODY.flatmap(
    lambda people: some.sampled_from(
        [
            ("Delivery", {"recipients": people, "processingTimeMillis": 900}),
            ("DeliveryDelay", {"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": people[0]}]}),
            ("Subscription", {"newTopicPreferences": {"unsubscribeAll": len(people) > 1}}),
            *(bounce(people, kind, "Other", BY_A_SERVER) for kind in ("Permanent", "Transient", "Delayed")),
            bounce(people, "Permanent", "OnSomeSuppressionList", NO_EVIDENCE),
            *(complaint(people, kind, None) for kind in ("abuse", "not-spam")),
        ]
    )
)
SAMPLES = some.builds(
    Sample,
    EVERYBODY,
    some.lists(OUTCOMES | VISITS, max_size=5, unique_by=str),
    some.integers(1, 25),
    some.booleans(),
    some.booleans(),
)


def by(rows: Rows, *names: str) -> dict[tuple[str, ...], dict[str, Any]]:
    return {tuple(str(row[name]) for name in names): row for row in rows}


def assert_same(report: Rows, query: Rows, key: dict[str, str], columns: dict[str, str]) -> None:
    """Compare columns of the report with those of a query, both named, row by row."""
    rows, others = by(report, *key), by(query, *key.values())
    assert rows.keys() == others.keys()
    for name, row in rows.items():
        for column, other in columns.items():
            assert others[name][other] == pytest.approx(row[column], abs=0.006), (name, column)


def same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


BOUNDS = ("", "_by_people", "_by_people_at_least", "_by_people_at_most")
SHARES = ("", "_people", "_people_at_least", "_people_at_most")
BOUNCES = {"bounced": "bounced_hard", "bounced_soft": "bounced_soft"}
# Section of the report and query -> columns of the report with those of the query.
COMPARED = {
    ("campaigns", "daily-funnel"): {
        **same("sent", "delivered", "bounced_undetermined", "not_attempted", "complained"),
        **same(*(f"{name}{of}" for name in ("opened", "clicked") for of in BOUNDS)),
        **BOUNCES,
    },
    ("campaigns", "open-and-click-rates"): {
        **same("delivered", "click_to_open_percent"),
        **same(*(f"{name}_percent{of}" for name in ("open", "click") for of in SHARES)),
    },
    ("days", "sender-standing"): same("sent", "bounced", "bounced_percent", "complained", "complained_percent"),
    ("domains", "by-domain"): {
        **same("sent", "attempted", "delivered", "delayed", "complained", "complaints"),
        **same("delayed_percent", "bounced_percent", "complained_percent"),
        **BOUNCES,
    },
    ("weeks", "growth"): {
        **same("reached", "engaged", "engaged_at_least", "engaged_at_most"),
        **same("reached_growth_percent", "engaged_growth_percent"),
    },
    ("links", "top-links"): {
        "clicked": "clickers",
        "clicked_without_verdict": "without_verdict",
        **{f"clicked_by_people_at_{bound}": f"clickers_people_at_{bound}" for bound in ("least", "most")},
    },
}
KEYS = {
    "campaigns": same("campaign"),
    "days": same("day"),
    "weeks": same("week"),
    "domains": {"domain": "recipient_domain"},
    "links": same("link", "campaign"),
}


def assert_all_agree(lake: Lake, samples: list[Sample]) -> None:
    tally = answered(*(line for number, sample in enumerate(samples) for line in sample.lines(number))).tally.counts
    counted = {"sent": tally.sent, "bounced": tally.bounced, "complained": tally.complained}
    counted["not_attempted"] = tally.skipped
    assert counted == {name: sum(row[name] for row in lake.report["campaigns"]) for name in counted}
    for (section, name), columns in COMPARED.items():
        assert_same(lake.report[section], lake.rows(name), KEYS[section], columns)
    for row in lake.rows("overall-engagement"):
        assert row["delivered"] == sum(campaign["delivered"] for campaign in lake.report["campaigns"])


def test_every_word_of_ses_counts_the_same_everywhere(tmp_path: Path, built_queries: Built) -> None:
    samples = table()
    lake = Lake(tmp_path, built_queries, samples)
    assert_all_agree(lake, samples)
    campaigns = by(lake.report["campaigns"], "campaign")
    names = ("bounced", "bounced_soft", "bounced_undetermined", "not_attempted", "complained")
    for number, sample in enumerate(samples):
        row = campaigns.get((f"sample-{number}",), dict.fromkeys(names, 0))
        assert {name: row[name] for name in names} == dict.fromkeys(names, 0) | sample.expected, sample


def test_the_query_knows_the_domains_that_report_no_complaints(built_queries: Built) -> None:
    listed = ", ".join(f"'{domain}'" for domain in SILENT_DOMAINS)
    assert f"recipient_domain NOT IN ({listed})" in built_queries.queries["email-by-domain"]


@settings(max_examples=5, phases=[Phase.generate])
@given(samples=some.lists(SAMPLES, min_size=20, max_size=30))
def test_any_mails_count_the_same_everywhere(built_queries: Built, samples: list[Sample]) -> None:
    with TemporaryDirectory() as folder:
        assert_all_agree(Lake(Path(folder), built_queries, samples), samples)
