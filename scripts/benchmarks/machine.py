"""20,000 runs of the state machine of tests/sms: rows, late outcomes, failures, kills, lost answers, a lost watermark.

The short form is a test; this is its long form, in pieces with seeds of their own, so that a violation can be repeated
and stops no other piece. Only when it is named: it takes about ten minutes.
"""

import logging
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

from measure import ROOT, Figure

RUNS = 20_000
PIECE_EXAMPLES, STEPS = 200, 20


def figures(runs: int = RUNS, first_seed: int = 0) -> Iterator[Figure]:
    """The runs, and in how many pieces something was lost or counted twice."""
    started, done, timelines, violations, seed = time.perf_counter(), 0, 0, 0, first_seed
    while done < runs:
        piece = _piece(seed)
        done, timelines, violations = done + piece[0], timelines + piece[1], violations + piece[2]
        seed += 1
    wanted = f"{runs:,} wanted; {timelines:,} timelines, seeds {first_seed} to {seed - 1}"
    name = "runs of the SMS flow under faults"
    yield Figure(name, f"{done:,}", f"{wanted}, {time.perf_counter() - started:,.0f} s", done / runs, done >= runs)
    yield Figure("... pieces with a violation", f"{violations}", "0", float(violations), not violations)


def _piece(seed: int) -> tuple[int, int, int]:
    """Return runs, timelines and violations of the examples of one seed."""
    sys.path.append(str(ROOT / "tests/sms"))
    import hypothesis
    from hypothesis.stateful import run_state_machine_as_test
    from sms_machine import Account

    from deliverywatch.storage import store

    counts = [0, 0, 0]

    @hypothesis.seed(seed)
    class Counted(Account):
        def teardown(self) -> None:
            super().teardown()
            counts[0], counts[1] = counts[0] + self.runs, counts[1] + 1

    # Writers that lose a race pause, and the logs of a thousand damaged watermarks tell nothing.
    store.time = SimpleNamespace(sleep=lambda _: None)
    logging.disable(logging.CRITICAL)
    options = hypothesis.settings(
        max_examples=PIECE_EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=[*hypothesis.HealthCheck],
    )
    try:
        run_state_machine_as_test(Counted, settings=options)
    except Exception as error:
        counts[2] = 1
        print(f"seed {seed}: {type(error).__name__}: {error}", file=sys.stderr)
    finally:
        logging.disable(logging.NOTSET)
        store.time = time
    return counts[0], counts[1], counts[2]
