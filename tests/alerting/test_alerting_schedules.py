"""After any schedule of lost, late and repeated messages, kills, races and faults, the last mail is true."""

import pytest
from alerting_schedules import CALM_SWEEPS, Life
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_when_all_is_calm_again_the_last_mail_of_every_watch_is_true(seed: int) -> None:
    life = Life(seed)
    assert life.violations == [] or life.is_excused, (seed, life.violations)


# Each of these found a mistake: a mail overtaken by a later one, a number used twice, an end without evidence.
@pytest.mark.parametrize(
    "seed", [845, 970, 1331, 2849, 3175, 4596, 5614, 5821, 7066, 7280, 7486, 8041, 8811, 7100697, 7100812]
)
def test_what_once_went_wrong_is_right(seed: int) -> None:
    assert Life(seed).violations == []


def test_the_schedules_hold_what_they_are_for() -> None:
    kinds = [kind for seed in range(40) for kind, count in Life(seed).kinds.items() if count]
    wanted = {"killed", "concurrent", "dropped", "duplicated", "deleted", "s3", "ses", "cloudwatch"}
    assert wanted <= set(kinds)
    assert CALM_SWEEPS > 2
