"""How an execution is waited for; who runs what, and how often, is tested in the rooms that ask."""

import math

import pytest

from deliverywatch.athena import Execution, Statement, Status, TimeBudget, run
from deliverywatch.errors import CloudRefused, CloudUnavailable


class Athena:
    """Athena that answers each look with the next of its answers; the last one for ever."""

    def __init__(self, *answers: Status | BaseException) -> None:
        self.answers, self.stopped = list(answers), list[str]()

    def start(self, statement: Statement, token: str = "") -> str:  # noqa: ARG002
        return "e1"

    def look(self, execution_id: str) -> Execution:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return Execution(execution_id, answer)

    def stop(self, execution_id: str) -> None:
        self.stopped.append(execution_id)


def wait(athena: Athena) -> Execution:
    return run(Statement("SELECT 1"), athena, TimeBudget(lambda _: None, lambda: math.inf))


def test_looks_that_fail_for_a_while_do_not_end_the_wait() -> None:
    blind = [CloudUnavailable("no answer")] * 10
    assert wait(Athena(*blind, Status.RUNNING, *blind, Status.SUCCEEDED)).status is Status.SUCCEEDED


def test_an_athena_that_does_not_answer_for_long_is_an_error_and_its_execution_goes_on() -> None:
    athena = Athena(CloudUnavailable("no answer"))
    with pytest.raises(CloudUnavailable):
        wait(athena)
    assert athena.stopped == []


@pytest.mark.parametrize("error", [CloudRefused("denied"), KeyboardInterrupt()])
def test_an_execution_that_nobody_waits_for_any_more_is_stopped(error: BaseException) -> None:
    athena = Athena(Status.RUNNING, error)
    with pytest.raises(type(error)):
        wait(athena)
    assert athena.stopped == ["e1"]
