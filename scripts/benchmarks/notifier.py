"""Random schedules of the notifier's life: how many end wrong, and how many held each kind of trouble.

The schedules and their rules are those of the tests (tests/alerting/alerting_schedules.py). SCHEDULES and FIRST_SEED of
the environment choose others; the seed of each that ends wrong is printed. Only when it is named: it takes about twenty
minutes.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator

from measure import ROOT, Figure

sys.path += [str(ROOT / "tests/alerting"), str(ROOT / "src")]

COUNT, FIRST_SEED = int(os.environ.get("SCHEDULES", "20000")), int(os.environ.get("FIRST_SEED", "0"))
_TROUBLE = ("killed", "concurrent", "dropped", "duplicated", "deleted", "s3", "ses", "cloudwatch")


def figures() -> Iterator[Figure]:
    """Wrong endings of random schedules, all in all and by the trouble that they held."""
    from alerting_schedules import Life

    kinds, wrong, excused, repeated = Counter[str](), Counter[str](), 0, 0
    for seed in range(FIRST_SEED, FIRST_SEED + COUNT):
        life = Life(seed)
        held = {"all", *(kind for kind in _TROUBLE if life.kinds[kind])}
        kinds.update(held)
        repeated += life.kinds["mails twice, S3 out of reach"]
        if life.violations and life.is_excused:
            excused += 1
        elif life.violations:
            wrong.update(held)
            print(f"schedule {seed}: {'; '.join(life.violations)}")
    for kind in ("all", *_TROUBLE):
        about = f"of {kinds[kind]:,} schedules{'' if kind == 'all' else f' with {kind}'}"
        yield Figure(f"notifier: wrong endings {about}", f"{wrong[kind]}", "0", wrong[kind], wrong[kind] == 0)
    lost = "wrong endings where what was mailed without S3 was lost with its process"
    yield Figure(lost, f"{excused}", f"{COUNT:,} schedules", excused / COUNT)
    yield Figure(
        "mails sent twice, all while S3 was out of reach", f"{repeated}", f"{COUNT:,} schedules", repeated / COUNT
    )
