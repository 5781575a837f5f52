"""A history, wherever it lies -> datapoints with the times from which alarms could see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cwalarm.definitions import rule as rules
from cwalarm.replay import datapoint_files
from cwalarm.replay.datapoint_files import require
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from cwalarm.aws import CloudWatch
    from cwalarm.definitions.alarm import Alarm, Metric
    from cwalarm.definitions.composites import Composite
    from cwalarm.evaluation.series import Series
    from deliverywatch.backtest.inputs.definitions import Definitions


@dataclass(frozen=True, slots=True)
class History:
    """What a replay knows.

    Attributes:
        notes: How the datapoints came about, a sentence each.
        holds: Namespaces and names of the metrics that this kind of history can hold; None for any. Alarms on others
            are left out.
        unknowable: Those of them that this one does not hold: their alarms are left out too.
        left_out: Names of alarms that it cannot hold for another reason, which a note gives.
        contexts: What a mail finds in the lake at a moment, for a window in minutes, by the key of the document.
        first_failures: When the first failed message of a datapoint was sent, by the datapoint's epoch second.
    """

    series: Series
    notes: tuple[str, ...] = ()
    holds: frozenset[tuple[str, str]] | None = None
    unknowable: frozenset[tuple[str, str]] = frozenset()
    left_out: frozenset[str] = frozenset()
    contexts: Mapping[str, Callable[[datetime, int], bytes]] = field(default_factory=dict)
    first_failures: Mapping[int, datetime] = field(default_factory=dict)

    def can_say(self, alarm: Alarm) -> bool:
        """Return whether this kind of history can hold all that an alarm watches."""
        names = {(stat.namespace, stat.name) for stat in alarm.metrics}
        is_of_its_kind = self.holds is None or names <= self.holds
        return alarm.name not in self.left_out and is_of_its_kind and not names & self.unknowable

    @property
    def extent(self) -> tuple[datetime, datetime]:
        """The minutes of the oldest and the newest datapoint; raises InputError if there is none."""
        ends = [extent for metric in self.series.metrics() if (extent := self.series.extent(metric))]
        if not ends:
            raise InputError("The history is empty.", next_step="Name a history with at least one datapoint.")
        return (
            datetime.fromtimestamp(min(start for start, _ in ends), UTC),
            datetime.fromtimestamp(max(end for _, end in ends), UTC),
        )

    def values(self, metric: Metric) -> dict[int, float]:
        """Return the sum of each datapoint, by its epoch second, as it was known in the end."""
        sums: dict[int, float] = {}
        for second, sample in self.series.samples(metric):
            sums[second] = sums.get(second, 0.0) + sample.sum
        return sums


def from_file(path: Path, definitions: Definitions) -> History:
    """Read a CSV or Parquet file of datapoints, or raise InputError."""
    series = datapoint_files.read(path, definitions.metrics)
    note = "Datapoints are visible from the time in the column `published`, or else at once."
    return History(series, (f"History: {path.name}. {note}",))


def from_account(
    account: CloudWatch, definitions: Definitions, start: datetime, end: datetime, now: datetime, grain_seconds: int
) -> History:
    """Read the datapoints from a live account, as fine as `grain_seconds` at the start.

    Alarms on a percentile are left out, because CloudWatch gives no values but statistics; of another alarm with a
    shorter period InputError is raised.
    """
    percentiles = {alarm.name for alarm in definitions.alarms if any(stat.is_extended for stat in alarm.metrics)}
    for alarm in definitions.alarms:
        if alarm.name not in percentiles and alarm.period_seconds < grain_seconds:
            raise InputError(
                f"Alarm {alarm.name} has a period of {alarm.period_seconds} s, and CloudWatch keeps only periods of "
                f"{grain_seconds} s of {start:%Y-%m-%d}.",
                next_step=f"Choose a later --from (it keeps minutes for 15 days), or give --without {alarm.name}.",
            )
    series = account.history(definitions.metrics, start, end, now)
    notes = ["History: CloudWatch, which does not record when a datapoint became visible: taken as at once."]
    if percentiles:
        notes.append("CloudWatch returns no values of which a percentile could be made again.")
    return History(series, tuple(notes), left_out=frozenset(percentiles))


def bounds(
    history: History, definitions: Definitions, start: datetime | None, end: datetime | None
) -> tuple[datetime, datetime]:
    """Return the span of the replay, what was asked for as far as the history reaches, or raise InputError."""
    oldest, newest = history.extent
    # As after a deployment: alarms that call for missing data wait until the first data has come.
    first = oldest + timedelta(minutes=definitions.warm_up_minutes)
    begin, last = max(start or first, first), min(end or newest + timedelta(minutes=2), newest + timedelta(minutes=2))
    if start and end and end <= start:
        raise InputError(
            f"--to {end:%Y-%m-%d %H:%M} is not after --from {start:%Y-%m-%d %H:%M}.", next_step="Swap them."
        )
    if last <= begin:
        raise InputError(
            f"The history reaches from {oldest:%Y-%m-%d %H:%M} to {newest:%Y-%m-%d %H:%M} UTC, too short to replay.",
            next_step="Choose --from and --to within it, or name a longer history.",
        )
    return begin, last


def replayable(definitions: Definitions, history: History) -> tuple[Definitions, tuple[str, ...]]:
    """Return the definitions without the alarms that this kind of history can say nothing about, and their names.

    Composite alarms of such alarms are among them.
    """
    kept = tuple(alarm for alarm in definitions.alarms if history.can_say(alarm))
    left_out = history.left_out | {alarm.name for alarm in definitions.alarms} - {alarm.name for alarm in kept}
    composites, depend = _composites(definitions.composites, left_out)
    for alarm in kept:
        require(alarm, history.series)
    if not kept:
        raise InputError(
            "No alarm watches what is in the history.", next_step="Name a history of the metrics that they watch."
        )
    return replace(definitions, alarms=kept, composites=composites), tuple(sorted(left_out | depend))


def _composites(
    composites: Sequence[Composite], left_out: frozenset[str]
) -> tuple[tuple[Composite, ...], frozenset[str]]:
    """Return the composite alarms that depend on nothing that is left out, and the names of the others."""
    children = {one.name: {*rules.children(one.rule), one.suppressor} for one in composites}
    missing = left_out
    while more := {name for name, names in children.items() if names & missing} - missing:
        missing |= more
    return tuple(one for one in composites if one.name not in missing), missing - left_out
