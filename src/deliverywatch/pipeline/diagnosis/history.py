"""The history of an execution -> what each of its steps did, by step, branch and item.

Several items of a Map, branches of a Parallel and rounds of a loop run the same state, so a failure is made good only
by the same work: a retry within one visit of a state, or a later visit of it in the same branch and item with the same
parameters. Format: docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.declaration.values import decoded, moment, number, text
from deliverywatch.pipeline.diagnosis.answers import ended_in, failure_in, started_in
from deliverywatch.pipeline.diagnosis.evidence import Evidence, Failure, joined, of_outputs
from deliverywatch.pipeline.diagnosis.runs import JobRun

# Events of a step's work; those of the execution itself end alike.
_WORK = ("Task", "LambdaFunction", "Activity")
_FAILED = ("Failed", "TimedOut")
_CONTAINERS = ("Map", "Parallel")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the state machine something happens.

    Attributes:
        visit: Distinguishes one visit of a state from another; its retries belong to the same.
        path: The branches and items that it is in, by name.
        around: The visits of the Map and Parallel states that it is in, the outermost first.
        parameters: What a task was given, as a hash; None if that is not known.
    """

    step: str = ""
    kind: str = ""
    visit: object = None
    path: tuple[str, ...] = ()
    around: "tuple[_Place, ...]" = ()
    parameters: int | None = None
    is_branching: bool = False

    @property
    def work(self) -> tuple[object, ...]:
        """What a later visit has in common with this one if it does the same again."""
        return (self.step, self.path, self.parameters)

    def is_same_work(self, other: "_Place") -> bool:
        """Whether a success here makes up for a failure there."""
        return self.visit == other.visit or (self.work == other.work and self.parameters is not None)


@dataclass(slots=True)
class _Open:
    """A failure that nothing has made up for yet; it rises to the state around it where nothing catches it inside."""

    failure: Failure
    place: _Place
    work: _Place
    jobs: tuple[JobRun, ...] = ()
    is_caught: bool = False
    is_closed: bool = False


@dataclass(slots=True)
class _Reader:
    """What was read so far."""

    places: dict[object, _Place] = field(default_factory=dict)
    last: _Place = field(default_factory=_Place)
    at: datetime | None = None
    outputs: list[object] = field(default_factory=list)
    jobs: dict[str, JobRun] = field(default_factory=dict)
    opened: list[_Open] = field(default_factory=list)
    # The same by the visits that they are in, and by their work: a Map may have thousands of items.
    opened_by: dict[object, list[_Open]] = field(default_factory=dict)
    branches: Counter[object] = field(default_factory=Counter)
    entered: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    retried: set[str] = field(default_factory=set)
    is_in_fail_state: bool = False
    redriven: list[datetime] = field(default_factory=list)
    started: dict[str, _Place] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    nested: dict[str, None] = field(default_factory=dict)
    map_runs: dict[object, str] = field(default_factory=dict)
    passed_on: dict[tuple[str, str], None] = field(default_factory=dict)

    def read(self, event: Mapping[str, Any]) -> None:
        """Take the next event."""
        kind, details = text(event.get("type")), _details(event)
        self.at = moment(event.get("timestamp")) or self.at
        # Branches of a Parallel or Map state take turns: an event belongs to the state of the one it follows.
        id_, previous_id = number(event.get("id")), number(event.get("previousEventId"))
        before = self.places.get(previous_id, self.last)
        place = _place(kind, details, self._branch(kind, before, previous_id), id_)
        self.places[id_] = self.last = place
        self._note(kind, details, place)
        if "output" in details:
            self.outputs.append(decoded(details["output"]))

    def _branch(self, kind: str, before: _Place, previous_id: object) -> _Place:
        """Return the place before an event, within the branch that begins with it: two may begin with one name."""
        if not (before.is_branching and kind.endswith("StateEntered")):
            return before
        self.branches[previous_id] += 1
        return replace(before, path=(*before.path, f"{before.step}/{self.branches[previous_id]}"), is_branching=False)

    def _note(self, kind: str, details: Mapping[str, Any], place: _Place) -> None:
        if kind == "ExecutionRedriven":
            self._redrive()
        elif kind.endswith("StateEntered"):
            self.entered.append(place.step)
            self.is_in_fail_state = kind == "FailStateEntered"
        elif kind.endswith("StateExited"):
            self._leave(place)
        elif kind == "MapRunStarted":
            # A Map that is tried again has a run for each try.
            self.map_runs[place.visit] = text(details.get("mapRunArn"))
        elif kind.startswith((*_WORK, "MapRun")) and kind.endswith(_FAILED):
            self._fail(details, place)
        elif kind == "EvaluationFailed":
            self._fail(details, replace(place, step=text(details.get("state")) or place.step))
        elif kind.startswith(_CONTAINERS) and kind.endswith("Failed"):
            self._rise(place)
        elif kind.endswith("Succeeded") and not kind.startswith(("Execution", "MapIteration")):
            self._succeed(kind, details, place)

    def _fail(self, details: Mapping[str, Any], place: _Place) -> None:
        cause = decoded(details.get("cause"))
        self.outputs.append(cause)
        failure = Failure(place.step, text(details.get("error")), text(details.get("cause")))
        self._open(_Open(failure, place, place, self._jobs_of(cause, place)))

    def _succeed(self, kind: str, details: Mapping[str, Any], place: _Place) -> None:
        output = decoded(details.get("output"))
        self._jobs_of(output, place)
        self._note_started(details, mapping(output), place)
        for one in self._opened(place.visit, place.work):
            if place.is_same_work(one.place) or place.is_same_work(one.work):
                self._close(one)
        if failure := failure_in(place.step, kind, details, mapping(output)):
            # Who asks how a job stands does not do it: it is made up for where it is started again.
            polled = [self.started[id_] for id_ in ended_in(details, mapping(output)) if id_ in self.started]
            self._open(_Open(failure, place, next(iter(polled), place)))
        else:
            self.finished.append(place.step)

    def _rise(self, place: _Place) -> None:
        """An item, a branch or all of a state failed: for what nothing in it caught, or for a Fail state in it."""
        inside = [one for one in self._opened(place.visit) if not one.is_caught]
        for one in inside:
            one.place = place
        if not inside:
            self._open(_Open(Failure(place.step, "", ""), place, place))

    def _leave(self, place: _Place) -> None:
        caught = [one for one in self._opened(place.visit) if one.place.visit == place.visit]
        for one in caught:
            one.is_caught = True
        if not caught:
            self.finished.append(place.step)

    def _redrive(self) -> None:
        """What ended the execution is done again; what was caught before that is not."""
        if self.at:
            self.redriven.append(self.at)
        for one in self.opened:
            if not one.is_caught:
                self._close(one)

    def _open(self, one: _Open) -> None:
        self.opened.append(one)
        for key in {one.work.work, *_visits(one.place)}:
            self.opened_by.setdefault(key, []).append(one)

    def _opened(self, *keys: object) -> list[_Open]:
        return [one for key in keys for one in self.opened_by.get(key, []) if not one.is_closed]

    def _close(self, one: _Open) -> None:
        if one.is_closed:
            return
        one.is_closed = True
        self.retried |= {job.id for job in one.jobs if job.id}

    def _jobs_of(self, value: object, place: _Place) -> tuple[JobRun, ...]:
        """A state's output holds the jobs of the states before it, too: a job belongs to the first that has it."""
        seen = of_outputs([value])
        self.passed_on |= dict.fromkeys((place.step, address) for address in seen.artifacts)
        for job in seen.jobs:
            key = job.id or f"{job.job}#{len(self.jobs)}"
            known = self.jobs.get(key)
            self.jobs[key] = replace(job, step=known.step if known else place.step)
        return seen.jobs

    def _note_started(self, details: Mapping[str, Any], output: Mapping[str, Any], place: _Place) -> None:
        service, api = text(details.get("resourceType")), text(details.get("resource"))
        if id_ := started_in(details, output):
            self.started[id_] = place
        self.ended |= ended_in(details, output)
        if service == "states" and api.startswith("startExecution.sync"):
            self.nested |= dict.fromkeys(filter(None, [text(output.get("ExecutionArn"))]))

    def evidence(self) -> Evidence:
        """Return all that was read."""
        by_step = Evidence(
            jobs=tuple(self.jobs.values()),
            failures=tuple(one.failure for one in self.opened if not one.is_closed),
            steps=tuple(self.entered),
            finished=tuple(dict.fromkeys(self.finished)),
            retried=frozenset(self.retried),
            nested=tuple(self.nested),
            map_runs=tuple(filter(None, self.map_runs.values())),
            passed_on=tuple(self.passed_on),
            last_at=self.at,
            redriven_at=tuple(self.redriven),
            has_history=bool(self.entered),
            is_in_fail_state=self.is_in_fail_state,
        )
        collected = joined(of_outputs(self.outputs), by_step)
        ended = self.ended | {job.id for job in collected.jobs if job.is_final}
        left = tuple((place.step, id_) for id_, place in self.started.items() if id_ not in ended)
        return replace(collected, not_awaited=left)


def of_history(events: Iterable[Mapping[str, Any]]) -> Evidence:
    """Return what an execution's history says; its events oldest first."""
    reader = _Reader()
    for event in events:
        reader.read(event)
    return reader.evidence()


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    names = [name for name in event if name.endswith("EventDetails")]
    return mapping(event[names[0]]) if names else {}


def _place(kind: str, details: Mapping[str, Any], before: _Place, id_: object) -> _Place:
    """Return where an event belongs, from the place of the event that it follows."""
    if kind.endswith("StateEntered"):
        return _entered(kind, text(details.get("name")), before, id_)
    if kind == "MapIterationStarted":
        around = _innermost("Map", before, text(details.get("name")))
        item = f"{around.step}#{details.get('index')}"
        return _Place(around.step, "", around.visit, (*around.path, item), (*around.around, around))
    if kind in ("MapStateStarted", "ParallelStateStarted"):
        return replace(before, is_branching=kind.startswith("Parallel"), around=(*before.around, before))
    if kind.endswith(("StateSucceeded", "StateFailed", "StateAborted")) and kind.startswith(_CONTAINERS):
        return _innermost("Map" if kind.startswith("Map") else "Parallel", before, "")
    if kind.endswith("Scheduled"):
        given = details.get("parameters", details.get("input"))
        return replace(before, parameters=hash(given) if isinstance(given, str) else None)
    return before


def _entered(kind: str, name: str, before: _Place, id_: object) -> _Place:
    # Without ids, every entry is a visit of its own.
    visit = id_ if id_ is not None else object()
    return _Place(name, kind.removesuffix("StateEntered"), visit, before.path, before.around)


def _innermost(kind: str, place: _Place, name: str) -> _Place:
    """Return the visit of the Map or Parallel state around a place, of this name if one is given; else the place."""
    for around in reversed((*place.around, place)):
        if around.kind == kind and name in ("", around.step):
            return around
    return place


def _visits(place: _Place) -> set[object]:
    return {place.visit, *(around.visit for around in place.around)}
