"""The rule of the house: a verdict needs evidence. What a system's own data say about a watch -> one of four verdicts.

Healthy, failing, too little to tell and blind are four different things. Only evidence of failure opens an incident,
only evidence of health resolves it; too little to tell holds what there is and says so; what cannot be seen is reported
as blind. A guard below its minimum, a deleted alarm, NULL, an empty, partial or stale result, a lost message and no
traffic are none of them good news.

A system that can judge its watches more finely than an alarm leaves an `Assessment` of each in its context document
(`assessments`, by the name of the watch), and may send it with a notice so that the notifier looks at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import count, iso, mapping, moment, number, text


class Verdict(StrEnum):
    """What there is evidence of."""

    HEALTHY = "healthy"
    FAILING = "failing"
    TOO_LITTLE = "too_little"
    BLIND = "blind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a system's data say about one watch at one time.

    Attributes:
        as_of: When the data were judged; an old assessment is blind, whatever it says.
        opens: The level that this evidence opens or raises an incident to; `ok` for none.
        holds: The level below which an open incident may not step on this evidence, such as between the threshold
            that opens and the one that resolves; `ok` lets it resolve. Only HEALTHY and FAILING let anything step down.
        sentence: What was seen, for a person: "All of the last 9 SMS failed.".
        last_seen: When the newest datum that it rests on was made; None if there is none.
        seen_count: How many data it rests on.
        value: The measured value, in the unit of the watch.
        at_most: The level above which an incident does not rise while this is so; None for no such limit.
    """

    verdict: Verdict
    as_of: datetime
    opens: Level = Level.OK
    holds: Level = Level.OK
    sentence: str = ""
    last_seen: datetime | None = None
    seen_count: int = 0
    value: float | None = None
    at_most: Level | None = None


def to_document(assessment: Assessment) -> dict[str, Any]:
    """Return the member of a document that holds it."""
    document = {
        "verdict": assessment.verdict.value,
        "as_of": iso(assessment.as_of),
        "opens": assessment.opens.value,
        "holds": assessment.holds.value,
        "sentence": assessment.sentence,
        "last_seen": iso(assessment.last_seen),
        "seen_count": assessment.seen_count,
        "value": assessment.value,
    }
    return document | ({"at_most": assessment.at_most.value} if assessment.at_most else {})


def from_document(document: object) -> Assessment | None:
    """Return the assessment of an untrusted document; None if it has no known verdict, level or time."""
    item = mapping(document)
    as_of = moment(item.get("as_of"))
    try:
        verdict = Verdict(text(item.get("verdict"), 20))
        opens, holds = (Level(text(item.get(name, Level.OK), 20)) for name in ("opens", "holds"))
    except ValueError:
        return None
    if as_of is None:
        return None
    return Assessment(
        verdict=verdict,
        as_of=as_of,
        opens=opens,
        holds=holds,
        sentence=text(item.get("sentence"), 300),
        last_seen=moment(item.get("last_seen")),
        seen_count=count(item.get("seen_count")),
        value=number(item.get("value")),
        at_most=_limit(item.get("at_most")),
    )


def _limit(word: object) -> Level | None:
    """Return a limit of the level; a word that only a later version knows limits nothing."""
    return Level(str(word)) if word in set(Level) else None


def assessments(document: Mapping[str, Any]) -> dict[str, Assessment]:
    """Return the readable assessments of a context document, by the name of their watch."""
    read = {text(watch, 255): from_document(item) for watch, item in mapping(document.get("assessments")).items()}
    return {watch: assessment for watch, assessment in read.items() if assessment}
