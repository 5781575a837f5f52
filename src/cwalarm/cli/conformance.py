"""`cwalarm conformance`: what an evaluator answers to everything that CloudWatch is known to have decided."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import Exit, echo, json_option, print_json, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cwalarm.conformance.run import Answer


@click.command()
@click.option("--evaluator", metavar="COMMAND", help="Ask another evaluator.  [default: this engine]")
@json_option
def conformance(*, evaluator: str | None, as_json: bool) -> None:
    """Compare an evaluator with recorded and documented decisions of CloudWatch.

    \b
    COMMAND gets the cases on stdin, a JSON document per line, and answers on
    stdout, a line per case:
      {"id": "aws-guide-cpu-alarm", "state": "ALARM"}
    KEEP is an answer, too: the alarm stays in the state that it had. The
    cases are cwalarm/conformance/cases.json.

    \b
    JSON: {"right": 0, "wrong": [{"id": "", "certainty": "", "source": "",
           "expected": "", "answer": ""}]}
    Exit codes: 0 all as CloudWatch, 2 wrong usage or input, 3 not all.
    """  # noqa: D301 - click wants the control character
    from cwalarm.conformance import cases, run

    every = cases.load()
    answers = run.answers_of(evaluator, every) if evaluator else run.own_answers(every)
    wrong = [answer for answer in answers if not answer.is_right]
    if as_json:
        print_json({"right": len(answers) - len(wrong), "wrong": [_document(answer) for answer in wrong]})
    else:
        _print(answers, wrong)
    if wrong:
        raise SystemExit(Exit.CHECK_FAILED)


def _document(answer: Answer) -> dict[str, str]:
    case = answer.case
    return {
        "id": case.id,
        "certainty": case.certainty,
        "source": case.source,
        "expected": case.expected,
        "answer": answer.state,
    }


def _print(answers: Sequence[Answer], wrong: Sequence[Answer]) -> None:
    for answer in wrong:
        case = answer.case
        words = f"{case.id}: CloudWatch says {case.expected}, the evaluator {answer.state or 'nothing'} ({case.source})"
        echo(wrapped(words, "      ", "FAIL  "))
    for certainty, count in Counter(answer.case.certainty for answer in answers).items():
        failed = sum(answer.case.certainty == certainty for answer in wrong)
        echo(f"{certainty}: {count - failed} of {count} as CloudWatch")
