"""What ClickSend and networks write where no code says what became of a message -> an outcome and whose side it is on.

Words: ClickSend's application status codes (developers.clicksend.com/docs, "Application Status Codes"), its gateway
table (help.clicksend.com, "SMS error codes"), and the words of delivery receipts that networks share (SMPP 3.4, 5.2.28:
`UNDELIV`, `EXPIRED`, `REJECTD`). Spelling, case and word breaks differ from place to place: `COUNTRY_NOT_ENABLED`,
`CountryNotEnabled` and "Country is not enabled." are one.
"""

import re
from functools import lru_cache

from deliverywatch.sms.clicksend.outcomes import DELIVERED, PENDING, Fault, Outcome, Verdict

# The first that fits counts: what a message waits for goes before what it fails of, and a cause before its effect.
# A blank stands for the end of a word; `*` for any words between, at most three.
_WAITING = (
    "will be retried", "will retry", "retrying", "temporar", "deferred", "in progress", " on hold ", "pending",
    " queued ", " buffered", " enroute ", " en route ", " acceptd ", " held ", "awaiting", "in review", "under review",
    "for review", "waiting for approval", "wait approval",
)  # fmt: skip
_NO_CREDIT = (
    "insufficient * credit", "insufficient * balance", "insufficient * fund", "not enough * credit",
    "not enough * balance", "not enough * fund", " no credit", " no balance ", "out of credit", "out of fund",
    "lack of credit", "credit limit", "credit * exhausted", "credit * exceeded", "credit * expired",
    "not have enough * credit", "not have enough * balance", "not have enough * fund", "not have sufficient",
    "balance * low", "balance * exhausted", "payment required", "payment declined", "payment failed",
)  # fmt: skip
_REFUSALS: tuple[tuple[Fault, tuple[str, ...]], ...] = (
    # Ours to put right: credit, what the account may do, and how it asks.
    (Fault.ACCOUNT, (
        *_NO_CREDIT, "spend limit", "spending limit",
        "quota * exceeded", "quota * reached", "quota violation", "limit * exceeded", "limit * reached",
        "exceeded * limit", "country * not enabled", "country * disabled", "country * not allowed",
        "country * not supported", "country * not permitted", "country * blocked", "destination * not enabled",
        "destination * not allowed", "destination * not permitted", "region * not enabled",
        "international * not enabled", "international * disabled", "geo permission", "throttl", "rate limit",
        "too many request", "too many message", "too many attempt", "too many recipient", "flood", "duplicate message",
        "already exist", "account * not activ", "account * inactive", "account * suspended", "account * banned",
        "account * blocked", "account * disabled", "account * closed", "account * barred", "account * restricted",
        "invalid credential", "missing credential", "unauthori", "not authori", "permission denied",
        "not enough permission", "invalid sender", "sender * invalid", "sender * not ", "invalid from", "unregistered",
        "not registered", "registration needed", "registration required", "requires registration", "invalid schedule",
        "missing required field", "invalid lang",
    )),
    (Fault.CONTENT, (
        "spam", "invalid content", "content * rejected", "content * blocked", "content * not allowed",
        "message content", "prohibited", "profanit", "policy", "filtered", "cancelled after review",
        "canceled after review", "blocked url", "blocked link", "url * not allowed", "message too long",
        "message * too long", "empty message", "message * empty", "invalid message", "subject required",
        "invalid media", "template mismatch", "template * not approved", "template * not found",
    )),
    (Fault.RECIPIENT, (
        "invalid recipient", "invalid number", "invalid phone", "invalid mobile", "invalid destination",
        "invalid msisdn", "invalid subscriber", "recipient * invalid", "number * invalid", "invalid to ",
        "number * inactive", "number * not in service", "number * not exist", "number * disconnected",
        "number * barred", "not a mobile", "landline", "unknown subscriber", "unidentified subscriber",
        "subscriber * unknown", "absent subscriber", "subscriber * absent", "subscriber * offline",
        "subscriber * barred", "unallocated", "number * not allocated", "unreachable",
        "out of reach", "switched off", "handset off", "phone off", "memory * full", "memory * exceeded", "inbox full",
        "opted out", "opt out", "optout", "unsubscrib", "do not disturb", " dnd ", "do not contact", "blacklist",
        "black list", "blocklist", "block list", "blocked by recipient", "blocked by the recipient", "blocked by user",
        "number blocked", "recipient * blocked", "stopped by recipient",
    )),
    (Fault.CARRIER, (
        "rejected by * network", "rejected by * carrier", "rejected by * operator", "blocked by * network",
        "blocked by * carrier", "blocked by * operator", "refused by * network", "network error", "network * congest",
        "carrier error", "operator error", "network timeout", "network * timed out", "illegal subscriber",
        "carrier violation", "carrier * rejected",
    )),
    (Fault.PROVIDER, (
        "routing error", "no route", "noroute", "internal error", "gateway error", "system error", "server error",
        "something is wrong", "service unavailable",
    )),
    # It did not arrive, and nobody says why.
    (Fault.NONE, (
        "undeliver", "undeliv ", "not delivered", "non delivered", "not be delivered", "not deliver", "delivery fail",
        "failed", "failure", "reject", "refused", "denied", "expired", "bounced", " bounce ", "blocked", "barred",
        "dropped", "discarded", "not sent", "not be sent", "unsent", "cannot be sent", "unable to send",
        "unable to deliver", "cannot deliver", "delivery impossible", "declined", "suppressed", "not accepted",
        "aborted", "deleted", "unroutable",
    )),
)  # fmt: skip
_ARRIVED = re.compile(
    r" (message )?(successfully )?(delivered|delivrd)( successfully)?( to (the |a )?(handset|phone))? "
)
_ACCEPTED = re.compile(
    r" (success|sending|submitted|submitd|accepted|processing|processed|scheduled|sent)( message sent)? "
)

_BREAKS = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")


def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds a phrase among words, or in a single word without breaks, such as `INSUFFICIENTCREDIT`."""
    spaced = (phrase.replace(" * ", r" (?:\w+ ){0,3}") for phrase in phrases)
    joined = (re.sub(r"[ *]+", "", phrase) for phrase in phrases if " " in phrase.strip())
    return re.compile("|".join([*spaced, *(rf"^ \w*{phrase}\w* $" for phrase in joined)]))


_IS_WAITING = _pattern(_WAITING)
_LACKS_CREDIT = _pattern(_NO_CREDIT)
_IS_REFUSED = tuple((fault, _pattern(phrases)) for fault, phrases in _REFUSALS)


def _plain(words: str | None) -> str:
    return f" {_BREAKS.sub(' ', words or '').lower().strip()} "


@lru_cache(1_000)
def verdict_of(words: str | None) -> Verdict | None:
    """Return what the words say became of a message; none if they say nothing that is known."""
    plain = _plain(words)
    if _IS_WAITING.search(plain):
        return PENDING
    fault = next((fault for fault, pattern in _IS_REFUSED if pattern.search(plain)), None)
    if fault is not None:
        return Outcome.FAILED, fault
    if _ARRIVED.fullmatch(plain):
        return DELIVERED
    return PENDING if _ACCEPTED.fullmatch(plain) else None


def fault_of_words(*texts: str | None) -> Fault:
    """Return whose side a failure is on by the first of the texts that says so; `none` if none does."""
    verdicts = map(verdict_of, texts)
    return next((verdict[1] for verdict in verdicts if verdict and verdict[1] != Fault.NONE), Fault.NONE)


def is_for_credit(*texts: str | None) -> bool:
    """Whether one of the texts of a failure says that the account could not pay."""
    return any(map(_is_for_credit, texts))


@lru_cache(1_000)
def _is_for_credit(words: str | None) -> bool:
    return bool(_LACKS_CREDIT.search(_plain(words)))
