"""An estimate beside the baseline, the design that this one replaced, -> rows for a table, and a JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deliverywatch.operate.cost.baseline import monthly_lines
from deliverywatch.operate.cost.prices import prices
from deliverywatch.operate.cost.usage_assumptions import HOURS_PER_MONTH

if TYPE_CHECKING:
    from deliverywatch.operate.cost.estimate import Estimate, Line, Volume

# The baseline asks Athena every ten minutes.
_BASELINE_RUNS = HOURS_PER_MONTH * 6.0


def rows(estimate: Estimate) -> list[tuple[str, str, str, str]]:
    """Return item, how it is made up, USD at list price and USD within the free allowance; the sum last."""
    lines = [(line.item, line.how, f"{line.usd:.3f}", f"{line.free_usd:.3f}") for line in estimate.lines]
    return [*lines, ("together", "", f"{estimate.usd:.2f}", f"{estimate.free_usd:.2f}")]


def baselines(volume: Volume) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Return the lines of the baseline: with a table partitioned by day, and with one that is not, after a year."""
    return monthly_lines(volume, _BASELINE_RUNS), monthly_lines(volume, _BASELINE_RUNS, days_read=365)


def sentences(estimate: Estimate, volume: Volume) -> list[str]:
    """Return what the table does not say, one sentence each."""
    partitioned, whole = (sum(line.usd for line in lines) for lines in baselines(volume))
    listed = prices()
    basis = (
        f"For {volume.messages_per_day:,} messages a day and {volume.mails_per_month:,} mails a month, at the list "
        f"prices of {listed.region}, {listed.as_of}. 'free' is what is left within what is always free, in an account "
        "that uses it for nothing else."
    )
    further = (
        f"One more value of a dimension, such as one carrier, would add {estimate.further_value_usd:.2f}: "
        f"{estimate.further_value}. That is why carriers and countries are columns and log fields."
    )
    beside = (
        f"An Athena query every 10 minutes, in place of metrics and alarms, would cost {partitioned:.2f} with a table "
        f"partitioned by day, and {whole:.2f} with one that is not, after a year: each query opens every object."
    )
    all_sentences = [basis, further, beside] if estimate.further_value else [basis]
    if estimate.uncounted:
        all_sentences.append(f"Billed by use and not in the table: {', '.join(estimate.uncounted)}.")
    return all_sentences


def document(estimate: Estimate, volume: Volume) -> dict[str, Any]:
    """Return the estimate as JSON has it."""
    listed = prices()
    partitioned, whole = baselines(volume)
    return {
        "deliverywatch": 1,
        "currency": "USD",
        "prices": {"region": listed.region, "as_of": listed.as_of, "source": listed.source},
        "volume": asdict(volume),
        "lines": [asdict(line) for line in estimate.lines],
        "usd": round(estimate.usd, 4),
        "free_usd": round(estimate.free_usd, 4),
        "further_value": {"usd": round(estimate.further_value_usd, 4), "how": estimate.further_value},
        "original": {
            "partitioned": {"usd": _sum(partitioned), "lines": [asdict(line) for line in partitioned]},
            "unpartitioned_after_a_year": {"usd": _sum(whole), "lines": [asdict(line) for line in whole]},
        },
        "uncounted": list(estimate.uncounted),
    }


def _sum(lines: tuple[Line, ...]) -> float:
    return round(sum(line.usd for line in lines), 4)
