"""The conformance set and an evaluator -> its answers beside CloudWatch's.

Another evaluator is a command: it gets the cases on stdin, one JSON document per line as in `cases.json` without what
is expected, and answers on stdout, one line per case: {"id": "...", "state": "ALARM"}. KEEP is an answer, too.
"""

import json
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from cwalarm.conformance.cases import FILE, KEEP, ConformanceCase
from cwalarm.definitions.alarm import from_description
from cwalarm.errors import InputError
from cwalarm.evaluation.evaluate import Evaluation, evaluate, judge
from cwalarm.evaluation.series import Series

_METRIC = {"Namespace": "Conformance", "MetricName": "Metric"}
# The answer's side: a case goes out without them.
_ANSWERS = ("expected", "reason", "certainty", "source", "assumed")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an evaluator answered to a case; `state` is empty where it answered nothing."""

    case: ConformanceCase
    state: str

    @property
    def is_right(self) -> bool:
        """Whether it is CloudWatch's; to keep a state is to answer with it."""
        meant = self.case.previous if self.case.expected == KEEP else self.case.expected
        return self.state == meant or (self.state == KEEP and meant == self.case.previous)


def own_answers(cases: Iterable[ConformanceCase]) -> list[Answer]:
    """Return what this engine answers."""
    return [Answer(case, _state(case)) for case in cases]


def _state(case: ConformanceCase) -> str:
    alarm, series = from_description({"AlarmName": case.id, **_METRIC, **case.alarm}), _series(case)
    state = judge(alarm, series, case.at, case.previous).state
    return KEEP if state is None else str(state)


def evaluation(case: ConformanceCase) -> Evaluation:
    """Return this engine's whole evaluation of a case, with its words."""
    alarm = from_description({"AlarmName": case.id, **_METRIC, **case.alarm})
    return evaluate(alarm, _series(case), case.at, case.previous)


def _series(case: ConformanceCase) -> Series:
    alarm, series = from_description({"AlarmName": case.id, **_METRIC, **case.alarm}), Series()
    period, end = timedelta(seconds=alarm.period_seconds), case.at.replace(second=0, microsecond=0)
    for age, value in enumerate(reversed(case.datapoints), 1):
        if value is not None:
            series.add(alarm.metrics[0].metric, end - age * period, value)
    return series


def answers_of(command: str, cases: Sequence[ConformanceCase]) -> list[Answer]:
    """Return what the evaluator behind a command answers.

    Raises:
        InputError: It cannot be started, fails, or writes something else than one answer per line.
    """
    questions = "".join(json.dumps(_question(case)) + "\n" for case in cases)
    try:
        run = subprocess.run(
            shlex.split(command), input=questions, capture_output=True, text=True, check=True, encoding="utf-8"
        )
        states = dict(_answer(line) for line in run.stdout.splitlines() if line.strip())
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        why = (getattr(error, "stderr", "") or "").strip().splitlines()[-1:] or [str(error)]
        raise InputError(
            f"The evaluator '{command}' gave no answers: {why[0].rstrip('.')}.",
            next_step=f'It gets {FILE.name} line by line and answers with lines such as {{"id": "x", "state": "OK"}}.',
        ) from error
    return [Answer(case, states.get(case.id, "")) for case in cases]


def _question(case: ConformanceCase) -> Mapping[str, object]:
    document = {**asdict(case), "at": f"{case.at:%Y-%m-%dT%H:%M:%SZ}"}
    return {name: value for name, value in document.items() if name not in _ANSWERS}


def _answer(line: str) -> tuple[str, str]:
    try:
        document = json.loads(line)
        return str(document["id"]), str(document["state"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"'{line[:80]}' is no answer") from error
