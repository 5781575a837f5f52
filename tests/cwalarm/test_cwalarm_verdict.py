"""The rule for missing data against its own words; what AWS publishes and others recorded is the conformance set."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from cwalarm.definitions.alarm import State, Treat
from cwalarm.evaluation.verdict import verdict

TREATMENTS = (Treat.MISSING, Treat.IGNORE, Treat.BREACHING, Treat.NOT_BREACHING)


def slow_verdict(slots: list[bool | None], m: int, n: int, treat: Treat) -> State | None:
    """Decide by the rules as the user guide words them, by trying every arrangement instead of counting."""
    newest_first = list(reversed(slots))
    real = [(age, slot) for age, slot in enumerate(newest_first, 1) if slot is not None]
    if not real:
        return dict(zip(TREATMENTS, (State.INSUFFICIENT_DATA, None, State.ALARM, State.OK), strict=True))[treat]
    chosen = [slot for _, slot in real][:n]
    while len(chosen) < n and treat == Treat.BREACHING:
        chosen.append(True)
    if any(all(subset) for subset in itertools.combinations(chosen, m)):
        return State.ALARM
    is_full = len(real) >= n
    only_breaches = all(slot for _, slot in real)
    oldest = real[-1][0]
    if not is_full and only_breaches and oldest >= m and treat in (Treat.MISSING, Treat.IGNORE):
        return State.ALARM if treat == Treat.MISSING else None
    return State.OK


@given(
    slots=st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=8),
    n=st.integers(1, 6),
    data=st.data(),
    treat=st.sampled_from(TREATMENTS),
)
def test_counting_comes_to_what_the_rules_say_in_words(
    slots: list[bool | None], n: int, data: st.DataObject, treat: Treat
) -> None:
    m = data.draw(st.integers(1, n))
    assert verdict(slots, m, n, treat) == slow_verdict(slots, m, n, treat)


@given(slots=st.lists(st.booleans(), min_size=1, max_size=8), treat=st.sampled_from(TREATMENTS))
def test_where_nothing_is_missing_the_treatment_does_not_matter(slots: list[bool], treat: Treat) -> None:
    n = len(slots)
    assert verdict(slots, 1, n, treat) == (State.ALARM if any(slots) else State.OK)
