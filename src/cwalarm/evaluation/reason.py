"""The slots of an evaluation -> StateReason and StateReasonData, in CloudWatch's own words and layout.

The words are those of recorded alarm messages; AWS documents only some of them. Where none was ever recorded the words
are ours, and each such place says so.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cwalarm.definitions.alarm import Alarm, Comparison, State, Treat
from cwalarm.evaluation.verdict import breaches
from cwalarm.evaluation.windows import Slot

# From five on, CloudWatch lists only the newest five.
_LISTED = 5

# Our own words: an alarm that keeps its state sends no reason.
WARMING_UP = "Unchanged: the alarm is warming up."
FEW_SAMPLES = "Unchanged: too few samples for the percentile."

_WORDS = {
    Comparison.ABOVE: "greater than",
    Comparison.AT_LEAST: "greater than or equal to",
    Comparison.BELOW: "less than",
    Comparison.AT_MOST: "less than or equal to",
}


def used(slots: Sequence[Slot], n: int) -> list[Slot]:
    """Return the slots whose datapoints decided, newest first: the newest N of those that have one."""
    return [slot for slot in reversed(slots) if slot.value is not None][:n]


def reason(alarm: Alarm, slots: Sequence[Slot], state: State | None) -> str:
    """Return the StateReason for slots, oldest first; the state is None if the alarm keeps the one it has."""
    n = alarm.evaluation_periods
    real = used(slots, n)
    if state is None:
        # Our own words: such an evaluation never changes a state, so AWS never sends its reason.
        return f"Unchanged: {_counted(n - len(real), 'missing datapoint')} ignored."
    if state == State.INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(n, 'datapoint')} unknown."
    filled = n - len(real) if alarm.treat_missing_data in (Treat.BREACHING, Treat.NOT_BREACHING) else 0
    if not real:
        return f"Threshold Crossed: no datapoints were received for {_number(n, 'period')} and {_treated(alarm, n)}."
    deciding = [slot for slot in real if breaches(alarm, slot.value) == (state == State.ALARM)]
    if not deciding:
        return f"Threshold Crossed: {_outweighed(alarm, real, filled)}."
    also = f" and {_treated(alarm, filled)}" if filled else ""
    return f"Threshold Crossed: {_crossed(alarm, deciding, state)}{also}{_minimum(alarm, state)}."


def _outweighed(alarm: Alarm, real: Sequence[Slot], filled: int) -> str:
    """Say why no datapoint speaks for the state: missing ones decided, or too few came together (our own words)."""
    if filled:
        received = f"{_counted(len(real), 'datapoint')} received for {_number(alarm.evaluation_periods, 'period')}"
        return f"{received} and {_treated(alarm, filled)}"
    few = f"{_crossed(alarm, real, State.ALARM)}, too few for a minimum of {_number(alarm.m, 'datapoint')}"
    return f"only {few} for OK -> ALARM transition"


def _crossed(alarm: Alarm, deciding: Sequence[Slot], state: State) -> str:
    listed = ", ".join(f"{_decimal(slot.value)} ({_day_first(slot.start)})" for slot in deciding[:_LISTED])
    was = "was" if len(deciding) == 1 else "were"
    negation = "" if state == State.ALARM else "not "
    side = f"{was} {negation}{_WORDS[alarm.comparison]} the threshold ({_decimal(alarm.threshold)})"
    if len(deciding) >= _LISTED:
        which = "which crossed the threshold" if state == State.ALARM else "which did not cross the threshold"
        return f"{_amount(alarm, deciding)} {side}. The most recent datapoints {which}: [{listed}]"
    return f"{_amount(alarm, deciding)} [{listed}] {side}"


def _amount(alarm: Alarm, deciding: Sequence[Slot]) -> str:
    if alarm.datapoints_to_alarm is None:
        return _number(len(deciding), "datapoint")
    return f"{len(deciding)} out of the last {alarm.evaluation_periods} datapoints"


def _treated(alarm: Alarm, filled: int) -> str:
    kind = "Breaching" if alarm.treat_missing_data == Treat.BREACHING else "NonBreaching"
    return f"{_counted(filled, 'missing datapoint')} treated as [{kind}]"


def _minimum(alarm: Alarm, state: State) -> str:
    if alarm.datapoints_to_alarm is None:
        return ""
    if state == State.ALARM:
        return f" (minimum {_number(alarm.m, 'datapoint')} for OK -> ALARM transition)"
    least = alarm.evaluation_periods - alarm.m + 1
    return f" (minimum {_number(least, 'datapoint')} for ALARM -> OK transition)"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _counted(count: int, noun: str) -> str:
    return f"{_number(count, noun)} {'was' if count == 1 else 'were'}"


def _decimal(value: float | None) -> str:
    """Write a number as CloudWatch does, which is as Java does: 3.0, and 1.2E7 from ten million on."""
    number = float(value or 0)
    if not number or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text = "".join(map(str, digits))
    return f"{'-' * sign}{text[0]}.{text[1:] or 0}E{len(text) - 1 + int(exponent)}"


def _day_first(start: int) -> str:
    return datetime.fromtimestamp(start, UTC).strftime("%d/%m/%y %H:%M:%S")


def stamp(moment: datetime) -> str:
    """Write a time as alarm messages do: `2026-11-21T12:00:00.000+0000`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def reason_data(
    alarm: Alarm, slots: Sequence[Slot], state: State | None, now: datetime, sample_counts: Mapping[int, float | None]
) -> dict[str, Any]:
    """Return the StateReasonData: the newest N values, and of the newest periods as many as the state needs.

    Those are M for ALARM and N - M + 1 for OK, which are as many as keep it from being ALARM. A plain alarm's slots
    have sample counts, by their start; those of a metric-math alarm have none.
    """
    n = alarm.evaluation_periods
    real = used(slots, n)
    missing = [slot for slot in reversed(slots) if slot.value is None][: n - len(real)]
    needed = {State.ALARM: alarm.m, State.OK: n - alarm.m + 1}
    evaluated = sorted([*real, *missing], key=lambda slot: -slot.start)[: needed.get(state, n) if state else n]
    metric = None if alarm.is_math else alarm.queries[0].metric
    return {
        "version": "1.0",
        "queryDate": stamp(now),
        **({"startDate": _iso(real[-1].start)} if real else {}),
        **({"unit": metric.unit} if metric and metric.unit else {}),
        **({"statistic": metric.statistic} if metric else {}),
        "period": alarm.period_seconds,
        "recentDatapoints": [slot.value for slot in reversed(real)],
        "threshold": alarm.threshold,
        "evaluatedDatapoints": [_evaluated(slot, sample_counts) for slot in evaluated],
    }


def _evaluated(slot: Slot, sample_counts: Mapping[int, float | None]) -> dict[str, Any]:
    if slot.value is None:
        return {"timestamp": _iso(slot.start)}
    count = sample_counts.get(slot.start)
    counted = {} if count is None else {"sampleCount": count}
    return {"timestamp": _iso(slot.start), **counted, "value": slot.value}


def _iso(start: int) -> str:
    return stamp(datetime.fromtimestamp(start, UTC))
