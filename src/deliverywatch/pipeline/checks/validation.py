"""The result of a validation: checks with what they counted, and scores that say of how many.

`validate` makes it, the state machine passes it on as JSON, and `publish` and `report` read it back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from deliverywatch.messages.untrusted import mapping, objects
from deliverywatch.pipeline.declaration.values import number, text

_MARK = "deliverywatch_validation"

Value = TypeVar("Value")


class Result(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NO_DATA = "no data"
    # It is switched off, or says nothing in the convention of the table.
    NOT_JUDGED = "not judged"


class Topic(StrEnum):
    """What a check is about; each topic has its own alarm and its own mail."""

    JOB = "job"
    RECORDS = "records"
    FRESHNESS = "freshness"
    QUALITY = "quality"
    INTEGRITY = "integrity"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: Such as `overlap`; the same in every language and release.
        keys: How many different keys the violating rows have; for checks of single rows the same as `rows`.
        total: Of how many rows, or keys where the topic is integrity; None where there is nothing to count.
        is_fatal: Whether a violation fails the validation, or is only reported.
    """

    name: str
    topic: Topic
    result: Result
    sentence: str
    table: str = ""
    rows: int = 0
    keys: int = 0
    total: int | None = None
    samples: tuple[str, ...] = ()
    is_fatal: bool = True


@dataclass(frozen=True, slots=True)
class Score:
    """A share in percent with what it is a share of; without anything to judge there is no score."""

    good: int
    total: int

    @property
    def percent(self) -> float | None:
        """From 0 to 100, or None if there was nothing to judge."""
        return 100 * self.good / self.total if self.total else None


def beside(value: float, limit: float, decimals: int) -> str:
    """Return a value with so many decimals, or with all if it would look like the limit, or lie on its other side."""
    short = f"{value:.{decimals}f}"
    is_same_side = (value < limit, value > limit) == (float(short) < limit, float(short) > limit)
    return short if is_same_side else f"{value:.12g}"


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of one run; None where nothing was counted."""

    processed: int | None = None
    created: int | None = None
    updated: int | None = None
    deleted: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A validation.

    `quality` is about the rows of the run, `integrity` about the keys of all histories; `age_hours` is how old the
    newest change of the source was.
    """

    pipeline: str
    checks: tuple[Check, ...] = ()
    quality: Score = field(default_factory=lambda: Score(0, 0))
    integrity: Score = field(default_factory=lambda: Score(0, 0))
    counts: Counts = field(default_factory=Counts)
    age_hours: float | None = None

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that fail the validation."""
        return tuple(check for check in self.checks if check.is_fatal and check.result is not Result.PASSED)

    def measures(self, topic: Topic) -> bool:
        """Return whether it says anything about a topic: a check that could be made, or a number."""
        numbers: dict[Topic, object] = {
            Topic.RECORDS: self.counts.processed,
            Topic.FRESHNESS: self.age_hours,
            Topic.QUALITY: self.quality.percent,
            Topic.INTEGRITY: self.integrity.percent,
        }
        is_checked = any(check.topic is topic and check.result is not Result.NO_DATA for check in self.checks)
        return is_checked or numbers.get(topic) is not None

    @property
    def is_passed(self) -> bool:
        """Whether something was judged, and nothing is wrong."""
        is_judged = any(check.result is Result.PASSED for check in self.checks)
        return not self.failed and bool(is_judged or self.quality.total or self.integrity.total)

    @property
    def empty_histories(self) -> tuple[str, ...]:
        """The tables of histories of which there is no version to judge."""
        integrity = [one for one in self.checks if one.topic is Topic.INTEGRITY and one.result is Result.NO_DATA]
        return tuple(dict.fromkeys(one.table for one in integrity if not one.total))


def merged(reports: Sequence[Report]) -> Report | None:
    """Return one report of several of the same run, oldest first, as of its rows and its histories; the later wins."""
    if not reports:
        return None
    checks = {(check.name, check.table): check for report in reports for check in report.checks}
    return Report(
        pipeline=reports[-1].pipeline,
        checks=tuple(checks.values()),
        quality=_last(report.quality for report in reports if report.quality.total) or Score(0, 0),
        integrity=_last(report.integrity for report in reports if report.integrity.total) or Score(0, 0),
        counts=Counts(*(_last(getattr(report.counts, name) for report in reports) for name in Counts.__slots__)),
        age_hours=_last(report.age_hours for report in reports),
    )


def _last(values: Iterable[Value | None]) -> Value | None:
    return next((value for value in reversed(list(values)) if value is not None), None)


def document(report: Report) -> dict[str, Any]:
    """Return a report as JSON, with its scores worked out for people and Choice states."""
    return {
        _MARK: 1,
        "pipeline": report.pipeline,
        "passed": report.is_passed,
        "failed_checks": [check.name for check in report.failed],
        "scores": {"quality": _score(report.quality), "integrity": _score(report.integrity)},
        "counts": asdict(report.counts),
        "age_hours": report.age_hours,
        "checks": [asdict(check) | {"samples": list(check.samples)} for check in report.checks],
    }


def report_of(value: object) -> Report | None:
    """Return the report that a JSON object is, or None if it is something else."""
    body = mapping(value)
    if body.get(_MARK) != 1:
        return None
    scores = mapping(body.get("scores"))
    return Report(
        pipeline=text(body.get("pipeline")),
        checks=tuple(_checks(objects(body.get("checks")))),
        quality=_score_of(mapping(scores.get("quality"))),
        integrity=_score_of(mapping(scores.get("integrity"))),
        counts=Counts(**{name: _count(mapping(body.get("counts")).get(name)) for name in Counts.__slots__}),
        age_hours=number(body.get("age_hours")),
    )


def _score(score: Score) -> dict[str, Any]:
    percent = score.percent
    return {"percent": None if percent is None else round(percent, 4), "good": score.good, "total": score.total}


def _score_of(body: Mapping[str, Any]) -> Score:
    return Score(_count(body.get("good")) or 0, _count(body.get("total")) or 0)


def _checks(bodies: Iterable[Mapping[str, Any]]) -> Iterable[Check]:
    for body in bodies:
        topic, result = body.get("topic"), body.get("result")
        if topic in list(Topic) and result in list(Result):
            yield Check(
                name=text(body.get("name")),
                topic=Topic(str(topic)),
                result=Result(str(result)),
                sentence=text(body.get("sentence")),
                table=text(body.get("table")),
                rows=_count(body.get("rows")) or 0,
                keys=_count(body.get("keys")) or 0,
                total=_count(body.get("total")),
                samples=tuple(map(str, body.get("samples") or ())),
                is_fatal=body.get("is_fatal") is not False,
            )


def _count(value: object) -> int | None:
    count = number(value)
    return int(count) if count is not None else None
