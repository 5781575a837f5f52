"""The notifier's settings, from its environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass

from deliverywatch.alerting.inputs.alarm import account_of
from deliverywatch.alerting.inputs.channel_settings import Channel, channels
from deliverywatch.environment import required
from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.untrusted import count
from deliverywatch.thresholds import CLOSE_UNKNOWN_HOURS, REMINDER_HOURS

# The most addresses that SES takes in one call.
RECIPIENT_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """How the mails of one stack look and where they go.

    Attributes:
        prefix: The stack's prefix, with which the names of its alarms begin.
        sender: An address, or a name with an address.
        critical_recipients: Further recipients of the mails of critical incidents.
        close_unknown_hours: How long an incident may be quiet before it is closed as unknown.
        reminder_hours: How long an incident may be open without a mail; 0 for no reminder.
        channels: Those beside mail.
        time_zone: A name of the IANA database.
        dashboard: The name of the CloudWatch dashboard; empty for none.
        workgroup: The Athena workgroup with the saved queries; empty for none.
        region: The code of the stack's region, for links where a message names none.
        account: The stack's account, whose alarms CloudWatch can be asked for; empty if it is not known.
        page_url: Where links to acknowledge and to mute lead, with a slash at its end; empty for no such links.
    """

    environment: str
    prefix: str
    sender: str
    recipients: tuple[str, ...]
    time_zone: str = "UTC"
    dashboard: str = ""
    workgroup: str = ""
    region: str = ""
    account: str = ""
    critical_recipients: tuple[str, ...] = ()
    close_unknown_hours: int = CLOSE_UNKNOWN_HOURS
    reminder_hours: int = REMINDER_HOURS
    channels: tuple[Channel, ...] = ()
    page_url: str = ""


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Return the settings, or raise ConfigurationError if one is missing or SES would not take all recipients."""
    environment = required(environ, "DELIVERYWATCH_ENVIRONMENT")
    recipients = addresses(required(environ, "DELIVERYWATCH_RECIPIENTS"))
    if not 0 < len(recipients) <= RECIPIENT_LIMIT:
        raise ConfigurationError(
            f"DELIVERYWATCH_RECIPIENTS names {len(recipients)} addresses; SES takes 1 to {RECIPIENT_LIMIT}."
        )
    return Settings(
        environment=environment,
        prefix=environ.get("DELIVERYWATCH_PREFIX") or f"deliverywatch-{environment}",
        sender=required(environ, "DELIVERYWATCH_SENDER"),
        recipients=recipients,
        time_zone=environ.get("DELIVERYWATCH_TIME_ZONE") or "UTC",
        dashboard=environ.get("DELIVERYWATCH_DASHBOARD", ""),
        workgroup=environ.get("DELIVERYWATCH_WORKGROUP", ""),
        region=environ.get("AWS_REGION", ""),
        account=account_of(environ.get("DELIVERYWATCH_FALLBACK_TOPIC", "")),
        critical_recipients=addresses(environ.get("DELIVERYWATCH_CRITICAL_RECIPIENTS", "")),
        close_unknown_hours=count(environ.get("DELIVERYWATCH_CLOSE_UNKNOWN_HOURS"), CLOSE_UNKNOWN_HOURS),
        reminder_hours=count(environ.get("DELIVERYWATCH_REMINDER_HOURS"), REMINDER_HOURS),
        channels=channels(environ),
        page_url=environ.get("DELIVERYWATCH_PAGE_URL", ""),
    )


def addresses(text: str) -> tuple[str, ...]:
    """Return the addresses of a comma-separated list."""
    return tuple(address.strip() for address in text.split(",") if address.strip())
