"""What the lint says of an alarm: answers to four questions, and findings."""

from dataclasses import dataclass, field
from enum import StrEnum

from cwalarm.lint.rules import RULES, Level, Rule


class Verdict(StrEnum):
    """The answer to a question; what could be neither shown nor disproven is not decided."""

    YES = "yes"
    NO = "no"
    NOT_DECIDED = "not decided"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and why; `series` is a witness that the evaluator has seen, in the notation of case files."""

    verdict: Verdict
    why: str
    series: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answers:
    """Can it ever fire, can it ever recover, can one datapoint do it, and is it blind when data stops."""

    can_fire: Answer
    can_recover: Answer
    one_datapoint: Answer
    blind: Answer


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one alarm.

    Attributes:
        why: What is wrong here, in one sentence; the rule says why that is so in general.
        instead: What to write here, where the rule cannot say it.
        line: Of the alarm in the template, 0 where it is not known.
        accepted: The reason why it is accepted; None where it is not.
    """

    rule: Rule
    alarm: str
    why: str
    instead: str = ""
    logical_id: str = ""
    line: int = 0
    accepted: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it fails the lint."""
        return self.accepted is None and self.rule.level is not Level.NOTE

    @property
    def sentence(self) -> str:
        """The finding in words: what is wrong and what to do."""
        return f"{self.why} {self.instead or self.rule.instead}"


def finding(rule: str, alarm: str, why: str, instead: str = "") -> Finding:
    """Return a finding by the name of its rule."""
    return Finding(RULES[rule], alarm, why, instead)
