"""What a run touches (`Ports`), what an operator may choose (`Settings`), and what it reports (`Summary`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.environment import limits
from deliverywatch.sms.assessments.delivery import DeliveryLimits
from deliverywatch.sms.assessments.failures import FailureLimits
from deliverywatch.sms.assessments.silence import SilenceLimits
from deliverywatch.sms.assessments.unknown import UnknownLimits
from deliverywatch.thresholds import CREDIT_WARNING_HOURS, SLOT_MINUTES

if TYPE_CHECKING:
    from deliverywatch.messages.notice import SystemNotice
    from deliverywatch.sms.clicksend.credit import Credit
    from deliverywatch.sms.clicksend.pages import Page
    from deliverywatch.sms.clicksend.recipients import Recipients
    from deliverywatch.sms.counts import Datapoint
    from deliverywatch.storage.store import Store


class History(Protocol):
    """ClickSend's message history."""

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        """Yield the pages of what was sent in [start, end); rows outside and rows twice are possible."""


@dataclass(frozen=True, slots=True)
class Source:
    """An account whose history is read, and what may be kept of its recipients.

    Attributes:
        credit: Reads what the account can still pay for; None where nobody watches that.
    """

    history: History
    recipients: Recipients
    credit: Callable[[], Credit] | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose.

    Attributes:
        count_recipient_faults: Whether dead numbers count as failures.
        keep_one_client_at_warning: Whether failures of one sender, subaccount or list alone never become critical.
        credit_warning_hours: A credit that ends sooner is a warning.
        silence: None if silence is not watched.
        zone: Where the days of the account begin.
    """

    slot_minutes: int = SLOT_MINUTES
    count_recipient_faults: bool = True
    failures: FailureLimits = field(default_factory=FailureLimits)
    credit_warning_hours: float = CREDIT_WARNING_HOURS
    silence: SilenceLimits | None = field(default_factory=SilenceLimits)
    zone: tzinfo = UTC
    delivery: DeliveryLimits = field(default_factory=DeliveryLimits)
    unknown: UnknownLimits = field(default_factory=UnknownLimits)
    keep_one_client_at_warning: bool = False

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Settings:
        """Return the settings of a function's environment, without the prefix of its names."""
        counts_recipient_faults = values["COUNT_RECIPIENT_FAULTS"] == "true"
        return cls(
            int(values["SLOT_MINUTES"]),
            counts_recipient_faults,
            failures=limits(FailureLimits, values),
            credit_warning_hours=float(values.get("CREDIT_WARNING_HOURS", CREDIT_WARNING_HOURS)),
            delivery=limits(DeliveryLimits, values),
            unknown=limits(UnknownLimits, values),
            silence=limits(SilenceLimits, values) if values.get("SILENCE_WATCH", "true") == "true" else None,
            keep_one_client_at_warning=values.get("KEEP_ONE_CLIENT_AT_WARNING") == "true",
            zone=_zone(values.get("TIME_ZONE", "UTC")),
        )


def _zone(name: str) -> tzinfo:
    """Return a zone of the IANA database; UTC for one that this machine does not know."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 10 ms that only a function pays

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a run touches.

    Attributes:
        connect: Returns the source; called once, so that missing credentials are a failure of the run like any other.
        store: Holds the lake, the watermark and the context.
        emit: Publishes datapoints, all or none of them.
        seconds_left: How long the run may still take.
        notify: Publishes a notice to the notifier; any error means that it was not published.
    """

    connect: Callable[[], Source]
    store: Store
    emit: Callable[[Sequence[Datapoint]], None]
    seconds_left: Callable[[], float] = lambda: math.inf
    notify: Callable[[SystemNotice], None] = lambda _notice: None


@dataclass(slots=True)
class Summary:
    """What a run did, in numbers only.

    Attributes:
        first_run: Whether there was no watermark, so that only the last hour was covered.
        read_count: Records read, those that were read twice counted twice.
        unreadable_count: Rows without a usable id or time of sending.
        missing_count: These, and rows that ClickSend announced and did not send.
        new_count, changed_count: Messages that were not in the lake, or are no longer as it has them.
        written_count: Objects of the lake.
        emitted_count: Datapoints of slots.
        settling_count: Hours read again because they had messages without a final outcome.
        postponed_count: Such hours for which there was no time.
        unsettled_count: Such hours that could not be read or kept; the next sweep tries again.
    """

    first_run: bool = False
    read_count: int = 0
    unreadable_count: int = 0
    missing_count: int = 0
    new_count: int = 0
    changed_count: int = 0
    written_count: int = 0
    emitted_count: int = 0
    settling_count: int = 0
    postponed_count: int = 0
    unsettled_count: int = 0

    def as_fields(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return asdict(self)
