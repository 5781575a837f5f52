"""Worlds of the file intake: days made by chance, in which the table must end as the bucket is.

Changes in one second, filters, loss, repetition, kills, redrives after weeks, reprocessing and repair; the test tries a
few. Only when it is named: it takes four minutes. A seed that fails can be repeated.
"""

import logging
import sys
import time
from collections.abc import Iterator

from measure import ROOT, Figure

WORLDS = 30_000


def figures(worlds: int = WORLDS, first_seed: int = 0) -> Iterator[Figure]:
    """The worlds, and in how many the table was wrong at the end."""
    sys.path.append(str(ROOT / "tests/files"))
    import files_days as days

    started, wrong = time.perf_counter(), 0
    # The warnings of thousands of refused writes tell nothing.
    logging.disable(logging.CRITICAL)
    for seed in range(first_seed, first_seed + worlds):
        if problems := days.problems_of(seed):
            wrong += 1
            print(f"seed {seed}: {problems[0]}", file=sys.stderr)
    logging.disable(logging.NOTSET)
    wanted = f"{WORLDS:,} wanted; seeds from {first_seed}, {time.perf_counter() - started:,.0f} s"
    yield Figure("worlds of the file intake", f"{worlds:,}", wanted, worlds / WORLDS, worlds >= WORLDS)
    yield Figure("... with a wrong table", f"{wrong:,}", "0", float(wrong), not wrong)
