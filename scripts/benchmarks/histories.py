"""Recall and precision of each check of a history, over every convention that people keep histories in.

The histories come from the model of the tests: in each convention 1,000 keys with healthy lives, and each fault that it
can have planted in keys of their own. A check's recall is the share of the keys with its fault that it reports; its
precision is the share of the keys it reports in which the fault is, planted for it or as its consequence. A fault that
a convention allows, such as a gap where deleted keys end, cannot be planted in it.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from measure import ROOT, Figure

HEALTHY_KEYS, PLANTED_KEYS = 1_000, 10


def figures() -> Iterator[Figure]:
    """False alarms of all conventions, then recall and precision of each check."""
    sys.path.append(str(ROOT / "tests/pipeline"))
    import scd2_model

    planted, found, reported, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    false_alarms = 0
    for number, convention in enumerate(scd2_model.CONVENTIONS):
        reports, cases = _reports(convention, Random(number))
        for check, case, key in cases:
            planted[check] += 1
            found[check] += key in reports.get(check, ())
            for name in case.expected:
                right[name] += key in reports.get(name, ())
        faulty = {key for _, _, key in cases}
        reported.update({name: len(keys) for name, keys in reports.items()})
        false_alarms += len({key for keys in reports.values() for key in keys} - faulty)
    keys = HEALTHY_KEYS * len(scd2_model.CONVENTIONS)
    name = f"healthy keys reported, {len(scd2_model.CONVENTIONS)} conventions"
    yield Figure(name, f"{false_alarms}", f"of {keys:,}; 0 allowed", float(false_alarms), not false_alarms)
    for check in planted:
        yield _figure(f"{check}: recall", found[check], planted[check], "planted")
        yield _figure(f"{check}: precision", right[check], reported[check], "reported")


def _reports(convention: Any, random: Random) -> tuple[dict[str, set[str]], list[Any]]:
    """Return the keys that each check reports of a convention, and the cases that were planted."""
    import scd2_model as model

    from deliverywatch.pipeline.checks.duck import LocalTables

    rows: list[Any] = []
    source: list[Any] = []
    cases: list[Any] = []
    for number in range(HEALTHY_KEYS):
        events = model.life(random, convention)
        rows += model.healthy(f"k{number}", events, convention)
        source += model.source_rows(f"k{number}", events, convention, is_newer=random.random() < 0.05)
    for number in range(PLANTED_KEYS):
        for key, (check, case) in model.planted(convention, f" {number}").items():
            rows, source = rows + case.rows, source + case.source
            cases.append((check, case, key))
    return model.reported(rows, source, convention, LocalTables()), cases


def _figure(name: str, part: int, whole: int, what: str) -> Figure:
    share = part / whole if whole else 0.0
    return Figure(name, f"{100 * share:.1f} %", f"{part} of {whole} {what}", share, part == whole > 0)
