"""A row -> what its event counts as, for whom, and by whom a mail was opened: one definition, in Python and in SQL.

What SES did not try to deliver is not a bounce: it stops mails to addresses on suppression lists (of the account, the
tenant, all of SES), to addresses that fail its validation, and to people who unsubscribed, and reports each as a bounce
or complaint. Its words for that are an open set, so a word that is not known needs the word of a receiving server to
count as a bounce. Words: docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-firehose-contents.html

SES counts addresses on its global list (`Suppressed`) in its own rate nevertheless; the alarms on SES's own metrics see
those. The patterns are those that Python, Athena and DuckDB read alike: no look-around.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

Row = Mapping[str, Any]


class Outcome(StrEnum):
    """What an event counts as; the view `email_events_unique` has it as the column `outcome`."""

    SENT = "sent"
    DELIVERED = "delivered"
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    UNDETERMINED_BOUNCE = "undetermined_bounce"
    NOT_ATTEMPTED = "not_attempted"
    COMPLAINT = "complaint"
    NOT_SPAM = "not_spam"
    REJECTED = "rejected"
    DELAYED = "delayed"
    OPENED = "opened"
    CLICKED = "clicked"
    SUBSCRIPTION = "subscription"
    OTHER = "other"


class Reader(StrEnum):
    """Who opened or clicked, by SES's verdict."""

    PEOPLE = "people"
    BOTS = "bots"
    UNKNOWN = "unknown"


# Stands for the recipient of an event that names none: it happened to somebody.
NOBODY_NAMED = ""

_PLAIN = {
    "Send": Outcome.SENT,
    "Delivery": Outcome.DELIVERED,
    "Reject": Outcome.REJECTED,
    "Rendering Failure": Outcome.REJECTED,
    "DeliveryDelay": Outcome.DELAYED,
    "Open": Outcome.OPENED,
    "Click": Outcome.CLICKED,
    "Subscription": Outcome.SUBSCRIPTION,
}
_BOUNCES = {"permanent": Outcome.HARD_BOUNCE, "transient": Outcome.SOFT_BOUNCE}
_READERS = {"unlikely": Reader.PEOPLE, "likely": Reader.BOTS}
# What SES calls a bounce of a mail that it tried to deliver; no word at all is none that says otherwise.
_ATTEMPTED = (
    *("", "null", "undetermined", "general", "noemail"),
    *("mailboxfull", "messagetoolarge", "contentrejected", "attachmentrejected"),
)
# What its other words are made of: OnAccountSuppressionList, EmailValidationSuppressed, UnsubscribedRecipient ...
_STOPPED_WORD = r"suppress|validat|unsubscrib|opt-?(ed-?)?out|^on.+list$"
# How SES begins to say so itself.
_STOPPED_SENTENCE = r"^\s*amazon ses (has suppressed|did not|does not|will not)"
# The reply of a receiving server, with its code.
_REPLY = r"^\s*(smtp\s*;\s*)?[245]\d\d\b|^\s*smtp\s*;"
# What reports a bounce that SES made; the servers with which it tries have names below smtp-out.amazonses.com.
_OWN_MTA = r"^([a-z-]+\s*;)?\s*(amazonses\.com)?\s*$"
_SIMULATOR = r"@simulator\.amazonses\.com>?\s*$"
_DOMAIN = r"@([^@<>\s]+)>?\s*$"
_BRACKETS = r"<([^<>]*)>\s*$"


def outcome(row: Row) -> Outcome:
    """Return what an event counts as; a bounce or complaint of a mail that SES did not try to deliver is neither."""
    event_type = row["event_type"]
    if event_type == "Bounce":
        kind = _BOUNCES.get(_word(row, "bounce_type"), Outcome.UNDETERMINED_BOUNCE)
        return kind if _was_attempted(row) else Outcome.NOT_ATTEMPTED
    if event_type == "Complaint":
        return _complaint(row)
    return _PLAIN.get(event_type, Outcome.OTHER)


def counted_recipients(row: Row) -> list[str]:
    """Return those for whom an event counts, in lower case, each once: SES's mailbox simulator is nobody.

    An event that names nobody counts for one. Opens and clicks name all to whom the mail went. What a server reports
    may have angle brackets where SES has none, and an address as it was sent to may follow a name.
    """
    addresses: Iterable[str] = row.get("recipients") or (NOBODY_NAMED,)
    return [*dict.fromkeys(_bare(address.lower()) for address in addresses if not _is_simulator(address))]


def reader(row: Row) -> Reader | None:
    """Return who opened or clicked: unknown if SES gives no verdict or one that is not known; None of other events."""
    if row["event_type"] not in ("Open", "Click"):
        return None
    return _READERS.get(_word(row, "bot_verdict"), Reader.UNKNOWN)


def recipient_domain(recipient: str) -> str:
    """Return the domain of one of `counted_recipients`; empty if it has none."""
    match = re.search(_DOMAIN, recipient, re.ASCII)
    return match[1] if match else ""


def _bare(address: str) -> str:
    match = re.search(_BRACKETS, address, re.ASCII) if ">" in address else None
    return (match and match[1]) or address


def _is_simulator(address: str) -> bool:
    # The pattern alone would take a tenth of the time of an event.
    return "simulator" in address.lower() and _matches(_SIMULATOR, address)


def _was_attempted(row: Row) -> bool:
    word, diagnostic = _word(row, "bounce_subtype"), row.get("diagnostic") or ""
    if _matches(_STOPPED_WORD, word) or _matches(_STOPPED_SENTENCE, diagnostic):
        return False
    is_reported = not _matches(_OWN_MTA, row.get("reporting_mta") or "")
    return word in _ATTEMPTED or bool(row.get("remote_mta_ip")) or is_reported or _matches(_REPLY, diagnostic)


def _complaint(row: Row) -> Outcome:
    word = _word(row, "complaint_subtype")
    is_report = bool(row.get("complaint_type") or row.get("user_agent"))
    if _matches(_STOPPED_WORD, word) or not (word in ("", "null") or is_report):
        return Outcome.NOT_ATTEMPTED
    return Outcome.NOT_SPAM if _word(row, "complaint_type") == "not-spam" else Outcome.COMPLAINT


def _word(row: Row, name: str) -> str:
    return (row.get(name) or "").strip(" ").lower()


def _matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE | re.ASCII) is not None


def _sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql_word(name: str) -> str:
    return f"lower(trim(coalesce({name}, '')))"


def _sql_matches(pattern: str, value: str) -> str:
    return f"regexp_like({value}, {_sql_text(f'(?i){pattern}')})"


def _sql_is(value: str, words: Iterable[str]) -> str:
    return f"{value} IN ({', '.join(map(_sql_text, words))})"


def _sql_choice(value: str, choices: Mapping[str, str], otherwise: str) -> str:
    cases = " ".join(f"WHEN {_sql_text(word)} THEN {_sql_text(result)}" for word, result in choices.items())
    return f"CASE {value} {cases} ELSE {otherwise} END"


def _sql_outcome() -> str:
    subtype, diagnostic, of_complaint = _sql_word("bounce_subtype"), "coalesce(diagnostic, '')", "complaint_subtype"
    stopped = f"{_sql_matches(_STOPPED_WORD, subtype)} OR {_sql_matches(_STOPPED_SENTENCE, diagnostic)}"
    is_own = _sql_matches(_OWN_MTA, "coalesce(reporting_mta, '')")
    attempted = (
        f"{_sql_is(subtype, _ATTEMPTED)} OR coalesce(remote_mta_ip, '') <> ''"
        f" OR NOT {is_own} OR {_sql_matches(_REPLY, diagnostic)}"
    )
    no_report = "coalesce(complaint_type, '') = '' AND coalesce(user_agent, '') = ''"
    unattempted = (
        f"{_sql_matches(_STOPPED_WORD, _sql_word(of_complaint))}"
        f" OR (NOT {_sql_is(_sql_word(of_complaint), ('', 'null'))} AND {no_report})"
    )
    bounce = _sql_choice(_sql_word("bounce_type"), _BOUNCES, _sql_text(Outcome.UNDETERMINED_BOUNCE))
    return (
        f"CASE WHEN event_type = 'Bounce' AND ({stopped} OR NOT ({attempted})) THEN '{Outcome.NOT_ATTEMPTED}'"
        f" WHEN event_type = 'Bounce' THEN {bounce}"
        f" WHEN event_type = 'Complaint' AND ({unattempted}) THEN '{Outcome.NOT_ATTEMPTED}'"
        f" WHEN event_type = 'Complaint' THEN"
        f" {_sql_choice(_sql_word('complaint_type'), {'not-spam': Outcome.NOT_SPAM}, _sql_text(Outcome.COMPLAINT))}"
        f" ELSE {_sql_choice('event_type', _PLAIN, _sql_text(Outcome.OTHER))} END"
    )


def _sql_counted_recipients() -> str:
    people = f"filter(recipients, address -> NOT {_sql_matches(_SIMULATOR, 'address')})"
    bare = f"coalesce(nullif(regexp_extract(lower(address), {_sql_text(_BRACKETS)}, 1), ''), lower(address))"
    everybody = f"array_distinct(transform({people}, address -> {bare}))"
    return (
        f"CASE WHEN coalesce(cardinality(recipients), 0) = 0 THEN ARRAY[{_sql_text(NOBODY_NAMED)}] ELSE {everybody} END"
    )


def _sql_reader() -> str:
    verdict = _sql_choice(_sql_word("bot_verdict"), _READERS, _sql_text(Reader.UNKNOWN))
    return f"CASE WHEN event_type IN ('Open', 'Click') THEN {verdict} END"


# The same in Athena's SQL, over the columns of the tables.
OUTCOME_SQL = _sql_outcome()
COUNTED_RECIPIENTS_SQL = _sql_counted_recipients()
READER_SQL = _sql_reader()
