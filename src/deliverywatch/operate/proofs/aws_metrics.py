"""Proofs over metrics: how soon a function's EMF line is a datapoint, and over which window an alarm is evaluated."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.operate.account.aws import invoke, listed, translated
from deliverywatch.operate.proofs.session import NAME, Outcome, Session, Verdict, judged
from deliverywatch.sms.counts import NAMESPACE

_NAMESPACE = "DeliveryWatch/Smoke"
_PERIOD_SECONDS = 300
_MINUTE = timedelta(minutes=1)
# A stamp of a slot is two minutes ahead of it.
_AHEAD = 2 * _MINUTE
_EMF_SECONDS, _MARK_SECONDS, _EVALUATION_SECONDS, _STAMP_SECONDS = 300.0, 180.0, 180.0, 420.0


def emf_delay(session: Session) -> Generator[Outcome]:
    """Yield whether a run's EMF line is a datapoint within five minutes, and after how long."""
    if "SlotMinutes" not in session.stack.parameters:
        yield Outcome("emf-becomes-metric", Verdict.OPEN, "The stack was built without sms.")
        return
    began = session.now()
    before = _runs(session, began)
    _, problem = invoke(session.cloud, f"{session.stack.prefix}-sms-ingest", {})
    if problem:
        yield Outcome("emf-becomes-metric", Verdict.OPEN, f"The run failed: {problem}")
        return
    shown = session.awaited(lambda: True if _runs(session, began) > before else None, _EMF_SECONDS)
    seconds = (session.now() - began).total_seconds()
    finding = f"A run counted after {seconds:.0f} s." if shown else f"No datapoint after {seconds:.0f} s."
    yield judged("emf-becomes-metric", finding, is_so=bool(shown))


def _runs(session: Session, began: datetime) -> float:
    """Return the runs around a time that is the same for each look: no run may leave the span meanwhile."""
    dimensions = [{"Name": "Environment", "Value": session.stack.environment}]
    metric = {"Namespace": NAMESPACE, "MetricName": "Runs", "Dimensions": dimensions}
    span = timedelta(minutes=15)
    return sum(_values(session, metric, began - span, began + span))


def _values(session: Session, metric: Mapping[str, Any], start: datetime, end: datetime) -> list[float]:
    query = {"Id": "one", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    request = {"MetricDataQueries": [query], "StartTime": start, "EndTime": end}
    with translated("The metric of the proof"):
        results = listed(session.cloud.client("cloudwatch"), "get_metric_data", "MetricDataResults", **request)
    return [float(value) for result in results for value in result["Values"]]


def alarm_window(session: Session) -> Generator[Outcome]:
    """Yield whether the window slides by the minute, and whether a point stamped ahead waits for its minute's end."""
    cloudwatch, name = session.cloud.client("cloudwatch"), session.name
    with session.tidied() as undo:
        _put(session, {session.now() - number * _MINUTE: 0.0 for number in range(1, 15)})
        session.awaited(lambda: _shown(session), _EMF_SECONDS)
        session.awaited(lambda: _is_between_marks(session.now()), _MARK_SECONDS)
        with session.making(undo, f"The alarm {name}", cloudwatch.delete_alarms, AlarmNames=[name]):
            _make_alarm(session)
        evaluated = session.awaited(lambda: _described(session, "OK"), _EVALUATION_SECONDS)
        yield _sliding(evaluated)
        if evaluated is None:
            yield Outcome("stamp-counts-after-its-minute", Verdict.OPEN, "CloudWatch did not evaluate the alarm.")
            return
        stamp = session.now().replace(second=0, microsecond=0) + _AHEAD
        _put(session, {stamp: 1.0})
        yield _stamped(session.awaited(lambda: _described(session, "ALARM"), _STAMP_SECONDS), stamp)


def _shown(session: Session) -> bool | None:
    """Whether the points can be read: an alarm that is made before is evaluated at a time of CloudWatch's choice."""
    metric = {"Namespace": _NAMESPACE, "MetricName": "Failed", "Dimensions": _dimensions(session)}
    start = session.now() - timedelta(minutes=20)
    return True if _values(session, metric, start, session.now()) else None


def _is_between_marks(now: datetime) -> bool | None:
    """Whether the next evaluations are away from the marks of five minutes, where both kinds of window agree."""
    return True if now.minute % 5 in (1, 2) else None


def _dimensions(session: Session) -> list[dict[str, str]]:
    return [{"Name": "Run", "Value": session.id}]


def _put(session: Session, values: Mapping[datetime, float]) -> None:
    points = [
        {"MetricName": "Failed", "Dimensions": _dimensions(session), "Timestamp": moment, "Value": value}
        for moment, value in values.items()
    ]
    with translated("The metric of the proof"):
        session.cloud.client("cloudwatch").put_metric_data(Namespace=_NAMESPACE, MetricData=points)


def _make_alarm(session: Session) -> None:
    session.cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=session.name,
        AlarmDescription=f"Made by 'deliverywatch smoke', which deletes it: an alarm {NAME}-... may be deleted.",
        Namespace=_NAMESPACE,
        MetricName="Failed",
        Dimensions=_dimensions(session),
        Statistic="Sum",
        Period=_PERIOD_SECONDS,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )


def _described(session: Session, state: str) -> Mapping[str, Any] | None:
    with translated("The alarm of the proof"):
        alarms = session.cloud.client("cloudwatch").describe_alarms(AlarmNames=[session.name])["MetricAlarms"]
    return next((alarm for alarm in alarms if alarm["StateValue"] == state), None)


def _sliding(alarm: Mapping[str, Any] | None) -> Outcome:
    reason = json.loads((alarm or {}).get("StateReasonData") or "{}")
    if "startDate" not in reason:
        return Outcome("alarm-window-slides", Verdict.OPEN, "CloudWatch evaluated the alarm with no window to see.")
    start, at = _time(reason["startDate"]), _time(reason["queryDate"])
    finding = f"Evaluated at {at:%H:%M:%S}, the window of 5 minutes began at {start:%H:%M:%S}."
    if at.minute % 5 == 0:
        return Outcome("alarm-window-slides", Verdict.OPEN, f"{finding} Both kinds of window do: run it again.")
    return judged("alarm-window-slides", finding, is_so=start.timestamp() % _PERIOD_SECONDS != 0)


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def _stamped(alarm: Mapping[str, Any] | None, stamp: datetime) -> Outcome:
    behaviour = "stamp-counts-after-its-minute"
    if alarm is None:
        return judged(behaviour, "A point stamped two minutes ahead never counted.", is_so=False)
    late = (alarm["StateUpdatedTimestamp"] - stamp).total_seconds()
    return judged(behaviour, f"It counted {late:.0f} s after its stamp.", is_so=late >= _MINUTE.total_seconds())
