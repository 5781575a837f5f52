"""The result of a back-test as values: what the flows fill in, and what terminal, JSON and report show."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cwalarm.definitions.alarm import Alarm
from cwalarm.replay.backtest import Change
from cwalarm.replay.minutes import Minutes
from deliverywatch.backtest.inputs.definitions import Definitions
from deliverywatch.thresholds import BACKTEST_LEAST_DAYS, NIGHT_FROM_HOUR, NIGHT_TO_HOUR

_DAYS_A_MONTH = 365.25 / 12
_LAST_DATAPOINT_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Span:
    """A time; aware, the end is not part of it."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> float:
        """How long it is."""
        return (self.end - self.start) / timedelta(minutes=1)

    @property
    def days(self) -> float:
        """How long it is."""
        return self.minutes / 1440

    @property
    def is_week(self) -> bool:
        """Whether it is long enough to say anything of a month."""
        # A history of so many days ends with its last datapoint, not at midnight.
        return self.minutes + _LAST_DATAPOINT_MINUTES >= BACKTEST_LEAST_DAYS * 1440

    def a_month(self, count: float) -> float | None:
        """Return how many of so many in it make a month of 30.4 days; None for less than a week, which says nothing."""
        return count / self.days * _DAYS_A_MONTH if self.is_week else None


@dataclass(frozen=True, slots=True)
class Night:
    """The hours in which a mail wakes somebody, in the readers' zone; the last one is not part of it."""

    time_zone: str = "UTC"
    from_hour: int = NIGHT_FROM_HOUR
    to_hour: int = NIGHT_TO_HOUR

    def holds(self, moment: datetime) -> bool:
        """Return whether a time is at night."""
        hour = moment.astimezone(ZoneInfo(self.time_zone)).hour
        if self.from_hour <= self.to_hour:
            return self.from_hour <= hour < self.to_hour
        return hour >= self.from_hour or hour < self.to_hour

    @property
    def words(self) -> str:
        """Such as `22:00 to 06:00 in UTC`."""
        return f"{self.from_hour:02}:00 to {self.to_hour:02}:00 in {self.time_zone}"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that would have been sent; `message` is what SES would have got."""

    time: datetime
    incident: str
    watch: str
    event: str
    level: str
    subject: str
    message: bytes


@dataclass(frozen=True, slots=True)
class HeadlineNumbers:
    """What one set of parameters would have meant.

    Attributes:
        mails_a_month: None for less than a week.
        night_mails_a_month: Of the mails, those at night where the readers are; None as above.
        minutes_to_mail: Median from the first bad message of an incident to its mail; None if there is none.
        missed: True incidents during which no incident of any watch was open; None without an alarm on a share.
        open_minutes: How long an incident was open.
    """

    mails_count: int
    incidents_count: int
    night_mails_count: int
    mails_a_month: float | None
    night_mails_a_month: float | None
    minutes_to_mail: float | None
    missed: tuple[Span, ...] | None
    open_minutes: float


@dataclass(frozen=True, slots=True)
class Variant:
    """One set of parameters, replayed; an incident is its watch and its span, from the replay's begin on."""

    definitions: Definitions
    minutes: Minutes
    changes: tuple[Change, ...]
    mails: tuple[Mail, ...]
    incidents: tuple[tuple[str, Span], ...]
    numbers: HeadlineNumbers


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold would have meant."""

    threshold: float
    mails_count: int


@dataclass(frozen=True, slots=True)
class Curve:
    """What every threshold of an alarm would have meant at the end of the replay, `span`.

    Attributes:
        raised: Threshold and times that the alarm alone would have been raised.
        knee: The threshold of `points` above which little is gained; None for a curve that does not bend, and for less
            than a week.
    """

    alarm: Alarm
    span: Span
    points: tuple[Point, ...]
    raised: tuple[tuple[float, int], ...]
    knee: float | None

    def rate(self, count: float) -> float:
        """Return what a count is in the unit of the curve: a month, or for less than a week the span itself."""
        monthly = self.span.a_month(count)
        return count if monthly is None else monthly

    @property
    def unit(self) -> str:
        """Such as `a month`."""
        return "a month" if self.span.is_week else f"in {self.span.days:.1f} days"


@dataclass(frozen=True, slots=True)
class Result:
    """A back-test; the variant of the template as it is comes first.

    Attributes:
        ratio: The template's own alarm on a share of failures, which says what a true incident is; None without one.
        subject: The alarm that charts and curve show: the ratio, or that which changed most; None if arrays hold none.
        left_out: The alarms that such a history can say nothing about.
        notes: What to know before trusting the rest, a sentence each.
        curve: What other thresholds of the subject would have meant; None if not requested or without a subject.
    """

    span: Span
    night: Night
    variants: tuple[Variant, ...]
    ratio: Alarm | None
    subject: Alarm | None
    true_incidents: tuple[Span, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    curve: Curve | None = None
