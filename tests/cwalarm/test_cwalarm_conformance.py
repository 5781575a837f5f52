"""The conformance set: this engine agrees with all of it, and any other evaluator can be run over it."""

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cwalarm.cli.main import main
from cwalarm.conformance import cases, run
from cwalarm.conformance.cases import KEEP, Certainty, ConformanceCase
from cwalarm.errors import InputError

CASES = cases.load()
RECORDED = [case for case in CASES if case.certainty is Certainty.RECORDED]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_engine_decides_as_cloudwatch_did(case: ConformanceCase) -> None:
    [answer] = run.own_answers([case])
    assert answer.is_right, f"CloudWatch: {case.expected}, the engine: {answer.state}"


@pytest.mark.parametrize("case", [case for case in CASES if case.reason], ids=lambda case: case.id)
def test_the_engine_gives_the_reason_that_was_recorded(case: ConformanceCase) -> None:
    assert run.evaluation(case).reason == case.reason


def test_the_set_is_as_large_as_its_readme_says() -> None:
    assert len(CASES) >= 130
    assert len(RECORDED) >= 30


def test_every_case_says_where_it_is_from() -> None:
    assert all(re.match(r"(github\.com|docs\.aws\.amazon\.com)/\S+", case.source) for case in CASES)


def test_ids_are_unique_and_can_be_typed() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", case.id) for case in CASES)


def test_no_case_names_an_account() -> None:
    assert not re.search(r"\b\d{12}\b|arn:", cases.FILE.read_text())


def evaluator(folder: Path, body: str) -> str:
    script = folder / "evaluator.py"
    script.write_text(f"import json, sys\nfor line in sys.stdin:\n    case = json.loads(line)\n    {body}\n")
    return f"{sys.executable} {script}"


def test_another_evaluator_is_a_command_that_gets_no_answers_with_the_questions(tmp_path: Path) -> None:
    command = evaluator(
        tmp_path, "print(json.dumps({'id': case['id'], 'state': 'expected' in case and 'ALARM' or 'OK'}))"
    )
    answers = run.answers_of(command, CASES)
    assert {answer.state for answer in answers} == {"OK"}
    assert any(answer.is_right for answer in answers) and not all(answer.is_right for answer in answers)


def test_its_wrong_answers_are_listed_with_their_source_and_end_with_3(tmp_path: Path) -> None:
    command = evaluator(tmp_path, "print(json.dumps({'id': case['id'], 'state': 'ALARM'}))")
    result = CliRunner().invoke(main, ["conformance", "--evaluator", command, "--json"])
    wrong = json.loads(result.output)["wrong"]
    assert result.exit_code == 3
    assert wrong[0].keys() == {"id", "certainty", "source", "expected", "answer"}


@pytest.mark.parametrize("body", ["sys.exit('no room')", "print('not json')", "print('[]')"])
def test_an_evaluator_that_fails_is_one_sentence(tmp_path: Path, body: str) -> None:
    with pytest.raises(InputError, match="gave no answers"):
        run.answers_of(evaluator(tmp_path, body), CASES)


def test_to_keep_a_state_is_to_answer_with_it() -> None:
    case = next(case for case in CASES if case.expected == KEEP)
    assert run.Answer(case, case.previous).is_right
    assert run.Answer(case, KEEP).is_right
