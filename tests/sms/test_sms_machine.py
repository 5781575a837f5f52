"""Whatever happens to an account, its runs, the store and the watermark: no failure is lost, none is counted twice."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sms_machine import Account


def test_the_lake_is_what_was_sent_and_what_was_emitted_is_the_lake() -> None:
    run_state_machine_as_test(Account, settings=settings(max_examples=20, stateful_step_count=15))
