"""The limits of a stream's shares, and what differs between bounces and complaints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from deliverywatch import thresholds
from deliverywatch.email.rates.counts import percent
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.email.rates.counts import Counts

NOUNS = {"newsletter": "newsletters", "transactional": "transactional mails"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an operator may choose; parameters of the template by the same names."""

    email_bounce_warning_percent: float = thresholds.EMAIL_BOUNCE_WARNING_PERCENT
    email_bounce_critical_percent: float = thresholds.EMAIL_BOUNCE_CRITICAL_PERCENT
    email_bounce_recovery_percent: float = thresholds.EMAIL_BOUNCE_RECOVERY_PERCENT
    email_complaint_warning_percent: float = thresholds.EMAIL_COMPLAINT_WARNING_PERCENT
    email_complaint_critical_percent: float = thresholds.EMAIL_COMPLAINT_CRITICAL_PERCENT
    email_complaint_recovery_percent: float = thresholds.EMAIL_COMPLAINT_RECOVERY_PERCENT
    email_delay_warning_percent: float = thresholds.EMAIL_DELAY_WARNING_PERCENT
    email_minimum_sent: int = thresholds.EMAIL_MINIMUM_SENT_COUNT
    email_minimum_bounced: int = thresholds.EMAIL_MINIMUM_BOUNCED_COUNT
    email_minimum_complained: int = thresholds.EMAIL_MINIMUM_COMPLAINED_COUNT
    email_minimum_delayed: int = thresholds.EMAIL_MINIMUM_DELAYED_COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one share of a stream is judged.

    Attributes:
        what: The end of its watch's name.
        metric: The share's name in CloudWatch.
        counted: The member of `Counts` that it is the share of.
        verb: What happened to the mails, in a sentence.
        minimum: Of the counted, below which nothing is opened.
        longest: Of a cohort; also how long an incident is held after the last of its mails.
        pause: Ends a cohort.
        late: How long after the sending a cohort may open an incident.
        thin: How far back the mails of a stream that sends little are put together.
        settle: How old mails must be to prove health.
        joined: How far back small cohorts are put together to be judged.
        pending_may_count: Whether a mail without an outcome may still become one of the counted.
        names_provider: Whether its sentence says that one provider is to blame; a mail about failures says so itself.
    """

    what: str
    metric: str
    counted: str
    verb: str
    warning_percent: float
    critical_percent: float
    recovery_percent: float
    minimum: int
    minimum_sent: int
    longest: timedelta
    pause: timedelta
    late: timedelta
    thin: timedelta
    joined: timedelta
    settle: timedelta = timedelta()
    pending_may_count: bool = False
    names_provider: bool = False

    def bad(self, counts: Counts) -> int:
        """Return how many mails count against the sender."""
        value: int = getattr(counts, self.counted)
        return value

    def share(self, counts: Counts) -> float:
        """Return their share in percent."""
        return percent(self.bad(counts), counts.total)

    def level(self, counts: Counts) -> Level:
        """Return the level that the counts are evidence of."""
        if counts.total < self.minimum_sent or self.bad(counts) < self.minimum:
            return Level.OK
        share = self.share(counts)
        if share > self.critical_percent:
            return Level.CRITICAL
        return Level.WARNING if share > self.warning_percent else Level.OK

    def holds(self, counts: Counts) -> Level:
        """Return the level that an open incident keeps: a share that goes up and down stays critical until then."""
        share = self.share(counts)
        if share > self.warning_percent:
            return Level.CRITICAL
        return Level.WARNING if share > self.recovery_percent else Level.OK


def rules(limits: Limits) -> tuple[Rule, Rule]:
    """Return the rules of bounces and of complaints."""
    return (
        Rule(
            what="bounces",
            metric="BouncePercent",
            counted="bounced",
            verb="bounced",
            warning_percent=limits.email_bounce_warning_percent,
            critical_percent=limits.email_bounce_critical_percent,
            recovery_percent=limits.email_bounce_recovery_percent,
            minimum=limits.email_minimum_bounced,
            minimum_sent=limits.email_minimum_sent,
            longest=timedelta(seconds=thresholds.EMAIL_BOUNCE_WINDOW_SECONDS),
            pause=timedelta(seconds=thresholds.EMAIL_BOUNCE_PAUSE_SECONDS),
            late=timedelta(days=thresholds.EMAIL_BOUNCE_LATE_DAYS),
            thin=timedelta(hours=thresholds.EMAIL_BOUNCE_THIN_HOURS),
            joined=timedelta(seconds=thresholds.EMAIL_BOUNCE_WINDOW_SECONDS),
            pending_may_count=True,
        ),
        Rule(
            what="complaints",
            metric="ComplaintPercent",
            counted="complained",
            verb="were complained about",
            warning_percent=limits.email_complaint_warning_percent,
            critical_percent=limits.email_complaint_critical_percent,
            recovery_percent=limits.email_complaint_recovery_percent,
            minimum=limits.email_minimum_complained,
            minimum_sent=limits.email_minimum_sent,
            longest=timedelta(seconds=thresholds.EMAIL_COMPLAINT_WINDOW_SECONDS),
            pause=timedelta(seconds=thresholds.EMAIL_COMPLAINT_PAUSE_SECONDS),
            late=timedelta(days=thresholds.EMAIL_COMPLAINT_LATE_DAYS),
            thin=timedelta(hours=thresholds.EMAIL_COMPLAINT_THIN_HOURS),
            joined=timedelta(hours=thresholds.EMAIL_COMPLAINT_THIN_HOURS),
            settle=timedelta(hours=thresholds.EMAIL_COMPLAINT_SETTLE_HOURS),
            names_provider=True,
        ),
    )
