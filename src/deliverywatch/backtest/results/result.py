"""The result of a back-test as values: what the flows fill in, and what terminal, JSON and report show."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cwalarm.definitions.alarm import Alarm
from cwalarm.replay.backtest import Change
from cwalarm.replay.minutes import Minutes
from deliverywatch.backtest.inputs.definitions import Definitions


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
    """What one set of parameters would have meant; a month has 30.4 days.

    Attributes:
        night_mails_a_month: Of the mails, those from 22 to 6 o'clock where the readers are.
        minutes_to_mail: Median from the first bad message of an incident to its mail; None if there is none.
        missed: True incidents during which no incident of any watch was open; None without an alarm on a share.
        open_minutes: How long an incident was open.
    """

    mails_count: int
    incidents_count: int
    mails_a_month: float
    night_mails_a_month: float
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
    mails_a_month: float


@dataclass(frozen=True, slots=True)
class Curve:
    """What every threshold of an alarm would have meant at the end of the replay, `span`.

    Attributes:
        raised: Threshold and times that the alarm alone would have been raised a month.
        knee: The threshold of `points` above which little is gained; None for a curve that does not bend.
    """

    alarm: Alarm
    span: Span
    points: tuple[Point, ...]
    raised: tuple[tuple[float, float], ...]
    knee: float | None


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
    time_zone: str
    variants: tuple[Variant, ...]
    ratio: Alarm | None
    subject: Alarm | None
    true_incidents: tuple[Span, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    curve: Curve | None = None
