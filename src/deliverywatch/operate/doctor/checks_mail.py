"""Whether mails leave and arrive: the sender, DKIM, the sandbox, and the way out past SES.

Facts: docs.aws.amazon.com/ses/latest/APIReference-V2, GetEmailIdentity and GetAccount.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deliverywatch.operate.doctor.check import Check, failed, ok, some, warning


@dataclass(frozen=True, slots=True)
class Identity:
    """An address or a domain in SES; `dkim` is SES's word, such as `SUCCESS`."""

    name: str
    is_verified: bool
    dkim: str


@dataclass(frozen=True, slots=True)
class Sending:
    """What SES lets the account do; `enforcement` is its word, such as `HEALTHY`."""

    is_out_of_sandbox: bool
    is_enabled: bool
    enforcement: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription of a topic."""

    protocol: str
    endpoint: str
    is_confirmed: bool


def domain(address: str) -> str:
    """Return the domain of an address."""
    return address.rpartition("@")[2]


def sender(address: str, identities: Mapping[str, Identity]) -> Check:
    """Return whether SES lets the sender send: the address itself is verified, or its domain."""
    verified = [name for name in (address, domain(address)) if name in identities and identities[name].is_verified]
    if verified:
        return ok("sender", f"SES knows {address} by {verified[0]}.")
    state = "waits for its confirmation" if identities else "does not know it"
    return failed(
        "sender",
        f"{address} may not send: SES {state}.",
        f"aws sesv2 create-email-identity --email-identity {address}, and confirm the mail that comes",
    )


def dkim(address: str, identities: Mapping[str, Identity]) -> Check:
    """Return whether mails are signed; unsigned ones may end as spam."""
    signed = [identity.name for identity in identities.values() if identity.dkim == "SUCCESS"]
    if signed:
        return ok("dkim", f"Mails are signed for {signed[0]}.")
    home = domain(address)
    return warning(
        "dkim",
        f"Mails of {address} are not signed with DKIM, so that they may end as spam.",
        f"aws sesv2 create-email-identity --email-identity {home}, and put the three CNAME records it shows into "
        "the DNS",
    )


def sending(state: Sending) -> Check:
    """Return whether SES sends for this account at all."""
    if state.is_enabled and state.enforcement == "HEALTHY":
        return ok("sending", "SES sends for this account.")
    fix = "See the reason in the SES console under Account dashboard, and answer AWS there."
    if state.is_enabled and state.enforcement == "PROBATION":
        return warning("sending", "SES has put this account on probation.", fix)
    return failed("sending", f"SES has paused sending for this account ({state.enforcement.lower()}).", fix)


def sandbox(state: Sending, unverified: Sequence[str]) -> Check:
    """Return whether the recipients can be reached: in its sandbox SES refuses mails to the unverified."""
    if state.is_out_of_sandbox:
        return ok("sandbox", "SES sends to any address.")
    if unverified:
        return failed(
            "sandbox",
            f"SES is in its sandbox and refuses mails to {some(list(unverified))}.",
            f"aws sesv2 create-email-identity --email-identity {unverified[0]}, or ask for production access in the "
            "SES console",
        )
    return warning(
        "sandbox",
        "SES is in its sandbox; all recipients are verified, and 200 mails a day are allowed.",
        "Ask for production access in the SES console before you add recipients.",
    )


def suppressed(reasons: Mapping[str, str]) -> Check:
    """Return whether SES delivers to every recipient; `reasons` has SES's word for each address that it leaves out."""
    if not reasons:
        return ok("suppressed", "SES leaves out no recipient.")
    words = [f"{address} ({reason.lower()})" for address, reason in reasons.items()]
    return failed(
        "suppressed",
        f"SES takes the mails to {some(words)}, and does not deliver them: the account suppresses these addresses.",
        f"aws sesv2 delete-suppressed-destination --email-address {next(iter(reasons))}",
    )


def fallback(topic: str, address: str, subscriptions: Sequence[Subscription]) -> Check:
    """Return whether somebody is notified when SES fails."""
    mails = [subscription for subscription in subscriptions if subscription.protocol.startswith("email")]
    if any(mail.is_confirmed for mail in mails):
        return ok(
            "fallback", f"{next(mail.endpoint for mail in mails if mail.is_confirmed)} is notified when SES fails."
        )
    how = f"aws sns subscribe --protocol email --topic-arn {topic} --notification-endpoint {address}"
    if mails:
        return failed(
            "fallback",
            f"{mails[0].endpoint} has not confirmed yet: if SES fails, nobody is notified.",
            f"Open the mail 'AWS Notification - Subscription Confirmation' there, or send it again: {how}",
        )
    return failed("fallback", "Nobody is subscribed to the fallback topic: if SES fails, nobody is notified.", how)


def permission(policy: Mapping[str, Any] | None, function: str, topic: str) -> Check:
    """Return whether the topic of the alarms may start the notifier, by the function's own policy."""
    if any(_lets_start(statement, topic) for statement in (policy or {}).get("Statement", ())):
        return ok("notifier-policy", "The topic of the alarms may start the notifier.")
    return failed(
        "notifier-policy",
        f"The topic of the alarms may not start {function}: no alarm becomes a mail.",
        f"aws lambda add-permission --function-name {function} --statement-id alerts --action lambda:InvokeFunction "
        f"--principal sns.amazonaws.com --source-arn {topic}",
    )


def _lets_start(statement: Mapping[str, Any], topic: str) -> bool:
    principal = statement.get("Principal")
    service = principal.get("Service") if isinstance(principal, dict) else principal
    source = ((statement.get("Condition") or {}).get("ArnLike") or {}).get("AWS:SourceArn", topic)
    return statement.get("Effect") == "Allow" and service in ("sns.amazonaws.com", "*") and source == topic


def notifier(subscriptions: Sequence[Subscription], function: str) -> Check:
    """Return whether alarms reach the notifier."""
    if any(
        subscription.protocol == "lambda" and subscription.endpoint.endswith(f":{function}")
        for subscription in subscriptions
    ):
        return ok("notifier", "Alarms reach the notifier.")
    return failed(
        "notifier",
        f"The topic of the alarms does not call {function}: no alarm becomes a mail.",
        "deliverywatch deploy --revert-drift",
    )
