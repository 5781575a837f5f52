"""How an alarm behaves, as it was measured -> the answers to four questions, with witnesses, and what is wrong by them.

An answer "yes" has data that the evaluator has seen; "no" is proven by the interval of all values that the expression
can have; everything else is not decided.
"""

from collections.abc import Iterator, Mapping

from cwalarm.definitions.alarm import Alarm, Comparison, Metric, State
from cwalarm.describe.behaviour import Behaviour, functions
from cwalarm.describe.levels import candidates
from cwalarm.describe.probe import MAXIMUM_SLOTS, NOTHING, Levels, Stage
from cwalarm.describe.words import duration
from cwalarm.evaluation import windows
from cwalarm.evaluation.evaluate import treatment
from cwalarm.lint.aws_metrics import RESERVES
from cwalarm.lint.findings import Answer, Answers, Finding, Verdict, finding
from cwalarm.lint.intervals import breaching

# Metrics come up to some minutes late: in shorter periods the newest is often not there yet.
_LATE_SECONDS = 300

# How many values are tried where only a change can make an alarm OK.
_CHANGES_TRIED = 60

_AFTER_A_GAP = "Only the first datapoints after a gap make it OK"
_TOO_LITTLE = (Comparison.BELOW, Comparison.AT_MOST)


def answers(measured: Behaviour) -> Answers:
    """Return the answers about one alarm."""
    return Answers(_can_fire(measured), _can_recover(measured), _one_datapoint(measured), _blind(measured))


def _can_fire(measured: Behaviour) -> Answer:
    probe, bad, burst = measured.probe, measured.bad, measured.among_good[:1]
    if bad is not None and burst:
        good, period = measured.good or {}, probe.alarm.period_seconds
        # With sums of what came before it is the periods after the burst that raise it.
        after = max(0, -(-burst[0].fires_seconds // period) - burst[0].periods + 1)
        stages = [(good, probe.slots + 1), (bad, burst[0].periods), *([(good, after)] if after else [])]
        series = _witness(measured, *stages)
        return Answer(Verdict.YES, f"{_values(bad)} for {_periods(measured, burst[0].periods)} raises it.", series)
    if bad is not None and measured.is_lasting:
        return Answer(Verdict.YES, f"{_values(bad)} raises it.", _witness(measured, (bad, probe.slots + 1)))
    if probe.steady(NOTHING) is State.ALARM:
        return Answer(Verdict.YES, "Only missing data raises it.")
    if not breaching(probe.alarm)[0]:
        return Answer(Verdict.NO, "No value that its expression can have breaches the threshold.")
    return Answer(Verdict.NOT_DECIDED, "No data that was played raised it, and it could not be proven that none does.")


def _can_recover(measured: Behaviour) -> Answer:
    if measured.good is not None:
        series = _witness(measured, (measured.good, measured.probe.slots + 1))
        return Answer(Verdict.YES, f"{_values(measured.good)} makes it OK.", series)
    if measured.probe.steady(NOTHING) is State.OK:
        return Answer(Verdict.YES, "Only missing data makes it OK.")
    if not breaching(measured.probe.alarm)[1]:
        return _recovers_by_gaps(measured)
    return _recovers_by_change(measured) or Answer(
        Verdict.NOT_DECIDED, "No data that was played made it OK, and it could not be proven that none does."
    )


def _recovers_by_gaps(measured: Behaviour) -> Answer:
    """Answer for an alarm whose every value breaches: too few of them among gaps may still be taken as OK."""
    why = "Every value that its expression can have breaches the threshold"
    bad, probe = measured.bad, measured.probe
    if bad is None:
        return Answer(Verdict.NO, f"{why}.")
    moments = probe.play(Stage(NOTHING, probe.slots + 1), Stage(bad, probe.slots + 1), previous=State.ALARM)
    ok = next((moment for moment in moments if moment.state is State.OK), None)
    if ok is None:
        return Answer(Verdict.NO, f"{why}.")
    count = max(1, -(-ok.second // probe.alarm.period_seconds) - probe.slots - 1)
    series = _witness(measured, (NOTHING, probe.slots + 1), (bad, count))
    return Answer(Verdict.YES, f"{_AFTER_A_GAP}: {why[0].lower()}{why[1:]}.", series)


def _recovers_by_change(measured: Behaviour) -> Answer | None:
    """Answer for an alarm that no steady data makes OK, as with DIFF: other data for one period may do it."""
    probe, bad, length = measured.probe, measured.bad, measured.probe.slots + 1
    if bad is None or not measured.is_lasting or probe.slots > MAXIMUM_SLOTS:
        return None
    others = list(candidates(probe.alarm))
    for levels in others[:: max(1, len(others) // _CHANGES_TRIED)]:
        if probe.budget.is_spent():
            break
        stages = (Stage(bad, length), Stage(levels, 1), Stage(bad, length))
        moments = probe.play(*stages, previous=State.ALARM, from_period=length)
        ok = next((moment for moment in moments if moment.state is State.OK), None)
        if ok is not None:
            after = max(0, -(-ok.second // probe.alarm.period_seconds) - length - 1)
            series = _witness(measured, (bad, length), (levels, 1), *([(bad, after)] if after else []))
            return Answer(Verdict.YES, f"{_values(levels)} for {_periods(measured, 1)} makes it OK.", series)
    return None


def _one_datapoint(measured: Behaviour) -> Answer:
    for bursts, where in ((measured.among_good, "among good ones"), (measured.among_gaps, "where nothing else is")):
        if bursts and min(burst.periods for burst in bursts) == 1:
            return Answer(Verdict.YES, f"One bad period of {_periods(measured, 1)} {where} raises it.")
    bursts = (*measured.among_good, *measured.among_gaps)
    if not bursts:
        return Answer(Verdict.NOT_DECIDED, "No burst that was played raised it.")
    return Answer(Verdict.NO, f"It takes {min(burst.periods for burst in bursts)} bad periods in a row.")


def _blind(measured: Behaviour) -> Answer:
    """Say whether nobody hears when data stops while it is OK."""
    if not measured.stops_from_ok:
        return Answer(Verdict.NOT_DECIDED, "No play had a steady OK from which data could stop.")
    alarm, steps = measured.probe.alarm, measured.stops_from_ok[0].steps
    heard = [step for step in steps if alarm.actions_for(step.state)] if alarm.actions_enabled else []
    if any(step.state is State.ALARM for step in steps):
        after = next(step.seconds for step in steps if step.state is State.ALARM)
        return Answer(Verdict.NO, f"It goes into ALARM after {duration(after)} without data.")
    if heard:
        return Answer(Verdict.NO, f"It acts on {heard[0].state} after {duration(heard[0].seconds)} without data.")
    if steps:
        return Answer(Verdict.YES, f"It goes to {steps[-1].state} when data stops, and has no action for that.")
    return Answer(Verdict.YES, "It stays OK when data stops.")


def _witness(measured: Behaviour, *stages: tuple[Levels, int]) -> dict[str, str]:
    """Return a series for each metric, one value per period, in the notation of case files.

    That has no word for a value that comes many times in a period: then there is none, and the sentence says it.
    """
    if any(reading.occurrences != 1 for levels, _ in stages for reading in levels.values()):
        return {}
    metrics = sorted({stat.metric for stat in measured.probe.alarm.metrics})
    return {_name(metric): " ".join(_run(levels, metric, count) for levels, count in stages) for metric in metrics}


def _name(metric: Metric) -> str:
    values = ",".join(value for _, value in metric.dimensions)
    return f"{metric.namespace}/{metric.name}" + (f"{{{values}}}" if values else "")


def _run(levels: Levels, metric: Metric, count: int) -> str:
    text = f"{levels[metric].value:.12g}" if metric in levels else "_"
    return text if count == 1 else f"{text}x{count if text == '_' else count - 1}"


def _values(levels: Mapping[Metric, tuple[float, float]]) -> str:
    shown = [
        f"{metric.name} {value:.12g}" + (f" ({occurrences:.12g} times)" if occurrences != 1 else "")
        for metric, (value, occurrences) in sorted(levels.items())
    ]
    return ", ".join(shown) or "Nothing published"


def _periods(measured: Behaviour, count: int) -> str:
    return duration(count * measured.probe.alarm.period_seconds)


def findings(measured: Behaviour, result: Answers) -> Iterator[Finding]:
    """Yield what is wrong with how an alarm behaves."""
    yield from _ever(measured, result)
    yield from _bursts(measured, result)
    yield from _silence(measured, result)
    yield from _fill(measured)


def _ever(measured: Behaviour, result: Answers) -> Iterator[Finding]:
    name = measured.probe.alarm.name
    if result.can_recover.why.startswith(_AFTER_A_GAP):
        yield finding("never-recovers", name, result.can_recover.why)
    for answer, rule in ((result.can_fire, "never-fires"), (result.can_recover, "never-recovers")):
        if answer.verdict is Verdict.NO:
            yield finding(rule, name, answer.why)
        elif answer.verdict is Verdict.NOT_DECIDED:
            question = "fire" if rule == "never-fires" else "recover"
            yield finding("not-decided", name, f"Whether it can ever {question} is not decided: {answer.why}")
    for levels, what in ((measured.bad, "raises it"), (measured.good, "makes it OK")):
        if levels and any(reading.value < 0 for reading in levels.values()):
            yield finding("fires-only-below-zero", name, f"Of all data that was played only {_values(levels)} {what}.")


def _bursts(measured: Behaviour, result: Answers) -> Iterator[Finding]:
    alarm = measured.probe.alarm
    alone = [burst for burst in measured.among_gaps if burst.periods == 1]
    if alarm.m > 1 and alone and treatment(alarm).value == "missing":
        why = f"It wants {alarm.m} of {alarm.evaluation_periods}, and one bad datapoint among gaps raises it."
        yield finding("fires-on-one-in-gaps", alarm.name, why)
    elif result.one_datapoint.verdict is Verdict.YES:
        yield finding("single-datapoint", alarm.name, result.one_datapoint.why)


def _silence(measured: Behaviour, result: Answers) -> Iterator[Finding]:
    alarm = measured.probe.alarm
    names = {stat.name for stat in alarm.metrics}
    watches_too_little = alarm.comparison in _TOO_LITTLE and not names <= RESERVES
    if result.blind.verdict is Verdict.YES:
        rule = "blind-without-data" if watches_too_little else "silent-without-data"
        yield finding(rule, alarm.name, result.blind.why)
    for stop in measured.stops_from_ok[:1]:
        after = next((step.seconds for step in stop.steps if step.state is State.ALARM), 0)
        if after > alarm.evaluation_periods * alarm.period_seconds:
            seconds = duration(alarm.evaluation_periods * alarm.period_seconds)
            why = f"It goes into ALARM after {duration(after)} without data, where its definition reads like {seconds}."
            yield finding("late-to-notice-silence", alarm.name, why)
    for stop in measured.stops_from_alarm[:1]:
        if stop.steps and stop.steps[-1].state is State.OK:
            why = f"It goes from ALARM to OK after {duration(stop.steps[-1].seconds)} without data."
            yield finding("recovers-without-data", alarm.name, why)


def _fill(measured: Behaviour) -> Iterator[Finding]:
    alarm, late = measured.probe.alarm, measured.late_alarm_seconds
    if "FILL" not in functions(alarm) or alarm.period_seconds >= _LATE_SECONDS:
        return
    if late is not None and late <= alarm.period_seconds:
        why = f"Good data that comes {duration(late)} late puts it into ALARM though all is well."
        yield finding("fill-of-late-data", alarm.name, why)
    elif measured.late_fires_seconds is not None and measured.late_fires_seconds < alarm.period_seconds:
        cadence = duration(windows.cadence_seconds(alarm))
        yield finding("fill-of-late-data", alarm.name, f"Bad data that comes {cadence} late does not raise it.")


def treats_gaps_as(alarm: Alarm) -> str:
    """Return what a missing datapoint counts as, in CloudWatch's word."""
    return treatment(alarm).value
