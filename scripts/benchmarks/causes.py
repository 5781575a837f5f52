"""How many errors that people met are told right, wrong, or not at all, and what it takes to read one.

The reference is the goal: of those that the rules were written with 95 %, of those that they never saw 85 %, and none
wrong of either.
"""

import statistics
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from measure import ROOT, Figure

from deliverywatch.pipeline.diagnosis.faults import Why, shipped
from deliverywatch.pipeline.diagnosis.unwrap import details_of

GOALS = {"tuned": ("the rules were written with", 0.95), "held": ("the rules never saw", 0.85)}
MILLISECONDS_ALLOWED = 5.0


def figures() -> Iterator[Figure]:
    """Category, retry and next step together, of each of the two collections; the median time of one error."""
    took: list[float] = []
    for name, (which, goal) in GOALS.items():
        texts = tomllib.loads((ROOT / "tests/pipeline/causes" / f"{name}.toml").read_text(encoding="utf-8"))["text"]
        outcomes: Counter[str] = Counter()
        for text in texts:
            began = time.perf_counter()
            outcomes[_outcome(text)] += 1
            took.append(time.perf_counter() - began)
        right, wrong, silent = (outcomes[outcome] / len(texts) for outcome in ("right", "wrong", "no rule"))
        about = f"of {len(texts)} errors that {which}"
        yield Figure(f"right {about}", f"{right:.0%}", f"{goal:.0%} or more", right / goal, right >= goal)
        yield Figure(f"wrong {about}", f"{wrong:.0%}", "none", wrong, not wrong)
        yield Figure(f"without a rule {about}", f"{silent:.0%}", f"{1 - goal:.0%}", silent / (1 - goal))
    spent = statistics.median(took) * 1000
    allowed = f"{MILLISECONDS_ALLOWED:.0f}, allowed"
    yield Figure(
        "read an error, ms", f"{spent:.1f}", allowed, spent / MILLISECONDS_ALLOWED, spent < MILLISECONDS_ALLOWED
    )


def _outcome(text: Mapping[str, Any]) -> str:
    catalogue = shipped()
    code, message = (text["error"], text["cause"]) if "error" in text else ("", text.get("glue") or text["dbt"])
    fault, detail = catalogue.fault_in(details_of(code, message))
    cause = catalogue.cause_of(fault.why if fault else Why.UNKNOWN, fault)
    told = detail.is_retryable if detail else None
    retry = cause.retryable if told is None else told
    if (cause.why, retry, cause.next) == (text["why"], text["retry"], text["next"]):
        return "right"
    return "wrong" if fault else "no rule"
