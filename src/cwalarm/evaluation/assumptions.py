"""An alarm and the datapoints it is evaluated with -> what its result rests on that neither of them says."""

from collections.abc import Iterator

from cwalarm.definitions.alarm import Alarm, AnyAlarm
from cwalarm.evaluation.series import Series


def of(alarm: AnyAlarm, series: Series, *, is_created: bool = False) -> list[str]:
    """Return a sentence for each assumption; `is_created` says that the time of the alarm's creation is known."""
    sentences = [*of_definition(alarm)]
    if isinstance(alarm, Alarm):
        sentences.extend(_units(alarm, series))
        if alarm.warm_up and not is_created:
            waits = f"It warms up for {alarm.warm_up.minutes} minutes once it is created"
            sentences.append(f"{waits}, and is taken as created long before.")
    return list(dict.fromkeys(sentences))


def of_definition(alarm: AnyAlarm) -> Iterator[str]:
    """Yield what a definition says that no datapoints can show."""
    if isinstance(alarm, Alarm):
        for query in alarm.queries:
            if query.metric and query.account_id:
                yield (
                    f"{query.metric.name} is read in account {query.account_id}: datapoints name no account, and are "
                    "taken to be of that one."
                )
    for member in alarm.unknown_members:
        yield f"{member} is not known to this version: whatever it changes is not evaluated."


def _units(alarm: Alarm, series: Series) -> Iterator[str]:
    for stat in alarm.metrics:
        units = series.units(stat.metric)
        if stat.unit and not units:
            yield (
                f"Only values of {stat.name} with the unit {stat.unit} count: the datapoints name no unit, and all of "
                "them are taken to have it."
            )
        if not stat.unit and len(units) > 1:
            yield (
                f"{stat.name} is published with the units {', '.join(units)}, and the alarm names none: which of them "
                "CloudWatch counts is undefined, and all are counted."
            )
